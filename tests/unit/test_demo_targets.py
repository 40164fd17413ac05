"""The demo's table files for another target, and its own way of reading rows there."""

import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from local import deployment
from local.demo import dataset, targets
from shared.config.tables import TableConfig
from shared.errors import InvalidConfigError

CONFIG = Path("config")
ENDPOINTS = deployment.Endpoints(snowflake=1, postgres=2, sqlserver=3, bigquery=4)


def but_for_the_target(table: TableConfig) -> dict[str, Any]:
    """Return a table's configuration without its place in the target."""
    return table.model_dump(exclude={"postgres", "sqlserver", "bigquery"})


@pytest.mark.parametrize("kind", ["sqlserver", "bigquery"])
def test_all_tables_of_the_demo_go_to_a_target_and_are_else_as_they_were(
    kind: str, tmp_path: Path
) -> None:
    folder = targets.point(CONFIG, tmp_path, kind)

    before = {t.table.name: t.table for t in deployment.read(CONFIG, "local", ENDPOINTS)}
    after = {t.table.name: t.table for t in deployment.read(folder, "local", ENDPOINTS)}

    assert {table.target_kind for table in after.values()} == {kind}
    assert deployment.needs(kind, folder, "local")
    assert {n: but_for_the_target(t) for n, t in after.items()} == {
        n: but_for_the_target(t) for n, t in before.items()
    }
    assert {table.name for table in dataset.TABLES} | {"feedback"} == set(after)


def test_first_target_takes_the_table_files_as_they_are(tmp_path: Path) -> None:
    assert targets.point(CONFIG, tmp_path, "postgres") == CONFIG


def test_table_files_in_the_folder_of_the_demo_are_not_written_over(tmp_path: Path) -> None:
    shutil.copytree(CONFIG, tmp_path / "config")

    with pytest.raises(InvalidConfigError, match="holds the table files; name another folder"):
        targets.point(tmp_path / "config", tmp_path, "sqlserver")

    assert (tmp_path / "config/tables.yaml").read_text() == (CONFIG / "tables.yaml").read_text()


def test_integers_that_come_as_decimals_are_compared_exactly() -> None:
    assert targets._array((Decimal(10**17), None), pa.int64()).to_pylist() == [10**17, None]

    with pytest.raises(pa.ArrowInvalid):
        targets._array((Decimal("1.5"), None), pa.int64())


def test_offset_of_a_moment_is_read() -> None:
    raw = bytes.fromhex("e807 0200 1d00 0c00 0000 0000 15cd5b07 0500 1e00")

    assert targets._moment(raw).isoformat() == "2024-02-29T12:00:00.123456+05:30"
