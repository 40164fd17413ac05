"""How an environment of the checkout is reached."""

from pathlib import Path

import pytest

from shared.deploy import environments
from shared.errors import InvalidConfigError


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout with one environment that is right and one that is not."""
    folder = tmp_path / "terraform/environments"
    folder.mkdir(parents=True)
    (folder / "dev.tfvars").write_text('# prefix = "old"\nprefix         = "acme-dev"\n')
    (folder / "bare.tfvars").write_text('region = "europe-west1"\n')
    return tmp_path


def test_the_prefix_is_read_from_the_variable_file(checkout: Path) -> None:
    found = environments.variables(checkout, "dev", "acme")

    assert found == {"SLUICE_PROJECT": "acme", "SLUICE_PREFIX": "acme-dev"}


@pytest.mark.parametrize(
    ("environment", "project", "message"),
    [
        ("qa", "acme", "known environments: bare, dev"),
        ("bare", "acme", "gives no prefix"),
        ("dev", "", "Give --project, or set TF_VAR_project"),
    ],
)
def test_what_is_missing_is_named(
    checkout: Path, environment: str, project: str, message: str
) -> None:
    with pytest.raises(InvalidConfigError, match=message):
        environments.variables(checkout, environment, project)
