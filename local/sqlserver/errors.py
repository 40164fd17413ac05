"""SQL Server's errors, and which of PostgreSQL's stand for which.

Source of the numbers: Microsoft Learn, "Database engine events and errors".
"""

from __future__ import annotations

from typing import Any

from pg8000.exceptions import DatabaseError

LOGIN_FAILED = 18456
CANCELLED = -2
DEADLOCK = 1205
DUPLICATE_IN_CONSTRAINT, DUPLICATE_IN_INDEX = 2627, 2601

# After these the batch goes on with its next statement, unless XACT_ABORT is on.
ENDS_STATEMENT_ONLY = frozenset(
    {220, 515, 547, 1222, 1505, 2601, 2627, 2628, 2714, 3902, 3903, 8115, 8134}
)

# PostgreSQL's SQLSTATE -> number, severity, start of the text.
_NUMBERS = {
    "22001": (2628, 16, "String or binary data would be truncated"),
    "22003": (8115, 16, "Arithmetic overflow error converting expression to data type"),
    "22007": (241, 16, "Conversion failed when converting date and/or time from character string"),
    "22008": (241, 16, "Conversion failed when converting date and/or time from character string"),
    "22012": (8134, 16, "Divide by zero error encountered"),
    "22023": (8114, 16, "Error converting data type"),
    "22P02": (245, 16, "Conversion failed when converting the value to data type"),
    "22P05": (50000, 16, "The local cloud cannot keep U+0000 in JSON"),
    "23502": (515, 16, "Cannot insert the value NULL into column"),
    "23503": (547, 16, "The statement conflicted with a FOREIGN KEY constraint"),
    "23505": (2627, 14, "Violation of PRIMARY KEY or UNIQUE KEY constraint"),
    "23514": (547, 16, "The statement conflicted with a CHECK constraint"),
    "3D000": (911, 16, "Database does not exist"),
    "3F000": (2760, 16, "The specified schema name does not exist"),
    "40001": (3960, 16, "Snapshot isolation transaction aborted due to update conflict"),
    "40P01": (DEADLOCK, 13, "Transaction was deadlocked on lock resources with another process"),
    "42601": (102, 15, "Incorrect syntax"),
    "42701": (2705, 16, "Column names in each table must be unique"),
    "42703": (207, 16, "Invalid column name"),
    "42804": (206, 16, "Operand type clash"),
    "42846": (529, 16, "Explicit conversion is not allowed"),
    "42883": (402, 16, "The data types are incompatible in the operator or function"),
    "42P01": (208, 16, "Invalid object name"),
    "42P04": (1801, 16, "Database already exists"),
    "42P06": (2714, 16, "There is already an object with this name in the database"),
    "42P07": (2714, 16, "There is already an object with this name in the database"),
    "55P03": (1222, 16, "Lock request time out period exceeded"),
    "57014": (CANCELLED, 16, "The statement was cancelled"),
}


class SqlServerError(Exception):
    """What a client is told: number, severity ("class") and text."""

    def __init__(self, number: int, message: str, severity: int = 16) -> None:
        """Keep the three."""
        super().__init__(message)
        self.number = number
        self.severity = severity


def from_postgres(error: DatabaseError) -> SqlServerError:
    """Return what SQL Server would say; 50000 with PostgreSQL's text where that is not known.

    A duplicate is always 2627: whether a constraint or an index forbids it, the error does not say.
    """
    fields: dict[str, Any] = error.args[0] if isinstance(error.args[0], dict) else {}
    state, text = fields.get("C", ""), fields.get("M", str(error))
    number, severity, start = _NUMBERS.get(state, (50000, 16, "PostgreSQL"))
    if state == "22P02" and "numeric" in text:
        number = 8114
    elif state == "22P02" and "uuid" in text:
        number = 8169
    elif state == "23505" and text.startswith("could not create unique index"):
        number, severity = 1505, 16
    elif state == "23514" and fields.get("d") == "tinyint":
        number, start = 220, "Arithmetic overflow error for data type tinyint"
    detail = fields.get("D", "")
    name = fields.get("n") or fields.get("c") or ""
    return SqlServerError(
        number, f"{start}{f' {name!r}' if name else ''}: {text}. {detail}".rstrip(), severity
    )


def constraint_of(error: DatabaseError) -> tuple[str, str] | None:
    """Return schema and name of what forbids a duplicate; None when the error is another."""
    fields = error.args[0]
    if not isinstance(fields, dict) or fields.get("C") != "23505" or "n" not in fields:
        return None
    return fields.get("s", ""), fields["n"]
