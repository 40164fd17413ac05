"""Names in PostgreSQL: every one that gets into a statement or an advice is quoted here."""

from shared.errors import InvalidSchemaError

MAX_IDENTIFIER_BYTES = 63
"""Longer names are cut silently. Source: PostgreSQL, "Identifiers and Key Words"."""


def quote(name: str) -> str:
    """Return a quoted identifier.

    Raises:
        InvalidSchemaError: empty, with a NUL, or longer than PostgreSQL keeps.
    """
    if not name or "\x00" in name or len(name.encode()) > MAX_IDENTIFIER_BYTES:
        raise InvalidSchemaError(
            f"{name!r} cannot be a name in PostgreSQL: 1 to {MAX_IDENTIFIER_BYTES} bytes, no NUL"
        )
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a quoted text, for the statements that take no bound values.

    Raises:
        InvalidSchemaError: with a NUL, which PostgreSQL cannot store.
    """
    if "\x00" in text:
        raise InvalidSchemaError(f"{text!r} has a NUL, which no text of PostgreSQL has")
    doubled = text.replace("'", "''").replace("\\", "\\\\")
    return f"E'{doubled}'"
