"""``sluice deadletter``: what it refuses before it talks to any cloud."""

import pytest
from typer.testing import CliRunner

from shared.cli.app import app


@pytest.mark.parametrize("verb", ["replay", "drop"])
@pytest.mark.parametrize("given", [[], ["20240131T030000Z-0123456789ab", "--all"]])
def test_one_letter_or_all_of_them_must_be_meant(verb: str, given: list[str]) -> None:
    result = CliRunner().invoke(app, ["deadletter", verb, *given])

    assert result.exit_code == 2
    assert "give one ID, or --all" in result.output
