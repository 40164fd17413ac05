"""A run's staging tables: one for its rows and, if it looks for deletes, one for all keys."""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from shared.ahead import ahead
from shared.core.manifests import Manifest, Part, Rewind
from shared.errors import NotStagedError
from shared.targets.postgres import bookkeeping, catalog, copying, sql


def rows_table(manifest: Manifest) -> str:
    """Return the name of the staging table of a run's rows."""
    return sql.qualified("_sluice", f"stage_{manifest.run_id}")


def keys_table(manifest: Manifest) -> str:
    """Return the name of the staging table of all keys."""
    return sql.qualified("_sluice", f"keys_{manifest.run_id}")


def create(cursor: Any, manifest: Manifest) -> None:
    """Create the tables that are not there yet."""
    bookkeeping.lock(cursor)
    # Rows of a rewind replace one another by key.
    key = manifest.schema.primary_key if manifest.rewind else ()
    cursor.execute(sql.create_staging(rows_table(manifest), list(manifest.schema), key))
    if manifest.key_parts is not None:
        cursor.execute(sql.create_staging(keys_table(manifest), list(manifest.schema.only_key)))


def parts(cursor: Any, manifest: Manifest) -> set[str]:
    """Return the names of the parts that the tables hold."""
    cursor.execute(bookkeeping.READ_STAGED, (manifest.run_id,))
    return {row[0] for row in cursor.fetchall()}


def fill(cursor: Any, manifest: Manifest, part: Part, batches: Iterable[pa.RecordBatch]) -> None:
    """Copy a part into its table, once.

    Raises:
        NotStagedError: the table is gone, because the run was published or discarded.
    """
    if not claim(cursor, manifest, part.name):
        return
    table = keys_table(manifest) if part in (manifest.key_parts or ()) else rows_table(manifest)
    columns = list(manifest.schema_of(part))
    require(cursor, manifest, table)
    with ahead(copying.encode(columns, batches)) as blocks:
        cursor.execute(sql.copy_in(table, columns), stream=blocks)


def check(cursor: Any, manifest: Manifest) -> None:
    """Make sure that everything is there, and known to the planner.

    Raises:
        NotStagedError: rows are missing, or a table is gone.
    """
    if manifest.rewind:
        _check_layers(cursor, manifest, manifest.rewind)
        return
    _check_rows(cursor, manifest, rows_table(manifest), manifest.rows_staged)
    if manifest.key_parts is not None:
        rows = sum(part.rows for part in manifest.key_parts)
        _check_rows(cursor, manifest, keys_table(manifest), rows)


def drop(cursor: Any, manifest: Manifest) -> None:
    """Drop the tables, as far as they are there."""
    cursor.execute(sql.drop(rows_table(manifest)))
    if manifest.key_parts is not None:
        cursor.execute(sql.drop(keys_table(manifest)))
    cursor.execute(bookkeeping.FORGET_PARTS, (manifest.run_id,))


def claim(cursor: Any, manifest: Manifest, name: str) -> bool:
    """Claim a part for this transaction; False when it is staged already."""
    cursor.execute(bookkeeping.CLAIM_PART, (manifest.run_id, name))
    return int(cursor.rowcount) == 1


def require(cursor: Any, manifest: Manifest, table: str) -> None:
    """Make sure that a staging table is there.

    Raises:
        NotStagedError: it is gone.
    """
    if not catalog.exists(cursor, table):
        raise NotStagedError(
            f"a staging table of run {manifest.run_id} is gone: another attempt published "
            "or discarded it",
            run_id=manifest.run_id,
        )


def _check_layers(cursor: Any, manifest: Manifest, rewind: Rewind) -> None:
    require(cursor, manifest, rows_table(manifest))
    if missing := rewind.names - parts(cursor, manifest):
        raise NotStagedError(
            f"{len(missing)} parts of the runs before {rewind.run_id} are not staged yet; nothing "
            "was published",
            run_id=manifest.run_id,
        )
    cursor.execute(sql.analyze(rows_table(manifest)))


def _check_rows(cursor: Any, manifest: Manifest, table: str, expected: int) -> None:
    require(cursor, manifest, table)
    cursor.execute(sql.count(table))
    rows = int(cursor.fetchone()[0])
    if rows != expected:
        raise NotStagedError(
            f"the staging table {table} holds {rows} rows of {expected}; nothing was published",
            run_id=manifest.run_id,
        )
    cursor.execute(sql.analyze(table))
