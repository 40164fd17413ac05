"""How the reading of one run is cut into units that can each be repeated.

A small table is one unit. A large one is cut at its snapshot into slices of a column's values; the
plan is created once, first writer wins. A unit that turns out too large is not worked longer but
cut again, so the units of a run form a tree whose leaves hold the parts.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, Self

from shared.core import checks
from shared.core.checks import Observed
from shared.core.manifests import Manifest, Part
from shared.core.receipts import Point, combined
from shared.core.schemas import TableSchema

VERSION: Final = 1
"""Version of every plan and outcome. Readers refuse any other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnloadedFile:
    """One Parquet file that the source's own engine wrote, pinned by its generation."""

    name: str
    generation: int
    size_bytes: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Rows with ``after < column <= upto``; None leaves an end open, a start with NULL.

    ``is_keys``: not rows of the window, but the keys of all rows of the table. ``files``: not rows
    by their values, but all rows of these files; there is no column then.
    """

    column: str
    after: str | None
    upto: str | None
    is_keys: bool = False
    files: tuple[UnloadedFile, ...] = ()

    @classmethod
    def of_files(cls, files: tuple[UnloadedFile, ...]) -> Self:
        """Return the slice of the rows of some files."""
        return cls(column="", after=None, upto=None, files=files)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run cut into units. ``manifest`` is the one to come, still without parts.

    ``unloaded`` are the columns of the files of the slices; None where no slice has files.
    """

    version: Literal[1] = VERSION
    manifest: Manifest
    slices: tuple[Slice, ...]
    unloaded: TableSchema | None = None

    @property
    def id(self) -> str:
        """What tells this plan from another one of the same run: the attempt that made it."""
        return self.manifest.attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """The outcome of one unit: its parts, or the slices that it was cut into.

    ``source`` and ``staged`` are the points of its rows, as far as they are known. ``read`` is that
    of the rows of its files as they were read, those that were set aside included: the source has
    measured all files together, so it is compared once all units are done. ``plan`` is the ``id``
    of the plan that the unit is of; empty where an earlier release wrote the outcome.
    """

    version: Literal[1] = VERSION
    parts: tuple[Part, ...] = ()
    key_parts: tuple[Part, ...] = ()
    rows_source: int = 0
    query_id: str | None = None
    observed: Observed | None = None
    """What was seen of the rows; None for a unit of keys."""
    slices: tuple[Slice, ...] = ()
    source: Point | None = None
    staged: Point | None = None
    read: Point | None = None
    plan: str = ""

    def is_of(self, plan_id: str) -> bool:
        """Say whether this is of a plan, and not of one that its run had before it was replayed."""
        return self.plan in ("", plan_id)


def open_units(plan: Plan, done: Mapping[str, Unit]) -> Iterator[tuple[str, Slice]]:
    """Yield the name and slice of every unit that has no outcome yet.

    Units are named by their place in the tree: ``3``, and ``3.0`` for its first slice.
    """
    yield from _open("", plan.slices, done)


def find_slice(plan: Plan, done: Mapping[str, Unit], name: str) -> Slice | None:
    """Return the slice of a unit; None when the tree has no unit of this name."""
    *above, last = name.split(".")
    slices = plan.slices
    for depth in range(1, len(above) + 1):
        parent = done.get(".".join(above[:depth]))
        slices = parent.slices if parent else ()
    return {str(number): piece for number, piece in enumerate(slices)}.get(last)


def assemble(plan: Plan, done: Mapping[str, Unit]) -> Manifest:
    """Return the run's manifest from the outcomes of all units, the same whoever assembles it."""
    leaves = [unit for name, unit in sorted(done.items(), key=_place) if not unit.slices]
    key_parts = tuple(part for unit in leaves for part in unit.key_parts)
    observed = checks.total(unit.observed for unit in leaves)
    with_rows = [unit for unit in leaves if unit.parts]
    return replace(
        plan.manifest,
        parts=tuple(part for unit in leaves for part in unit.parts),
        key_parts=None if plan.manifest.key_parts is None else key_parts,
        rows_source=sum(unit.rows_source for unit in leaves),
        rows_rejected=observed.rows_quarantined if observed else 0,
        observed=observed,
        query_id=next((u.query_id for u in leaves if u.query_id), plan.manifest.query_id),
        source=plan.manifest.source or _together(unit.source for unit in with_rows),
        staged=_together(unit.staged for unit in with_rows),
    )


def grouped(files: Iterable[UnloadedFile], unit_rows: int) -> Iterator[Slice]:
    """Yield slices of files, in their order, of at most ``unit_rows`` rows or of one file each."""
    group: list[UnloadedFile] = []
    for file in files:
        if group and sum(each.rows for each in group) + file.rows > unit_rows:
            yield Slice.of_files(tuple(group))
            group = []
        group.append(file)
    if group:
        yield Slice.of_files(tuple(group))


def read_from_files(done: Mapping[str, Unit]) -> Point:
    """Return the point of the rows of all files of a run, as they were read."""
    return combined([unit.read for unit in done.values() if unit.read])


def _together(points: Iterable[Point | None]) -> Point | None:
    """Return the point of all units' rows; None where one of them is not known."""
    found = list(points)
    known = [point for point in found if point is not None]
    return combined(known) if len(known) == len(found) else None


def _open(
    prefix: str, slices: tuple[Slice, ...], done: Mapping[str, Unit]
) -> Iterator[tuple[str, Slice]]:
    for number, piece in enumerate(slices):
        name = f"{prefix}.{number}" if prefix else str(number)
        outcome = done.get(name)
        if outcome is None:
            yield name, piece
        else:
            yield from _open(name, outcome.slices, done)


def _place(item: tuple[str, Unit]) -> tuple[int, ...]:
    return tuple(int(number) for number in item[0].split("."))
