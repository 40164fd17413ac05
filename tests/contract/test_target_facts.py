"""What targets measure of rows: the same numbers as Arrow, and no publish of other rows."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from shared.core.modes import SyncMode
from shared.core.plans import Slice
from shared.core.receipts import Point, differences
from shared.core.verifying import Fault
from shared.errors import MismatchError
from shared.stage.fingerprints import Fold
from shared.stage.readback import canonical_json
from shared.steps import row_faults
from shared.targets.base import Published
from shared.targets.proofs import Proof
from tests.builders import a_schema
from tests.contract.engines import Engine
from tests.contract.targets import Row, Run, Table, folded

KINDS = {
    "id": "int64",
    "flag": "bool",
    "amount": "decimal(18,4)",
    "large": "decimal(38,6)",
    "ratio": "float64",
    "name": "text",
    "raw": "binary",
    "day": "date",
    "clock": "time",
    "wall": "timestamp",
    "at": "timestamptz",
    "doc": "json",
}
ROWS: list[Row] = [
    (
        *(1, True, Decimal("1234567890123.4567"), Decimal("-12345678901234567890.123456"), -0.1),
        *("zoë 🦊 ", b"\x00\xff", dt.date(1, 1, 1), dt.time(23, 59, 59, 999999)),
        *(dt.datetime(9999, 12, 31, 23, 59, 59, 999999), dt.datetime(1969, 12, 31, tzinfo=dt.UTC)),
        '{"a": 1}',
    ),
    (
        *(-(2**62), False, Decimal("-0.0001"), Decimal("0.000001"), 2.5e300),
        *("", b"", dt.date(9999, 12, 31), dt.time(0)),
        *(dt.datetime(1, 1, 1, 0, 0, 0, 1), dt.datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=dt.UTC)),
        "[]",
    ),
    (3, *(None,) * (len(KINDS) - 1)),
]


def everything(engine: Engine, **config: Any) -> Table:
    return Table(engine, schema=a_schema(("id",), **KINDS), config=config)


def proven(published: Published) -> Proof:
    assert published.proof is not None
    return published.proof


def measured(table: Table, **changes: Any) -> Point:
    point = proven(table.load(ROWS, **changes)).point
    assert point is not None
    return point


def test_numbers_are_those_of_the_staged_rows(engine: Engine) -> None:
    found = {column.name: column for column in measured(everything(engine)).columns}

    assert set(found) == set(KINDS)
    staged = everything(engine).run(ROWS).manifest.staged
    assert staged is not None
    for column in staged.columns:
        theirs = found[column.name]
        assert theirs.nulls == column.nulls
        assert theirs.total in (column.total, None), column.name
        assert theirs.units in (column.units, None), column.name
    unknown = {name for name, c in found.items() if c.total is None and c.units is None}
    assert unknown <= {"large", "doc"}


def test_table_is_measured_as_its_rows_are(engine: Engine) -> None:
    table = everything(engine)
    run = table.run(ROWS)
    run.load()

    with table.target() as target:
        found = target.measure(table.schema)

    staged = run.manifest.staged
    assert staged is not None
    assert differences("staged to target", staged, found, left_out={"doc"}) == ()
    texts = next(column for column in found.columns if column.name == "name")
    assert texts.total is not None or texts.characters is not None


def test_rows_of_a_merge_are_measured_among_others(engine: Engine) -> None:
    table = Table(engine)
    table.load([(1, "a"), (2, "b"), (3, "c")])

    merged = table.load([(2, "bb"), (4, "dddd")], mode=SyncMode.INCREMENTAL, epoch=1)

    point = proven(merged).point
    assert point is not None
    assert point.rows == 2
    assert point.columns[0].total == "6"


def test_rows_that_are_appended_are_measured_apart(engine: Engine) -> None:
    table = Table(engine, schema=a_schema((), id="int64", name="text"))
    table.load([(1, "a")], mode=SyncMode.APPEND)

    appended = table.load([(5, "b"), (6, "c")], mode=SyncMode.APPEND)

    point = proven(appended).point
    assert point is not None
    assert (point.rows, point.columns[0].total) == (2, "11")


def shifted(manifest_run: Run, column: str, **facts: Any) -> Run:
    """Return a run whose staged rows were others than those that reach the target."""
    staged = manifest_run.manifest.staged
    assert staged is not None
    columns = tuple(replace(c, **facts) if c.name == column else c for c in staged.columns)
    manifest_run.manifest = replace(manifest_run.manifest, staged=replace(staged, columns=columns))
    return manifest_run


@pytest.mark.parametrize("mode", [SyncMode.FULL, SyncMode.INCREMENTAL, SyncMode.APPEND])
def test_rows_that_are_not_those_staged_are_not_published(engine: Engine, mode: SyncMode) -> None:
    table = Table(engine)
    table.load([(1, "a")])
    changes = {"mode": mode, "epoch": 1} if mode is not SyncMode.FULL else {}
    run = shifted(table.run([(2, "b"), (3, "c")], **changes), "id", total="6")

    with pytest.raises(MismatchError, match="column id, total: 6 became 5"):
        run.load()

    assert table.rows() == [(1, "a")]


# What is read back --------------------------------------------------------------------------------


def test_rows_without_a_key_are_told_apart_by_all_they_have(engine: Engine) -> None:
    table = Table(engine, schema=a_schema((), id="int64", name="text"))
    table.load([(1, "a"), (1, "b")])
    rows = list(table.run([(1, "a"), (1, "b")]).batches.values())
    table.query("INSERT INTO {t} (id, name) SELECT id, name FROM {t} WHERE name = 'a'")

    with table.target() as target:
        faults, _ = row_faults.find(table.schema, lambda: rows, lambda: target.read(table.schema))

    assert [(f.fault, f.key) for f in faults] == [(Fault.DOUBLED, {"id": 1, "name": "a"})]


def test_every_kind_comes_back_as_it_was_staged(engine: Engine) -> None:
    table = everything(engine)
    run = table.run(ROWS)
    run.load()

    with table.target() as target:
        fold = Fold(table.schema)
        for batch in target.read(table.schema):
            fold.add(canonical(batch))

    expected = folded(table.schema, [canonical(b) for b in run.batches.values()])
    assert differences("staged to read", expected, fold.point) == ()


def canonical(batch: pa.RecordBatch) -> pa.RecordBatch:
    arrays = {name: batch.column(name) for name in batch.schema.names}
    arrays["doc"] = canonical_json(arrays["doc"])
    return pa.RecordBatch.from_pydict(arrays)


@pytest.mark.parametrize("kind", ["int64", "text", "timestamptz", "date", "decimal(18,4)"])
def test_slices_of_a_table_make_the_whole_of_it(engine: Engine, kind: str) -> None:
    values: dict[str, list[Any]] = {
        "int64": [-5, 0, 7],
        "text": ["", "Z", "a"],
        "date": [dt.date(1, 1, 1), dt.date(2024, 2, 29), dt.date(9999, 12, 31)],
        "decimal(18,4)": [Decimal("-1.5"), Decimal(0), Decimal("2.0001")],
        "timestamptz": [dt.datetime(2024, 2, day, tzinfo=dt.UTC) for day in (1, 2, 3)],
    }
    cuts = {"date": "2024-02-29", "timestamptz": "2024-02-02T00:00:00.000000+00:00", "text": "Z"}
    table = Table(engine, schema=a_schema(("k",), k=kind))
    table.load([(value,) for value in values[kind]])
    cut = cuts.get(kind, "0")

    with table.target() as target:
        parts = [
            target.measure(table.schema, Slice(column="k", after=after, upto=upto)).rows
            for after, upto in ((None, cut), (cut, None), (cut, cut))
        ]

    assert parts == [2, 1, 0]
