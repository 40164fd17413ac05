"""docs/security.md: every threat has a control, and every test that it names is there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.controls.removing import CONTROLS

TEXT = Path("docs/security.md").read_text()
TABLE = TEXT.partition("\n## Threats\n")[2].partition("\n## ")[0]
ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split(" | "))
    for line in TABLE.splitlines()
    if line.startswith("| ") and not line.startswith(("| threat |", "| --- |"))
]
NAMED = sorted({test for row in ROWS for test in re.findall(r"`([^`]+)`", row[2])})


@cache
def defined(path: Path) -> set[str]:
    """Return the names of a file's tests."""
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_threat_has_a_control_and_a_test() -> None:
    assert len(ROWS) > 30
    assert [row for row in ROWS if len(row) != 3 or not all(row)] == []
    assert [row for row in ROWS if "::test_" not in row[2]] == []


@pytest.mark.parametrize("test", NAMED)
def test_a_test_that_the_page_names_is_there(test: str) -> None:
    file, _, name = test.partition("::")

    assert name in defined(Path("tests", file))


def test_controls_that_are_taken_out_are_those_that_the_page_marks() -> None:
    marked = {test for row in ROWS if "●" in row[1] for test in re.findall(r"`([^`]+)`", row[2])}

    assert len([row for row in ROWS if "●" in row[1]]) == len(CONTROLS) == 10
    assert {control.test for control in CONTROLS} <= marked
