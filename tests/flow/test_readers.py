"""Many full loads: the table stays the same object, and whatever hangs on it stays."""

import threading
from contextlib import closing
from typing import Any
from zlib import crc32

import pyarrow as pa
import pytest

from local.clients import connect_postgres
from shared.core.manifests import Part
from shared.core.modes import SyncMode
from shared.core.schemas import Column, DataType, TableSchema
from shared.stage.arrow import arrow_schema
from shared.targets.base import Outcome
from tests.builders import a_manifest
from tests.flow.cloud import Cloud

ROWS = 50
READ_EVERY_S = 0.003
"""Often enough to look into each publish, and not all that a processor does."""
COLUMNS = (
    Column(name="id", type=DataType.parse("int64"), is_nullable=False),
    Column(name="version", type=DataType.parse("int64")),
)


class Loads:
    """Full loads of a table, one version of all rows after the other."""

    def __init__(self, cloud: Cloud, name: str, key: tuple[str, ...]) -> None:
        self._cloud = cloud
        self._name = name
        self._schema = TableSchema(COLUMNS, key)
        cloud.configure(name, sync_mode="full")

    def publish(self, version: int) -> None:
        """Replace all rows by those of a version."""
        run_id = f"20240131T{version:06d}Z-{crc32(self._name.encode()):012x}"
        part = Part(name=run_id, generation=1, rows=ROWS, size_bytes=1, sha256="")
        manifest = a_manifest(
            run_id=run_id,
            table=self._name,
            mode=SyncMode.FULL,
            snapshot=f"2024-01-31 00:00:00.{version:09d}",
            window=None,
            schema=self._schema,
            parts=(part,),
            rows_source=ROWS,
        )
        rows = {"id": list(range(ROWS)), "version": [version] * ROWS}
        batch = pa.RecordBatch.from_pydict(rows, arrow_schema(self._schema))
        resolved, _ = self._cloud.services.config.get(self._name)
        with closing(self._cloud.services.target(resolved)) as target:
            target.open_staging(manifest)
            target.stage(manifest, part, [batch])
            assert target.publish(manifest).outcome is Outcome.COMMITTED


class Reader:
    """Somebody who reads a table all the time."""

    def __init__(self, uri: str, table: str) -> None:
        self._statement = f"SELECT count(*), count(DISTINCT version) FROM {table}"
        self._uri = uri
        self._over = threading.Event()
        self.seen: set[tuple[Any, ...]] = set()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def stop(self) -> set[tuple[Any, ...]]:
        """Return every pair of rows and versions that was there to see."""
        self._over.set()
        self._thread.join()
        return self.seen

    def _read(self) -> None:
        with closing(connect_postgres(self._uri)) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            while not self._over.wait(READ_EVERY_S):
                cursor.execute(self._statement)
                self.seen.add(tuple(cursor.fetchone()))


@pytest.mark.parametrize(
    ("name", "key", "number"), [("kept_by_key", ("id",), 100), ("kept_without_key", (), 25)]
)
def test_what_hangs_on_a_table_survives_all_full_loads(
    cloud: Cloud, name: str, key: tuple[str, ...], number: int
) -> None:
    loads = Loads(cloud, name, key)
    loads.publish(0)
    for statement in (
        f"CREATE VIEW {name}_view AS SELECT id FROM {name} WHERE version > 0",
        f"CREATE INDEX {name}_index ON {name} (version)",
        f"CREATE ROLE {name}_reader",
        f"GRANT SELECT ON {name} TO {name}_reader",
        f"CREATE TABLE {name}_seen (version bigint)",
        (
            f"CREATE FUNCTION {name}_note() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN INSERT INTO {name}_seen VALUES (NEW.version); RETURN NEW; END $$"
        ),
        (
            f"CREATE TRIGGER note AFTER INSERT OR UPDATE ON {name} FOR EACH ROW "
            f"WHEN (NEW.id = 0) EXECUTE FUNCTION {name}_note()"
        ),
    ):
        cloud.target(statement)
    if key:
        cloud.target(f"CREATE TABLE {name}_child (id bigint REFERENCES {name} (id))")
        cloud.target(f"INSERT INTO {name}_child VALUES (1), (2)")
    objects = (
        f"SELECT '{name}'::regclass::oid, '{name}_index'::regclass::oid, "
        f"has_table_privilege('{name}_reader', '{name}', 'SELECT')"
    )
    before = cloud.target(objects)
    reader = Reader(cloud.background.described["postgres_uri"], name)

    for version in range(1, number + 1):
        loads.publish(version)

    assert reader.stop() == {(ROWS, 1)}
    assert cloud.target(objects) == before
    assert before[0][2] is True
    assert cloud.target(f"SELECT count(*) FROM {name}_view") == [(ROWS,)]
    noted = cloud.target(f"SELECT version FROM {name}_seen ORDER BY version")
    assert noted == [(version,) for version in range(1, number + 1)]
    if key:
        assert cloud.target(
            f"SELECT count(*) FROM {name}_child c JOIN {name} t ON t.id = c.id"
        ) == [(2,)]
        with pytest.raises(Exception, match="foreign key"):
            cloud.target(f"INSERT INTO {name}_child VALUES ({ROWS})")
