"""Windows at their edges: each row in one of two that meet, late ones later, NULL by policy."""

import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import pytest

from shared.core.modes import SyncMode
from shared.core.runs import RunState
from shared.core.windows import Window, earlier
from shared.errors import ValueNotRepresentableError
from shared.sources.base import Source
from tests.flow.cloud import Cloud

MERGE = SyncMode.INCREMENTAL
MOMENT = "2024-02-29 12:00:00.000001"


A_MINUTE_AGO = "DATEADD(MINUTE, -1, SYSDATE())"
"""Old enough that no merge reads it again unasked."""


def make(cloud: Cloud, name: str, kind: str, *cursors: str) -> None:
    """Make a table at the source whose rows 0, 1, … have these cursors, written as SQL."""
    table = f"{{db}}.{name.upper()}"
    cloud.source(f"CREATE TABLE {table} (ID NUMBER(9,0), C {kind}, PRIMARY KEY (ID))")
    for number, cursor in enumerate(cursors):
        cloud.source(f"INSERT INTO {table} SELECT {number}, {cursor}")


@contextmanager
def opened(cloud: Cloud, name: str, **config: Any) -> Iterator[Source]:
    """Open the source of a merged table at a snapshot."""
    given = {"sync_mode": "incremental", "incremental_column": "c"}
    cloud.configure(name, **given | config)
    resolved, _ = cloud.services.config.get(name)
    with closing(cloud.services.source(resolved, f"test-{uuid.uuid4().hex[:8]}")) as source:
        source.snapshot()
        yield source


def window(low: str | None, high: str | None) -> Window:
    """Return the window that a run without lag reads."""
    return Window(low=low, high=high, read_from=low)


def ids(source: Source, low: str | None, high: str | None) -> list[int]:
    """Return the ids of the rows in a window, which must be those that the source counts."""
    batches = source.read(MERGE, window(low, high))
    found = sorted(i for batch in batches for i in batch.column("id").to_pylist())
    assert source.extent(MERGE, window(low, high)).rows == len(found)
    return found


EDGES = {
    "unzoned": (
        "TIMESTAMP_NTZ(6)",
        ["'2024-02-29 12:00:00'", f"'{MOMENT}'", f"'{MOMENT}'", "'2024-02-29 12:00:00.000002'"],
        f"{MOMENT}000",
    ),
    "local": (
        "TIMESTAMP_LTZ(6)",
        [
            "'2024-02-29 14:00:00 +0200'",
            "'2024-02-29 14:00:00.000001 +0200'",
            "'2024-02-29 03:00:00.000001 -0900'",
            "'2024-02-29 12:00:00.000002 +0000'",
        ],
        f"{MOMENT}000",
    ),
    "zoned": (
        "TIMESTAMP_TZ(6)",
        [
            "'2024-02-29 14:00:00 +0200'",
            "'2024-02-29 14:00:00.000001 +0200'",
            "'2024-02-29 03:00:00.000001 -0900'",
            "'2024-02-29 17:45:00.000002 +0545'",
        ],
        f"{MOMENT}000",
    ),
    "date": (
        "DATE",
        ["'2024-02-28'", "'2024-02-29'", "'2024-02-29'", "'2024-03-01'"],
        "2024-02-29",
    ),
    "number": ("NUMBER(38,0)", ["-9", str(10**37), str(10**37), str(10**37 + 1)], str(10**37)),
}


BEYOND = {
    "unzoned": "2024-03-31 00:00:00.000000000",
    "local": "2024-03-31 00:00:00.000000000",
    "zoned": "2024-03-31 00:00:00.000000000",
    "date": "2024-03-31",
    "number": str(10**38 - 1),
}
"""A later end of the next window."""


@pytest.mark.parametrize("edge", EDGES)
def test_equal_cursors_at_the_edge_are_in_the_first_of_two_windows_that_meet(
    cloud: Cloud, edge: str
) -> None:
    kind, cursors, high = EDGES[edge]
    make(cloud, f"edge_{edge}", kind, *(f"{c}::{kind}" for c in cursors))

    with opened(cloud, f"edge_{edge}") as source:
        first, second = ids(source, None, high), ids(source, high, BEYOND[edge])

    assert (first, second) == ([0, 1, 2], [3])


def test_watermark_of_nine_digits_falls_between_two_microseconds(cloud: Cloud) -> None:
    kind = "TIMESTAMP_NTZ(9)"
    moments = ["12:00:00.000001", "12:00:00.000002"]
    make(cloud, "fine_mark", kind, *(f"'2024-02-29 {m}'::{kind}" for m in moments))

    with opened(cloud, "fine_mark") as source:
        found = [
            ids(source, None, f"2024-02-29 12:00:00.{digits}")
            for digits in ("000000999", "000001000", "000001999", "000002000")
        ]

    assert found == [[], [0], [0], [0, 1]]


def test_cursor_with_nanoseconds_is_refused_only_inside_the_window(cloud: Cloud) -> None:
    kind = "TIMESTAMP_NTZ(9)"
    moments = ["12:00:00.000001", "12:00:00.000001001"]
    make(cloud, "too_fine", kind, *(f"'2024-02-29 {m}'::{kind}" for m in moments))

    with opened(cloud, "too_fine") as source:
        assert ids(source, None, "2024-02-29 12:00:00.000001000") == [0]
        with pytest.raises(ValueNotRepresentableError, match="1 values of column C have nano"):
            source.extent(MERGE, window(None, "2024-02-29 12:00:00.000001001"))


def test_mark_of_a_run_is_the_sources_clock_to_nine_digits(cloud: Cloud) -> None:
    make(cloud, "clocked", "TIMESTAMP_TZ(6)", "SYSDATE()::TIMESTAMP_TZ(6)")
    cloud.configure("clocked", sync_mode="incremental", incremental_column="c")

    run = cloud.run("clocked")

    assert run.receipt is not None
    assert run.receipt.high == run.receipt.snapshot
    assert len(run.receipt.snapshot.partition(".")[2]) == 9


@pytest.mark.parametrize("mode", ["incremental", "append"])
def test_row_of_a_writer_whose_clock_is_fast_waits_for_its_time(cloud: Cloud, mode: str) -> None:
    name = f"fast_clock_{mode}"
    make(cloud, name, "TIMESTAMP_NTZ(6)", A_MINUTE_AGO, "DATEADD(HOUR, 1, SYSDATE())")
    cloud.configure(name, sync_mode=mode, incremental_column="c")

    first, second = cloud.run(name), cloud.run(name)

    assert first.receipt is not None
    assert second.receipt is not None
    assert [(r.rows_loaded, r.notes) for r in (first.receipt, second.receipt)] == [
        (1, (f"1 rows lie ahead: their incremental_column is beyond {first.receipt.high}",)),
        (0, (f"1 rows lie ahead: their incremental_column is beyond {second.receipt.high}",)),
    ]
    assert cloud.target(f"SELECT id FROM {name}") == [(0,)]
    high = second.receipt.high
    assert high is not None
    with opened(cloud, name, sync_mode=mode) as source:
        assert ids(source, high, later(high, timedelta(hours=2))) == [1]


def later(moment: str, by: timedelta) -> str:
    """Return what a run's mark will be after so long."""
    return earlier(moment, -by)


def test_append_that_waits_for_late_rows_says_how_many_wait(cloud: Cloud) -> None:
    make(cloud, "lagging", "TIMESTAMP_NTZ(6)", "'2024-01-01'::TIMESTAMP_NTZ", "SYSDATE()")
    cloud.configure("lagging", sync_mode="append", incremental_column="c", lag="1h")

    run = cloud.run("lagging")

    assert run.receipt is not None
    assert run.receipt.rows_loaded == 1
    assert run.receipt.notes == (
        f"1 rows lie ahead: their incremental_column is beyond {run.receipt.high}",
    )


def test_merge_with_a_lag_finds_a_row_that_committed_late(cloud: Cloud) -> None:
    make(cloud, "late", "TIMESTAMP_NTZ(6)", "SYSDATE()")
    cloud.configure("late", sync_mode="incremental", incremental_column="c", lag="1h")
    first = cloud.run("late")
    assert first.receipt is not None
    cloud.source(f"INSERT INTO {{db}}.LATE VALUES (1, '{first.receipt.high}'::TIMESTAMP_NTZ(6))")

    second = cloud.run("late")

    assert second.receipt is not None
    assert (second.receipt.rows_inserted, second.receipt.rows_updated) == (1, 0)
    assert cloud.target("SELECT id FROM late ORDER BY id") == [(0,), (1,)]


def test_merge_by_whole_seconds_finds_what_came_in_the_second_of_the_last_run(cloud: Cloud) -> None:
    make(cloud, "coarse", "TIMESTAMP_NTZ(0)", "'2024-01-01'::TIMESTAMP_NTZ(0)")
    cloud.configure("coarse", sync_mode="incremental", incremental_column="c")
    first = cloud.run("coarse")
    assert first.receipt is not None
    second_of_it = f"{first.receipt.high}"[:19]
    cloud.source(f"INSERT INTO {{db}}.COARSE VALUES (1, '{second_of_it}'::TIMESTAMP_NTZ(0))")

    cloud.run("coarse")

    assert cloud.target("SELECT id FROM coarse ORDER BY id") == [(0,), (1,)]


def with_nulls(cloud: Cloud, name: str, mode: str, policy: str | None) -> None:
    """Make a table of one row with a cursor and two without."""
    make(cloud, name, "TIMESTAMP_NTZ(6)", A_MINUTE_AGO, "NULL", "NULL")
    cloud.configure(name, sync_mode=mode, incremental_column="c", null_cursor=policy)


@pytest.mark.parametrize("policy", ["include", None])
def test_merge_includes_rows_without_a_cursor_each_time_and_says_how_many(
    cloud: Cloud, policy: str | None
) -> None:
    name = f"null_merge_{policy}".lower()
    with_nulls(cloud, name, "incremental", policy)

    runs = [cloud.run(name), cloud.run(name)]

    receipts = [r.receipt for r in runs if r.receipt]
    assert [(r.rows_loaded, r.rows_inserted, r.rows_updated) for r in receipts] == [
        (3, 3, 0),
        (2, 0, 0),
    ]
    assert {r.notes for r in receipts} == {("2 rows have NULL in the incremental_column",)}
    assert cloud.target(f"SELECT count(*) FROM {name}") == [(3,)]


@pytest.mark.parametrize("mode", ["incremental", "append"])
def test_rows_without_a_cursor_are_skipped_by_request_and_counted(cloud: Cloud, mode: str) -> None:
    name = f"null_skip_{mode}"
    with_nulls(cloud, name, mode, "skip")

    run = cloud.run(name)

    assert run.receipt is not None
    assert run.receipt.rows_loaded == 1
    assert run.receipt.adds_up
    assert run.receipt.notes == ("2 rows were left out: NULL in the incremental_column",)
    assert cloud.target(f"SELECT id FROM {name}") == [(0,)]


@pytest.mark.parametrize(("mode", "policy"), [("incremental", "fail"), ("append", None)])
def test_rows_without_a_cursor_fail_the_run_before_anything_is_read(
    cloud: Cloud, mode: str, policy: str | None
) -> None:
    name = f"null_fail_{mode}"
    with_nulls(cloud, name, mode, policy)

    run = cloud.run(name)

    assert run.state is RunState.FAILED
    assert run.failure is not None
    assert run.failure.message.startswith("2 rows have NULL in the incremental_column C")
    assert cloud.target(f"SELECT to_regclass('public.{name}') IS NULL") == [(True,)]


def test_full_read_of_a_table_that_skips_nulls_skips_them_too(cloud: Cloud) -> None:
    with_nulls(cloud, "null_full", "incremental", "skip")

    run = cloud.run("null_full", SyncMode.FULL)

    assert run.receipt is not None
    assert run.receipt.notes == ("2 rows were left out: NULL in the incremental_column",)
    assert cloud.target("SELECT id FROM null_full") == [(0,)]


def test_source_computes_a_window_that_does_not_move_back(cloud: Cloud) -> None:
    make(cloud, "ahead_of_time", "TIMESTAMP_NTZ(6)", "SYSDATE()")
    low = "2199-01-01 00:00:00.000000000"

    with opened(cloud, "ahead_of_time") as source:
        found = source.window(MERGE, low, timedelta(0))

    assert found == Window(low=low, high=low, read_from=low)
