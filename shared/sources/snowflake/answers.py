"""What Snowflake answers to a query of few rows, all at once."""

from collections.abc import Sequence
from typing import Any

from shared.errors import SourceRefusedError
from shared.metering import waiting
from shared.sources.snowflake.connection import failures
from shared.sources.snowflake.sql import Query


def row(session: Any, query: Query, doing: str) -> Sequence[Any]:
    """Return the first row of an answer.

    Raises:
        SourceRefusedError: there is none.
    """
    found = rows(session, query, doing)
    if not found:
        raise SourceRefusedError(f"Snowflake, {doing}: no answer to {query[0]}")
    first: Sequence[Any] = found[0]
    return first


def rows(session: Any, query: Query, doing: str, *, as_dict: bool = False) -> list[Any]:
    """Return all rows of an answer; with ``as_dict``, each by the names of its columns."""
    from snowflake.connector import DictCursor

    text, values = query
    with failures(doing):
        cursor = session.cursor(DictCursor) if as_dict else session.cursor()
        with waiting():
            cursor.execute(text, values or None)
        return list(cursor.fetchall())
