"""A rewind's staging table: what earlier runs did to the table, done again out of sight.

Each step is a transaction that claims its part, so that it happens once, however often and by
whomever. Attempts go through the layers in one order and wait for each other's claims, so that none
can put an older row over a newer one.
"""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from shared.core.manifests import Layer, Manifest, Part
from shared.core.modes import SyncMode
from shared.core.schemas import TableSchema
from shared.targets.postgres import copying, sql, staging


def put(
    cursor: Any, manifest: Manifest, layer: Layer, part: Part, batches: Iterable[pa.RecordBatch]
) -> None:
    """Put the rows of a part in, over those of the same key.

    Raises:
        NotStagedError: the staging table is gone.
    """
    table = staging.rows_table(manifest)
    if not staging.claim(cursor, manifest, part.name):
        return
    staging.require(cursor, manifest, table)
    scratch = _copy(cursor, manifest, layer.schema, batches)
    key = manifest.schema.primary_key
    if key and layer.mode is not SyncMode.APPEND:
        cursor.execute(sql.delete_present(table, scratch, key))
    kept = [column for column in layer.schema if column.name in manifest.schema.names]
    cursor.execute(sql.insert_all(table, scratch, kept, {}))
    cursor.execute(sql.drop(scratch))


def keep_only(
    cursor: Any, manifest: Manifest, layer: Layer, batches: Iterable[pa.RecordBatch]
) -> None:
    """Take out the rows whose key is none of the layer's.

    Raises:
        NotStagedError: the staging table is gone.
    """
    table = staging.rows_table(manifest)
    if not staging.claim(cursor, manifest, layer.keys_name):
        return
    staging.require(cursor, manifest, table)
    scratch = _copy(cursor, manifest, layer.schema.only_key, batches)
    cursor.execute(sql.delete_missing(table, scratch, layer.schema.primary_key, {}))
    cursor.execute(sql.drop(scratch))


def _copy(
    cursor: Any, manifest: Manifest, schema: TableSchema, batches: Iterable[pa.RecordBatch]
) -> str:
    """Copy batches into a table that lives within this transaction, and return its name."""
    scratch = sql.qualified("_sluice", f"layer_{manifest.run_id}")
    columns = list(schema)
    cursor.execute(sql.create_staging(scratch, columns))
    cursor.execute(sql.copy_in(scratch, columns), stream=copying.encode(columns, batches))
    cursor.execute(sql.analyze(scratch))
    return scratch
