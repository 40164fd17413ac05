"""The first part of a text, cut where a record may end: a sample that can be judged by itself."""

import codecs
import re
from collections.abc import Mapping
from itertools import islice

from shared.errors import InvalidFileError

LOOKED_AT = 2**18
"""Characters in which marks and layout are looked for; of the encoding, all bytes tell."""

_LINE_END = re.compile(r"\r{0,3}\n|\r")
_LINE = re.compile(r"[^\r\n]*")
_CELL = re.compile(
    r"""(?:(?<=[,;\t|\ \r\n])|\A)"(?:[^"]++|"")*+(?:"(?=[,;\t|\ \r\n]|\Z)|(?P<open>\Z))"""
)
_MARKS = ",;\t|"
_SHARE = 0.25
"""Of the sample: what is longer without a quote may be one cell."""
_LOOKED_AT_LINES = 200


def sample(
    head: bytes, encoding: str, given: Mapping[str, object], *, is_whole: bool
) -> tuple[str, int]:
    """Return the text that is looked at, and how many lines stand before it."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    text = decoder.decode(head, final=is_whole).removeprefix("\ufeff")
    skip = given.get("skip_lines")
    lines_before = 0
    if isinstance(skip, int) and skip and len(text) > LOOKED_AT:
        ends = [m.end() for m in islice(_LINE_END.finditer(text), skip)]
        if len(ends) < skip and not is_whole:
            raise InvalidFileError(
                f"skip_lines {skip} leaves nothing of the first {len(head):,} bytes, in which the "
                "table is looked for; send the file with fewer lines before it"
            )
        if len(ends) == skip and ends[-1] > LOOKED_AT // 2:
            text, lines_before = text[ends[-1] :], skip
    if is_whole:
        return text.removesuffix("\x1a"), lines_before
    return first_lines(text, LOOKED_AT), lines_before


def first_lines(text: str, most: int) -> str:
    """Return the whole lines among the first characters, or those characters.

    A quoted cell that goes on behind them is left out with its record: its lines are no records.
    """
    end = max(text.rfind("\n", 0, most), text.rfind("\r", 0, most))
    return _before_open_cell(text[: end + 1] if end > 0 else text[:most])


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
