"""SQL Server's errors, and which of PostgreSQL's stand for which.

Source of the numbers: Microsoft Learn, "Database engine events and errors".
"""

from __future__ import annotations

from typing import Any

from pg8000.exceptions import DatabaseError

LOGIN_FAILED = 18456
CANCELLED = -2
DEADLOCK = 1205

# PostgreSQL's SQLSTATE -> number, severity, start of the text.
_NUMBERS = {
    "22001": (2628, 16, "String or binary data would be truncated"),
    "22003": (8115, 16, "Arithmetic overflow error converting expression to data type"),
    "22007": (241, 16, "Conversion failed when converting date and/or time from string"),
    "22008": (242, 16, "The conversion resulted in an out-of-range value"),
    "22012": (8134, 16, "Divide by zero error encountered"),
    "22P02": (245, 16, "Conversion failed"),
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
    "42883": (195, 15, "Not a recognized function, or not for these types"),
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
    """Return what SQL Server would say; 50000 with PostgreSQL's text where that is not known."""
    fields: dict[str, Any] = error.args[0] if isinstance(error.args[0], dict) else {}
    state, text = fields.get("C", ""), fields.get("M", str(error))
    number, severity, start = _NUMBERS.get(state, (50000, 16, "PostgreSQL"))
    name = fields.get("n") or fields.get("c") or ""
    return SqlServerError(number, f"{start}: {name + ': ' if name else ''}{text}.", severity)
