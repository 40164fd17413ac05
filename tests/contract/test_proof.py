"""Every damage is named, wherever it is done: by the receipt, or by a comparison of both ends."""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from shared.core.receipts import Verdict
from shared.core.runs import Run, RunState
from shared.core.verifying import Comparison, Fault
from shared.steps import receipts
from shared.targets.bigquery.measuring import Measuring
from shared.targets.proofs import Proof
from tests.builders import a_schema
from tests.contract.engines import Engine
from tests.contract.movements import Change, Movement, Place
from tests.contract.targets import Row, Table

NOON = dt.datetime(2024, 2, 29, 12)
ROWS: list[Row] = [(1, "anna", 10, NOON), (2, "bert", 20, NOON), (3, "carl", 30, NOON)]
COLUMNS = {"id": "int64", "name": "text", "size": "int64", "seen": "timestamp"}

MOMENT = {"postgres": "timestamp", "sqlserver": "datetime2(7)", "bigquery": "DATETIME"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """One way in which rows are not what they were.

    ``change`` does it on the way, ``sql`` in the target; ``rows`` are those that are then named,
    and ``fact`` is the sum that shows it, empty for none.
    """

    change: Change
    sql: str
    rows: Sequence[tuple[Fault, int, tuple[str, ...]]]
    fact: str
    key: tuple[str, ...] = ("id",)


def with_values(**values: dict[int, Any]) -> Change:
    """Return the change that gives columns other values, by the id of the row."""
    names = list(COLUMNS)

    def change(rows: list[Row]) -> list[Row]:
        return [
            tuple(
                values.get(name, {}).get(row[0], value)
                for name, value in zip(names, row, strict=True)
            )
            for row in rows
        ]

    return change


DAMAGES = {
    "a value is flipped": Damage(
        change=with_values(size={3: 31}),
        sql="UPDATE {t} SET size = 31 WHERE id = 3",
        rows=[(Fault.CHANGED, 3, ("size",))],
        fact="column size, total: 60 became 61",
    ),
    "a row is lost": Damage(
        change=lambda rows: [row for row in rows if row[0] != 2],
        sql="DELETE FROM {t} WHERE id = 2",
        rows=[(Fault.MISSING, 2, ())],
        fact="rows: 3 became 2",
    ),
    "a row is doubled": Damage(
        change=lambda rows: [*rows, rows[0]],
        sql="INSERT INTO {t} SELECT * FROM {t} WHERE id = 1",
        rows=[(Fault.DOUBLED, 1, ())],
        fact="rows: 3 became 4",
        key=(),
    ),
    "two values are swapped": Damage(
        change=with_values(size={1: 20, 2: 10}),
        sql="UPDATE {t} SET size = 30 - size WHERE id IN (1, 2)",
        rows=[(Fault.CHANGED, 1, ("size",)), (Fault.CHANGED, 2, ("size",))],
        fact="",
    ),
    "a text is cut": Damage(
        change=with_values(name={1: "ann"}),
        sql="UPDATE {t} SET name = 'ann' WHERE id = 1",
        rows=[(Fault.CHANGED, 1, ("name",))],
        fact="column name, (total|units|characters): 12 became 11",
    ),
    "a letter is another": Damage(
        change=with_values(name={2: "berT"}),
        sql="UPDATE {t} SET name = 'berT' WHERE id = 2",
        rows=[(Fault.CHANGED, 2, ("name",))],
        fact="",
    ),
    "a time zone is shifted": Damage(
        change=with_values(seen={1: NOON + dt.timedelta(hours=2)}),
        sql="UPDATE {t} SET seen = CAST('2024-02-29 14:00:00' AS {moment}) WHERE id = 1",
        rows=[(Fault.CHANGED, 1, ("seen",))],
        fact="column seen, total: [0-9]+ became [0-9]+",
    ),
}


@pytest.fixture(params=DAMAGES)
def damage(request: pytest.FixtureRequest) -> Damage:
    """Return each damage in turn."""
    return DAMAGES[request.param]


def moved(
    engine: Engine, damage: Damage, place: Place | None = None, **config: Any
) -> tuple[Movement, Run]:
    """Move three rows, damaged at a place or not at all."""
    table = Table(engine, schema=a_schema(damage.key, **COLUMNS), config=config)
    movement = Movement(table, ROWS, {place: damage.change} if place else {})
    return movement, movement.run()


def named(found: Comparison) -> list[tuple[Fault, Any, tuple[str, ...]]]:
    return sorted((f.fault, f.key["id"], f.columns) for f in found.rows)


def require_named(movement: Movement, run: Run, damage: Damage, fact: str) -> None:
    """Make sure that the run was stopped by a fact, or that a comparison names the rows."""
    if damage.fact:
        assert run.state is RunState.QUARANTINED, run
        assert run.failure
        assert re.search(fact, run.failure.message), run.failure.message
        with movement.table.target() as target:
            assert target.count() == 0
        return
    assert run.receipt, run
    found = movement.verify(is_full=True)
    assert found.verdict is Verdict.MISMATCH
    assert named(found) == damage.rows


def test_rows_that_nobody_damages_are_verified(engine: Engine) -> None:
    movement, run = moved(engine, DAMAGES["a value is flipped"])

    assert run.receipt
    assert run.receipt.verdict is Verdict.VERIFIED
    assert [movement.verify(is_full=f).verdict for f in (False, True)] == [Verdict.VERIFIED] * 2


def test_damage_behind_the_measuring_of_the_source_is_named(engine: Engine, damage: Damage) -> None:
    movement, run = moved(engine, damage, Place.SOURCE)

    require_named(movement, run, damage, f"source to staged: {damage.fact}")


def test_damage_in_the_encoding_is_named(engine: Engine, damage: Damage) -> None:
    movement, run = moved(engine, damage, Place.STAGE)

    counted = "holds [24] rows of [^;]*; the manifest says 3"
    require_named(movement, run, damage, f"staged to target: {damage.fact}|{counted}")


def test_damage_in_the_target_is_named_by_row_and_column(engine: Engine, damage: Damage) -> None:
    movement, run = moved(engine, damage)
    assert run.receipt, run
    movement.table.query(damage.sql.replace("{moment}", MOMENT[engine.kind]))

    found = movement.verify(is_full=not damage.fact)

    assert found.verdict is Verdict.MISMATCH
    assert named(found) == damage.rows
    if damage.fact:
        assert any(re.search(damage.fact, str(each)) for each in found.differences)
    else:
        assert movement.verify(is_full=False).verdict is Verdict.VERIFIED


@pytest.mark.parametrize("place", Place)
def test_values_that_are_swapped_on_the_way_are_not_published_if_they_are_read_back(
    engine: Engine, place: Place
) -> None:
    damage = DAMAGES["two values are swapped"]
    movement, run = moved(engine, damage, place, read_back_percent=100)

    assert run.state is RunState.QUARANTINED
    assert run.failure
    assert "fingerprint" in run.failure.message
    with movement.table.target() as target:
        assert target.count() == 0


def test_parts_of_a_file_that_are_not_what_was_encoded_are_named(engine: Engine) -> None:
    schema = a_schema((), id="int64", size="int64")
    table = Table(engine, schema=schema, config={"csv": {}, "sync_mode": "append"})
    movement = Movement(table, [], {Place.STAGE: lambda rows: [(1, 20), (2, 10), *rows[2:]]})
    run = movement.drop(b"id,size\n1,10\n2,20\n3,30\n")
    assert run.receipt, run

    found = movement.verify(is_full=False)

    assert {(d.between, d.column) for d in found.differences} == {
        ("staged to kept parts", ""),
    }


@pytest.mark.parametrize(
    ("is_by_run", "verdict"), [(True, Verdict.VERIFIED), (False, Verdict.MISMATCH)]
)
def test_rows_of_the_next_run_are_not_taken_for_those_of_the_last(
    bigquery_engine: Engine, monkeypatch: pytest.MonkeyPatch, is_by_run: bool, verdict: Verdict
) -> None:
    table = Table(bigquery_engine)
    first, second = table.run([(1, "a")]), table.run([(1, "bb"), (2, "cc")])
    real, calls = Measuring.prove_published, []

    def prove(self: Measuring, *args: Any) -> Proof:
        calls.append(args)
        if len(calls) == 1 and is_by_run:
            second.load()
        elif len(calls) == 1:
            table.query("UPDATE {t} SET name = 'by hand' WHERE id = 1")
        return real(self, *args)

    monkeypatch.setattr(Measuring, "prove_published", prove)
    published = first.load()

    assert published.record is not None
    assert receipts.of(first.manifest, published.record, published).verdict is verdict
