"""Row checks over Arrow batches: which rows break them. Native code, column by column.

NULL breaks no check but ``not_null``: what is not known is not wrong.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from shared.checks import conditions
from shared.checks.values import stated
from shared.config.checks import (
    Check,
    DriftCheck,
    FreshnessCheck,
    InSet,
    Length,
    NotNull,
    Pattern,
    Predicate,
    Range,
    RowCheck,
    SqlCheck,
)
from shared.config.tables import TableConfig
from shared.core import expressions
from shared.core.schemas import Kind, TableSchema
from shared.errors import InvalidConfigError
from shared.stage.arrow import arrow_schema

FindBad = Callable[[pa.RecordBatch], pa.Array]
"""Returns for each row of a batch whether it breaks a check; NULL and false: it does not."""

_TEMPORAL = frozenset({Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ})
_NOT_COMPARABLE = frozenset({Kind.JSON})


@dataclass(frozen=True, slots=True)
class Rule:
    """One row check, made ready for the columns of a run."""

    check: RowCheck
    find_bad: FindBad
    says: str
    """What is wrong with a row that breaks it, after the names of its columns."""


def rules(checks: Sequence[Check], schema: TableSchema) -> list[Rule]:
    """Return the row checks among a table's, ready for the columns of a run.

    Raises:
        InvalidConfigError: a check names no column, or asks of it what its type cannot be asked.
    """
    fields = arrow_schema(schema)
    return [_rule(check, fields) for check in checks if isinstance(check, RowCheck)]


def require_checkable(config: TableConfig, schema: TableSchema) -> None:
    """Make sure that a table's checks, and what it says of columns, suit the columns of a run.

    Raises:
        InvalidConfigError: a check names no column, or asks of it what its type cannot be asked.
    """
    for check in config.checks:
        _require_columns(f"check {check.title} of {config.name}", check.of, schema)
        _require_type(config.name, check, schema)
    arriving = [name for name in config.columns if name not in config.dropped]
    _require_columns(f"columns of {config.name}", arriving, schema)
    rules(config.checks, schema)


def _require_columns(what: str, names: Sequence[str], schema: TableSchema) -> None:
    if strangers := [name for name in names if name not in schema.names]:
        raise InvalidConfigError(
            f"{what} names {', '.join(strangers)}, but the columns are {', '.join(schema.names)}"
        )


def _require_type(table: str, check: Check, schema: TableSchema) -> None:
    kinds = {name: schema.column(name).type.kind for name in check.of}
    if isinstance(check, FreshnessCheck) and kinds[check.column] not in _TEMPORAL:
        raise InvalidConfigError(
            f"check {check.title} of {table}: {check.column} is {kinds[check.column]}, which "
            "measures no time; name a date, timestamp or timestamptz"
        )
    is_compared = isinstance(check, SqlCheck | DriftCheck)
    if is_compared and (odd := [n for n, k in kinds.items() if k in _NOT_COMPARABLE]):
        raise InvalidConfigError(
            f"check {check.title} of {table}: {', '.join(odd)} is json, whose values have no one "
            "form to compare them by"
        )


def _rule(check: RowCheck, fields: pa.Schema) -> Rule:
    empty = pa.RecordBatch.from_pylist([], schema=fields)
    try:
        find_bad, says = _made(check, fields)
        find_bad(empty)
    except (ValueError, KeyError, pa.ArrowException) as exc:
        why = str(exc).partition("\n")[0]
        kinds = ", ".join(f"{n} is {fields.field(n).type}" for n in check.of if n in fields.names)
        raise InvalidConfigError(
            f"check {check.title} cannot be made of these columns ({kinds}): {why}"
        ) from exc
    return Rule(check, find_bad, says)


def _made(check: RowCheck, fields: pa.Schema) -> tuple[FindBad, str]:
    if isinstance(check, NotNull):
        return _not_null(check), "is NULL"
    if isinstance(check, Predicate):
        parsed = expressions.parse(check.sql)
        return lambda batch: pc.invert(conditions.holds(parsed, batch)), f"breaks {check.sql}"
    kind = fields.field(check.column).type
    if isinstance(check, Range):
        return _range(check, kind), f"is not {_between(check.min, check.max)}"
    if isinstance(check, Length):
        return _length(check, kind), f"has a length not {_between(check.min or None, check.max)}"
    if isinstance(check, Pattern):
        return _pattern(check), f"does not match {check.matches}"
    return _in_set(check, kind), "is none of the listed values"


def _not_null(check: NotNull) -> FindBad:
    def find_bad(batch: pa.RecordBatch) -> pa.Array:
        return reduce(pc.or_, [pc.is_null(batch.column(name)) for name in check.columns])

    return find_bad


def _range(check: Range, kind: pa.DataType) -> FindBad:
    low, high = (None if b is None else stated(b, kind) for b in (check.min, check.max))
    return lambda batch: _outside(batch.column(check.column), low, high)


def _length(check: Length, kind: pa.DataType) -> FindBad:
    measure = pc.binary_length if pa.types.is_binary(kind) else pc.utf8_length
    high = None if check.max is None else pa.scalar(check.max)
    return lambda batch: _outside(measure(batch.column(check.column)), pa.scalar(check.min), high)


def _pattern(check: Pattern) -> FindBad:
    pc.match_substring_regex(pa.array([""]), check.matches)  # no text, no look at the pattern
    return lambda batch: pc.invert(
        pc.match_substring_regex(batch.column(check.column), check.matches)
    )


def _in_set(check: InSet, kind: pa.DataType) -> FindBad:
    choices = pa.array([stated(value, kind).cast(kind).as_py() for value in check.values], kind)

    def find_bad(batch: pa.RecordBatch) -> pa.Array:
        values = batch.column(check.column)
        return pc.and_(pc.is_valid(values), pc.invert(pc.is_in(values, value_set=choices)))

    return find_bad


def _outside(values: pa.Array, low: Any, high: Any) -> pa.Array:
    # Not "less or greater": NaN is neither, and within no range.
    sides = []
    if low is not None:
        sides.append(pc.greater_equal(values, low))
    if high is not None:
        sides.append(pc.less_equal(values, high))
    return pc.invert(reduce(pc.and_, sides))


def _between(low: object, high: object) -> str:
    if low is None or high is None:
        return f"at most {high}" if low is None else f"at least {low}"
    return f"between {low} and {high}"
