"""Whether a table has changed, as far as Snowflake says so for certain."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

from shared.sources.snowflake.types import SourceColumn

PLAIN_TABLE = "BASE TABLE"
"""What a view shows may change without any commit: by the clock, or by its own definition."""

SETTLED_NS = 2 * 10**9
"""A commit younger than this proves nothing.

The mark of a change is an approximate time, and the clocks of those who commit and of those who
read may differ a little; within that a snapshot could miss a commit whose mark was read before it.
Source: Snowflake, "SYSTEM$LAST_CHANGE_COMMIT_TIME".
"""


def is_settled(change: int, now: str) -> bool:
    """Say whether a change was marked long enough before ``now``.

    Args:
        change: nanoseconds since 1970.
        now: Snowflake's time as ``YYYY-MM-DD HH:MM:SS.fffffffff`` in UTC.
    """
    seconds, _, fraction = now.partition(".")
    moment = datetime.fromisoformat(seconds).replace(tzinfo=UTC)
    return int(moment.timestamp()) * 10**9 + int(fraction) - change >= SETTLED_NS


def token(change: int, facts: Sequence[object], columns: Sequence[SourceColumn]) -> str:
    """Return the mark of the last change together with what else tells two contents apart.

    Args:
        change: the mark of the last change of rows.
        facts: the table's name, and when it was created and altered: another table may have taken
            the name.
        columns: the columns, since changing them need not count as a change of rows.
    """
    digest = hashlib.sha256(repr((facts, columns)).encode()).hexdigest()
    return f"{change}-{digest[:16]}"
