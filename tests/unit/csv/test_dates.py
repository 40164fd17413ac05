"""What a way of writing dates has, and the column's type has no place for, is not cut off."""

import datetime as dt
from typing import Any

import pytest

from shared import csv
from shared.core.schemas import Column, DataType, TableSchema

WITH_CLOCK, WITH_OFFSET = "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M %z"


def taken(text: str, kind: str, written: str | None = None) -> tuple[list[Any], list[csv.Reject]]:
    """Read a column of a type, written as stated or else as found."""
    formats = (("at", written),) if written else ()
    dialect = csv.Dialect(formats=formats)
    content = [f"id,at\n{text}".encode()]
    schema = TableSchema(
        (
            Column(name="id", type=DataType.parse("int64")),
            Column(name="at", type=DataType.parse(kind)),
        )
    )
    found = dialect if written else csv.infer(content, dialect).dialect
    batches = list(csv.read(content, found, schema))
    values = [value for batch in batches for value in batch.data["at"].to_pylist()]
    return values, [reject for batch in batches for reject in batch.rejects]


@pytest.mark.parametrize(
    ("text", "kind", "written", "why"),
    [
        ("13/01/2024 23:45", "date", None, "it has a time of day, which a date has not"),
        ("13/01/2024 11:45 PM", "date", None, "it has a time of day, which a date has not"),
        ("13/01/2024 23:45", "time", None, "it has a date, which a time has not"),
        ("13 23:45", "time", "%d %H:%M", "it has a date, which a time has not"),
        ("13/01/2024 23:45 +0200", "timestamp", WITH_OFFSET, "it has an offset, which a wall"),
        ("13/01/2024 00:00 +0200", "date", WITH_OFFSET, "it has an offset, which a wall"),
        ("23:45 -01:00", "time", "%H:%M %z", "it has an offset, which a wall"),
    ],
)
def test_value_with_more_than_its_type_keeps_is_a_reject(
    text: str, kind: str, written: str | None, why: str
) -> None:
    values, rejects = taken(f"1,{text}\n2,{text}\n3,\n", kind, written)

    assert values == [None]
    assert [(r.line, r.rule) for r in rejects] == [(2, f"not_{kind}"), (3, f"not_{kind}")]
    assert all(why in reject.reason for reject in rejects)


@pytest.mark.parametrize(
    ("text", "kind", "written", "value"),
    [
        ("13/01/2024 00:00", "date", None, dt.date(2024, 1, 13)),
        ("23:45 on 1899-12-30", "time", "%H:%M on 1899-12-30", dt.time(23, 45)),
        ("13/01/2024 23:45 Z", "timestamp", WITH_OFFSET, dt.datetime(2024, 1, 13, 23, 45)),
        ("13/01/2024 23:45", "timestamp", None, dt.datetime(2024, 1, 13, 23, 45)),
        ("13/01/2024", "timestamp", None, dt.datetime(2024, 1, 13)),
        (
            "13/01/2024 23:45 +0200",
            "timestamptz",
            WITH_OFFSET,
            dt.datetime(2024, 1, 13, 21, 45, tzinfo=dt.UTC),
        ),
    ],
)
def test_value_of_which_nothing_is_lost_is_taken(
    text: str, kind: str, written: str | None, value: object
) -> None:
    values, rejects = taken(f"1,{text}\n2,{text}\n", kind, written)

    assert (values, rejects) == ([value, value], [])
