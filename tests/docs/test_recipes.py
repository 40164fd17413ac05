"""The recipes of docs/extending.md, followed: a toy source, a toy target, a toy check."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.recipes import changed, follow

RUN = """
from datetime import UTC, datetime
from pathlib import Path

from shared.config import resolve
from shared.core.messages import ExtractRequest, LoadRequest
from shared.steps.extract import extract
from shared.steps.load import load
from shared.targets.memory import TABLES
from tests.docs.toys import services

here = services()
for resolved in resolve.load(Path("config"), "toys"):
    here.config.put(resolved)
for request_id in ("first", "second"):
    at = datetime.now(UTC)
    extract(ExtractRequest(table="squares", published_at=at, request_id=request_id), here)
for run in here.ledger.runs("squares"):
    load(LoadRequest(table="squares", run_id=run.run_id), here)
    load(LoadRequest(table="squares", run_id=run.run_id), here)
print([row["square"] for row in TABLES["squares"].rows])
for run in here.ledger.runs("squares"):
    receipt = run.receipt
    print(run.state, receipt and (receipt.rows_source, receipt.rows_loaded, receipt.rows_rejected))
"""


def test_toys_of_the_page_move_rows_in_the_product_that_it_changes(tmp_path: Path) -> None:
    follow(tmp_path)
    path = os.pathsep.join((str(tmp_path), str(Path.cwd())))

    ended = subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert ended.returncode == 0, ended.stderr
    rows, *runs = ended.stdout.splitlines()
    assert rows == "[4, 16, 36]"
    assert set(runs) >= {"committed (6, 3, 3)"}


def test_recipe_whose_line_is_gone_is_noticed() -> None:
    with pytest.raises(ValueError, match="0 times"):
        changed("SOURCES = {}\n", " SINKS = {}\n+# more\n")
