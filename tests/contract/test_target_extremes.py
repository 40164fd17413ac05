"""What every target keeps of the extremes of its types, and of many columns and rows."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from shared.errors import (
    ValueNotRepresentableError,
)
from tests.builders import a_schema
from tests.contract.engines import Engine
from tests.contract.targets import Table, changed


@pytest.fixture
def table(engine: Engine) -> Table:
    """Return a table that is not there yet."""
    return Table(engine)


TYPES = {
    "id": "int64",
    "b": "bool",
    "d": "decimal(38,10)",
    "w": "decimal(38,0)",
    "f": "float64",
    "t": "text",
    "v": "binary",
    "day": "date",
    "clock": "time",
    "ts": "timestamp",
    "tz": "timestamptz",
    "j": "json",
}
WIDEST = Decimal("9999999999999999999999999999.9999999999")
FIRST, LAST = dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999)
EXTREMES: list[tuple[Any, ...]] = [
    (
        *(2**63 - 1, True, WIDEST, Decimal(10**38 - 1), 1.7976931348623157e308),
        *("\u00e9 \U0001f600 '\"\\/\t\n\r\x01\u2028 ]", bytes(range(256)), dt.date.max),
        *(dt.time.max, LAST, LAST.replace(tzinfo=dt.UTC), '{"a": [1, null]}'),
    ),
    (
        *(-(2**63), False, WIDEST.copy_negate(), Decimal(1 - 10**38), -2.2250738585072014e-308),
        *("", b"", dt.date.min, dt.time.min, FIRST, FIRST.replace(tzinfo=dt.UTC), "[]"),
    ),
    (0, None, None, None, None, None, None, None, None, None, None, None),
    (
        *(1, True, Decimal("0.0000000001"), Decimal(0), 0.1),
        *("  x  ", b"\x00", dt.date(2024, 2, 29), dt.time(1, 2, 3, 4)),
        *(dt.datetime(1970, 1, 1, 0, 0, 0, 1), dt.datetime(2024, 1, 1, tzinfo=dt.UTC), '"x"'),
    ),
]


def test_extremes_of_every_type_come_back_and_are_seen_as_unchanged(engine: Engine) -> None:
    table = Table(engine, schema=a_schema(("id",), **TYPES))

    published = table.load(EXTREMES)

    assert changed(published) == (4, 0, 0)
    found = [dict(zip(TYPES, row, strict=True)) for row in table.rows()]
    expected = [dict(zip(TYPES, row, strict=True)) for row in sorted(EXTREMES)]
    for mine, theirs in zip(found, expected, strict=True):
        assert {k: v for k, v in mine.items() if k not in ("clock", "j")} == {
            k: v for k, v in theirs.items() if k not in ("clock", "j")
        }
        assert as_time(mine["clock"]) == as_time(theirs["clock"])
    with table.target() as target:
        schema = target.schema()
    kinds = {} if engine.knows_json else {"json": "text"}
    assert schema is not None
    assert {c.name: str(c.type) for c in schema} == {
        name: kinds.get(kind, kind) for name, kind in TYPES.items()
    }
    assert changed(table.load(EXTREMES)) == (0, 0, 0)


def as_time(value: Any) -> Any:
    """Return a time to the second: the driver of SQL Server gives no more."""
    return value and value.replace(microsecond=0)


def test_microseconds_of_a_time_are_kept(engine: Engine) -> None:
    table = Table(engine, schema=a_schema(("id",), id="int64", clock="time"))
    table.load([(1, dt.time(23, 59, 59, 999999))])

    ((text,),) = table.query(f"SELECT CAST(clock AS {engine.clock_text}) FROM {{t}}")

    assert text.startswith("23:59:59.999999")


@pytest.mark.parametrize("kind", ["text", "binary", "bool", "date", "timestamp", "decimal(9,2)"])
def test_key_may_be_of_any_type_that_can_be_compared(engine: Engine, kind: str) -> None:
    keys = {
        "text": ("a", "A", "ä"),
        "binary": (b"a", b"b", b"\xff"),
        "bool": (False, True),
        "date": (dt.date(1, 1, 1), dt.date(9999, 12, 31)),
        "timestamp": (FIRST, LAST),
        "decimal(9,2)": (Decimal("-1.50"), Decimal("1.50")),
    }[kind]
    table = Table(engine, schema=a_schema(("k",), k=kind, v="int64"))
    table.load([(k, 1) for k in keys])

    published = table.load([(k, 1 + (k == keys[0])) for k in keys])

    assert changed(published) == (0, 1, 0)


def test_nul_character_is_refused_where_it_cannot_be_kept(table: Table) -> None:
    if table.engine.keeps_nul:
        table.load([(1, "a\x00b")])
        assert table.rows() == [(1, "a\x00b")]
        return
    with pytest.raises(ValueNotRepresentableError, match=r"NUL character \(U\+0000\)"):
        table.load([(1, "a\x00b")])


def test_table_of_500_columns_is_loaded_by_key(engine: Engine) -> None:
    names = {f"c{n}": ("text", "int64", "decimal(18,4)", "timestamp")[n % 4] for n in range(499)}
    samples = {"text": "x", "int64": 1, "decimal(18,4)": Decimal("1.0001"), "timestamp": FIRST}
    table = Table(engine, schema=a_schema(("id",), id="int64", **names))
    row = tuple(samples[kind] for kind in names.values())

    published = table.load([(n, *row) for n in range(20)])

    assert changed(published) == (20, 0, 0)


def test_many_rows_come_in_blocks(table: Table) -> None:
    rows = [(n, f"row {n}") for n in range(25_000)]

    assert changed(table.load(rows)) == (25_000, 0, 0)
    assert table.query("SELECT count(*), min(name), max(id) FROM {t}") == [
        (25_000, "row 0", 24_999)
    ]
