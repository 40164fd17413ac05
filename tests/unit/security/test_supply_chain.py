"""What others wrote and we run: pinned by hash, listed, of known licences; no data is code."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.deploy import archives, sbom

REPOSITORY = Path.cwd()
LOCKED = [*sorted(REPOSITORY.glob("functions/*/requirements.txt")), Path("local/requirements.txt")]
CODE = [p for folder in ("shared", "functions", "local") for p in Path(folder).rglob("*.py")]
OURS = [p for p in CODE if not p.is_relative_to("local/bench/scripts")]

FREE = re.compile(r"\b(apache|mit|bsd|isc|psf|python software foundation|mpl|mozilla)\b", re.I)
"""Licences that ask for nothing but their mention, and one that keeps its own files free."""

APART = {"mssql-python-odbc": "Microsoft's driver, under Microsoft's terms"}
"""Packages with other terms, each looked at."""

LOADERS = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
"""Modules that run code while they read data."""

RUNNERS = {"eval", "exec", "__import__"}
UNSAFE = {("yaml", "load"), ("yaml", "unsafe_load"), ("yaml", "full_load"), ("os", "system")}


@pytest.mark.parametrize("path", LOCKED, ids=str)
def test_every_package_is_pinned_by_version_and_hash(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith(" ")]

    named = [line for line in lines if not line.startswith("#")]
    found = sbom.packages(path.read_text())

    assert [line for line in named if not re.match(r"[\w.-]+==\S+( ;.*)? \\$", line)] == []
    assert len(found) == len(named) > 10
    assert [package.name for package in found if not package.hashes] == []


def test_every_installation_asks_for_hashes() -> None:
    text = Path("Makefile").read_text() + Path(".github/workflows/security.yml").read_text()

    installing = [line for line in text.splitlines() if "--requirement" in line]
    assert installing
    assert [line for line in installing if "--require-hashes" not in line] == []


@pytest.mark.parametrize("function", archives.functions(REPOSITORY))
def test_a_bill_of_materials_lists_every_package_with_hashes_and_licence(function: str) -> None:
    bill = json.loads(sbom.bill(REPOSITORY, function, "1.2.3"))

    locked = Path("functions", function, "requirements.txt").read_text()
    names = re.findall(r"^([\w.-]+)==", locked, re.MULTILINE)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["version"] == "1.2.3"
    assert [part["name"] for part in bill["components"]] == names
    assert all(part["hashes"] and part["licenses"] for part in bill["components"])
    assert {part["purl"] for part in bill["components"]} == {
        f"pkg:pypi/{part['name']}@{part['version']}" for part in bill["components"]
    }


def test_the_same_files_give_the_same_bill() -> None:
    assert sbom.bill(REPOSITORY, "load", "1") == sbom.bill(REPOSITORY, "load", "1")


def test_licences_of_what_is_deployed_are_known() -> None:
    names = {
        package.name
        for function in archives.functions(REPOSITORY)
        for package in sbom.packages(Path("functions", function, "requirements.txt").read_text())
    }
    stated = {name: sbom.licence(name) for name in sorted(names)}

    known = {name: said for name, said in stated.items() if said != sbom.UNKNOWN}
    assert {name for name, said in known.items() if not FREE.search(said)} <= APART.keys()
    assert len(known) > len(names) * 0.9


def dangers(path: Path) -> Iterator[str]:
    """Yield what in a file could run what it reads."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (n.name for n in node.names if n.name.partition(".")[0] in LOADERS)
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in LOADERS:
            yield str(node.module)
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in RUNNERS:
            yield called.id
        if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
            pair = (called.value.id, called.attr)
            yield from (".".join(p) for p in UNSAFE if p == pair)
        shells = [k for k in node.keywords if k.arg == "shell"]
        yield from ("shell=" for k in shells if getattr(k.value, "value", True))


def test_nothing_that_is_read_is_run() -> None:
    found = {str(path): list(dangers(path)) for path in OURS}

    assert len(found) > 300
    assert {path: what for path, what in found.items() if what} == {}


def test_what_could_run_data_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(
        "import pickle, yaml, subprocess\nfrom marshal import loads\n"
        "eval('1')\nyaml.load(x)\nsubprocess.run(x, shell=True)\nsubprocess.run(x, shell=False)\n"
    )

    assert sorted(dangers(path)) == ["eval", "marshal", "pickle", "shell=", "yaml.load"]
