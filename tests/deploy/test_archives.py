"""The archives themselves move rows: unpacked, installed, served; the checkout is out of reach."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local.sqlserver import CERTIFICATE
from shared.core.runs import RunState
from tests.contract.sqlserver_process import PASSWORD, SqlServerProcess
from tests.deploy import bare_root
from tests.flow.cloud import Cloud
from tests.unit.deploy.names import NAMES

CSV = "day,amount\n2026-01-01,1.50\n2026-01-02,2.25\n"


ROW = ["999999999999999999999999999999999999.99", "Zoë ☕ 😀"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SqlServerProcess]:
    """Start SQL Server."""
    process = SqlServerProcess(tmp_path / "server")
    process.start()
    yield process
    process.stop()


@pytest.fixture
def root(unpacked: Path, tmp_path: Path) -> Path:
    """Return a root without ODBC, in which the archive of ``load`` can be run."""
    if reason := bare_root.refusal():
        pytest.skip(reason)
    packages = next(unpacked.glob("load/.venv/lib/*/site-packages"))
    names = ("mssql_python_odbc/**/libmsodbcsql*", "pyodbc*", "pyarrow/*.so*", "pydantic_core/*.so")
    linked = [path for name in names for path in packages.glob(name) if path.is_file()]
    bare_root.make(tmp_path / "root", unpacked / "load", linked=linked)
    return tmp_path / "root"


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


def test_the_functions_that_serve_run_in_their_archives(cloud: Cloud, unpacked: Path) -> None:
    services = cloud.background.described["services"]

    for name in NAMES:
        process = psutil.Process(services[name]["pid"])
        assert Path(process.cwd()) == unpacked / name
        assert process.cmdline()[0] == str(unpacked / name / ".venv/bin/python")


def test_rows_reach_sql_server_where_the_system_has_neither_unixodbc_nor_a_driver(
    unpacked: Path, root: Path, server: SqlServerProcess, tmp_path: Path
) -> None:
    folder = unpacked / "load"
    authority = (tmp_path / "server" / CERTIFICATE).read_text()
    reach = {"host": "127.0.0.1", "port": server.port, "database": "master", "user": "sa"}
    given = {
        "reach": reach | {"ca_secret": "sqlserver-ca"},
        "secrets": {"sqlserver-password": PASSWORD, "sqlserver-ca": authority},
        "row": ROW,
    }
    program = Path(__file__).with_name("into_sqlserver.py").read_text()

    none = bare_root.run(root, folder, "import ctypes; ctypes.CDLL('libodbc.so.2')")
    done = bare_root.run(root, folder, program, json.dumps(given))

    assert "libodbc.so.2: cannot open shared object file" in none.stderr
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["row"] == ROW
    odbc = [Path(name) for name in said["loaded"] if "odbc" in name or "ltdl" in name]
    assert {path.name for path in odbc} > {"libodbc.so.2", "libltdl.so.7", "libodbcinst.so.2"}
    assert all(path.is_relative_to(unpacked) for path in odbc)
