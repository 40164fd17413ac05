"""An I/O without a fault point does not get in: not by import, and not on the wire."""

import ast
import sys
from collections.abc import Iterator
from inspect import isfunction
from pathlib import Path

import pytest

from local.faultpoints.seams import COVERED, SEAMS, public_methods
from shared.sources.snowflake import connection as snowflake_connection
from shared.targets.bigquery import connection as bigquery_connection
from shared.targets.postgres import connection as postgres_connection
from shared.targets.sqlserver import connection as sqlserver_connection
from tests.crash import wire
from tests.crash.lab import Lab
from tests.crash.lanes import LANES, Lane, find

ROOT = Path(__file__).parents[2]

NOT_IN_FUNCTIONS = ("shared.cli", "shared.deploy", "shared.doctor")
"""Packages that no function imports; tests/unit/deploy proves it."""

NO_ROWS_MOVE = ("shared.api", "functions.api", "shared.tokens")
"""What people call: it asks for runs and shows them. Whoever gets no answer asks again, with the
same key, and nothing is done twice. Tokens are verified before anything is read."""

REACHING = frozenset(
    {"_socket", "asyncio", "concurrent", "ftplib", "http", "imaplib", "multiprocessing", "poplib"}
    | {"select", "selectors", "smtplib", "socket", "socketserver", "ssl", "subprocess", "urllib"}
    | {"webbrowser", "xmlrpc"}
)
"""Modules of the standard library that reach out of the process, or start what does."""

HARMLESS = frozenset(
    {"cronsim", "cryptography", "flask", "functions_framework", "google.api_core", "google.auth"}
    | {"pgpq", "pyarrow", "pydantic", "shared", "snowflake.connector.DictCursor", "sqlglot", "yaml"}
    | {"concurrent.futures.Future", "concurrent.futures.ThreadPoolExecutor", "socket.gethostname"}
    | {"urllib.parse"}
)
"""What computes, hands work to threads of this process, or names this machine."""

ERRORS = ("errors", "exceptions", "retry")
"""Modules of a driver that only name its failures and its patience."""

IN_PYTHON = [
    *(lane for lane in LANES if lane.target == "postgres"),
    find("BigQuery: merge, deletes"),
]
"""Lanes whose driver's sockets Python can see, and one of those into BigQuery. Of pyodbc's
connection the functions see a link that has no method without a fault point."""

UNNEEDED = frozenset({"shared.lineage", "shared.outside"})
"""Modules that send what no run depends on, and that fail without a consequence."""

REACHING_ANYWAY = ("pyarrow.fs", "pyarrow.flight")

ADVICE = (
    "{module} imports {name} and may reach out of the function's process, where the crash matrix "
    "has no fault point. Go through storage, bus, secrets or a connection module; or let "
    "local/faultpoints/seams.py wrap the module and add it to COVERED there; or, if the library "
    "only computes, add it to HARMLESS in tests/crash/test_points.py"
)


def imports(source: str) -> Iterator[str]:
    """Yield the names of the modules that a module imports, anywhere in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            # What is imported from a package may be a module of it.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def reaches_out(name: str) -> bool:
    """Say whether what a module of this name does may be I/O over a network."""
    parts = name.split(".")
    if any(name.startswith(each) for each in REACHING_ANYWAY):
        return True
    if any(".".join(parts[:length]) in HARMLESS for length in range(1, len(parts) + 1)):
        return False
    if parts[0] in sys.stdlib_module_names:
        return parts[0] in REACHING
    return not any(part in ERRORS for part in parts[1:])


def uncovered(module: str, source: str) -> list[str]:
    """Return what is wrong with a module's imports."""
    if module in COVERED | UNNEEDED or module.startswith((*NOT_IN_FUNCTIONS, *NO_ROWS_MOVE)):
        return []
    return [ADVICE.format(module=module, name=n) for n in imports(source) if reaches_out(n)]


def test_only_modules_with_fault_points_import_what_reaches_out() -> None:
    paths = [*ROOT.glob("shared/**/*.py"), *ROOT.glob("functions/*/main.py")]
    wrong = []
    for path in sorted(paths):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        wrong += uncovered(module.removesuffix(".__init__"), path.read_text())

    assert len(paths) > 50
    assert wrong == []


@pytest.mark.parametrize(
    "line",
    [
        "import requests",
        "import socket",
        "from urllib.request import urlopen",
        "from google.cloud import bigquery",
        "def f():\n    import pg8000.native",
        "import httpx",
        "from pyarrow import fs",
    ],
)
def test_import_of_what_reaches_out_is_noticed(line: str) -> None:
    (wrong,) = uncovered("shared.steps.extract", line)

    assert "COVERED" in wrong


def test_covered_modules_exist_and_do_reach_out() -> None:
    for module in COVERED:
        source = (ROOT / module.replace(".", "/")).with_suffix(".py").read_text()
        assert any(reaches_out(name) for name in imports(source)), module


def test_every_seam_is_wrapped_whole(lab: Lab) -> None:
    unwrapped = [
        f"{owner.__name__}.{name}"
        for owner in SEAMS
        for name in public_methods(owner)
        if not hasattr(getattr(owner, name), "__wrapped__")
    ]

    assert unwrapped == []


@pytest.mark.parametrize(
    "module",
    [snowflake_connection, postgres_connection, sqlserver_connection, bigquery_connection],
)
def test_connection_is_opened_in_one_place_only(module: object) -> None:
    public = {
        name
        for name, member in vars(module).items()
        if isfunction(member)
        and member.__module__ == module.__name__  # type: ignore[attr-defined]
        and not name.startswith("_")
    }

    assert public - {"failures", "close"} == {"connect"}


@pytest.mark.parametrize("lane", IN_PYTHON, ids=lambda lane: lane.name)
def test_nothing_goes_over_a_socket_without_a_fault_point(lab: Lab, lane: Lane) -> None:
    with wire.watched() as watched:
        lab.record(lane)

    assert watched.sent > 0
    assert watched.unguarded == {}, "give these I/Os fault points in local/faultpoints"
