"""What a condition of ``core.expressions`` means, over the columns of a batch.

Comparisons with NULL are NULL, as in SQL. Arithmetic is that of floats.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from shared.checks.values import as_type
from shared.core.expressions import Expression, Literal, Name

Value = Any
"""An Arrow array, or a scalar."""

_COMPARE: dict[str, Callable[[Value, Value], Value]] = {
    "=": pc.equal,
    "<>": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
_COMPUTE: dict[str, Callable[[Value, Value], Value]] = {
    "+": pc.add,
    "-": pc.subtract,
    "*": pc.multiply,
    "/": pc.divide,
}
_CALL: dict[str, Callable[..., Value]] = {
    "AND": pc.and_kleene,
    "OR": pc.or_kleene,
    "NOT": pc.invert,
    "IS NULL": pc.is_null,
    "length": pc.utf8_length,
    "lower": pc.utf8_lower,
    "upper": pc.utf8_upper,
    "trim": pc.utf8_trim_whitespace,
    "abs": pc.abs,
    "coalesce": pc.coalesce,
}


def evaluate(expression: Expression, batch: pa.RecordBatch) -> Value:
    """Return what an expression is for each row of a batch; a scalar if it is the same for all.

    Raises:
        KeyError: it names a column that the batch does not have.
        ValueError: a text stands where it is no value of the type that it is compared with.
        pyarrow.ArrowException: an operation is not for values of such types.
    """
    if isinstance(expression, Literal):
        return pa.scalar(expression.value)
    if isinstance(expression, Name):
        return batch.column(expression.name)
    values = [evaluate(argument, batch) for argument in expression.arguments]
    return _called(expression.operation, values)


def holds(expression: Expression, batch: pa.RecordBatch) -> pa.Array:
    """Return for each row whether a condition is true, false, or NULL."""
    found = evaluate(expression, batch)
    if isinstance(found, pa.Scalar):
        found = pa.array([found.as_py()] * batch.num_rows, pa.bool_())
    if not pa.types.is_boolean(found.type):
        raise ValueError(f"it is {found.type}, not true or false")
    return found


def _called(operation: str, values: Sequence[Value]) -> Value:
    if operation in _COMPARE:
        left, right = _alike(values[0], values[1])
        return _COMPARE[operation](left, right)
    if operation in _COMPUTE:
        return _COMPUTE[operation](_number(values[0]), _number(values[1]))
    if operation == "IN":
        return _is_among(values[0], values[1:])
    if operation == "LIKE":
        return pc.match_like(values[0], values[1].as_py())
    if operation == "||":
        return pc.binary_join_element_wise(values[0], values[1], "")
    return _CALL[operation](*values)


def _is_among(value: Value, choices: Sequence[Value]) -> Value:
    found = pa.scalar(False)  # noqa: FBT003 - a value
    for choice in choices:
        found = pc.or_kleene(found, _called("=", (value, choice)))
    return found


def _alike(left: Value, right: Value) -> tuple[Value, Value]:
    """Read a stated text as a value of the other side's type."""
    if _is_stated_text(left) and not _is_text(right):
        return as_type(left, right.type), right
    if _is_stated_text(right) and not _is_text(left):
        return left, as_type(right, left.type)
    return left, right


def _is_stated_text(value: Value) -> bool:
    return isinstance(value, pa.Scalar) and _is_text(value)


def _is_text(value: Value) -> bool:
    return bool(pa.types.is_string(value.type) or pa.types.is_null(value.type))


def _number(value: Value) -> Value:
    if pa.types.is_temporal(value.type) or pa.types.is_string(value.type):
        raise ValueError(f"there is no arithmetic with {value.type}")
    return pc.cast(value, pa.float64(), safe=False)
