"""Which rows a run reads: the window ``(low, high]`` over the cursor column, at one snapshot.

Watermarks are text at the source's own precision (nine digits of a second for Snowflake), and only
the source ever compares rows with them. ``high`` is the snapshot's own time, never the largest
value seen: a row that commits later with a smaller value is still found.

``lag`` says how late a row may commit. A merge reads that much behind its watermark again, since
the key makes repeats harmless; an append stays that much behind the clock instead. A date stands
for its whole day, so the rows of a day are complete when the day is over and the lag has passed.

Where nobody says how late, a merge by time reads ``UNSTATED_LAG`` again: every row gets its cursor
before it commits, and many cursors count in whole seconds.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from shared.core.modes import SyncMode
from shared.errors import InvalidConfigError, InvalidMessageError

_SECONDS_FORMAT = "%Y-%m-%d %H:%M:%S"
_SECONDS_LENGTH = len("12:00:00")

UNSTATED_LAG = timedelta(seconds=10)
"""What a short statement takes from its clock to its commit; a long transaction may take more."""


class CursorKind(StrEnum):
    """What the cursor column counts in."""

    TIME = "time"
    """Timestamps as ``YYYY-MM-DD HH:MM:SS.fffffffff`` in UTC, or on an unzoned wall clock."""
    DATE = "date"
    """Days as ``YYYY-MM-DD``: a day is complete only when it is over."""
    NUMBER = "number"
    """Whole numbers that only grow."""


_FORMS = {
    CursorKind.TIME: re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{9}"),
    CursorKind.DATE: re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    CursorKind.NUMBER: re.compile(r"-?[0-9]+"),
}
"""How a watermark of each kind is written."""


_WRITTEN_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[ T]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:\.([0-9]{1,9}))?)?"
)
"""How people write a moment: a day, or a time of it, with seconds and up to nine digits or none."""

_EXAMPLES = {
    CursorKind.TIME: "2024-01-31, 2024-01-31 12:00 or 2024-01-31 12:00:00.5",
    CursorKind.DATE: "2024-01-31",
    CursorKind.NUMBER: "1000",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Rows with ``low < cursor <= high``; ``low`` None reads from the beginning.

    ``low`` is the watermark of the target, and the publish requires it to be there still.
    ``read_from`` is where reading starts, exclusive: ``low``, or earlier by the lag of a merge.
    """

    low: str | None
    high: str | None
    read_from: str | None


def next_window(
    kind: CursorKind,
    mode: SyncMode,
    *,
    low: str | None,
    snapshot: str,
    largest: str | None,
    lag: timedelta | None,
) -> Window:
    """Compute the window of a run.

    Args:
        kind: what the cursor counts in.
        mode: append waits for late rows, anything else re-reads them.
        low: the target's watermark.
        snapshot: the source's time of the snapshot, ``YYYY-MM-DD HH:MM:SS.fffffffff``.
        largest: the largest cursor value at the snapshot; only numbers need it.
        lag: how late a row may commit; None: nobody has said.

    Raises:
        InvalidConfigError: a lag with a cursor that does not measure time, or a watermark of
            another kind than the cursor's.
    """
    if low is not None and not _FORMS[kind].fullmatch(low):
        raise InvalidConfigError(
            f"the table stands at watermark {low!r}, which is no {kind}: its incremental_column "
            "has changed. Run the table once in mode full, which sets the watermark anew",
            watermark=low,
        )
    if kind is CursorKind.NUMBER:
        if lag:
            raise InvalidConfigError("lag is a duration, but the cursor column holds numbers")
        return Window(low=low, high=_larger(low, largest), read_from=low)
    waits = mode is SyncMode.APPEND
    if lag is None:
        lag = UNSTATED_LAG if kind is CursorKind.TIME and not waits else timedelta(0)
    if kind is CursorKind.DATE:
        high = _complete_day(snapshot, lag) if waits else snapshot[:10]
        behind = None if low is None or waits else _complete_day(f"{low} 00:00:00", lag)
    else:
        high = earlier(snapshot, lag) if waits else snapshot
        behind = None if low is None or waits else earlier(low, lag)
    return Window(low=low, high=_latest(low, high), read_from=behind or low)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The cursors that a backfill reads again, both ends included, as somebody wrote them."""

    first: str
    last: str

    def __str__(self) -> str:
        return f"{self.first} to {self.last}"


def backfill_window(kind: CursorKind, span: Span, *, low: str | None) -> Window:
    """Compute the window of a backfill.

    Args:
        kind: what the cursor counts in.
        span: whole days as ``YYYY-MM-DD``, moments in UTC as ``YYYY-MM-DD HH:MM:SS.fffffffff`` with
            any number of digits, or numbers.
        low: the target's watermark, which stays as it is.

    Raises:
        InvalidMessageError: an end is nothing of the cursor's kind, or the ends are exchanged.
    """
    try:
        read_from, high = _before(kind, span.first), _end(kind, span.last)
    except (ValueError, OverflowError) as exc:
        raise InvalidMessageError(
            f"{span.first!r} to {span.last!r} is no span of the cursor, which is a {kind}: {exc}; "
            f"write ends like {_EXAMPLES[kind]}"
        ) from exc
    is_empty = int(read_from) >= int(high) if kind is CursorKind.NUMBER else read_from >= high
    if is_empty:
        raise InvalidMessageError(f"{span.last!r} lies before {span.first!r}; exchange the two")
    return Window(low=low, high=high, read_from=read_from)


def require_some_span(span: Span) -> None:
    """Make sure that a span could be one of some cursor, before anybody is asked to read it.

    Raises:
        InvalidMessageError: its ends are no days, moments or numbers, or are exchanged.
    """
    refusals = []
    for kind in CursorKind:
        try:
            backfill_window(kind, span, low=None)
        except InvalidMessageError as exc:
            refusals.append(exc)
        else:
            return
    exchanged = [exc for exc in refusals if "exchange" in exc.message]
    raise (
        exchanged[0]
        if exchanged
        else InvalidMessageError(
            f"{span.first!r} to {span.last!r} is no span of a cursor; write both ends like "
            f"{_EXAMPLES[CursorKind.TIME]}, or like {_EXAMPLES[CursorKind.NUMBER]} for a cursor of "
            "numbers"
        )
    )


def _before(kind: CursorKind, first: str) -> str:
    """Return the last value that lies before a span."""
    if kind is CursorKind.NUMBER:
        return str(_whole(first) - 1)
    if kind is CursorKind.DATE:
        return (_day(first) - timedelta(days=1)).isoformat()
    seconds, _, fraction = _moment(first, "00:00:00").partition(".")
    if int(fraction):
        return f"{seconds}.{int(fraction) - 1:09d}"
    return f"{earlier(seconds, timedelta(seconds=1))}.999999999"


def _end(kind: CursorKind, last: str) -> str:
    """Return the last value of a span."""
    if kind is CursorKind.NUMBER:
        return str(_whole(last))
    if kind is CursorKind.DATE:
        return _day(last).isoformat()
    return _moment(last, "23:59:59.999999999")


def _whole(text: str) -> int:
    if not _FORMS[CursorKind.NUMBER].fullmatch(text):
        raise ValueError(f"{text!r} is no whole number")
    return int(text)


def _day(text: str) -> date:
    if not _FORMS[CursorKind.DATE].fullmatch(text):
        raise ValueError(f"{text!r} is no day")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"the calendar has no {text}") from None


def _moment(text: str, time_of_day: str) -> str:
    """Return a moment in its full form; ``time_of_day`` completes a day."""
    match = _WRITTEN_MOMENT.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is no moment")
    day, time_, fraction = match[1], match[2] or time_of_day, match[3]
    seconds, _, digits = time_.partition(".")
    seconds = seconds if len(seconds) == _SECONDS_LENGTH else f"{seconds}:00"
    try:
        datetime.strptime(f"{day} {seconds}", _SECONDS_FORMAT)  # noqa: DTZ007 - text in, text out
    except ValueError:
        raise ValueError(f"the calendar has no {text}") from None
    return f"{day} {seconds}.{(fraction or digits).ljust(9, '0')}"


def earlier(moment: str, by: timedelta) -> str:
    """Return the text of a moment earlier by whole seconds; the fraction keeps its digits."""
    seconds, dot, fraction = moment.partition(".")
    moved = datetime.strptime(seconds, _SECONDS_FORMAT) - by  # noqa: DTZ007 - text in, text out
    return f"{moved:%Y-%m-%d %H:%M:%S}{dot}{fraction}"


def _complete_day(moment: str, lag: timedelta) -> str:
    """Return the last day of which every row has committed at a moment."""
    settled = earlier(moment, lag)
    return (date.fromisoformat(settled[:10]) - timedelta(days=1)).isoformat()


def _larger(low: str | None, largest: str | None) -> str | None:
    # The largest row may have been deleted since; that must not move the mark back.
    return max((n for n in (low, largest) if n is not None), key=int, default=None)


def _latest(low: str | None, high: str) -> str:
    # Both are of one fixed form, which sorts as text; a clock set back must not move the mark back.
    return high if low is None else max(low, high)
