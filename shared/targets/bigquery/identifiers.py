"""Names in BigQuery: every one that gets into a statement or an advice is quoted here."""

import unicodedata

from shared.config.places import BIGQUERY_CATEGORIES
from shared.errors import InvalidSchemaError

MAX_COLUMN_CHARACTERS = 300
"""Source: BigQuery, "Specify a schema", column names."""

_SYMBOLS = frozenset("&%=+:'<>#|")
"""What a column's name may have besides. Source: the same, flexible column names."""

_RESERVED = (
    *("_TABLE_", "_FILE_", "_PARTITION", "_ROW_TIMESTAMP", "__ROOT__", "_COLIDENTIFIER"),
    *("_CHANGE_SEQUENCE_NUMBER", "_CHANGE_TYPE", "_CHANGE_TIMESTAMP"),
)
"""Beginnings that no column's name may have, in any case of letters. Source: the same."""

_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r"})
"""Source: GoogleSQL, "Lexical structure and syntax", escape sequences."""


def quote(column: str) -> str:
    """Return a column's quoted name.

    Raises:
        InvalidSchemaError: BigQuery takes no such name.
    """
    if not is_name(column):
        raise InvalidSchemaError(
            f"{column!r} cannot be a name of a column in BigQuery: 1 to {MAX_COLUMN_CHARACTERS} "
            f"letters, digits, spaces, _, - or {''.join(sorted(_SYMBOLS))}, not beginning with "
            f"{', '.join(_RESERVED)}. Name the column otherwise in the source, or in a view of it"
        )
    return f"`{column}`"


def is_name(column: str) -> bool:
    """Say whether BigQuery takes a name for a column."""
    is_short = 0 < len(column) <= MAX_COLUMN_CHARACTERS
    is_reserved = column.upper().startswith(_RESERVED)
    return is_short and not is_reserved and all(map(_is_allowed, column))


def require_distinct(names: list[str]) -> None:
    """Make sure that no two columns differ by case alone: to BigQuery they have the same name.

    Raises:
        InvalidSchemaError: two do.
    """
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise InvalidSchemaError(
                f"columns {other} and {name} have the same name in BigQuery, which knows no case; "
                "name one of them otherwise in the source, or in a view of it"
            )


def literal(text: str) -> str:
    """Return a text as a literal, for what takes no parameters; a line may not end in one."""
    return f"'{text.translate(_ESCAPES)}'"


def _is_allowed(character: str) -> bool:
    is_symbol = character in _SYMBOLS
    return is_symbol or unicodedata.category(character).startswith(BIGQUERY_CATEGORIES)
