"""Facts of columns in a server that speaks T-SQL and keeps texts in UTF-8, as Babelfish does.

There DATALENGTH counts bytes of UTF-8, which is a text's number, and no collation counts a pair of
UTF-16 as one character.
"""

from shared.core.measuring import aggregates
from shared.core.schemas import Column, Kind
from shared.targets.sqlserver import facts
from shared.targets.sqlserver.facts import is_null, measure, select, within
from shared.targets.sqlserver.identifiers import quote

__all__ = ["PROBE", "facts_of", "is_null", "measure", "select", "within"]

PROBE = "SELECT DATALENGTH(N'a')"
"""Returns 1 where texts are in UTF-8, and 2 in SQL Server."""

_TEXTS = (Kind.TEXT, Kind.JSON)


def facts_of(column: Column, existing: str) -> dict[str, str]:
    """Return the facts of a column that the server computes, by name."""
    if column.type.kind not in _TEXTS:
        return facts.facts_of(column, existing)
    name = f"t.{quote(column.name)}"
    number = f"DATALENGTH({name})"
    nulls = {"nulls": f"COUNT_BIG(*) - COUNT_BIG({name})"}
    return nulls | aggregates(column, number=number, exact=f"CAST({number} AS bigint)")
