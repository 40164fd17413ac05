"""PostgreSQL as ``shared.targets.relational`` sees it."""

from typing import Final

from shared.targets.postgres import bookkeeping, catalog, copying, sql, types
from shared.targets.relational.dialect import Dialect

POSTGRES: Final = Dialect(
    name="PostgreSQL",
    counts_utf16=False,
    sql=sql,
    types=types,
    catalog=catalog,
    books=bookkeeping,
    send=copying.send,
)
