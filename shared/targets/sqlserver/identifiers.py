"""Names in SQL Server: every one that gets into a statement or an advice is quoted here."""

from shared.errors import InvalidSchemaError

MAX_IDENTIFIER_UNITS = 128
"""UTF-16 units of a name. Source: SQL Server, "Database Identifiers" (``sysname``)."""


def quote(name: str) -> str:
    """Return a quoted identifier.

    Raises:
        InvalidSchemaError: empty, with a NUL, or longer than SQL Server takes.
    """
    if not is_name(name):
        raise InvalidSchemaError(
            f"{name!r} cannot be a name in SQL Server: 1 to {MAX_IDENTIFIER_UNITS} UTF-16 units, "
            "no NUL"
        )
    return "[" + name.replace("]", "]]") + "]"


def literal(text: str) -> str:
    """Return a text as a literal, for statements that take no parameters."""
    return "N'" + text.replace("'", "''") + "'"


def is_name(name: str) -> bool:
    """Say whether SQL Server takes a name."""
    return "\x00" not in name and 0 < units(name) <= MAX_IDENTIFIER_UNITS


def units(text: str) -> int:
    """Return the length of a text as SQL Server counts it: in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
