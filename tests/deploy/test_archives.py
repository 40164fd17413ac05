"""The archives themselves move rows: unpacked, installed, served; the checkout is out of reach."""

import json
import subprocess
from pathlib import Path

import psutil
import pytest

from shared.core.runs import RunState
from tests.contract.targets import Engine
from tests.flow.cloud import Cloud
from tests.flow.sqlserver import configure
from tests.unit.deploy.names import NAMES

CSV = "day,amount\n2026-01-01,1.50\n2026-01-02,2.25\n"


def ask(folder: Path, code: str) -> list[str]:
    """Run code with a function's own interpreter in its folder, and return the JSON it prints."""
    done = subprocess.run(
        [".venv/bin/python", "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    answer: list[str] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize("name", NAMES)
def test_every_module_of_an_archive_can_be_imported_from_it_alone(
    unpacked: Path, name: str
) -> None:
    folder = unpacked / name
    modules = sorted(
        ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
        for path in folder.glob("shared/**/*.py")
    )
    code = (
        "import importlib, json, sys; "
        f"found = [importlib.import_module(name).__file__ for name in {modules!r}]; "
        "print(json.dumps(found))"
    )

    files = ask(folder, code)

    assert all(Path(file).is_relative_to(folder) for file in files)


@pytest.mark.parametrize("package", ["shared", "local", "tests"])
def test_the_checkout_cannot_be_imported_by_what_was_installed(
    unpacked: Path, tmp_path: Path, package: str
) -> None:
    code = f"import importlib.util, json; print(json.dumps(importlib.util.find_spec({package!r})))"

    for name in NAMES:
        found = subprocess.run(
            [str(unpacked / name / ".venv/bin/python"), "-c", code],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(found.stdout) is None


def test_a_table_and_a_file_go_all_the_way_through_the_archives(cloud: Cloud) -> None:
    cloud.source("CREATE TABLE {db}.BOXED (ID INT, NAME VARCHAR)")
    cloud.source("INSERT INTO {db}.BOXED VALUES (1, 'a'), (2, 'b')")
    cloud.configure("boxed", primary_key=["ID"], encryption=True)
    cloud.configure("boxed_file", csv={}, sync_mode="append")

    moved = cloud.run("boxed")
    dropped = cloud.drop("boxed_file/days.csv", CSV.encode())

    assert (moved.state, dropped.state) == (RunState.COMMITTED, RunState.COMMITTED)
    assert cloud.target("SELECT id, name FROM boxed ORDER BY id") == [(1, "a"), (2, "b")]
    assert cloud.target("SELECT count(*), sum(amount) FROM boxed_file") == [
        (2, pytest.approx(3.75))
    ]


def test_an_archive_reaches_sql_server_with_the_unixodbc_that_it_holds(
    cloud: Cloud, unpacked: Path, server: Engine
) -> None:
    cloud.source("CREATE TABLE {db}.BOXED_FOR_MSSQL AS SELECT 1 AS ID, 'a' AS NAME")
    configure(cloud, server, "boxed_for_mssql", primary_key=["ID"])

    moved = cloud.run("boxed_for_mssql")

    assert moved.state is RunState.COMMITTED, moved
    assert server.query("SELECT id, name FROM boxed_for_mssql") == [(1, "a")]
    load = psutil.Process(cloud.background.described["services"]["load"]["pid"])
    mapped = {path for each in (load, *load.children()) for path in maps(each)}
    assert str(unpacked / "load/odbc/libodbc.so.2") in mapped


def maps(process: psutil.Process) -> set[str]:
    """Return the files that a process has mapped."""
    return {mapping.path for mapping in process.memory_maps()}


def test_the_functions_that_serve_run_in_their_archives(cloud: Cloud, unpacked: Path) -> None:
    services = cloud.background.described["services"]

    for name in NAMES:
        process = psutil.Process(services[name]["pid"])
        assert Path(process.cwd()) == unpacked / name
        assert process.cmdline()[0] == str(unpacked / name / ".venv/bin/python")
