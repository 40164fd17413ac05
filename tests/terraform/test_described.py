"""Variables and outputs of all modules: described, validated, in the order of their names."""

import re
from pathlib import Path

import pytest

MODULES = [Path("terraform"), Path("terraform/bootstrap"), Path("terraform/modules/catalog")]
BLOCK = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
CHECKED_ELSEWHERE = {"config_dir", "dist_dir", "functions", "smoke_table"}
"""Folders by reading them, sizes in the catalog, the table by the output of its name."""


def blocks(module: Path, file: str) -> dict[str, str]:
    """Return the bodies of a file's blocks by name, in the file's order."""
    return {name: body for _, name, body in BLOCK.findall((module / file).read_text())}


@pytest.mark.parametrize("module", MODULES, ids=str)
@pytest.mark.parametrize("file", ["variables.tf", "outputs.tf"])
def test_each_has_a_description_and_its_place(module: Path, file: str) -> None:
    found = blocks(module, file)

    assert found
    assert list(found) == sorted(found)
    assert [n for n, b in found.items() if not re.search(r'^  description\s+= "\w', b, re.M)] == []


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_each_variable_refuses_what_makes_no_sense(module: Path) -> None:
    unchecked = {
        name
        for name, body in blocks(module, "variables.tf").items()
        if "validation {" not in body and not re.search(r"^  type\s+= bool$", body, re.MULTILINE)
    }

    assert unchecked <= CHECKED_ELSEWHERE
