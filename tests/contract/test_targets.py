"""What every target promises, on a real server of each kind."""

import datetime as dt
import threading
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from shared.core.manifests import Rewind
from shared.core.modes import SyncMode
from shared.core.naming import NO_RUN
from shared.core.schemas import TableSchema
from shared.errors import (
    EmptySourceError,
    IntegrityError,
    InvalidSchemaError,
    NotStagedError,
    SchemaConflictError,
    TargetRefusedError,
    ValueNotRepresentableError,
)
from shared.targets.base import Outcome, Published
from tests.builders import a_file, a_schema, a_window
from tests.contract.targets import ROWS, Engine, Table, a_merge, changed

APPEND = {"mode": SyncMode.APPEND, "schema": a_schema(())}


@pytest.fixture
def table(engine: Engine) -> Table:
    """Return a table that is not there yet."""
    return Table(engine)


# Modes --------------------------------------------------------------------------------------------


def test_full_load_makes_the_table_with_its_key(table: Table) -> None:
    published = table.load()

    assert published.outcome is Outcome.COMMITTED
    assert changed(published) == (3, 0, 0)
    assert published.record is not None
    assert published.record.is_base
    assert table.rows() == ROWS
    with table.target() as target:
        schema = target.schema()
        assert schema is not None
        assert (schema.primary_key, schema.names) == (("id",), ["id", "name"])
        assert target.count() == 3


def test_full_load_by_key_touches_only_what_differs(table: Table) -> None:
    table.load()

    published = table.load([(2, "b"), (3, "C"), (4, "d")])

    assert changed(published) == (1, 1, 1)
    assert table.rows() == [(2, "b"), (3, "C"), (4, "d")]


def test_full_load_without_a_key_replaces_every_row(engine: Engine) -> None:
    table = Table(engine, schema=a_schema(()))
    table.load([(1, "a"), (1, "a")])

    published = table.load([(1, "a"), (None, None)])

    assert changed(published) == (2, 0, 2)
    assert sorted(table.rows(), key=repr) == [(1, "a"), (None, None)]


def test_older_snapshot_never_replaces_a_newer_one(table: Table) -> None:
    older, newer = table.run([(9, "old")]), table.run()
    newer.load()

    published = older.load()

    assert published.outcome is Outcome.SUPERSEDED
    assert table.rows() == ROWS


def test_merge_updates_what_changed_and_inserts_what_is_new(table: Table) -> None:
    table.load(**a_merge())

    published = table.load([(3, None), (4, "d"), (2, "b")], **a_merge())

    assert changed(published) == (1, 1, 0)
    assert table.rows() == [(1, "a"), (2, "b"), (3, None), (4, "d")]


def test_values_that_differ_in_case_or_blanks_alone_are_different(table: Table) -> None:
    table.load([(1, "a"), (2, "b"), (3, None)], **a_merge())

    published = table.load([(1, "A"), (2, "b "), (3, "")], **a_merge())

    assert changed(published) == (0, 3, 0)
    assert table.rows() == [(1, "A"), (2, "b "), (3, "")]


def test_keys_that_differ_in_case_alone_are_two_also_where_the_column_takes_them_for_one(
    postgres_engine: Engine,
) -> None:
    table = Table(postgres_engine, schema=TableSchema(a_schema().columns, ("name",)))
    table.query("CREATE EXTENSION IF NOT EXISTS citext")
    table.query("CREATE TABLE {t} (id bigint, name citext PRIMARY KEY)")
    table.load([(1, "a"), (2, "b")])

    with pytest.raises(TargetRefusedError, match="unique"):
        table.load([(1, "a"), (2, "b"), (3, "A")])
    renamed = table.load([(1, "A"), (2, "b")])

    assert changed(renamed) == (1, 0, 1)
    assert table.rows() == [(1, "A"), (2, "b")]


def test_append_adds_rows_whatever_is_there(table: Table) -> None:
    table.load(**APPEND)

    published = table.load(**APPEND)

    assert changed(published) == (3, 0, 0)
    assert table.rows() == sorted([*ROWS, *ROWS])


def test_empty_run_makes_an_empty_table_and_moves_the_state(table: Table) -> None:
    published = table.load([], **a_merge())

    assert changed(published) == (0, 0, 0)
    assert table.rows() == []
    with table.target() as target:
        state = target.state()
        assert (state.epoch, state.run_id) == (1, published.record and published.record.run_id)


# The fence ----------------------------------------------------------------------------------------


def test_table_that_was_never_loaded_has_an_empty_state(table: Table) -> None:
    with table.target() as target:
        assert target.state().epoch == 0
        assert target.committed("20240131T000001Z-0123456789ab") is None
        assert target.schema() is None
        assert target.count() == 0
        assert target.lineage("20240131T000001Z-0123456789ab") == ()


def test_repeated_run_changes_nothing_and_gets_its_record(table: Table) -> None:
    run = table.run(**APPEND)
    first = run.load()

    again = run.load()

    assert (again.outcome, again.record) == (Outcome.ALREADY, first.record)
    assert table.rows() == ROWS


def test_window_that_starts_elsewhere_is_superseded(table: Table) -> None:
    table.load(**a_merge(window=a_window(None, "5"), epoch=0))

    published = table.load([(9, "z")], **a_merge(window=a_window(None, "9"), epoch=0))

    assert published.outcome is Outcome.SUPERSEDED
    assert "stands at 5, epoch 1" in published.reason
    assert table.rows() == ROWS
    with table.target() as target:
        assert (target.state().watermark, target.state().epoch) == ("5", 1)


def test_of_many_publishers_of_one_window_exactly_one_gets_through(table: Table) -> None:
    runs = [table.run([(n, "row")], **a_merge(window=a_window(), epoch=0)) for n in range(4)]
    outcomes: list[Outcome] = []

    def publish(run: Any) -> None:
        with table.target() as target:
            run.stage(target)
            barrier.wait()
            outcomes.append(target.publish(run.manifest).outcome)

    barrier = threading.Barrier(len(runs))
    with table.target() as target:
        target.staged(runs[0].manifest)
    threads = [threading.Thread(target=publish, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == [Outcome.COMMITTED] + [Outcome.SUPERSEDED] * 3
    assert len(table.rows()) == 1


def test_file_of_the_same_content_is_loaded_once(table: Table) -> None:
    first = table.load(file=a_file(), **APPEND)
    other = table.load(file=a_file(name="again.csv"), **APPEND)

    assert (first.outcome, other.outcome) == (Outcome.COMMITTED, Outcome.DUPLICATE)
    assert "gs://acme-landing/feedback/january.csv#" in other.reason
    assert table.rows() == ROWS


def test_lineage_begins_with_the_last_run_that_left_its_rows_alone(table: Table) -> None:
    full = table.load()
    merge = table.load([(4, "d")], **a_merge(epoch=1, window=a_window(None, "7")))

    with table.target() as target:
        assert merge.record is not None
        found = target.lineage(merge.record.run_id)

    assert full.record is not None
    assert [(load.run_id, load.watermark) for load in found] == [
        (full.record.run_id, None),
        (merge.record.run_id, "7"),
    ]


# Staging ------------------------------------------------------------------------------------------


def test_part_is_staged_once_however_often_and_by_whomever(table: Table) -> None:
    run = table.run([(n, "row") for n in range(10)], parts=3)
    part = run.manifest.parts[0]

    with table.target() as one, table.target() as other:
        one.staged(run.manifest)
        for target in (one, other, one):
            target.stage(run.manifest, part, [run.batches[part.name]])
        assert other.staged(run.manifest) == {part.name}
        assert other.staging_runs()[run.manifest.run_id] > 0
        with pytest.raises(NotStagedError, match="4 rows of 10"):
            other.publish(run.manifest)
        run.stage(other)
        assert changed(one.publish(run.manifest)) == (10, 0, 0)
        assert run.manifest.run_id not in one.staging_runs()


def test_parts_come_at_once_over_several_connections(table: Table) -> None:
    run = table.run([(n, "x" * 500) for n in range(800)], parts=4)

    def stage(number: int) -> None:
        with table.target() as target:
            for part in run.manifest.parts[number:] + run.manifest.parts[:number]:
                target.stage(run.manifest, part, [run.batches[part.name]])

    with table.target() as target:
        target.staged(run.manifest)
        threads = [threading.Thread(target=stage, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        published = target.publish(run.manifest)

    assert changed(published) == (800, 0, 0)


def test_part_of_a_discarded_run_has_nowhere_to_go(table: Table) -> None:
    run = table.run()
    with table.target() as target:
        run.stage(target)
        target.discard(run.manifest)

        table.run().stage(target)  # another run's tables are there
        with pytest.raises(NotStagedError, match="gone"):
            target.stage(run.manifest, run.manifest.parts[0], [])


def test_part_that_breaks_off_leaves_nothing_staged(table: Table) -> None:
    run = table.run()
    part = run.manifest.parts[0]

    def broken() -> Iterator[Any]:
        yield run.batches[part.name]
        raise ConnectionResetError("the bucket went away")

    with table.target() as target:
        target.staged(run.manifest)
        with pytest.raises((ConnectionResetError, Exception), match="went away"):
            target.stage(run.manifest, part, broken())

    with table.target() as target:
        assert target.staged(run.manifest) == set()
        run.stage(target)
        assert changed(target.publish(run.manifest)) == (3, 0, 0)


# Readers ------------------------------------------------------------------------------------------


def test_reader_sees_all_of_a_run_or_nothing(table: Table) -> None:
    table.load([(n, "old") for n in range(200)])
    is_done = threading.Event()
    seen: set[tuple[Any, ...]] = set()

    def read() -> None:
        connection = table.engine.connect()
        cursor = connection.cursor()
        while not is_done.is_set():
            cursor.execute(f"SELECT count(*), min(name), max(name) FROM {table.qualified}")
            seen.add(tuple(cursor.fetchone()))
        connection.close()

    reader = threading.Thread(target=read)
    reader.start()
    for text, size in (("new", 250), ("newer", 300)):
        table.load([(n, text) for n in range(size)])
    is_done.set()
    reader.join()

    assert seen <= {(200, "old", "old"), (250, "new", "new"), (300, "newer", "newer")}


def test_failed_publish_leaves_the_table_as_it_was(table: Table) -> None:
    table.load()

    with pytest.raises(IntegrityError, match="primary key"):
        table.load([(7, "x"), (7, "y")])

    assert table.rows() == ROWS
    with table.target() as target:
        assert target.state().epoch == 1


# Guards -------------------------------------------------------------------------------------------


def test_guard_stops_a_full_load_that_would_lose_too_much(engine: Engine) -> None:
    table = Table(engine, config={"guard": {"max_shrink_percent": 30}})
    table.load()

    with pytest.raises(EmptySourceError, match="1 rows would replace 3 rows"):
        table.load([(1, "a")])

    assert table.rows() == ROWS
    assert changed(table.load([(1, "a")], allow_empty=True)) == (0, 0, 2)


def test_null_in_the_key_is_refused(table: Table) -> None:
    with pytest.raises(IntegrityError, match="1 rows have NULL in it"):
        table.load([(1, "a"), (None, "b")])


# Deletes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["hard", "soft"])
def test_rows_whose_key_is_gone_go_too(engine: Engine, mode: str) -> None:
    table = Table(engine, config={"deletes": {"mode": mode, "max_percent": 50}})
    table.load(**a_merge(keys=[(1,), (2,), (3,)]))

    published = table.load([(4, "d")], **a_merge(keys=[(1,), (3,), (4,)]))

    assert changed(published) == (1, 0, 1)
    if mode == "hard":
        assert [row[0] for row in table.rows()] == [1, 3, 4]
        return
    marked = table.query("SELECT id, _deleted_at FROM {t} WHERE _deleted_at IS NOT NULL")
    moment = dt.datetime(2024, 1, 31, tzinfo=dt.UTC)
    assert [(key, at.replace(microsecond=0)) for key, at in marked] == [(2, moment)]
    back = table.load([], **a_merge(keys=[(1,), (2,), (3,), (4,)]))
    assert changed(back) == (0, 1, 0)
    assert table.query("SELECT count(*) FROM {t} WHERE _deleted_at IS NULL") == [(4,)]


def test_too_many_keys_gone_stop_the_run(engine: Engine) -> None:
    table = Table(engine, config={"deletes": {"mode": "hard", "max_percent": 10}})
    table.load(**a_merge(keys=[(1,), (2,), (3,)]))

    with pytest.raises(EmptySourceError, match="1 of 3 rows"):
        table.load([], **a_merge(keys=[(1,), (2,)]))

    assert table.rows() == ROWS


# Versions -----------------------------------------------------------------------------------------


def a_rewind(table: Table, run_id: str) -> Published:
    """Go back to a version that the target keeps, as the steps do it."""
    with table.target() as target:
        kept = target.version(run_id)
        assert kept is not None
        run = table.run([], schema=kept.schema)
        rewind = Rewind(run_id=run_id, watermark=None, layers=(), kept_rows=kept.rows)
        epoch = target.state().epoch
        manifest = replace(
            run.manifest, rewind=rewind, epoch=epoch, parts=(), staged=None, allow_empty=True
        )
        target.staged(manifest)
        for _ in range(2):
            target.restage_version(manifest)
        return target.publish(manifest)


def test_reference_table_keeps_what_a_load_replaces_and_brings_it_back(engine: Engine) -> None:
    table = Table(engine, config={"kind": "reference", "keep_versions": 2})
    table.place = {"schema": "ref"}
    first = table.load([(1, "first")])
    loads = [table.load([(1, text), (n, text)]) for n, text in enumerate("bcd", 2)]

    ids = [load.record.run_id for load in (first, *loads) if load.record]
    with table.target() as target:
        kept = [target.version(run_id) for run_id in ids]
    assert [version and version.rows for version in kept] == [None, 2, 2, None]

    back = a_rewind(table, ids[1])

    assert changed(back) == (1, 1, 1)
    assert back.record is not None
    assert back.record.rows_loaded == 2
    assert table.rows() == [(1, "b"), (2, "b")]
    assert changed(a_rewind(table, ids[3])) == (1, 1, 1)
    assert table.rows() == [(1, "d"), (4, "d")]


def test_what_was_there_before_the_first_load_is_kept_too(engine: Engine) -> None:
    table = Table(engine, config={"kind": "reference"})
    table.place = {"schema": engine.default_schema}
    table.query(engine.made("{t}", id=engine.whole))
    table.query("INSERT INTO {t} (id) VALUES (7)")
    table.query(f"ALTER TABLE {{t}} ADD COLUMN name {engine.text}".replace(*engine.add))

    table.load(allow_empty=True)

    assert changed(a_rewind(table, NO_RUN)) == (1, 0, 3)
    assert table.rows() == [(7, None)]


# Drift --------------------------------------------------------------------------------------------


def test_new_column_is_named_with_what_to_do(table: Table) -> None:
    schema = a_schema(id="int64", name="text", age="int64")
    wider = [(*row, 5) for row in ROWS]
    table.load()

    with pytest.raises(SchemaConflictError, match="age is missing") as error:
        table.load(wider, schema=schema)

    table.query(error.value.message.partition(". Run ")[2])
    assert changed(table.load(wider, schema=schema)) == (0, 3, 0)


def test_column_that_the_source_has_lost_stays(engine: Engine) -> None:
    table = Table(engine, config={"drift": "evolve"})
    table.load()

    published = table.load([(1,), (4,)], schema=a_schema(id="int64"))

    assert changed(published) == (1, 0, 2)
    assert table.rows() == [(1, "a"), (4, None)]


def test_type_that_would_alter_values_is_refused(table: Table) -> None:
    table.query(table.engine.made("{t}", id="int", name="decimal(5,2)"))

    with pytest.raises(SchemaConflictError, match=r"name is (?i:numeric|decimal)"):
        table.load()


@pytest.mark.parametrize("text", ["longer", "🦊🦊🦊", "a    "])
def test_text_longer_than_its_column_is_refused(table: Table, text: str) -> None:
    engine = table.engine
    table.query(engine.made("{t}", id=engine.whole, name=engine.fox_text))
    table.load([(1, "a")])

    with pytest.raises(ValueNotRepresentableError, match="name"):
        table.load([(1, text)])

    assert table.rows() == [(1, "a")]


def test_missing_right_or_constraint_is_the_targets_own_refusal(table: Table) -> None:
    engine = table.engine
    name = f"{engine.short_text}(9) NOT NULL"
    table.query(engine.made("{t}", id=engine.whole, name=name))

    with pytest.raises((TargetRefusedError, ValueNotRepresentableError)):
        table.load([(1, None)])


# Names --------------------------------------------------------------------------------------------


def longest(engine: Engine) -> str:
    """Return a name of the greatest length."""
    return "x" * engine.longest_name


@pytest.mark.parametrize("number", range(3))
def test_any_name_names_a_table_and_a_schema(engine: Engine, number: int) -> None:
    schema, name = engine.odd_places[number]
    table = Table(engine, place={"schema": schema, "table": name})
    table.query("DROP TABLE IF EXISTS {t}")

    table.load([(1, "1"), (2, "2")])
    published = table.load([(1, "1"), (2, "3"), (3, None)])

    assert changed(published) == (1, 1, 0)
    assert table.rows() == [(1, "1"), (2, "3"), (3, None)]


def test_any_name_names_a_column(engine: Engine) -> None:
    names = [*engine.odd_columns, "Order", "order_", longest(engine)]
    schema = a_schema((names[1], names[2]), **dict.fromkeys(names, "text"))
    table = Table(engine, schema=schema, config={"deletes": {"mode": "soft", "max_percent": 50}})
    first, second = ([f"{text}{n}" for n in range(len(names))] for text in "ab")
    table.load([first, second], **a_merge(keys=[first[1:3], second[1:3]]))

    published = table.load([[*first[:-1], None]], **a_merge(keys=[first[1:3]]))

    assert changed(published) == (0, 1, 1)
    assert table.rows(names[0]) == [(*first[:-1], None), tuple(second)]


def test_name_that_is_too_long_is_refused(engine: Engine) -> None:
    table = Table(engine, schema=a_schema((), **{"x" * (engine.longest_name + 66): "int64"}))

    with pytest.raises(InvalidSchemaError, match="cannot be a name"):
        table.load([(1,)])


# Values -------------------------------------------------------------------------------------------

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
