"""Values as the one text that stands for them: what is hashed, tokenized or masked.

Equal values have equal texts, whatever type their column has at a source, so that a number of one
table and the same number in a text of another still join. docs/tables.md lists the forms.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from shared.core.schemas import Column, Kind


def texts(column: Column, values: pa.Array) -> pa.Array:
    """Return the text of each value; NULL stays NULL."""
    return _TEXTS[column.type.kind](values)


def _as_it_is(values: pa.Array) -> pa.Array:
    return values


def _cast(values: pa.Array) -> pa.Array:
    """Arrow writes times with six digits of a second, and moments in UTC with a ``Z``."""
    return values.cast(pa.string())


def _decimal(values: pa.Array) -> pa.Array:
    found = values.cast(pa.string())
    if pc.any(pc.match_substring(found, "E")).as_py():  # Arrow's form of what is nearly zero
        found = pa.array([_plain(value) for value in values.to_pylist()], pa.string())
    if values.type.scale <= 0:
        return found
    return pc.ascii_rtrim(pc.ascii_rtrim(found, characters="0"), characters=".")


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")


def _float(values: pa.Array) -> pa.Array:
    without_sign_of_zero = pc.add(values, 0.0).to_pylist()
    return pa.array([None if v is None else repr(v) for v in without_sign_of_zero], pa.string())


def _binary(values: pa.Array) -> pa.Array:
    return pa.array([None if v is None else v.hex() for v in values.to_pylist()], pa.string())


_TEXTS: dict[Kind, Callable[[pa.Array], Any]] = {
    Kind.BOOL: _cast,
    Kind.INT64: _cast,
    Kind.DECIMAL: _decimal,
    Kind.FLOAT64: _float,
    Kind.TEXT: _as_it_is,
    Kind.BINARY: _binary,
    Kind.DATE: _cast,
    Kind.TIME: _cast,
    Kind.TIMESTAMP: _cast,
    Kind.TIMESTAMPTZ: _cast,
    Kind.JSON: _as_it_is,
}
