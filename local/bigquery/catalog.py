"""Datasets and tables: the resources that clients see, and DuckDB's schemas and tables for them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from local.bigquery import types
from local.bigquery.engine import Engine, quote
from local.bigquery.errors import ApiError, already_exists, not_found

_KEPT = (
    *("timePartitioning", "clustering", "labels", "tableConstraints", "expirationTime"),
    *("description", "friendlyName", "requirePartitionFilter"),
)
"""Parts of a table's resource that are remembered and given back, and mean nothing here."""

_ROW_BYTES = 8


@dataclass(frozen=True, slots=True)
class TableRef:
    """A table by its full name."""

    project: str
    dataset: str
    table: str

    @classmethod
    def of(cls, given: dict[str, Any]) -> TableRef:
        """Read a `tableReference`."""
        return cls(given["projectId"], given["datasetId"], given["tableId"])

    @property
    def schema(self) -> str:
        """The name of DuckDB's schema."""
        return f"{self.project}.{self.dataset}"

    @property
    def key(self) -> str:
        """The name under which the table's resource is remembered."""
        return f"tables/{self.schema}/{self.table}"

    @property
    def quoted(self) -> str:
        """The table in DuckDB's SQL."""
        return f"{quote(self.schema)}.{quote(self.table)}"

    def __str__(self) -> str:
        return f"{self.project}:{self.dataset}.{self.table}"

    @property
    def document(self) -> dict[str, str]:
        """The reference as clients see it."""
        return {"projectId": self.project, "datasetId": self.dataset, "tableId": self.table}


class Catalog:
    """All datasets and tables of a server."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create_dataset(self, project: str, given: dict[str, Any]) -> dict[str, Any]:
        """Create a dataset.

        Raises:
            ApiError: 409, it is there.
        """
        name = given["datasetReference"]["datasetId"]
        with self._engine.definitions:
            if self._engine.journal.get(f"datasets/{project}.{name}"):
                raise already_exists("Dataset", f"{project}:{name}")
            names = ("labels", "location", "description")
            kept: dict[str, Any] = {k: given[k] for k in names if k in given}
            resource = {
                "kind": "bigquery#dataset",
                "id": f"{project}:{name}",
                "datasetReference": {"projectId": project, "datasetId": name},
                "location": "US",
                "creationTime": _now_ms(),
                **kept,
            }
            self._engine.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(f'{project}.{name}')}")
            self._engine.journal.put(f"datasets/{project}.{name}", resource)
        return resource

    def dataset(self, project: str, name: str) -> dict[str, Any]:
        """Return a dataset's resource.

        Raises:
            ApiError: 404.
        """
        found = self._engine.journal.get(f"datasets/{project}.{name}")
        if not found:
            raise not_found("Dataset", f"{project}:{name}")
        return found

    def delete_dataset(self, project: str, name: str, *, with_tables: bool) -> None:
        """Delete a dataset.

        Raises:
            ApiError: 404; 400, it has tables.
        """
        self.dataset(project, name)
        with self._engine.definitions:
            if self.tables(project, name) and not with_tables:
                raise ApiError("invalid", f"Dataset {project}:{name} is still in use")
            for each in self.tables(project, name):
                self.delete_table(TableRef.of(each["tableReference"]))
            self._engine.execute(f"DROP SCHEMA {quote(f'{project}.{name}')} CASCADE")
            self._engine.journal.put(f"datasets/{project}.{name}", None)

    def create_table(self, ref: TableRef, given: dict[str, Any]) -> dict[str, Any]:
        """Create an empty table.

        Raises:
            ApiError: 409, it is there; 404, its dataset is not.
        """
        fields = [types.field(each) for each in given.get("schema", {}).get("fields", [])]
        if len({each["name"].lower() for each in fields}) < len(fields):
            raise ApiError("invalid", f"Duplicate field names in {ref}; case does not count")
        with self._engine.definitions:
            self.dataset(ref.project, ref.dataset)
            if self.has(ref):
                raise already_exists("Table", str(ref))
            columns = ", ".join(
                f"{quote(each['name'])} {types.stored(each)}"
                + (" NOT NULL" if each["mode"] == "REQUIRED" else "")
                for each in fields
            )
            # DuckDB has no table without columns.
            self._engine.execute(
                f"CREATE OR REPLACE TABLE {ref.quoted} ({columns or '_none BOOLEAN'})"
            )
            kept = {k: given[k] for k in _KEPT if k in given}
            return self.remember(ref, {"schema": {"fields": fields}, **kept})

    def remember(self, ref: TableRef, resource: dict[str, Any]) -> dict[str, Any]:
        """Keep the resource of a table that DuckDB has, and return it."""
        full = {
            "kind": "bigquery#table",
            "id": str(ref),
            "tableReference": ref.document,
            "type": "TABLE",
            "location": self.dataset(ref.project, ref.dataset)["location"],
            "creationTime": _now_ms(),
            **resource,
            "lastModifiedTime": _now_ms(),
        }
        self._engine.journal.put(ref.key, full)
        return full

    def touch(self, ref: TableRef) -> None:
        """Remember that a table's rows were changed just now."""
        with self._engine.definitions:
            if found := self._engine.journal.get(ref.key):
                self.remember(ref, found)

    def table(self, ref: TableRef) -> dict[str, Any]:
        """Return a table's resource with its number of rows.

        Raises:
            ApiError: 404.
        """
        found = self._engine.journal.get(ref.key)
        if found is None:
            raise not_found("Table", str(ref))
        with self._engine.connect() as connection:
            counted = connection.execute(f"SELECT count(*) FROM {ref.quoted}").fetchone()
        rows = counted[0] if counted else 0
        size = rows * _ROW_BYTES * len(found["schema"]["fields"])
        return {**found, "numRows": str(rows), "numBytes": str(size), "etag": _now_ms()}

    def has(self, ref: TableRef) -> bool:
        """Say whether there is such a table."""
        return self._engine.journal.get(ref.key) is not None

    def tables(self, project: str, dataset: str) -> list[dict[str, Any]]:
        """Return the resources of a dataset's tables, by name.

        Raises:
            ApiError: 404.
        """
        self.dataset(project, dataset)
        found = self._engine.journal.items(f"tables/{project}.{dataset}/")
        return [document for _, document in found]

    def change_table(self, ref: TableRef, given: dict[str, Any]) -> dict[str, Any]:
        """Add columns at the end, and replace what is only remembered.

        Raises:
            ApiError: 404; 400, a column would change or go.
        """
        with self._engine.definitions:
            resource = self.table(ref)
            before = resource["schema"]["fields"]
            if "schema" in given:
                after = [types.field(each) for each in given["schema"]["fields"]]
                if after[: len(before)] != before:
                    raise ApiError("invalid", f"Provided Schema does not match Table {ref}")
                for each in after[len(before) :]:
                    column = f"{quote(each['name'])} {types.stored(each)}"
                    self._engine.execute(f"ALTER TABLE {ref.quoted} ADD COLUMN {column}")
                resource["schema"] = {"fields": after}
            return self.remember(ref, {**resource, **{k: given[k] for k in _KEPT if k in given}})

    def widen_column(self, ref: TableRef, given: dict[str, Any]) -> None:
        """Give a column a type that keeps all that the old one can.

        Raises:
            ApiError: 404; 400, there is no such column, or the type does not.
        """
        with self._engine.definitions:
            resource = self.table(ref)
            fields = resource["schema"]["fields"]
            position = next(
                (n for n, f in enumerate(fields) if f["name"].lower() == given["name"].lower()),
                None,
            )
            if position is None:
                raise ApiError("invalidQuery", f"Column not found: {given['name']}")
            wanted = types.field({**given, "mode": fields[position]["mode"]})
            types.require_wider(fields[position], wanted)
            self._engine.execute(
                f"ALTER TABLE {ref.quoted} ALTER COLUMN {quote(fields[position]['name'])} "
                f"SET DATA TYPE {types.stored(wanted)}"
            )
            fields[position] = {**wanted, "name": fields[position]["name"]}
            self.remember(ref, resource)

    def delete_table(self, ref: TableRef) -> None:
        """Delete a table.

        Raises:
            ApiError: 404.
        """
        with self._engine.definitions:
            if not self.has(ref):
                raise not_found("Table", str(ref))
            self._engine.journal.put(ref.key, None)
            self._engine.execute(f"DROP TABLE {ref.quoted}")

    def adopt(self, ref: TableRef) -> None:
        """Remember a table that a statement has made, by its columns in DuckDB."""
        with self._engine.connect() as connection:
            rows = connection.execute(f"DESCRIBE {ref.quoted}").fetchall()
        self.remember(ref, {"schema": {"fields": [types.found(r[0], r[1]) for r in rows]}})


def _now_ms() -> str:
    return str(time.time_ns() // 1_000_000)
