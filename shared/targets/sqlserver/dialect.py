"""SQL Server as ``shared.targets.relational`` sees it."""

from typing import Final

from shared.targets.relational.dialect import Dialect
from shared.targets.sqlserver import bookkeeping, catalog, sending, sql, types

SQLSERVER: Final = Dialect(
    name="SQL Server",
    sql=sql,
    types=types,
    catalog=catalog,
    books=bookkeeping,
    send=sending.send,
)
