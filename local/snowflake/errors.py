"""Snowflake's errors: what the engine raises and the wire carries as code, SQLSTATE and message.

The numbers are the ones that clients branch on; texts follow Snowflake's wording, with the words of
the SQL engine underneath where Snowflake's own are not known. Source: the error codes that
Snowflake's documentation and public drivers quote; each constructor names one.
"""

from __future__ import annotations

import re

import duckdb


class SnowflakeError(Exception):
    """A statement or request was refused; `code` and `sqlstate` are what the client shows."""

    def __init__(self, code: int, sqlstate: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.sqlstate = sqlstate
        self.message = message


def syntax_error(detail: str) -> SnowflakeError:
    return SnowflakeError(1003, "42000", f"SQL compilation error:\nsyntax error {detail}")


def unexpected(sql: str) -> SnowflakeError:
    """A statement whose first word is not one."""
    word = (sql.split() or ["<EOF>"])[0]
    return syntax_error(f"line 1 at position 0 unexpected '{word}'.")


def missing(kind: str, name: str) -> SnowflakeError:
    """An object that is not there or not visible; Snowflake does not say which."""
    text = f"SQL compilation error:\n{kind} '{name}' does not exist or not authorized."
    return SnowflakeError(2003, "02000" if kind in {"Database", "Schema"} else "42S02", text)


def already_exists(name: str) -> SnowflakeError:
    return SnowflakeError(2002, "42710", f"SQL compilation error:\nObject '{name}' already exists.")


def unsupported(feature: str) -> SnowflakeError:
    """Something Snowflake has and this stand-in has not, said at once and never retried."""
    return SnowflakeError(2, "0A000", f"Unsupported feature '{feature}'.")


def no_current_database(action: str) -> SnowflakeError:
    return SnowflakeError(
        90105,
        "22000",
        f"Cannot perform {action}. This session does not have a current database. "
        "Call 'USE DATABASE', or use a qualified name.",
    )


def no_current_schema(action: str) -> SnowflakeError:
    return SnowflakeError(
        90106,
        "22000",
        f"Cannot perform {action}. This session does not have a current schema. "
        "Call 'USE SCHEMA', or use a qualified name.",
    )


def history_unavailable(table: str) -> SnowflakeError:
    return SnowflakeError(
        707,
        "02000",
        f"Time travel data is not available for table {table}. The requested time is either "
        "beyond the allowed time travel period or before the object creation time.",
    )


def lock_timeout(table: str, seconds: float) -> SnowflakeError:
    return SnowflakeError(
        625,
        "57014",
        f"Statement has waited {seconds:g} seconds for the lock on table {table}, which another "
        "transaction holds, and was aborted.",
    )


def canceled() -> SnowflakeError:
    return SnowflakeError(604, "57014", "SQL execution canceled")


def statement_timeout(seconds: int) -> SnowflakeError:
    return SnowflakeError(
        630,
        "57014",
        "Statement reached its statement or warehouse timeout of "
        f"{seconds} second(s) and was canceled.",
    )


def internal_error(detail: str) -> SnowflakeError:
    """A defect of this stand-in. Never an HTTP 500, which the client retries for minutes."""
    return SnowflakeError(603, "XX000", f"SQL execution internal error: {detail}")


def from_duckdb(error: duckdb.Error) -> SnowflakeError:
    """Translate what DuckDB raised into what Snowflake would have said."""
    text = str(error).split("\n\nLINE ")[0]
    summary = text.split("\n")[0].split("Error: ", 1)[-1]
    for pattern, code, sqlstate, template in _BY_TEXT:
        match = re.search(pattern, text)
        if match:
            return SnowflakeError(code, sqlstate, template.format(*match.groups(), summary=summary))
    for kind, code, sqlstate in _BY_CLASS:
        if isinstance(error, kind):
            return SnowflakeError(code, sqlstate, summary)
    return internal_error(summary)


_COMPILATION = "SQL compilation error:\n"
_BY_TEXT: tuple[tuple[str, int, str, str], ...] = (
    (
        r'column "?([^"\s]+)"? not found',
        904,
        "42000",
        _COMPILATION + "error line 1: invalid identifier '{0}'",
    ),
    (
        r'does not have a column with name "([^"]+)"',
        904,
        "42000",
        _COMPILATION + "error line 1: invalid identifier '{0}'",
    ),
    (
        r'Ambiguous reference to column name "([^"]+)"',
        1061,
        "42601",
        _COMPILATION + "ambiguous column name '{0}'",
    ),
    (r"has \d+ columns but \d+ values", 1002, "21S01", _COMPILATION + "{summary}"),
    (r"Function with name (\S+) does not", 2140, "42601", _COMPILATION + "Unknown function {0}"),
    (r"with name \"?(\S+?)\"? already exists", 2002, "42710", _COMPILATION + "{summary}"),
    (
        r"with name \"?(\S+?)\"? does not exist",
        2003,
        "42S02",
        _COMPILATION + "Object '{0}' does not exist or not authorized.",
    ),
    (
        r"NOT NULL constraint failed: (\S+)",
        100072,
        "22000",
        "NULL result in a non-nullable column: {0}",
    ),
    (r"Division by zero", 100051, "22012", "Division by zero"),
    (r"Malformed JSON", 100069, "22P02", "Error parsing JSON: {summary}"),
    (r"More than one row returned by a subquery", 90150, "22000", "{summary}"),
    (r"date field value|[Tt]imestamp", 100035, "22007", "{summary}"),
    (
        r"Could not convert string ['\"](.*)['\"] to INT64",
        100035,
        "22007",
        "Timestamp or number '{0}' is not recognized",
    ),
    (
        r"Could not convert string ['\"](.*)['\"] to (?:DECIMAL|INT|DOUBLE)",
        100038,
        "22018",
        "Numeric value '{0}' is not recognized",
    ),
    (
        r"Could not cast value (\S+) to DECIMAL",
        100046,
        "22003",
        "Number out of representable range: {0}",
    ),
    (
        r"single transaction can only write",
        2,
        "0A000",
        "Unsupported feature 'one transaction writing to two databases'.",
    ),
    (
        r"Current transaction is aborted",
        90232,
        "25000",
        "This transaction was rolled back by an earlier error; send ROLLBACK.",
    ),
)
_BY_CLASS: tuple[tuple[type[duckdb.Error], int, str], ...] = (
    (duckdb.InterruptException, 604, "57014"),
    (duckdb.ParserException, 1003, "42000"),
    (duckdb.BinderException, 1044, "42P13"),
    (duckdb.CatalogException, 2003, "42S02"),
    (duckdb.ConversionException, 100038, "22018"),
    (duckdb.OutOfRangeException, 100046, "22003"),
    (duckdb.InvalidInputException, 100132, "22023"),
    (duckdb.NotImplementedException, 2, "0A000"),
    (duckdb.TransactionException, 90083, "40001"),
)
