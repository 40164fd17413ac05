"""A protected source: what leaves it, what it says of itself, and what it still proves."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from shared.config.tables import TableConfig
from shared.core.modes import SyncMode
from shared.core.plans import Slice
from shared.core.receipts import Point
from shared.core.schemas import TableSchema
from shared.core.windows import Window
from shared.errors import MismatchError
from shared.sources.base import Snapshot
from shared.sources.protected import ProtectedSource
from shared.stage.arrow import arrow_schema
from shared.stage.fingerprints import Fold
from shared.stage.protecting import WithoutKeys
from tests.builders import a_schema, table_data

SCHEMA = a_schema(("mail",), mail="text", pay="int64")
ROWS = [{"mail": "ann@example.org", "pay": 987_654}, {"mail": "bo@example.org", "pay": None}]
PINNED = Snapshot(at="2024-01-31 03:00:00.000000000", is_pinned=True)


class TwoRows:
    """A source of two rows, which says that it has others once it is damaged."""

    def __init__(self) -> None:
        self.sent = ROWS

    def schema(self) -> TableSchema:
        return SCHEMA

    def resume(self, snapshot: Snapshot) -> None:
        pass

    def measure(self, mode: SyncMode, window: Window | None, piece: Slice | None = None) -> Point:
        fold = Fold(SCHEMA)
        fold.add(batch(SCHEMA, ROWS))
        return fold.point

    def read(
        self, mode: SyncMode, window: Window | None, piece: Slice | None = None
    ) -> Iterator[pa.RecordBatch]:
        schema = SCHEMA.only_key if piece and piece.is_keys else SCHEMA
        yield batch(schema, self.sent)


def batch(schema: TableSchema, rows: list[dict[str, Any]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, schema=arrow_schema(schema))


def protected(source: TwoRows, **columns: Any) -> ProtectedSource:
    rules = columns or {"mail": {"protect": "hash"}, "pay": {"protect": "redact"}}
    table = TableConfig.model_validate(table_data(columns=rules))
    found = ProtectedSource(source, table, WithoutKeys())  # type: ignore[arg-type]
    found.resume(PINNED)
    return found


def test_rows_and_keys_leave_it_in_protected_form() -> None:
    source = protected(TwoRows())
    keys = Slice(column="mail", after=None, upto=None, is_keys=True)

    (rows,) = source.read(SyncMode.FULL, None)
    (only_keys,) = source.read(SyncMode.FULL, None, keys)

    assert rows.to_pylist() == [{"mail": "***", "pay": None}] * 2
    assert only_keys.to_pylist() == [{"mail": "***"}] * 2


def test_of_protected_columns_only_null_counts_are_told() -> None:
    rule = {"protect": "mask", "keep_first": 1}

    told = protected(TwoRows()).measure(SyncMode.FULL, None)
    masked = protected(TwoRows(), pay=rule).measure(SyncMode.FULL, None)

    mail, pay = told.columns
    assert (told.rows, mail.nulls, pay.nulls) == (2, 0, None)  # redacted values are all NULL
    known = {f for c in told.columns for f in ("total", "minimum", "units") if getattr(c, f)}
    assert known == set()
    assert [c.nulls for c in masked.columns] == [0, 1]
    assert masked.columns[0].total is not None


def test_values_that_were_altered_before_they_were_protected_are_found() -> None:
    inner = TwoRows()
    source = protected(inner)
    source.measure(SyncMode.FULL, None)
    inner.sent = [ROWS[0] | {"pay": 987_655}, ROWS[1]]

    with pytest.raises(MismatchError) as refused:
        list(source.read(SyncMode.FULL, None))

    assert "total of pay" in refused.value.message
    assert "98765" not in refused.value.message


def test_rows_that_are_as_they_were_measured_pass() -> None:
    source = protected(TwoRows())
    source.measure(SyncMode.FULL, None)

    assert sum(rows.num_rows for rows in source.read(SyncMode.FULL, None)) == 2
