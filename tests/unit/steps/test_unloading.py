"""Unloads: the time that a statement gets, a cancel meanwhile, and two deliveries of one unit."""

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.core import naming
from shared.core.messages import UnitRequest
from shared.core.plans import Plan, Slice, Unit, UnloadedFile
from shared.core.runs import Run, RunState
from shared.errors import IntegrityError, LeaseHeldError, TableTooLargeError
from shared.operations import requests
from shared.sources.base import Source, Unloaded
from shared.stage.manifest_store import ManifestStore
from shared.steps import unloading
from shared.steps.attempts import attempt
from shared.steps.units import read_unit
from shared.storage import ABSENT, Storage
from shared.wiring import Services
from tests.builders import a_manifest, a_schema
from tests.model.memory import MemoryStorage
from tests.unit.steps.lake import Lake

UNLOADS = {"database": "D", "schema": "S", "table": "T", "strategy": "unload"}


@dataclass
class Engine(Source):
    """A source that writes no file, in which something happens meanwhile."""

    meanwhile: Callable[[], object] = lambda: None
    given_s: list[float] = field(default_factory=list)

    def unload(self, *_: object, timeout_s: float) -> Unloaded:
        """Write nothing."""
        self.given_s.append(timeout_s)
        self.meanwhile()
        return Unloaded(rows_by_file={}, query_id="q")

    def schema(self) -> object:
        """Return the columns."""
        return a_schema()


@pytest.fixture
def lake() -> Lake:
    made = Lake()
    made.configure(snowflake=UNLOADS)
    return made


def unload(services: Services, run: Run, engine: Engine) -> Plan | None:
    """Unload in an attempt at a run; leave it to the next where there is too little time."""
    manifest = a_manifest(run_id=run.run_id, table="people", is_pinned=False, parts=())
    with attempt(services, run, "extract", RunState.EXTRACTING) as work:
        plan = unloading.unload(work, engine, manifest, ())
        if plan is None:
            unloading.leave(work)
    return plan


def test_statement_gets_what_is_left_of_the_delivery(lake: Lake) -> None:
    engine = Engine()

    assert unload(lake.services, lake.run(RunState.REQUESTED), engine)

    budget_s = lake.services.settings.budget_s
    assert budget_s - 60 < engine.given_s[0] < budget_s


def test_statement_for_which_too_little_time_is_left_is_left_to_the_next_delivery(
    lake: Lake,
) -> None:
    run, engine = lake.run(RunState.REQUESTED), Engine()
    hurried = replace(lake.services, settings=replace(lake.services.settings, budget_s=0))

    assert unload(hurried, run, engine) is None

    found = lake.services.ledger.find("people", run.run_id)
    assert found
    assert found.lease is None
    assert not engine.given_s
    assert run.run_id.encode() in lake.services.bus.sent[-1].data
    assert unload(hurried, found, engine), "the next one begins it, whatever is left"


def test_cancel_while_the_statement_runs_is_noticed_before_its_files_are_taken(lake: Lake) -> None:
    run = lake.run(RunState.REQUESTED)

    def cancel() -> None:
        found = lake.services.ledger.find("people", run.run_id)
        assert found
        requests.cancel(lake.services, found, "kim")

    with pytest.raises(LeaseHeldError):
        unload(lake.services, run, Engine(meanwhile=cancel))


def a_file(lake: Lake, run: Run, number: int) -> UnloadedFile:
    """Put an unloaded file of one row into the staging bucket."""
    content = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": [number], "name": ["x"]}), content)
    data = content.getvalue().to_pybytes()
    name = f"{naming.unloaded_prefix('people', run.run_id, 'a')}{number}.parquet"
    generation = lake.storage.write(
        lake.services.settings.bucket("staging"), name, data, generation=ABSENT, content_type=""
    )
    return UnloadedFile(name=name, generation=generation, size_bytes=len(data), rows=1)


def planned(lake: Lake, files: int = 2) -> tuple[Run, Plan]:
    """Plan a run of one unit of so many files."""
    run = lake.run(RunState.EXTRACTING)
    piece = Slice.of_files(tuple(a_file(lake, run, number) for number in range(files)))
    manifest = a_manifest(
        run_id=run.run_id, table="people", is_pinned=False, parts=(), rows_source=files
    )
    plan = Plan(manifest=manifest, slices=(piece,), unloaded=a_schema())
    return run, lake.services.manifests.create_plan(plan)


class CutMeanwhile(ManifestStore):
    """Another delivery finds the unit too large, and says so first."""

    def create_unit(self, table: str, run_id: str, name: str, unit: Unit) -> Unit:
        """Create the other's outcome, then this one's."""
        plan = self.find_plan(table, run_id)
        if plan and "." not in name:
            slices = tuple(Slice.of_files((file,)) for file in plan.slices[0].files)
            super().create_unit(table, run_id, name, Unit(slices=slices))
        return super().create_unit(table, run_id, name, unit)


def test_files_of_a_unit_that_another_delivery_has_cut_are_kept_for_its_slices(lake: Lake) -> None:
    run, plan = planned(lake)
    services, bucket = lake.services, lake.services.settings.bucket("staging")
    other = replace(services, manifests=CutMeanwhile(services.storage, bucket))

    read_unit(UnitRequest(table="people", run_id=run.run_id, unit="0"), other)

    left = lake.names("staging", naming.unloaded_prefix("people"))
    assert left == [file.name for file in plan.slices[0].files]
    for unit in ("0.0", "0.1"):
        read_unit(UnitRequest(table="people", run_id=run.run_id, unit=unit), services)
    manifest = services.manifests.find("people", run.run_id)
    assert manifest
    assert manifest.rows_staged == 2
    assert not lake.names("staging", naming.unloaded_prefix("people"))


def test_file_that_is_gone_and_was_read_by_nobody_is_told(lake: Lake) -> None:
    run, plan = planned(lake)
    gone = plan.slices[0].files[0]
    lake.storage.delete(lake.services.settings.bucket("staging"), gone.name, gone.generation)

    with pytest.raises(IntegrityError, match=r"0.parquet.*is gone; run the table again"):
        read_unit(UnitRequest(table="people", run_id=run.run_id, unit="0"), lake.services)


def test_file_that_is_too_large_by_itself_says_what_to_do(lake: Lake) -> None:
    run, _ = planned(lake, files=1)
    small = replace(lake.services, settings=replace(lake.services.settings, unit_bytes=1))

    with pytest.raises(TableTooLargeError, match="raise SLUICE_UNIT_BYTES, or write strategy"):
        read_unit(UnitRequest(table="people", run_id=run.run_id, unit="0"), small)


class Held(bytearray):
    """A file's bytes, of which one can tell whether anybody holds them."""


@dataclass
class Watched:
    """A storage that counts the files that are still held when the next one is asked for."""

    storage: MemoryStorage
    files: list[weakref.ref[Held]] = field(default_factory=list)
    held: list[int] = field(default_factory=list)

    def download(self, bucket: str, name: str, generation: int) -> Held:
        """Return the bytes of one generation."""
        self.held.append(sum(file() is not None for file in self.files))
        data = Held(self.storage.download(bucket, name, generation) or b"")
        self.files.append(weakref.ref(data))
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self.storage, name)


def test_file_leaves_memory_before_the_next_one_comes(lake: Lake) -> None:
    run, _ = planned(lake, files=3)
    watched = Watched(lake.storage)
    services = replace(lake.services, storage=cast(Storage, watched))

    read_unit(UnitRequest(table="people", run_id=run.run_id, unit="0"), services)

    assert watched.held == [0, 0, 0]
