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
from shared.targets.relational.dialect import Dialect
from shared.targets.relational.staging import Staging


class Rebuilding:
    """One step of a rewind, in its transaction."""

    def __init__(self, cursor: Any, dialect: Dialect, manifest: Manifest, staging: Staging) -> None:
        self._cursor = cursor
        self._sql = dialect.sql
        self._manifest = manifest
        self._staging = staging

    def put(self, layer: Layer, part: Part, batches: Iterable[pa.RecordBatch]) -> None:
        """Put the rows of a part in, over those of the same key.

        Raises:
            NotStagedError: the staging table is gone.
        """
        staging, table = self._staging, self._staging.rows_table
        if not staging.claim(part.name):
            return
        staging.require(table)
        scratch = staging.scratch(layer.schema, batches, part.name)
        key = self._manifest.schema.primary_key
        if key and layer.mode is not SyncMode.APPEND:
            casts = self._sql.casts({}, list(layer.schema))
            self._cursor.execute(self._sql.delete_present(table, scratch, key, casts))
        kept = [c for c in layer.schema if c.name in self._manifest.schema.names]
        self._cursor.execute(self._sql.insert_all(table, scratch, kept, {}))
        self._cursor.execute(self._sql.drop(scratch))
        staging.settle(part.name)

    def keep_only(self, layer: Layer, batches: Iterable[pa.RecordBatch]) -> None:
        """Take out the rows whose key is none of the layer's.

        Raises:
            NotStagedError: the staging table is gone.
        """
        staging, table = self._staging, self._staging.rows_table
        if not staging.claim(layer.keys_name):
            return
        staging.require(table)
        scratch = staging.scratch(layer.schema.only_key, batches, layer.keys_name)
        key = layer.schema.primary_key
        casts = self._sql.casts({}, list(layer.schema.only_key))
        self._cursor.execute(self._sql.delete_missing(table, scratch, key, casts))
        self._cursor.execute(self._sql.drop(scratch))
        staging.settle(layer.keys_name)
