"""Which rows a run reads: the window ``(low, high]`` over the cursor column, at one snapshot.

Watermarks are text in the source's own words and at its own precision (nine digits of a second for
Snowflake); only the source ever compares or computes with them. ``high`` is the snapshot's own
time, never the largest value seen: a row that commits later with a smaller value is still found.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Rows with ``low < cursor <= high``; ``low`` None reads from the beginning.

    ``low`` is the watermark of the target, and the publish requires it to be there still.
    ``read_from`` is where reading starts: the same, or earlier by the table's lag, to find rows
    that committed late. Re-read rows are merged by key.
    """

    low: str | None
    high: str
    read_from: str | None
