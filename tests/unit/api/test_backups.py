"""Backups: one archive, and back comes what is missing, as it was; nothing is ever replaced."""

import gzip
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.config.curated import ResolvedModel
from shared.core.access import Role
from shared.core.runs import RunState
from shared.errors import IntegrityError, InvalidConfigError
from shared.operations import backups
from tests.builders import a_receipt, table_data
from tests.unit.api.test_reading import a_past_run
from tests.unit.api.world import CONNECTIONS, NOW, World

PATH = "/api/v1/admin/backups"
STATE, CONFIG = "acme-state", "acme-config"


def lose(world: World, bucket: str, prefix: str) -> list[str]:
    """Let objects be gone; return their names."""
    found = list(world.storage.list(bucket, prefix))
    for info in found:
        world.storage.delete(bucket, info.name, info.generation)
    return [info.name for info in found]


def test_what_is_lost_comes_back_as_it_was(world: World) -> None:
    world.configure()
    world.post("/api/v1/tables", table_data(name="o", postgres={"table": "o"}), Role.ADMIN)
    world.record(a_past_run(timedelta(hours=3), receipt=a_receipt()))
    world.record(a_past_run(timedelta(hours=2), state=RunState.LOADING))
    before = world.call("/api/v1/runs").data, world.call("/api/v1/runs/statistics").data

    made = world.post(PATH, None, Role.ADMIN)
    lost = lose(world, STATE, "ledger/runs/") + lose(world, CONFIG, "")
    world.clock[0] += timedelta(hours=1)
    back = world.post(f"{PATH}/{made.data['backup_id']}/restore", None, Role.ADMIN)
    world.clock[0] -= timedelta(hours=1)

    assert (made.status, made.data["objects"], len(lost)) == (201, 4, 4)
    assert back.data == {"written": 3, "kept": 0, "left": 1}
    assert (world.call("/api/v1/runs").data, world.call("/api/v1/runs/statistics").data) == before
    assert world.services.config.names() == ["o"]
    kinds = [e["kind"] for e in world.call("/api/v1/admin/audit/-").data["items"]]
    assert kinds == ["backup.restored", "backup.made"]


def test_what_is_there_stays_as_it_is(world: World) -> None:
    run = world.record(a_past_run(timedelta(hours=2), state=RunState.LOADING))
    made = backups.make(world.services, NOW, "ann")
    world.services.ledger.change(run.table, run.run_id, lambda r: replace(r, state=RunState.FAILED))

    restored = backups.restore(world.services, made.backup_id, "ann")

    found = world.services.ledger.find(run.table, run.run_id)
    assert found
    assert restored
    assert (found.state, restored.written, restored.kept) == (RunState.FAILED, 0, 1)


def test_a_backup_is_listed_and_taken_away_as_a_file(world: World) -> None:
    world.record(a_past_run(timedelta(hours=2)))
    for hours in range(3):
        backups.make(world.services, NOW + timedelta(hours=hours), "ann")

    first = world.call(f"{PATH}?limit=2", Role.ADMIN).data
    rest = world.call(f"{PATH}?cursor={first['next']}", Role.ADMIN).data
    file = world.call(f"{PATH}/{first['items'][0]['backup_id']}", Role.ADMIN)

    assert [len(page["items"]) for page in (first, rest)] == [2, 1]
    assert len(gzip.decompress(file.body).splitlines()) == 3
    assert world.call(f"{PATH}/20200101T000000Z", Role.ADMIN).data["code"] == "unknown_backup"
    assert world.call(PATH, Role.OPERATE).status == 403


@pytest.mark.parametrize("harm", ["cut", "changed", "left out", "not gzip"])
def test_an_archive_that_is_not_as_it_was_written_restores_nothing(world: World, harm: str) -> None:
    world.record(a_past_run(timedelta(hours=2)))
    world.record(a_past_run(timedelta(hours=3)))
    made = backups.make(world.services, NOW, "ann")
    (info,) = backups.listed(world.services)
    data = world.storage.read(STATE, info.name)
    assert data
    lines = gzip.decompress(data[0]).splitlines(keepends=True)
    harmed = {
        "cut": data[0][:-20],
        "changed": gzip.compress(b"".join(lines).replace(b"committed", b"skipped  ")),
        "left out": gzip.compress(b"".join([lines[0], *lines[2:]])),
        "not gzip": b"".join(lines),
    }[harm]
    world.storage.put(STATE, info.name, harmed, info.generation)
    lose(world, STATE, "ledger/runs/")

    with pytest.raises(IntegrityError):
        backups.restore(world.services, made.backup_id, "ann")

    assert list(world.storage.list(STATE, "ledger/runs/")) == []


def a_model(**place: str) -> ResolvedModel:
    """Return a model that writes a place."""
    given = {"environment": "test", "sql": "SELECT 1", "inputs": (), "follows": ()}
    model = {"name": "daily", "postgres": place}
    return ResolvedModel.model_validate(given | {"model": model, "connections": CONNECTIONS})


@pytest.mark.parametrize("taken_by", ["table", "model"])
def test_a_table_whose_place_is_taken_by_now_is_not_brought_back(
    world: World, taken_by: str
) -> None:
    world.configure()
    world.post("/api/v1/tables", table_data(name="o", postgres={"table": "o"}), Role.ADMIN)
    world.record(a_past_run(timedelta(hours=3)))
    made = backups.make(world.services, NOW, "ann")
    lose(world, CONFIG, "api/")
    lose(world, STATE, "ledger/runs/")
    if taken_by == "table":
        world.configure("orders", postgres={"table": "o"})
    else:
        world.services.models.deploy([a_model(table="o")], "kim")

    with pytest.raises(InvalidConfigError, match=r"public\.o"):
        backups.restore(world.services, made.backup_id, "ann")

    assert "o" not in world.services.config.names()
    assert list(world.storage.list(STATE, "ledger/runs/")) == []


def test_a_table_that_the_files_have_by_now_stays_theirs(world: World) -> None:
    world.configure()
    world.post("/api/v1/tables", table_data(name="o", postgres={"table": "o"}), Role.ADMIN)
    made = backups.make(world.services, NOW, "ann")
    lose(world, CONFIG, "api/")
    world.configure("o")

    restored = backups.restore(world.services, made.backup_id, "ann")

    assert restored
    assert (restored.written, restored.kept, restored.left) == (0, 1, 1)
    assert list(world.storage.list(CONFIG, "api/")) == []
