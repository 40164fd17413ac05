"""The deployable files themselves: short, light to import, and named as everything else is."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from local.topology import API
from shared.settings import TOPICS

FUNCTIONS = Path("functions")
NAMES = sorted(p.parent.name for p in FUNCTIONS.glob("*/main.py"))

MAX_LINES = 20

DRIVERS = (
    "google.cloud.storage",
    "google.cloud.pubsub_v1",
    "google.cloud.secretmanager",
    "google.cloud.sql",
    "snowflake",
    "pg8000",
    "pgpq",
    "pyodbc",
    "pandas",
    "duckdb",
    "cryptography",
    "grpc",
)


DRIVEN = [name for name in NAMES if name != API]


def test_each_function_that_messages_drive_has_a_topic_of_its_name() -> None:
    assert sorted(TOPICS) == DRIVEN


@pytest.mark.parametrize("name", NAMES)
def test_main_is_short(name: str) -> None:
    lines = (FUNCTIONS / name / "main.py").read_text().splitlines()

    assert len(lines) <= MAX_LINES


@pytest.mark.parametrize("name", NAMES)
def test_entry_point_has_the_name_of_its_folder(name: str) -> None:
    tree = ast.parse((FUNCTIONS / name / "main.py").read_text())

    defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert defined == [name]


FRAMEWORK = "import functions_framework, runpy, flask"
ASYNC_FRAMEWORK = f"{FRAMEWORK}, functions_framework.aio"


def loaded(code: str) -> set[str]:
    """Return the modules of a fresh process that has run this code."""
    code = f"{code}; import json, sys; print(json.dumps([*sys.modules]))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return set(json.loads(result.stdout))


@pytest.fixture(scope="module")
def bare() -> set[str]:
    """Return what the framework loads by itself."""
    return loaded(FRAMEWORK)


def test_importing_the_api_loads_nothing_beyond_the_framework() -> None:
    main = str(FUNCTIONS / API / "main.py")

    served = loaded(f"{ASYNC_FRAMEWORK}; runpy.run_path({main!r})")

    assert served - loaded(ASYNC_FRAMEWORK) == set()


def test_the_application_pulls_in_no_driver_by_itself() -> None:
    modules = loaded("import shared.api.app")

    assert {d for d in DRIVERS if d in modules} == set()


@pytest.mark.parametrize("name", DRIVEN)
def test_importing_a_function_loads_nothing_beyond_the_framework(bare: set[str], name: str) -> None:
    main = str(FUNCTIONS / name / "main.py")

    assert loaded(f"{FRAMEWORK}; runpy.run_path({main!r})") - bare == set()


@pytest.mark.parametrize("name", DRIVEN)
def test_step_of_a_function_pulls_in_no_driver_by_itself(name: str) -> None:
    modules = loaded(f"from shared import entrypoint; import shared.steps.{name}")

    assert {d for d in (*DRIVERS, "shared.csv.excel") if d in modules} == set()


@pytest.mark.parametrize("name", ["extract", "load"])
def test_tables_do_without_what_reads_files(name: str) -> None:
    modules = loaded(f"from shared import entrypoint; import shared.steps.{name}")

    assert {m for m in modules if m.startswith("shared.csv")} == set()


@pytest.mark.parametrize("name", NAMES)
def test_requirements_are_pinned_with_hashes_and_without_pandas(name: str) -> None:
    text = (FUNCTIONS / name / "requirements.txt").read_text()

    pinned = [line for line in text.splitlines() if "==" in line and not line.startswith(" ")]
    assert pinned
    assert text.count("--hash=sha256:") >= len(pinned)
    assert not any(line.startswith("pandas==") for line in pinned)
