"""PostgreSQL as ``shared.targets.relational`` sees it."""

from typing import Final

from shared.targets.postgres import (
    bookkeeping,
    catalog,
    copying,
    facts,
    merging,
    paging,
    reading,
    rowtests,
    sql,
    types,
)
from shared.targets.relational.dialect import Dialect

POSTGRES: Final = Dialect(
    name="PostgreSQL",
    counts_utf16=False,
    sql=sql,
    merging=merging,
    tests=rowtests,
    facts=facts,
    paging=paging,
    types=types,
    catalog=catalog,
    books=bookkeeping,
    send=copying.send,
    read=reading.read,
)
