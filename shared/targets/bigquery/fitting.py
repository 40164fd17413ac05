"""Whether an existing table can hold the columns of a run, and what mends it if not."""

from collections.abc import Callable

from shared.core.schemas import Column, DataType
from shared.errors import SchemaConflictError

Advise = Callable[[list[Column], list[Column]], str]
"""Returns the statements that add the missing columns and change the narrow ones."""


def require(
    table: str,
    existing: dict[str, str],
    columns: list[Column],
    holds: Callable[[str, DataType], bool],
    advise: Advise,
) -> None:
    """Check that an existing table can hold the columns of a run.

    Args:
        table: qualified.
        existing: its columns with their types, as the catalogue writes them.
        columns: the run's.
        holds: whether a column of a type keeps every value of another as it is.
        advise: what mends it.

    Raises:
        SchemaConflictError: columns are missing, or have types that would alter values.
    """
    missing = [c for c in columns if c.name not in existing]
    narrow = [c for c in columns if c.name in existing and not holds(existing[c.name], c.type)]
    if not (missing or narrow):
        return
    found = [f"{c.name} is missing" for c in missing]
    found += [f"{c.name} is {existing[c.name]}" for c in narrow]
    raise SchemaConflictError(
        f"table {table} cannot hold the run's columns unaltered: {'; '.join(found)}. "
        f"Run {advise(missing, narrow)}",
        table=table,
    )
