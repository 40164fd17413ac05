"""The deployable files themselves: short, light to import, and named as everything else is."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_each_function_has_a_topic_of_its_name() -> None:
    assert sorted(TOPICS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_main_is_short(name: str) -> None:
    lines = (FUNCTIONS / name / "main.py").read_text().splitlines()

    assert len(lines) <= MAX_LINES


@pytest.mark.parametrize("name", NAMES)
def test_entry_point_has_the_name_of_its_folder(name: str) -> None:
    tree = ast.parse((FUNCTIONS / name / "main.py").read_text())

    defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert defined == [name]


@pytest.mark.parametrize("name", NAMES)
def test_importing_a_function_pulls_in_no_driver(name: str) -> None:
    main = FUNCTIONS / name / "main.py"
    code = (
        f"import json, runpy, sys; runpy.run_path({str(main)!r}); print(json.dumps([*sys.modules]))"
    )

    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    loaded = set(json.loads(result.stdout))
    assert not {d for d in DRIVERS if d in loaded}


@pytest.mark.parametrize("name", NAMES)
def test_requirements_are_pinned_with_hashes_and_without_pandas(name: str) -> None:
    text = (FUNCTIONS / name / "requirements.txt").read_text()

    pinned = [line for line in text.splitlines() if "==" in line and not line.startswith(" ")]
    assert pinned
    assert text.count("--hash=sha256:") >= len(pinned)
    assert not any(line.startswith("pandas==") for line in pinned)
