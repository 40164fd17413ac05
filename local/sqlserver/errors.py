"""SQL Server's errors, and which of PostgreSQL's stand for which.

Source of numbers and texts: Microsoft Learn, "Database engine events and errors".
"""

from __future__ import annotations

import re
from typing import Any

from pg8000.exceptions import DatabaseError

LOGIN_FAILED = 18456
CANCELLED = -2
DEADLOCK = 1205

# After these the batch goes on with its next statement, unless XACT_ABORT is on.
ENDS_STATEMENT_ONLY = frozenset(
    {220, 515, 547, 1222, 1505, 2601, 2627, 2628, 2714, 3902, 3903, 8115, 8134}
)

_DUPLICATE_IN_CONSTRAINT = (
    "Violation of PRIMARY KEY or UNIQUE KEY constraint '{name}'. Cannot insert duplicate key in "
    "object '{schema}.{table}'. The duplicate key value is {value}."
)
_DUPLICATE_IN_INDEX = (
    "Cannot insert duplicate key row in object '{schema}.{table}' with unique index '{name}'. "
    "The duplicate key value is {value}."
)
_DUPLICATES_FOUND = (
    "The CREATE UNIQUE INDEX statement terminated because a duplicate key was found for the object "
    "name '{schema}.{table}' and the index name '{name}'. The duplicate key value is {value}."
)
_DEADLOCK_VICTIM = (
    "Transaction was deadlocked on lock resources with another process and has been chosen as the "
    "deadlock victim. Rerun the transaction."
)
_NULL = "Cannot insert the value NULL into column '{column}', table '{schema}.{table}'; "

# PostgreSQL's SQLSTATE -> number, severity, text. Its own message is {message}, what that has in
# quotation marks {first} and {last}.
_ERRORS = {
    "22001": (2628, 16, "String or binary data would be truncated. {message}"),
    "22003": (8115, 16, "Arithmetic overflow error converting expression to data type. {message}"),
    "22007": (241, 16, "Conversion failed when converting date and/or time from character string."),
    "22008": (241, 16, "Conversion failed when converting date and/or time from character string."),
    "22012": (8134, 16, "Divide by zero error encountered."),
    "22023": (8114, 16, "Error converting data type. {message}"),
    "22P02": (245, 16, "Conversion failed when converting the value '{last}'. {kind}"),
    "22P05": (50000, 16, "The local cloud cannot keep U+0000 in JSON."),
    "23502": (515, 16, _NULL + "column does not allow nulls."),
    "23503": (547, 16, "The statement conflicted with the FOREIGN KEY constraint '{name}'."),
    "23505": (2627, 14, _DUPLICATE_IN_CONSTRAINT),
    "23514": (547, 16, "The statement conflicted with the CHECK constraint '{name}'."),
    "3D000": (911, 16, "Database '{first}' does not exist."),
    "3F000": (2760, 16, 'The specified schema name "{first}" does not exist.'),
    "40001": (3960, 16, "Snapshot isolation transaction aborted due to update conflict."),
    "40P01": (DEADLOCK, 13, _DEADLOCK_VICTIM),
    "42601": (102, 15, "Incorrect syntax near '{first}'. {message}"),
    "42701": (2705, 16, "Column names in each table must be unique: '{first}'."),
    "42703": (207, 16, "Invalid column name '{first}'. {message}"),
    "42804": (206, 16, "Operand type clash: {message}"),
    "42846": (529, 16, "Explicit conversion is not allowed: {message}"),
    "42883": (402, 16, "The data types are incompatible in the operator or function: {message}"),
    "42P01": (208, 16, "Invalid object name '{first}'."),
    "42P04": (1801, 16, "Database '{first}' already exists. Choose a different database name."),
    "42P06": (2714, 16, "There is already an object named '{first}' in the database."),
    "42P07": (2714, 16, "There is already an object named '{first}' in the database."),
    "55P03": (1222, 16, "Lock request time out period exceeded."),
    "57014": (CANCELLED, 16, "The statement was cancelled."),
}
_UNKNOWN = (50000, 16, "PostgreSQL: {message}")
_QUOTED = re.compile(r'"((?:[^"]|"")*)"')
_DUPLICATE_VALUE = re.compile(r"\)=(\(.*\)) ", re.DOTALL)


class SqlServerError(Exception):
    """What a client is told: number, severity ("class") and text."""

    def __init__(self, number: int, message: str, severity: int = 16) -> None:
        """Keep the three."""
        super().__init__(message)
        self.number = number
        self.severity = severity


def from_postgres(error: DatabaseError, *, is_index: bool = False) -> SqlServerError:
    """Return what SQL Server would say; 50000 with PostgreSQL's text where that is not known.

    Args:
        error: PostgreSQL's.
        is_index: whether a duplicate is one in an index that is not a constraint's.
    """
    fields: dict[str, Any] = error.args[0] if isinstance(error.args[0], dict) else {}
    state, message = fields.get("C", ""), fields.get("M", str(error))
    number, severity, text = _ERRORS.get(state, _UNKNOWN)
    if state == "23505":
        number, severity, text = _duplicate(message, is_index=is_index)
    elif state == "22P02" and "numeric" in message:
        number = 8114
    elif state == "22P02" and "uuid" in message:
        number = 8169
    elif state == "42883" and message.startswith("function"):
        number, severity, text = 195, 15, "Not a recognized built-in function: {message}"
    elif state == "23514" and fields.get("d") == "tinyint":
        number, text = 220, "Arithmetic overflow error for data type tinyint."
    quoted = _QUOTED.findall(message) or [""]
    value = _DUPLICATE_VALUE.search(fields.get("D", ""))
    return SqlServerError(
        number,
        text.format(
            message=message,
            first=quoted[0],
            last=quoted[-1],
            kind=message.partition(":")[0],
            value=value[1] if value else "unknown",
            name=fields.get("n", ""),
            column=fields.get("c", ""),
            schema=fields.get("s", ""),
            table=fields.get("t", ""),
        ).rstrip(),
        severity,
    )


def constraint_of(error: DatabaseError) -> tuple[str, str] | None:
    """Return schema and name of what forbids a duplicate; None when the error is another."""
    fields = error.args[0]
    if not isinstance(fields, dict) or fields.get("C") != "23505" or "n" not in fields:
        return None
    return fields.get("s", ""), fields["n"]


def _duplicate(message: str, *, is_index: bool) -> tuple[int, int, str]:
    if message.startswith("could not create unique index"):
        return 1505, 16, _DUPLICATES_FOUND
    if is_index:
        return 2601, 14, _DUPLICATE_IN_INDEX
    return 2627, 14, _DUPLICATE_IN_CONSTRAINT
