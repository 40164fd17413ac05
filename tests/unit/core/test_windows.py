"""Windows: chained, they read every row that keeps to the lag; appended rows exactly once."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.modes import SyncMode
from shared.core.windows import CursorKind, Window, earlier, next_window
from shared.errors import InvalidConfigError

START = datetime(2024, 2, 27, tzinfo=UTC)
DAY_S = 86400
HIGHEST_S = 6 * DAY_S
NEARBY = st.sampled_from([-3600, -1, 0, 1, 3600])


def moment(seconds: int) -> str:
    return f"{START + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S}.123456789"


def window(
    kind: CursorKind = CursorKind.TIME,
    mode: SyncMode = SyncMode.INCREMENTAL,
    *,
    low: str | None = None,
    snapshot: str = "2024-01-31 03:00:00.123456789",
    largest: str | None = None,
    lag: timedelta | None = timedelta(0),
) -> Window:
    return next_window(kind, mode, low=low, snapshot=snapshot, largest=largest, lag=lag)


# Times --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", SyncMode)
def test_first_window_reads_from_the_beginning_to_the_snapshot(mode: SyncMode) -> None:
    high = "2024-01-31 03:00:00.123456789"

    assert window(mode=mode) == Window(low=None, high=high, read_from=None)


def test_merge_reads_again_what_may_have_committed_late() -> None:
    low = "2024-01-31 02:00:00.000000001"

    assert window(low=low, lag=timedelta(minutes=5)) == Window(
        low=low, high="2024-01-31 03:00:00.123456789", read_from="2024-01-31 01:55:00.000000001"
    )


def test_merge_reads_a_little_again_where_nobody_says_how_late_a_row_may_commit() -> None:
    low = "2024-01-31 02:00:00.000000001"

    assert window(low=low, lag=None).read_from == "2024-01-31 01:59:50.000000001"
    assert window(mode=SyncMode.APPEND, low=low, lag=None) == window(mode=SyncMode.APPEND, low=low)
    for kind, mark in ((CursorKind.DATE, "2024-01-31"), (CursorKind.NUMBER, "7")):
        assert window(kind, low=mark, lag=None) == window(kind, low=mark)


def test_append_waits_for_what_may_commit_late() -> None:
    low = "2024-01-31 02:00:00.000000001"

    assert window(mode=SyncMode.APPEND, low=low, lag=timedelta(minutes=5)) == Window(
        low=low, high="2024-01-31 02:55:00.123456789", read_from=low
    )


@pytest.mark.parametrize("mode", [SyncMode.INCREMENTAL, SyncMode.APPEND])
def test_clock_set_back_does_not_move_the_watermark_back(mode: SyncMode) -> None:
    low = "2024-02-01 00:00:00.000000000"

    assert window(mode=mode, low=low).high == low


# Dates --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("snapshot", "lag", "high"),
    [
        ("2024-03-01 03:00:00.000000000", timedelta(0), "2024-02-29"),
        ("2024-03-01 00:00:00.000000000", timedelta(0), "2024-02-29"),
        ("2024-03-01 00:04:59.000000000", timedelta(minutes=5), "2024-02-28"),
        ("2024-03-01 00:05:00.000000000", timedelta(minutes=5), "2024-02-29"),
        ("2024-03-01 11:59:59.000000000", timedelta(hours=12), "2024-02-28"),
        ("2024-03-01 12:00:00.000000000", timedelta(hours=36), "2024-02-28"),
        ("2024-03-01 11:59:59.000000000", timedelta(hours=36), "2024-02-27"),
    ],
)
def test_append_takes_a_day_when_it_is_over_and_the_lag_has_passed(
    snapshot: str, lag: timedelta, high: str
) -> None:
    assert window(CursorKind.DATE, SyncMode.APPEND, snapshot=snapshot, lag=lag).high == high


@pytest.mark.parametrize(
    ("lag", "read_from"),
    [
        (timedelta(0), "2024-02-28"),
        (timedelta(seconds=1), "2024-02-27"),
        (timedelta(days=1), "2024-02-27"),
        (timedelta(hours=36), "2024-02-26"),
    ],
)
def test_merge_reads_the_unfinished_day_again_and_the_lag_before_it(
    lag: timedelta, read_from: str
) -> None:
    snapshot = "2024-03-01 03:00:00.000000000"

    assert window(CursorKind.DATE, low="2024-02-29", snapshot=snapshot, lag=lag) == Window(
        low="2024-02-29", high="2024-03-01", read_from=read_from
    )


def test_append_of_dates_within_one_day_reads_nothing_twice() -> None:
    first = window(CursorKind.DATE, SyncMode.APPEND)
    second = window(CursorKind.DATE, SyncMode.APPEND, low=first.high)

    assert second == Window(low=first.high, high=first.high, read_from=first.high)


# Numbers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "largest", "high"),
    [
        (None, None, None),
        (None, "7", "7"),
        ("7", None, "7"),
        ("9", "10", "10"),
        ("10", "9", "10"),
        ("-5", "-7", "-5"),
        ("9" * 38, "1" + "0" * 38, "1" + "0" * 38),
    ],
)
@pytest.mark.parametrize("mode", SyncMode)
def test_numbers_end_at_the_largest_ever_seen(
    mode: SyncMode, low: str | None, largest: str | None, high: str | None
) -> None:
    assert window(CursorKind.NUMBER, mode, low=low, largest=largest) == Window(
        low=low, high=high, read_from=low
    )


def test_numbers_have_no_lag() -> None:
    with pytest.raises(InvalidConfigError, match="lag is a duration, but the cursor column holds"):
        window(CursorKind.NUMBER, largest="1", lag=timedelta(seconds=1))


# Watermarks of another kind -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "low"),
    [
        (CursorKind.TIME, "2024-01-31"),
        (CursorKind.TIME, "2024-01-31 03:00:00"),
        (CursorKind.TIME, "17"),
        (CursorKind.DATE, "2024-01-31 03:00:00.123456789"),
        (CursorKind.DATE, "17"),
        (CursorKind.NUMBER, "2024-01-31"),
        (CursorKind.NUMBER, "1.5"),
        (CursorKind.NUMBER, ""),
    ],
)
@pytest.mark.parametrize("mode", [SyncMode.INCREMENTAL, SyncMode.APPEND])
def test_watermark_of_another_kind_is_refused_with_what_to_do(
    kind: CursorKind, mode: SyncMode, low: str
) -> None:
    with pytest.raises(InvalidConfigError) as refused:
        window(kind, mode, low=low, largest="20")

    message = str(refused.value)
    assert f"watermark {low!r}, which is no {kind}" in message
    assert "Run the table once in mode full" in message


# Every row, whatever happens ----------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A row: when it happened, which is its cursor, and when it became visible."""

    happened_s: int
    committed_s: int

    def cursor(self, kind: CursorKind) -> str:
        return moment(self.happened_s)[: 10 if kind is CursorKind.DATE else None]


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, list[Row], list[tuple[int, bool]]]:
    """Draw a lag, rows that keep to it, and snapshots of which some are never published.

    Snapshots come where it matters: just before and just after a row happens or commits.
    """
    lag_s = draw(st.sampled_from([0, 1, 300, 3600, 12 * 3600, DAY_S, 36 * 3600]))
    seconds = st.integers(0, HIGHEST_S) | st.integers(0, 6).map(lambda d: d * DAY_S)
    delays = st.just(lag_s) | st.integers(0, lag_s)
    rows = draw(
        st.lists(
            st.builds(lambda at, late: Row(at, at + late), seconds, delays), min_size=1, max_size=9
        )
    )
    events = sorted({s for row in rows for s in (row.happened_s, row.committed_s)})
    moments = st.builds(lambda at, near: max(0, at + near), st.sampled_from(events), NEARBY)
    is_published = st.sampled_from([True, True, True, False])
    snapshots = draw(st.lists(st.tuples(moments, is_published), min_size=1, max_size=12))
    return lag_s, rows, [*sorted(snapshots), (20 * DAY_S, True)]


def read_all(
    kind: CursorKind, mode: SyncMode, history: tuple[int, list[Row], list[tuple[int, bool]]]
) -> list[int]:
    """Run at every snapshot in turn; return how often each row was published."""
    lag_s, rows, snapshots = history
    low, times = None, [0] * len(rows)
    for at_s, is_published in snapshots:
        found = window(kind, mode, low=low, snapshot=moment(at_s), lag=timedelta(seconds=lag_s))
        assert found.high is not None
        assert found.low is None or found.low <= found.high
        if not is_published:
            continue
        for i, row in enumerate(rows):
            cursor = row.cursor(kind)
            is_behind = found.read_from is None or found.read_from < cursor
            times[i] += row.committed_s <= at_s and is_behind and cursor <= found.high
        low = found.high
    return times


@pytest.mark.parametrize("kind", [CursorKind.TIME, CursorKind.DATE])
@given(history=histories())
def test_appended_rows_are_published_exactly_once(
    kind: CursorKind, history: tuple[int, list[Row], list[tuple[int, bool]]]
) -> None:
    assert set(read_all(kind, SyncMode.APPEND, history)) == {1}


@pytest.mark.parametrize("kind", [CursorKind.TIME, CursorKind.DATE])
@given(history=histories())
def test_merged_rows_are_published_at_least_once(
    kind: CursorKind, history: tuple[int, list[Row], list[tuple[int, bool]]]
) -> None:
    assert all(read_all(kind, SyncMode.INCREMENTAL, history))


@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.booleans()), max_size=12),
    st.sampled_from([SyncMode.INCREMENTAL, SyncMode.APPEND]),
)
def test_growing_numbers_are_published_exactly_once_even_if_the_largest_is_deleted(
    steps: list[tuple[int, bool, bool]], mode: SyncMode
) -> None:
    table: list[int] = []
    published: list[int] = []
    counter, low = 0, None
    for arrivals, is_published, loses_largest in [*steps, (0, True, False)]:
        table += range(counter, counter + arrivals)
        counter += arrivals
        largest = str(max(table)) if table else None
        found = window(CursorKind.NUMBER, mode, low=low, largest=largest)
        if is_published:
            above = -1 if found.read_from is None else int(found.read_from)
            published += [n for n in table if above < n <= int(found.high or -1)]
            low = found.high
        if loses_largest and table:
            table.pop()

    assert len(published) == len(set(published))
    assert set(table) <= set(published)


@pytest.mark.parametrize("kind", [CursorKind.TIME, CursorKind.DATE])
@pytest.mark.parametrize("mode", SyncMode)
@given(snapshots=st.lists(st.integers(0, 10 * DAY_S), min_size=1))
def test_watermark_never_goes_back_whatever_the_clock_says(
    kind: CursorKind, mode: SyncMode, snapshots: list[int]
) -> None:
    low = None
    for at_s in snapshots:
        found = window(kind, mode, low=low, snapshot=moment(at_s))
        assert low is None or (found.high is not None and low <= found.high)
        assert found.read_from is None or found.read_from <= (found.high or "")
        low = found.high


# Moments as text ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "by", "expected"),
    [
        ("2024-03-01 00:00:00.123456789", timedelta(seconds=1), "2024-02-29 23:59:59.123456789"),
        ("2024-03-01 00:00:00", timedelta(days=1), "2024-02-29 00:00:00"),
        ("2024-01-01 00:00:00.000000001", timedelta(0), "2024-01-01 00:00:00.000000001"),
    ],
)
def test_earlier_keeps_the_fraction(text: str, by: timedelta, expected: str) -> None:
    assert earlier(text, by) == expected


@given(st.integers(0, HIGHEST_S), st.timedeltas(timedelta(0), timedelta(days=400)))
def test_earlier_never_goes_less_far_than_asked(at_s: int, by: timedelta) -> None:
    back = datetime.fromisoformat(earlier(moment(at_s), by)[:26])

    wanted = datetime.fromisoformat(moment(at_s)[:26]) - by
    assert wanted - timedelta(seconds=1) < back <= wanted
