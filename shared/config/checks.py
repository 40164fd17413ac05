"""What a table file may ask of its data: ``checks``, one model per kind. See docs/checks.md."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from shared.config.base import StrictModel, distinct
from shared.config.times import Duration
from shared.core import expressions, naming
from shared.core.checks import Severity
from shared.wire import is_stored

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _plain(value: Any) -> Any:
    """Turn what YAML makes of an unquoted date back into text."""
    return value.isoformat(" ") if isinstance(value, datetime) else _day(value)


def _day(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _no_switch(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"{value} is neither a number nor a text; texts like 'no' need quotes")
    return value


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as exc:
        raise ValueError(f"{text!r} is no regular expression: {exc}") from exc
    return text


def _condition(text: str) -> str:
    if not expressions.columns(expressions.parse(text)):
        raise ValueError(f"the condition {text!r} names no column")
    return text


def _not_by_rows(severity: Severity) -> Severity:
    if severity is Severity.QUARANTINE:
        raise ValueError("quarantine is for checks of single rows; write fail or warn")
    return severity


def _table_name(name: str) -> str:
    if not naming.TABLE_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a table name")
    return name


def _are_comparable(low: object, high: object) -> bool:
    """Say whether two bounds have an order by themselves: both numbers, or both days."""
    if isinstance(low, str) and isinstance(high, str):
        return bool(_DAY.fullmatch(low) and _DAY.fullmatch(high))
    return isinstance(low, int | float) and isinstance(high, int | float)


def _require_order(low: Any, high: Any, info: ValidationInfo) -> None:
    if not is_stored(info) and None not in (low, high) and low > high:
        raise ValueError(f"min {low} is more than max {high}, so nothing passes; exchange them")


Bound = Annotated[int | float | str, BeforeValidator(_no_switch), BeforeValidator(_plain)]
"""A number, a date or a moment, or a text."""

Value = Annotated[bool | int | float | str, BeforeValidator(_plain)]
ColumnName = Annotated[str, Field(min_length=1)]
Columns = Annotated[list[ColumnName], Field(min_length=1, max_length=32), AfterValidator(distinct)]
Percent = Annotated[float, Field(ge=0, le=100)]
LoudOrQuiet = Annotated[Severity, AfterValidator(_not_by_rows)]

QUARANTINE_PERCENT = 10.0
"""A run that would set aside a larger share of its rows stops, unless its check says otherwise."""


class _Check(StrictModel):
    """What all checks have."""

    name: str | None = Field(default=None, min_length=1, max_length=200)
    """What records call it; absent: its kind with its columns."""

    @property
    def of(self) -> list[str]:
        """The columns that it looks at."""
        return []

    @property
    def title(self) -> str:
        """What records call the check; each of a table's has a title of its own."""
        kind: str = getattr(self, "check")  # noqa: B009 - each kind declares its own literal
        return self.name or (f"{kind}({', '.join(self.of)})" if self.of else kind)


class _RowCheck(_Check):
    """A check that each row passes or breaks by itself."""

    severity: Severity = Severity.FAIL
    max_percent: Percent | None = None
    """The share of a run's rows that may break it; absent: 0 for ``fail``, 10 to quarantine."""

    @property
    def allowed_percent(self) -> float:
        """The share of rows above which the run stops."""
        if self.max_percent is not None:
            return self.max_percent
        usual = {Severity.FAIL: 0.0, Severity.QUARANTINE: QUARANTINE_PERCENT}
        return usual.get(self.severity, 100.0)


class _ColumnCheck(_RowCheck):
    column: ColumnName

    @property
    def of(self) -> list[str]:
        """The column."""
        return [self.column]


class NotNull(_RowCheck):
    """No column of these is NULL."""

    check: Literal["not_null"]
    columns: Columns

    @property
    def of(self) -> list[str]:
        """The columns."""
        return self.columns


class Range(_ColumnCheck):
    """Values lie between two bounds, both included."""

    check: Literal["range"]
    min: Bound | None = None
    max: Bound | None = None

    @model_validator(mode="after")
    def _has_a_bound(self, info: ValidationInfo) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("range needs min, max, or both")
        if _are_comparable(self.min, self.max):
            _require_order(self.min, self.max, info)
        return self


class Length(_ColumnCheck):
    """Texts have so many characters, binary values so many bytes."""

    check: Literal["length"]
    min: int = Field(default=0, ge=0)
    max: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _has_an_order(self, info: ValidationInfo) -> Self:
        _require_order(self.min, self.max, info)
        return self


class Pattern(_ColumnCheck):
    """A regular expression is found in each text; ``^`` and ``$`` tie it to both ends."""

    check: Literal["pattern"]
    matches: Annotated[str, Field(min_length=1), AfterValidator(_pattern)]


class InSet(_ColumnCheck):
    """Values are some of these."""

    check: Literal["in_set"]
    values: list[Value] = Field(min_length=1, max_length=10_000)


class Predicate(_RowCheck):
    """A condition is not false."""

    check: Literal["predicate"]
    sql: Annotated[str, Field(max_length=4_000), AfterValidator(_condition)]

    @property
    def of(self) -> list[str]:
        """The columns of the condition."""
        return expressions.columns(expressions.parse(self.sql))


class Unique(_Check):
    """No two rows of the table have the same values in these columns."""

    check: Literal["unique"]
    columns: Columns
    severity: LoudOrQuiet = Severity.FAIL

    @property
    def of(self) -> list[str]:
        """The columns."""
        return self.columns


class References(_Check):
    """The values of these columns stand in a row of another table."""

    check: Literal["references"]
    columns: Columns
    table: Annotated[str, AfterValidator(_table_name)]
    to: Columns | None = None
    """The columns there, in the same order; absent: those of the same names."""
    severity: LoudOrQuiet = Severity.FAIL

    @property
    def of(self) -> list[str]:
        """The columns."""
        return self.columns

    @property
    def title(self) -> str:
        """What records call the check."""
        return self.name or f"references({', '.join(self.columns)}: {self.table})"

    @model_validator(mode="after")
    def _as_many_there(self) -> Self:
        if self.to is not None and len(self.to) != len(self.columns):
            raise ValueError("to needs as many columns as columns has")
        return self


class Rows(_Check):
    """A run stages so many rows, or about as many as those before it."""

    check: Literal["rows"]
    min: int | None = Field(default=None, ge=0)
    max: int | None = Field(default=None, ge=0)
    max_change_percent: float | None = Field(default=None, ge=0)
    """How far the number may be from the median of the last runs' numbers."""
    runs: int = Field(default=10, ge=3, le=100)
    severity: LoudOrQuiet = Severity.FAIL

    @model_validator(mode="after")
    def _limits_something(self, info: ValidationInfo) -> Self:
        if self.min is None and self.max is None and self.max_change_percent is None:
            raise ValueError("rows needs min, max or max_change_percent")
        _require_order(self.min, self.max, info)
        return self


class FreshnessCheck(_Check):
    """The newest value of a column was not older than this at the snapshot."""

    check: Literal["freshness"]
    column: ColumnName
    max_age: Duration
    severity: LoudOrQuiet = Severity.FAIL

    @property
    def of(self) -> list[str]:
        """The column."""
        return [self.column]


class DriftCheck(_Check):
    """A column's values are about what they were in the last runs."""

    check: Literal["drift"]
    column: ColumnName
    null_points: Percent = 10.0
    """How many percentage points the share of NULLs may be from the median of the last runs'."""
    mean_deviations: float = Field(default=0.5, gt=0)
    """How many standard deviations the mean may be from the median of the last runs' means."""
    distinct_percent: float | None = Field(default=None, gt=0)
    """How far the number of different values may be from the median; absent: they are not counted,
    which takes about a microsecond for each."""
    runs: int = Field(default=10, ge=3, le=100)
    severity: LoudOrQuiet = Severity.WARN

    @property
    def of(self) -> list[str]:
        """The column."""
        return [self.column]


RowCheck = NotNull | Range | Length | Pattern | InSet | Predicate
"""Decided row by row, while rows are staged."""

SqlCheck = Unique | References
"""Decided by the target, over all staged rows, before they are published."""

RunCheck = Rows | FreshnessCheck | DriftCheck
"""Decided by what is known of the whole run, and of those before it."""

KINDS: dict[str, type[StrictModel]] = {
    get_args(kind.model_fields["check"].annotation)[0]: kind
    for kind in (*get_args(RowCheck), *get_args(SqlCheck), *get_args(RunCheck))
}
"""The kinds of checks by their names."""

Check = Annotated[RowCheck | SqlCheck | RunCheck, Field(discriminator="check")]


def require_own_titles(checks: list[Check]) -> None:
    """Make sure that records can tell a table's checks apart.

    Raises:
        ValueError: two have the same title.
    """
    titles = [check.title for check in checks]
    repeated = next((t for t in titles if titles.count(t) > 1), None)
    if repeated:
        raise ValueError(f"two checks are {repeated}; give one of them a name")
