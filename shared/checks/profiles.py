"""Profiles: what the values of each column are like, and the checks that they would pass."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from shared.checks.measures import measure
from shared.checks.values import MASK, plain, shown
from shared.core.checks import SKETCH_HASHES, Measure
from shared.core.schemas import Kind, TableSchema

TOP = 5
"""So many of the most frequent values are shown."""

MAX_COUNTED = 10_000
"""Different values that are counted one by one; beyond, rare ones are forgotten."""

MAX_LISTED = 20
"""A column of no more different values may be one of a list."""

MIN_ROWS = 100
"""Of fewer rows nothing is concluded about which values there are."""

_NUMBERS = (Kind.INT64, Kind.DECIMAL, Kind.FLOAT64)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProfile:
    """One column: ``distinct`` is an estimate unless ``is_exact``; ``top`` are values with counts.

    ``shortest`` and ``longest`` are lengths of texts in characters, of binary values in bytes.
    """

    name: str
    type: str
    rows: int
    nulls: int
    distinct: int
    is_exact: bool
    minimum: Any = None
    maximum: Any = None
    mean: float | None = None
    shortest: int | None = None
    longest: int | None = None
    top: tuple[tuple[str, int], ...] = ()
    values: tuple[str, ...] = ()
    """All values of a column of texts, in order, where they are few."""
    is_sensitive: bool = False

    def as_data(self) -> dict[str, Any]:
        """Return the profile as JSON has it; values of sensitive columns are masked."""
        data = asdict(self) | {"minimum": plain(self.minimum), "maximum": plain(self.maximum)}
        del data["values"], data["is_sensitive"]
        data["top"] = [[value, count] for value, count in self.top]
        if self.is_sensitive:
            data |= {
                name: MASK for name in ("minimum", "maximum", "mean") if data[name] is not None
            }
            data["top"] = [[MASK, count] for _, count in self.top]
        return data


class Profiler:
    """Gathers the profile of all columns, batch by batch."""

    def __init__(self, schema: TableSchema, sensitive: Collection[str] = ()) -> None:
        self._columns = [_Column(c.name, c.type.kind) for c in schema]
        self._types = {c.name: str(c.type) for c in schema}
        self._sensitive = sensitive
        self.rows = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Take the rows of a batch into account."""
        self.rows += batch.num_rows
        for column in self._columns:
            column.add(batch.column(column.name))

    def profile(self) -> tuple[ColumnProfile, ...]:
        """Return the profile of each column, in order."""
        return tuple(
            column.profile(self._types[column.name], is_sensitive=column.name in self._sensitive)
            for column in self._columns
        )


class _Column:
    def __init__(self, name: str, kind: Kind) -> None:
        self.name = name
        self._kind = kind
        self._measure = Measure()
        self._counts: Counter[Any] = Counter()
        self._is_counted = True
        self._bounds: list[Any] = []
        self._lengths: list[int] = []

    def add(self, values: pa.Array) -> None:
        """Take values into account."""
        found = measure(values, is_newest=False, is_counted=True)
        self._measure = self._measure.plus(found)
        known = pc.drop_null(values)
        if not len(known):
            return
        for pair in pc.value_counts(known).to_pylist():
            self._counts[pair["values"]] += pair["counts"]
        if len(self._counts) > MAX_COUNTED:
            self._counts = Counter(dict(self._counts.most_common(MAX_COUNTED // 10)))
            self._is_counted = False
        if self._kind not in (Kind.JSON, Kind.BINARY, Kind.BOOL):
            self._bounds = _ends([*self._bounds, *pc.min_max(known).as_py().values()])
        if self._kind in (Kind.TEXT, Kind.BINARY):
            measured = pc.binary_length if self._kind is Kind.BINARY else pc.utf8_length
            self._lengths = _ends([*self._lengths, *pc.min_max(measured(known)).as_py().values()])

    def profile(self, type_: str, *, is_sensitive: bool) -> ColumnProfile:
        """Return what was found."""
        minimum, maximum = self._bounds or (None, None)
        shortest, longest = self._lengths or (None, None)
        found = self._measure
        return ColumnProfile(
            name=self.name,
            type=type_,
            rows=found.rows,
            nulls=found.nulls,
            distinct=len(self._counts) if self._is_counted else found.distinct,
            is_exact=self._is_counted or len(found.hashes) < SKETCH_HASHES,
            minimum=minimum,
            maximum=maximum,
            mean=found.mean if found.numbers else None,
            shortest=shortest,
            longest=longest,
            top=tuple((str(shown(v)), n) for v, n in self._counts.most_common(TOP)),
            values=self._values(),
            is_sensitive=is_sensitive,
        )

    def _values(self) -> tuple[str, ...]:
        is_few = self._is_counted and len(self._counts) <= MAX_LISTED
        return tuple(sorted(self._counts)) if is_few and self._kind is Kind.TEXT else ()


def _ends(values: list[Any]) -> list[Any]:
    return [min(values), max(values)]


def suggested(
    profile: Collection[ColumnProfile], *, key: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Return checks that the profiled rows pass, as a table file has them.

    They say what was seen, not what must be: somebody has to decide. The key needs none of its own.
    """
    full = [c.name for c in profile if c.rows and not c.nulls and c.name not in key]
    checks: list[dict[str, Any]] = [{"check": "not_null", "columns": full}] if full else []
    for column in profile:
        if column.name not in key and not column.is_sensitive:
            checks += _of(column)
    return checks


def _of(column: ColumnProfile) -> Iterator[dict[str, Any]]:
    kind = column.type.partition("(")[0]
    known = column.rows - column.nulls
    is_repeated = known >= MIN_ROWS
    if is_repeated and column.is_exact and column.distinct == known and kind != Kind.FLOAT64:
        yield {"check": "unique", "columns": [column.name], "severity": "warn"}
    if kind in _NUMBERS and known and column.minimum != column.maximum:
        bounds = {"min": plain(column.minimum), "max": plain(column.maximum)}
        yield {"check": "range", "column": column.name, **bounds, "severity": "warn"}
    if isinstance(column.minimum, date) and is_repeated:
        yield {"check": "range", "column": column.name, "min": shown(column.minimum)}
    if kind != Kind.TEXT or not is_repeated:
        return
    if column.values:
        yield {"check": "in_set", "column": column.name, "values": list(column.values)}
    elif column.longest:
        bounds = {"min": column.shortest, "max": column.longest}
        yield {"check": "length", "column": column.name, **bounds, "severity": "warn"}
