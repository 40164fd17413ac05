"""A table to load, as the target contract sees it, and runs that load it."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from shared import registry
from shared.config.tables import ResolvedTable, TableConfig
from shared.core.manifests import Manifest, Part
from shared.core.modes import SyncMode
from shared.core.receipts import Point
from shared.core.schemas import TableSchema
from shared.stage.arrow import arrow_schema
from shared.stage.fingerprints import Fold
from shared.targets.base import Published, Target
from tests.builders import a_manifest, a_schema
from tests.contract.engines import Engine

Row = Sequence[Any]

ROWS: list[Row] = [(1, "a"), (2, "b"), (3, "c")]


@dataclass(slots=True)
class Table:
    """One table in one database, and the runs that are loaded into it."""

    engine: Engine
    name: str = field(default_factory=lambda: f"t{uuid.uuid4().hex[:12]}")
    schema: TableSchema = field(default_factory=a_schema)
    place: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    runs: int = 0

    @property
    def qualified(self) -> str:
        """The table's name in SQL."""
        place = {"schema": self.engine.default_schema, "table": self.name, **self.place}
        return self.engine.qualified(place["schema"], place["table"])

    @property
    def resolved(self) -> ResolvedTable:
        """The table's configuration."""
        place = {"table": self.name, **self.place}
        if "schema" in place or self.config.get("kind") != "reference":
            place = {"schema": self.engine.default_schema, **place}
            place[self.engine.schema_key] = place.pop("schema")
        config = {"name": self.name, "csv": {}, self.engine.kind: place, **self.config}
        if "deletes" in config:
            config |= {"csv": None, "snowflake": {"database": "D", "schema": "S", "table": "T"}}
            config |= {"sync_mode": "incremental", "incremental_column": "id"}
        return ResolvedTable(
            environment="test",
            table=TableConfig.model_validate(config),
            connections=self.engine.connections,
        )

    @contextmanager
    def target(self) -> Iterator[Target]:
        """Open the target."""
        kind = registry.resolve(registry.TARGETS, self.engine.kind)
        target: Target = kind(self.resolved, self.engine.secrets)
        with closing(target):
            yield target

    def run(self, rows: Sequence[Row] = ROWS, **changes: Any) -> "Run":
        """Return a run of these rows, by default a full load that is newer than all before."""
        self.runs += 1
        return Run(self, rows, self.runs, changes)

    def load(self, rows: Sequence[Row] = ROWS, **changes: Any) -> Published:
        """Stage and publish a run of these rows."""
        return self.run(rows, **changes).load()

    def rows(self, order: str = "id") -> list[tuple[Any, ...]]:
        """Return the table's rows."""
        names = ", ".join(self.engine.quote(name) for name in self.schema.names)
        return self.query(f"SELECT {names} FROM {{t}} ORDER BY {self.engine.quote(order)}")

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Run SQL in which ``{t}`` stands for the table."""
        return self.engine.query(statement.replace("{t}", self.qualified))


class Run:
    """One staged run: its manifest, and the batches of its parts."""

    def __init__(
        self, table: Table, rows: Sequence[Row], number: int, changes: dict[str, Any]
    ) -> None:
        self.table = table
        self.schema: TableSchema = changes.pop("schema", table.schema)
        part_count = changes.pop("parts", 1)
        keys = changes.pop("keys", None)
        run_id = f"20240131T{number:06d}Z-{uuid.uuid5(uuid.NAMESPACE_OID, table.name).hex[:12]}"
        size = -(-len(rows) // part_count) or 1
        self.batches = {
            f"{run_id}/part-{i}": a_batch(self.schema, rows[i * size : (i + 1) * size])
            for i in range(part_count)
        }
        parts = tuple(_part(name, batch) for name, batch in self.batches.items())
        key_parts = None
        if keys is not None:
            name = f"{run_id}/keys-0"
            self.batches[name] = a_batch(self.schema.only_key, keys)
            key_parts = (_part(name, self.batches[name]),)
        self.manifest: Manifest = a_manifest(
            **{
                "run_id": run_id,
                "table": table.name,
                "mode": SyncMode.FULL,
                "window": None,
                "snapshot": f"2024-01-31 00:00:00.{number:09d}",
                "schema": self.schema,
                "parts": parts,
                "key_parts": key_parts,
                "rows_source": len(rows),
                "staged": self._point(changes, parts),
            }
            | changes
        )

    def _point(self, changes: dict[str, Any], parts: Sequence[Part]) -> Point | None:
        """Return the point of the staged rows; nobody knows it of a rewind."""
        if changes.get("rewind"):
            return None
        return folded(self.schema, [self.batches[part.name] for part in parts])

    def load(self) -> Published:
        """Stage all parts and publish."""
        with self.table.target() as target:
            self.stage(target)
            return target.publish(self.manifest)

    def load_directly(self) -> Published:
        """Publish without staging, where that is possible."""
        with self.table.target() as target:
            published = target.publish_directly(self.manifest, lambda p: [self.batches[p.name]])
        return published or self.load()

    def stage(self, target: Target) -> None:
        """Stage all parts."""
        target.open_staging(self.manifest)
        for part in self.manifest.all_parts:
            target.stage(self.manifest, part, [self.batches[part.name]])


def folded(schema: TableSchema, batches: Iterable[pa.RecordBatch]) -> Point:
    """Return the point of some batches."""
    fold = Fold(schema)
    for batch in batches:
        fold.add(batch)
    return fold.point


def a_batch(schema: TableSchema, rows: Sequence[Row]) -> pa.RecordBatch:
    """Return rows as Arrow carries them."""
    fields = arrow_schema(schema)
    columns = list(zip(*rows, strict=True)) or [()] * len(fields)
    arrays = [pa.array(c, f.type) for c, f in zip(columns, fields, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, names=fields.names)


def _part(name: str, batch: pa.RecordBatch) -> Part:
    return Part(name=name, generation=1, rows=batch.num_rows, size_bytes=1, sha256="")


def a_merge(**changes: Any) -> dict[str, Any]:
    """Return what makes a run a merge: of a file, or of the window that is given."""
    return {"mode": SyncMode.INCREMENTAL, **changes}


def changed(published: Published) -> tuple[int, int, int]:
    """Return the rows that were inserted, updated and deleted."""
    record = published.record
    assert record is not None, published.reason
    return record.rows_inserted, record.rows_updated, record.rows_deleted
