"""One block of a file: cut, read into columns, and able to say where each of its rows stands."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from shared.csv.cutting import Cut, cut
from shared.csv.judging import Judge, RecordDecision
from shared.csv.marks import AS_WRITTEN, Marks
from shared.csv.places import Place
from shared.csv.quotes import Numbers, as_bytes_array, as_numbers
from shared.csv.rejects import RAW_CHARACTERS, Note, Reject
from shared.csv.table import Cells, content_bytes, read_cells
from shared.errors import IntegrityError


class Fault(NamedTuple):
    """Why a record is no row: where it is in the block's source, and what to say."""

    start: int
    end: int
    column: str | None
    rule: str
    reason: str
    flaw_at: int = 0


@dataclass(frozen=True)
class Block:
    """Some records of a file, read; its rows are those that have the right width."""

    cut: Cut
    cells: Cells
    judge: Judge
    marks: Marks
    place: Place
    """Where the block starts."""
    has_blank_lines: bool = True
    """There may be lines that are no records; False: there is none."""

    @property
    def faults(self) -> list[Fault]:
        """Records that were set aside because of their form."""
        return [
            Fault(start, d.end, None, d.rule, d.reason, d.flaw_at)
            for start, d in self.cut.decisions
            if d.is_reject
        ]

    @cached_property
    def bounds(self) -> tuple[Sequence[int], Sequence[int]]:
        """Where each row starts and where its content ends, in the block's source."""
        return _bounds(self.cut, self.judge, has_blank_lines=self.has_blank_lines)

    def described(self, faults: Iterable[Fault]) -> tuple[Reject, ...]:
        """Say where faults are, in the order of the file."""
        return described(self.cut.source, self.marks, self.place, faults)

    def notes(self) -> tuple[Note, ...]:
        """Say what was read without loss, but not without thought."""
        here, at = self.place.copy(), 0
        notes = []
        for start, decision in self.cut.decisions:
            if not decision.is_reject:
                here.advance(self.cut.source[at:start], self.marks)
                at = start
                notes.append(Note(line=here.line, rule=decision.rule, text=decision.reason))
        return tuple(notes)

    def say_of_trailer(self, reason: str) -> None:
        """Note of a last line that counts the rows why that is right."""
        for start, decision in self.cut.decisions[-1:]:
            if decision.rule == "trailer":
                self.cut.decisions[-1] = (start, replace(decision, reason=f"{reason}; no row"))

    def say_of_last_line(self, start: int, reason: str) -> None:
        """Note of the last line why it may be none of the rows that it is read as."""
        end = len(self.cut.source)
        decision = RecordDecision(end=end, rule="like_a_trailer", reason=reason)
        self.cut.decisions.append((start, decision))

    @property
    def has_trailing_delimiter(self) -> bool:
        """Each record ends with one more delimiter, so there is one more column of cells."""
        return self.judge.has_trailing_delimiter


def described(
    source: bytes, marks: Marks, place: Place, faults: Iterable[Fault]
) -> tuple[Reject, ...]:
    """Say where faults in a text are that starts at a place, in the order of the file."""
    here, at = place.copy(), 0
    rejects = []
    for fault in sorted(faults, key=attrgetter("start")):
        here.advance(source[at : fault.start], marks)
        at = fault.start
        rejects.append(_reject(source, marks, here, fault))
    return tuple(rejects)


def _reject(source: bytes, marks: Marks, here: Place, fault: Fault) -> Reject:
    raw = marks.decode(source[fault.start : fault.end]).rstrip(b"\r\n")
    shown = here.transcoder.shown(raw)
    reason = fault.reason
    if "{line}" in reason:
        flaw = here.copy()
        flaw.advance(source[fault.start : fault.flaw_at], marks)
        reason = reason.replace("{line}", str(flaw.line))
    end = here.copy()
    end.advance(raw, AS_WRITTEN)
    return Reject(
        line=here.line,
        byte_offset=here.byte_offset,
        byte_count=end.byte_offset - here.byte_offset,
        column=fault.column,
        raw=shown[:RAW_CHARACTERS],
        is_truncated=len(shown) > RAW_CHARACTERS,
        rule=fault.rule,
        reason=reason,
    )


def read_block(
    text: bytes, judge: Judge, marks: Marks, place: Place, null_markers: tuple[str, ...]
) -> Block:
    """Read the whole records of a text that starts with one; ``cut.end`` is where the rest is.

    Raises:
        IntegrityError: two ways of counting the records disagree.
    """
    found = cut(text, judge)
    cells = read_cells(found.text, judge.syntax, marks, null_markers)
    if cells.misfits:
        starts, _ = _bounds(found, judge)
        suspects = {starts[ordinal] for ordinal in cells.misfits}
        found = cut(text, judge, suspects)
        rejected = {start for start, d in found.decisions if d.rule == "wrong_width"}
        # Where each of them is a reject by itself, the others were read already.
        is_read = suspects <= rejected
        cells = (
            replace(cells, misfits=[])
            if is_read
            else read_cells(found.text, judge.syntax, marks, null_markers)
        )
    block = Block(found, cells, judge, marks, place)
    return replace(block, has_blank_lines=_check_rows(block))


def _check_rows(block: Block) -> bool:
    """Compare the fast reader's rows with the records between our own line ends.

    Returns whether there are other lines than those of records.
    """
    text, cells, newline = block.cut.text, block.cells, block.judge.syntax.newline
    expected = text.count(newline)
    if block.cut.quotes.positions:
        expected -= sum(content_bytes(c).count(newline) for c in cells.columns)
    has_blank_lines = cells.rows != expected
    if has_blank_lines or cells.misfits:
        expected = len(block.bounds[0])
    if cells.rows != expected or cells.misfits:
        raise IntegrityError(
            f"from line {block.place.line} on, {expected} records became {cells.rows} rows and "
            f"{len(cells.misfits)} misfits; nothing was loaded. Please report this file",
            line=block.place.line,
        )
    return has_blank_lines


def _bounds(
    found: Cut, judge: Judge, *, has_blank_lines: bool = True
) -> tuple[Sequence[int], Sequence[int]]:
    """Find the rows among the line ends that are outside of quotes."""
    if plain := _plain_bounds(found, judge):
        return plain
    line_ends, quotes_before = _line_ends(found, judge.syntax.newline)
    starts: list[int] = []
    ends: list[int] = []
    for stretch in found.stretches:
        if stretch.is_record:
            content = found.source[stretch.start : stretch.end].rstrip(b"\r\n")
            starts.append(stretch.start)
            ends.append(stretch.start + len(content))
            continue
        first, last = bisect_left(line_ends, stretch.start), bisect_left(line_ends, stretch.end)
        within = line_ends[first:last].tolist()
        base = found.quotes.index(stretch.start)
        if quotes_before and base < len(found.quotes.positions):
            counts = quotes_before[first:last].tolist()
            within = [e for e, c in zip(within, counts, strict=True) if not (c - base) & 1]
        starts += [stretch.start, *(end + 1 for end in within[:-1])]
        ends += within
    is_mixed = has_blank_lines and judge.syntax.width > 1
    return _without_blanks(found, starts, ends) if is_mixed else (starts, ends)


def _plain_bounds(found: Cut, judge: Judge) -> tuple[Numbers, Numbers] | None:
    """Find the rows where each line is one, as in most blocks, without a list of them."""
    if len(found.stretches) != 1 or found.stretches[0].is_record or found.quotes.positions:
        return None
    stretch = found.stretches[0]
    text = as_bytes_array(found.source).slice(stretch.start, stretch.end - stretch.start)
    is_end = pc.equal(text, pa.scalar(judge.syntax.newline[0], pa.uint8()))
    ends = pc.add(pc.indices_nonzero(is_end).cast(pa.int64()), stretch.start)
    if not len(ends):
        return None
    after_ends = pc.add(ends.slice(0, len(ends) - 1), 1)
    starts = pa.concat_arrays([pa.array([stretch.start], pa.int64()), after_ends])
    has_blanks = pc.min(pc.subtract(ends, starts)).as_py() <= 1
    if has_blanks and judge.syntax.width > 1:
        return None
    return as_numbers(starts), as_numbers(ends)


def _line_ends(found: Cut, newline: bytes) -> tuple[Numbers, Numbers | None]:
    """Return where lines end, and how many quotes there are before each, if there are any."""
    is_end = pc.equal(as_bytes_array(found.source), pa.scalar(newline[0], pa.uint8()))
    line_ends = pc.indices_nonzero(is_end).cast(pa.int64())
    if not found.quotes.positions:
        return as_numbers(line_ends), None
    before = pc.search_sorted(pa.array(found.quotes.positions, pa.int64()), line_ends)
    return as_numbers(line_ends), as_numbers(before.cast(pa.int64()))


def _without_blanks(
    found: Cut, starts: list[int], ends: list[int]
) -> tuple[Sequence[int], Sequence[int]]:
    if b"\r" not in found.source and b"\n\n" not in found.source:
        has_first_blank = starts and starts[0] == ends[0]
        return (starts[1:], ends[1:]) if has_first_blank else (starts, ends)
    blanks = (b"", b"\r")
    kept = [
        (s, e)
        for s, e in zip(starts, ends, strict=True)
        if e - s > 1 or found.source[s:e] not in blanks
    ]
    return [s for s, _ in kept], [e for _, e in kept]
