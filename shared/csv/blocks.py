"""One block of a file: cut, read into columns, and able to say where each of its rows stands."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from shared.csv.cutting import Cut, Span, cut
from shared.csv.judging import Judge
from shared.csv.marks import Marks
from shared.csv.places import Place
from shared.csv.quotes import as_bytes_array, as_sequence
from shared.csv.rejects import RAW_CHARACTERS, Note, Reject
from shared.csv.table import Cells, read_cells
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

    @property
    def faults(self) -> list[Fault]:
        """Records that were set aside because of their form."""
        return [
            Fault(start, v.end, None, v.rule, v.reason, v.flaw_at)
            for start, v in self.cut.verdicts
            if v.is_reject
        ]

    @cached_property
    def bounds(self) -> tuple[Sequence[int], Sequence[int]]:
        """Where each row starts and where its content ends, in the block's source."""
        return _bounds(self.cut, self.judge)

    def described(self, faults: Iterable[Fault]) -> tuple[Reject, ...]:
        """Say where faults are, in the order of the file."""
        here, at = self.place.copy(), 0
        rejects = []
        for fault in sorted(faults, key=attrgetter("start")):
            here.advance(self.cut.source[at : fault.start], self.marks)
            at = fault.start
            rejects.append(self._reject(here, fault))
        return tuple(rejects)

    def notes(self) -> tuple[Note, ...]:
        """Say what was read without loss, but not without thought."""
        here, at = self.place.copy(), 0
        notes = []
        for start, verdict in self.cut.verdicts:
            if not verdict.is_reject:
                here.advance(self.cut.source[at:start], self.marks)
                at = start
                notes.append(Note(line=here.line, rule=verdict.rule, text=verdict.reason))
        return tuple(notes)

    def _reject(self, here: Place, fault: Fault) -> Reject:
        source = self.cut.source
        raw = self.marks.decode(source[fault.start : fault.end]).rstrip(b"\r\n")
        shown = here.transcoder.shown(raw)
        reason = fault.reason
        if "{line}" in reason:
            flaw = here.copy()
            flaw.advance(source[fault.start : fault.flaw_at], self.marks)
            reason = reason.replace("{line}", str(flaw.line))
        return Reject(
            line=here.line,
            byte_offset=here.byte_offset,
            byte_count=here.transcoder.source_bytes(raw),
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
        found = cut(text, judge, [starts[ordinal] for ordinal in cells.misfits])
        cells = read_cells(found.text, judge.syntax, marks, null_markers)
    block = Block(found, cells, judge, marks, place)
    _check_rows(block)
    return block


def _check_rows(block: Block) -> None:
    """Compare the fast reader's rows with the records between our own line ends."""
    text, cells, newline = block.cut.text, block.cells, block.judge.syntax.newline
    expected = text.count(newline) - sum(
        pc.sum(pc.count_substring(c, newline.decode())).as_py() or 0 for c in cells.columns
    )
    if cells.rows != expected or cells.misfits:
        expected = len(block.bounds[0])
    if cells.rows != expected or cells.misfits:
        raise IntegrityError(
            f"from line {block.place.line} on, {expected} records became {cells.rows} rows and "
            f"{len(cells.misfits)} misfits; nothing was loaded. Please report this file",
            line=block.place.line,
        )


def _bounds(found: Cut, judge: Judge) -> tuple[Sequence[int], Sequence[int]]:
    starts, ends = [], []
    for span in found.spans:
        if span.is_record:
            content_end = len(found.source[span.start : span.end].rstrip(b"\r\n"))
            starts.append(pa.array([span.start], pa.int64()))
            ends.append(pa.array([span.start + content_end], pa.int64()))
        else:
            first, last = _line_bounds(found, span, judge)
            starts.append(first)
            ends.append(last)
    if not starts:
        return (), ()
    return as_sequence(pa.concat_arrays(starts)), as_sequence(pa.concat_arrays(ends))


def _line_bounds(found: Cut, span: Span, judge: Judge) -> tuple[pa.Array, pa.Array]:
    """Find the records of a part that is well-formed: between its line ends outside of quotes."""
    part = as_bytes_array(found.source[span.start : span.end])
    newline = pa.scalar(judge.syntax.newline[0], pa.uint8())
    ends = pc.indices_nonzero(pc.equal(part, newline)).cast(pa.int64())
    quotes = found.quotes
    first = quotes.index(span.start)
    last = quotes.index(span.end, first)
    if last > first:
        inside = pa.array(quotes.positions[first:last], pa.int64())
        before = pc.search_sorted(inside, pc.add(ends, span.start))
        ends = ends.filter(pc.equal(pc.bit_wise_and(before, pa.scalar(1, before.type)), 0))
    starts = pa.concat_arrays([pa.array([0], pa.int64()), pc.add(ends[:-1], 1)])
    if judge.syntax.width > 1:
        is_blank = _is_blank(part, starts, ends)
        starts, ends = starts.filter(pc.invert(is_blank)), ends.filter(pc.invert(is_blank))
    return pc.add(starts, span.start), pc.add(ends, span.start)


def _is_blank(part: pa.Array, starts: pa.Array, ends: pa.Array) -> pa.Array:
    lengths = pc.subtract(ends, starts)
    is_return = pc.equal(part.take(starts), pa.scalar(13, pa.uint8()))
    return pc.or_(pc.equal(lengths, 0), pc.and_(pc.equal(lengths, 1), is_return))
