"""The first part of a text, cut where a record may end: a sample that can be judged by itself."""

import re

_LINE = re.compile(r"[^\r\n]*")
_CELL = re.compile(
    r"""(?:(?<=[,;\t|\ \r\n])|\A)"(?:[^"]++|"")*+(?:"(?=[,;\t|\ \r\n]|\Z)|(?P<open>\Z))"""
)
_MARKS = ",;\t|"
_SHARE = 0.25
"""Of the sample: what is longer without a quote may be one cell."""
_LOOKED_AT_LINES = 200


def first_lines(text: str, most: int) -> str:
    """Return the whole lines among the first characters, or those characters.

    A quoted cell that goes on behind them is left out with its record: its lines are no records.
    """
    end = max(text.rfind("\n", 0, most), text.rfind("\r", 0, most))
    sample = text[: end + 1] if end > 0 else text[:most]
    return _before_open_cell(sample)


def _before_open_cell(sample: str) -> str:
    at = _open_cell(sample) if '"' in sample else -1
    behind = sample[at:]
    if at < 0 or len(behind) < _SHARE * len(sample):
        return sample
    start = max(sample.rfind("\n", 0, at), sample.rfind("\r", 0, at)) + 1
    if not start or _are_records(behind, sample):
        return sample
    return sample[:start]


def _open_cell(sample: str) -> int:
    """Return where a quoted cell starts that the sample does not end; -1 if there is none."""
    opened = (m.start() for m in _CELL.finditer(sample) if m["open"] is not None)
    return next(opened, -1)


def _are_records(behind: str, sample: str) -> bool:
    """Whether the lines behind a quote are parted as the first line is: then it is a stray one."""
    first = _LINE.match(sample)
    counts = {mark: first[0].count(mark) for mark in _MARKS} if first else {}
    mark, count = max(counts.items(), key=lambda item: item[1])
    lines = behind.splitlines()[1:-1][:_LOOKED_AT_LINES]
    return count > 0 and sum(line.count(mark) == count for line in lines) * 2 > len(lines)
