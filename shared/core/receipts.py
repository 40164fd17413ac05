"""The receipt: what a run's rows were at the source, staged and in the target, and whether it fits.

Each of the three points is a ``Point``: the number of rows, and per column facts that do not depend
on the order of rows, so that points of parts add up to the point of their run. Engines know
different facts; two points are compared by those that both have. docs/receipt.md says what the
number and the fingerprint of a value are, type by type.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import reduce

from shared.errors import MismatchError

FINGERPRINT_BITS = 64
"""Fingerprints are sums modulo 2 to this power, written as hexadecimal digits."""

_DIGITS = FINGERPRINT_BITS // 4

_ENDS = ("minimum", "maximum")

MAX_NAMED = 5
"""An error names so many differences; the receipt has all."""


class Verdict(StrEnum):
    """What a receipt proves."""

    VERIFIED = "verified"
    MISMATCH = "mismatch"
    UNVERIFIABLE = "unverifiable"
    """Nothing differs, but a comparison was not possible; the reason says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnFacts:
    """What is known of a column's values at one point; None is what nobody asked for.

    ``total``, ``minimum`` and ``maximum`` are of the values' numbers: exact whole numbers, as text
    because sums outgrow 64 bits. The number of a text is its length in bytes of UTF-8, and
    ``units`` and ``characters`` the sums of their lengths in units of UTF-16 and in characters.
    ``minimum`` and ``maximum`` are empty texts where there is no number at all.
    """

    name: str
    nulls: int | None = None
    total: str | None = None
    minimum: str | None = None
    maximum: str | None = None
    units: int | None = None
    characters: int | None = None
    fingerprint: str | None = None
    """Sum of the values' hashes."""

    def __add__(self, other: "ColumnFacts") -> "ColumnFacts":
        """Return the facts of both together; what one of them lacks is not known of both."""
        return ColumnFacts(
            name=self.name,
            nulls=_plus(self.nulls, other.nulls),
            total=_total(self.total, other.total),
            minimum=_extreme(min, self.minimum, other.minimum),
            maximum=_extreme(max, self.maximum, other.maximum),
            units=_plus(self.units, other.units),
            characters=_plus(self.characters, other.characters),
            fingerprint=_fingerprint(self.fingerprint, other.fingerprint),
        )


MEASURES = ("nulls", "total", "minimum", "maximum", "units", "characters", "fingerprint")
"""Facts of a column, in the order in which differences name them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The rows of a run at one point. ``fingerprint`` is the sum of the hashes of whole rows."""

    rows: int
    columns: tuple[ColumnFacts, ...] = ()
    fingerprint: str | None = None

    def __add__(self, other: "Point") -> "Point":
        """Return the point of the rows of both; columns that one of them lacks are left out."""
        if not self.rows and not self.columns:
            return other
        if not other.rows and not other.columns:
            return self
        theirs = {column.name: column for column in other.columns}
        return Point(
            rows=self.rows + other.rows,
            columns=tuple(c + theirs[c.name] for c in self.columns if c.name in theirs),
            fingerprint=_fingerprint(self.fingerprint, other.fingerprint),
        )

    @property
    def is_full(self) -> bool:
        """Whether each value counts by its hash, so that any change of one shows."""
        return self.fingerprint is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One fact that is not the same at two points: where, of which column, and both values.

    ``between`` names the points; ``column`` is empty for facts of whole rows.
    """

    between: str
    column: str
    fact: str
    expected: str
    found: str

    def __str__(self) -> str:
        of = f"column {self.column}, {self.fact}" if self.column else self.fact
        return f"{self.between}: {of}: {self.expected} became {self.found}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The proof of a run: how many rows were at each point, and whether they are the same ones.

    ``rows_source`` were at the source inside the window, ``rows_staged`` are in Parquet,
    ``rows_loaded`` reached the target, ``rows_rejected`` are in quarantine. The publish then
    inserted, updated and deleted rows of the table itself. ``evidence`` says how it was found what
    a file is like.

    ``source``, ``staged`` and ``target`` are the points; ``left_out`` has columns that were not
    compared in the target, each with the reason. ``protected`` has columns whose values were
    protected before they were staged, each with what therefore cannot be verified at the source.
    """

    rows_source: int
    rows_staged: int
    rows_loaded: int
    rows_rejected: int
    rows_inserted: int
    rows_updated: int
    rows_deleted: int
    snapshot: str
    is_pinned: bool
    low: str | None
    high: str | None
    notes: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    source: Point | None = None
    staged: Point | None = None
    target: Point | None = None
    measured: str = ""
    """Of which rows of the target ``target`` is."""
    left_out: dict[str, str] = field(default_factory=dict)
    protected: dict[str, str] = field(default_factory=dict)
    verdict: Verdict = Verdict.UNVERIFIABLE
    reason: str = "the run was made by a release that compared counts alone"
    """Why nothing more can be said, if the verdict is unverifiable."""
    differences: tuple[Difference, ...] = ()

    @property
    def adds_up(self) -> bool:
        """Source = staged + rejected, and staged = loaded."""
        return (
            self.rows_source == self.rows_staged + self.rows_rejected
            and self.rows_staged == self.rows_loaded
        )


def combined(points: Iterable[Point]) -> Point:
    """Return the point of the rows of all; of nothing, a point of no rows."""
    return reduce(Point.__add__, points, Point(rows=0))


def differences(
    between: str, expected: Point, found: Point, *, left_out: Collection[str] = ()
) -> tuple[Difference, ...]:
    """Return what differs of the facts that both points have.

    Args:
        between: the names of the points, for people.
        expected: what it should be.
        found: what it is.
        left_out: columns that are not compared; whole rows are then not compared either.
    """
    return tuple(_differences(between, expected, found, left_out))


def judged(
    found: Iterable[Difference], gaps: Iterable[str]
) -> tuple[Verdict, str, tuple[Difference, ...]]:
    """Return the verdict over differences and over what could not be compared, with its reason."""
    differing, missing = tuple(found), tuple(gaps)
    if differing:
        return Verdict.MISMATCH, "", differing
    if missing:
        return Verdict.UNVERIFIABLE, "; ".join(missing), ()
    return Verdict.VERIFIED, "", ()


def mismatch(table: str, run_id: str, found: Collection[Difference], outcome: str) -> MismatchError:
    """Return the error that names what differs.

    Args:
        table: the table's name.
        run_id: the run.
        found: the differences, at least one.
        outcome: what was done about it.
    """
    # Ends of a column are values of rows, which have no place in a log if a sum will do.
    named = [str(each) for each in found if each.fact not in _ENDS] or [str(x) for x in found]
    shown = "; ".join(named[:MAX_NAMED])
    more = f"; and {len(named) - MAX_NAMED} more" if len(named) > MAX_NAMED else ""
    return MismatchError(
        f"the rows of run {run_id} of {table} are not the same ones: {shown}{more}; {outcome}. "
        f"`sluice verify {table} --full` names the rows",
        table=table,
        differences=named[:MAX_NAMED],
    )


def as_fingerprint(number: int) -> str:
    """Return a sum of hashes as a receipt writes it."""
    return f"{number % 2**FINGERPRINT_BITS:0{_DIGITS}x}"


def _differences(
    between: str, expected: Point, found: Point, left_out: Collection[str]
) -> Iterator[Difference]:
    if expected.rows != found.rows:
        yield _difference(between, "", "rows", expected.rows, found.rows)
    theirs = {column.name: column for column in found.columns}
    for mine in expected.columns:
        other = theirs.get(mine.name)
        if other is None or mine.name in left_out:
            continue
        for fact in MEASURES:
            pair = getattr(mine, fact), getattr(other, fact)
            if None not in pair and pair[0] != pair[1]:
                yield _difference(between, mine.name, fact, *pair)
    prints = expected.fingerprint, found.fingerprint
    if not left_out and None not in prints and prints[0] != prints[1]:
        yield _difference(between, "", "fingerprint of whole rows", *prints)


def _difference(
    between: str, column: str, fact: str, expected: object, found: object
) -> Difference:
    return Difference(
        between=between, column=column, fact=fact, expected=str(expected), found=str(found)
    )


def _plus(mine: int | None, other: int | None) -> int | None:
    return None if mine is None or other is None else mine + other


def _total(mine: str | None, other: str | None) -> str | None:
    return None if mine is None or other is None else str(int(mine) + int(other))


def _extreme(choose: Callable[[list[int]], int], mine: str | None, other: str | None) -> str | None:
    if mine is None or other is None:
        return None
    found = [int(text) for text in (mine, other) if text]
    return str(choose(found)) if found else ""


def _fingerprint(mine: str | None, other: str | None) -> str | None:
    return None if mine is None or other is None else as_fingerprint(int(mine, 16) + int(other, 16))
