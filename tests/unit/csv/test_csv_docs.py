"""What docs/csv.md shows is what the command prints about the files in it."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shared.cli.app import app
from shared.cli.render import console

ROOT = Path(__file__).parents[3]
WIDTH = 100
SHOWN = re.findall(
    r"^`tests/data/csv/(\w+)\.csv`:\n\n```text\n(.*?)```\n\n[^\n]*\n\n```text\n(.*?)```$",
    (ROOT / "docs" / "csv.md").read_text("utf-8"),
    re.MULTILINE | re.DOTALL,
)


def test_three_files_are_shown():
    assert len(SHOWN) >= 3


@pytest.mark.parametrize(("name", "file", "said"), SHOWN, ids=[name for name, _, _ in SHOWN])
def test_shown_file_gives_what_is_shown(name, file, said, monkeypatch):
    monkeypatch.setattr(console, "width", WIDTH)
    path = ROOT / "tests" / "data" / "csv" / f"{name}.csv"

    printed = CliRunner().invoke(app, ["intake", str(path)]).stdout

    assert path.read_bytes().decode().replace("\r\n", "\n") == file
    assert [line.rstrip() for line in printed.splitlines()] == said.splitlines()
