"""Verify: compare a table with where its rows came from, now, and name the rows that differ.

A table of Snowflake is compared with the source at the snapshot of its last run, by the engines of
both ends, or value by value. A table of files is compared with the parts that it was loaded from.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace

import pyarrow as pa

from shared.config.tables import ResolvedTable
from shared.core.plans import Slice
from shared.core.receipts import Difference, Point, differences, judged
from shared.core.runs import Run
from shared.core.schemas import Kind, TableSchema
from shared.core.verifying import Comparison, RowFault
from shared.errors import InvalidConfigError, InvalidMessageError
from shared.stage.fingerprints import Fold
from shared.stage.readback import canonical_json
from shared.steps import protections, row_faults
from shared.steps.expected import AtSource, Expected, from_parts, from_source
from shared.targets import proofs
from shared.targets.base import Target
from shared.wiring import Services

BETWEEN = "source to target"

SMALL_ROWS = 20_000
"""A range of so many rows is read, not cut further."""

MAX_RANGES = 4
"""So many ranges that differ are looked into."""


def verify(services: Services, table: str, *, is_full: bool, as_of: Run | None) -> Comparison:
    """Compare a table's rows with those that it should have.

    Args:
        services: where everything is.
        table: its name.
        is_full: read all values of both ends, instead of asking both engines for facts of them.
        as_of: the run whose snapshot is compared with; None: the last that was published.

    Raises:
        InvalidMessageError: nothing was published yet.
        RewindError: parts that the table consists of are not kept any more.
    """
    resolved, _ = services.config.get(table)
    with closing(services.target(resolved)) as target:
        run_id = as_of.run_id if as_of else target.state().run_id
        if run_id is None:
            raise InvalidMessageError(f"nothing was published to {table} yet: `sluice run {table}`")
        manifest = services.manifests.find(table, run_id)
        is_rewound = manifest is not None and manifest.rewind is not None
        if resolved.table.is_of_files or is_rewound:
            parts = from_parts(services, resolved, target, run_id)
            return _compare(resolved, target, parts, parts.schema, is_full=is_full)
        with closing(services.source(resolved, run_id)) as source:
            rows = from_source(resolved, target, source, as_of)
            return _compare(resolved, target, rows, source.schema(), is_full=is_full)


def _compare(
    resolved: ResolvedTable,
    target: Target,
    expected: Expected,
    schema: TableSchema,
    *,
    is_full: bool,
) -> Comparison:
    shared, absent = _common(schema, target)
    left_out = proofs.altered(resolved.table, shared)
    compared = _without(shared, left_out)
    ends = _Ends(expected, target, compared)
    mine, theirs = ends.fold(None) if is_full else ends.measure(None)
    found = (*absent, *differences(BETWEEN, mine, theirs))
    flaws = expected.flaws()
    rows: tuple[RowFault, ...] = ()
    are_all = True
    if found and len(compared):
        try:
            rows, are_all = ends.faults(has_facts=bool(differences(BETWEEN, *ends.measure(None))))
        except InvalidConfigError as exc:
            raise protections.unnamed(resolved, found, exc) from exc
    verdict, reason, named = judged((*flaws, *found), ())
    is_asked = isinstance(expected, AtSource) and not is_full
    unasked = protections.unasked(resolved, shared) if is_asked else {}
    return Comparison(
        table=resolved.table.name,
        compared_with=expected.name,
        is_full=is_full,
        source=mine,
        target=theirs,
        verdict=verdict,
        reason=reason,
        differences=named,
        rows=rows,
        are_all=are_all,
        left_out=left_out | unasked,
    )


class _Ends:
    """Both ends of a table, and the columns that are compared."""

    def __init__(self, expected: Expected, target: Target, schema: TableSchema) -> None:
        self._expected = expected
        self._target = target
        self._schema = schema

    def measure(self, piece: Slice | None) -> tuple[Point, Point]:
        """Return the points of both ends, by their own engines; only columns that are compared."""
        mine = self._expected.measure(piece)
        kept = tuple(c for c in mine.columns if c.name in self._schema.names)
        theirs = self._target.measure(self._schema, self._in_target(piece))
        return replace(mine, columns=kept, fingerprint=None), theirs

    def fold(self, piece: Slice | None) -> tuple[Point, Point]:
        """Return the points of both ends, value by value."""
        points = []
        for rows in (self._mine(piece), self._theirs(piece)):
            fold = Fold(self._schema)
            for batch in rows:
                fold.add(batch)
            points.append(fold.point)
        return points[0], points[1]

    def faults(self, *, has_facts: bool) -> tuple[tuple[RowFault, ...], bool]:
        """Return the rows that differ, and whether they are all.

        Args:
            has_facts: the engines themselves see the difference, so they can tell where it is.
        """
        ranges, are_all = self._narrow([None]) if has_facts else ([None], True)
        found: list[RowFault] = []
        for piece in ranges:
            rows, is_whole = row_faults.find(
                self._schema,
                lambda piece=piece: self._mine(piece),  # type: ignore[misc]
                lambda piece=piece: self._theirs(piece),  # type: ignore[misc]
            )
            found += rows
            are_all = are_all and is_whole
        return tuple(found[: row_faults.MAX_NAMED]), are_all

    def _narrow(self, pieces: list[Slice | None]) -> tuple[list[Slice | None], bool]:
        """Return the ranges of keys in which rows differ, small enough to be read."""
        found: list[Slice | None] = []
        are_all = True
        open_pieces = pieces
        while open_pieces and len(found) < MAX_RANGES:
            piece = open_pieces.pop(0)
            mine, theirs = self.measure(piece)
            if not differences(BETWEEN, mine, theirs):
                continue
            parts = self._expected.split(piece) if self._is_large(mine, theirs) else ()
            if len(parts) < 2:
                found.append(piece)
            else:
                open_pieces = [*parts, *open_pieces]
        if open_pieces:
            are_all = False
        return found or [None], are_all

    def _is_large(self, mine: Point, theirs: Point) -> bool:
        has_key = bool(self._schema.primary_key)
        return has_key and max(mine.rows, theirs.rows) > SMALL_ROWS

    def _mine(self, piece: Slice | None) -> Iterator[pa.RecordBatch]:
        return self._canonical(self._expected.read(piece))

    def _theirs(self, piece: Slice | None) -> Iterator[pa.RecordBatch]:
        return self._canonical(self._target.read(self._schema, self._in_target(piece)))

    def _canonical(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        names = self._schema.names
        for batch in batches:
            arrays = [
                canonical_json(batch.column(c.name))
                if c.type.kind is Kind.JSON
                else batch.column(c.name)
                for c in self._schema
            ]
            yield pa.RecordBatch.from_arrays(arrays, names=names)

    def _in_target(self, piece: Slice | None) -> Slice | None:
        """Return a slice as the target has it: the column's name there, moments as SQL has them."""
        if piece is None:
            return None
        name = next(n for n in self._schema.names if n in (piece.column, piece.column.lower()))
        kind = self._schema.column(name).type.kind
        ends = (_moment(end, kind) for end in (piece.after, piece.upto))
        return Slice(column=name, after=next(ends), upto=next(ends))


def _moment(text: str | None, kind: Kind) -> str | None:
    if text is None or kind not in (Kind.TIMESTAMP, Kind.TIMESTAMPTZ):
        return text
    # As ISO 8601 has it, which each of the databases reads.
    clock, offset = text[:26].replace(" ", "T"), text[-5:]
    return f"{clock}{offset[:3]}:{offset[3:]}" if kind is Kind.TIMESTAMPTZ else clock


def _common(schema: TableSchema, target: Target) -> tuple[TableSchema, tuple[Difference, ...]]:
    """Return the columns that both ends have, and what the target lacks."""
    found = target.schema()
    names = set(found.names) if found else set()
    columns = tuple(c for c in schema if c.name in names)
    key = schema.primary_key if names.issuperset(schema.primary_key) else ()
    absent = tuple(
        Difference(between=BETWEEN, column=c.name, fact="column", expected="there", found="missing")
        for c in schema
        if c.name not in names
    )
    return TableSchema(columns, key), absent


def _without(schema: TableSchema, left_out: Iterable[str]) -> TableSchema:
    names = set(left_out)
    key = schema.primary_key if names.isdisjoint(schema.primary_key) else ()
    return TableSchema(tuple(c for c in schema if c.name not in names), key)
