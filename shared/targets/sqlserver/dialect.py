"""SQL Server as ``shared.targets.relational`` sees it."""

from typing import Final

from shared.targets.relational.dialect import Dialect
from shared.targets.sqlserver import (
    bookkeeping,
    catalog,
    facts,
    merging,
    paging,
    reading,
    rowtests,
    sending,
    sql,
    types,
)

SQLSERVER: Final = Dialect(
    name="SQL Server",
    counts_utf16=True,
    sql=sql,
    merging=merging,
    tests=rowtests,
    facts=facts,
    paging=paging,
    types=types,
    catalog=catalog,
    books=bookkeeping,
    send=sending.send,
    read=reading.read,
)
