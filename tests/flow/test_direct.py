"""Rows that only come to a table go right into it: once, whole, and never over anybody's."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from zlib import crc32

import pyarrow as pa
import pytest

from shared.core.manifests import Manifest, Part
from shared.core.modes import SyncMode
from shared.core.schemas import Column, DataType, TableSchema
from shared.errors import IntegrityError
from shared.stage.arrow import arrow_schema
from shared.targets.base import Outcome, Published, Target
from tests.builders import a_manifest, a_window
from tests.flow.cloud import Cloud

COLUMNS = (
    Column(name="id", type=DataType.parse("int64")),
    Column(name="name", type=DataType.parse("text")),
)
Rows = list[tuple[int | None, str]]
ROWS: Rows = [(1, "a"), (2, "b"), (3, "c")]


class Run:
    """One staged run of a table."""

    def __init__(self, cloud: Cloud, table: str, rows: Rows = ROWS, **changes: Any) -> None:
        self.cloud = cloud
        self.rows = rows
        given = {"key": ("id",), "number": 1} | changes
        number, key = given.pop("number"), given.pop("key")
        run_id = f"20240131T{number:06d}Z-{crc32(table.encode()):012x}"
        self.part = Part(name=run_id, generation=1, rows=len(rows), size_bytes=1, sha256="")
        self.manifest: Manifest = a_manifest(
            **{
                "run_id": run_id,
                "table": table,
                "mode": SyncMode.FULL,
                "window": None,
                "snapshot": f"2024-01-31 00:00:00.{number:09d}",
                "schema": TableSchema(COLUMNS, key),
                "parts": (self.part,),
                "rows_source": len(rows),
            }
            | given
        )

    def read(self, part: Part) -> Iterator[pa.RecordBatch]:
        """Return the rows, as a part holds them."""
        assert part == self.part
        schema = arrow_schema(self.manifest.schema)
        columns = [list(column) for column in zip(*self.rows, strict=True)] or [[], []]
        yield pa.RecordBatch.from_arrays(
            [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema
        )

    def publish_directly(self, meanwhile: Callable[[], Any] | None = None) -> Published | None:
        """Publish in one go; something may happen while the rows are on their way."""

        def read(part: Part) -> Iterator[pa.RecordBatch]:
            yield from self.read(part)
            if meanwhile:
                meanwhile()

        with closing(self._target()) as target:
            return target.publish_directly(self.manifest, read)

    def publish_staged(self) -> Published:
        """Publish by way of the staging table."""
        with closing(self._target()) as target:
            target.open_staging(self.manifest)
            target.stage(self.manifest, self.part, self.read(self.part))
            return target.publish(self.manifest)

    def lineage(self) -> list[str]:
        """Return the runs whose rows the table had after this one."""
        with closing(self._target()) as target:
            return [load.run_id for load in target.lineage(self.manifest.run_id)]

    def _target(self) -> Target:
        resolved, _ = self.cloud.services.config.get(self.manifest.table)
        return self.cloud.services.target(resolved)


def rows(cloud: Cloud, table: str) -> list[tuple[Any, ...]]:
    return cloud.target(f"SELECT id, name FROM {table} ORDER BY id, name")


def test_new_table_gets_its_rows_and_its_key_at_once(cloud: Cloud) -> None:
    cloud.configure("direct_new")
    run = Run(cloud, "direct_new")

    published = run.publish_directly()

    assert published is not None
    assert published.outcome is Outcome.COMMITTED
    assert rows(cloud, "direct_new") == ROWS
    with pytest.raises(Exception, match="direct_new_pkey"):
        cloud.target("INSERT INTO direct_new VALUES (1, 'again')")
    again = run.publish_directly()
    assert again is not None
    assert (again.outcome, again.record) == (Outcome.ALREADY, published.record)


def test_rows_that_may_have_to_go_take_the_other_way(cloud: Cloud) -> None:
    cloud.configure("direct_never")
    Run(cloud, "direct_never").publish_directly()

    assert Run(cloud, "direct_never", [(9, "z")], number=2).publish_directly() is None
    assert rows(cloud, "direct_never") == ROWS


@pytest.mark.parametrize(
    ("table", "bad"), [("direct_twice", (1, "again")), ("direct_keyless", (None, "no key"))]
)
def test_rows_that_the_key_refuses_leave_nothing_and_get_their_reason(
    cloud: Cloud, table: str, bad: tuple[int | None, str]
) -> None:
    cloud.configure(table)
    run = Run(cloud, table, [*ROWS, bad])

    assert run.publish_directly() is None
    assert cloud.target(f"SELECT to_regclass('{table}') IS NULL") == [(True,)]
    with pytest.raises(IntegrityError, match="primary key"):
        run.publish_staged()


def test_empty_table_without_the_key_takes_the_other_way(cloud: Cloud) -> None:
    cloud.target("CREATE TABLE direct_bare (id bigint, name text)")
    cloud.configure("direct_bare")

    assert Run(cloud, "direct_bare").publish_directly() is None


def test_empty_table_of_other_types_takes_the_other_way(cloud: Cloud) -> None:
    cloud.target("CREATE TABLE direct_typed (id bigint PRIMARY KEY, name varchar(9))")
    cloud.configure("direct_typed")

    assert Run(cloud, "direct_typed").publish_directly() is None


def test_full_load_that_another_overtakes_is_not_added_to_it(cloud: Cloud) -> None:
    cloud.target("CREATE TABLE direct_race (id bigint, name text)")
    cloud.configure("direct_race")
    newer = Run(cloud, "direct_race", number=2, key=())
    older = Run(cloud, "direct_race", [(7, "older")], number=1, key=())

    published = newer.publish_directly(meanwhile=older.publish_staged)

    assert published is None
    assert rows(cloud, "direct_race") == [(7, "older")]
    newer.publish_staged()
    assert rows(cloud, "direct_race") == ROWS


def test_window_that_another_overtakes_is_superseded(cloud: Cloud) -> None:
    cloud.target("CREATE TABLE direct_append (id bigint, name text)")
    cloud.configure("direct_append")
    window = {"mode": SyncMode.APPEND, "window": a_window(), "epoch": 0, "key": ()}
    mine = Run(cloud, "direct_append", number=2, **window)
    other = Run(cloud, "direct_append", [(7, "other")], number=1, **window)

    published = mine.publish_directly(meanwhile=other.publish_directly)

    assert published is not None
    assert published.outcome is Outcome.SUPERSEDED
    assert rows(cloud, "direct_append") == [(7, "other")]


def test_rows_of_files_come_to_those_that_are_there(cloud: Cloud) -> None:
    cloud.configure("direct_files", sync_mode="append", csv={})
    changes = {"mode": SyncMode.APPEND, "key": ()}
    mine = Run(cloud, "direct_files", number=2, **changes)
    other = Run(cloud, "direct_files", [(7, "other")], number=1, **changes)
    other.publish_directly()

    published = mine.publish_directly()

    assert published is not None
    assert published.outcome is Outcome.COMMITTED
    assert rows(cloud, "direct_files") == [*ROWS, (7, "other")]


def test_of_files_that_come_at_once_to_an_empty_table_one_is_the_first(cloud: Cloud) -> None:
    cloud.target("CREATE TABLE direct_first (id bigint, name text)")
    cloud.configure("direct_first", sync_mode="append", csv={})
    changes = {"mode": SyncMode.APPEND, "key": ()}
    mine = Run(cloud, "direct_first", number=2, **changes)
    other = Run(cloud, "direct_first", [(7, "other")], number=1, **changes)

    published = mine.publish_directly(meanwhile=other.publish_directly)

    assert published is None
    assert mine.publish_staged().outcome is Outcome.COMMITTED
    assert rows(cloud, "direct_first") == [*ROWS, (7, "other")]
    assert mine.lineage() == [other.manifest.run_id, mine.manifest.run_id]
