"""Tables through the API: beside those of the files, one change at a time, asked for by sweeps."""

from datetime import timedelta
from typing import Any

import pytest

from shared.config.curated import ResolvedModel
from shared.config.tables import ResolvedTable, TableConfig
from shared.core import runs
from shared.core.access import Role
from shared.core.messages import SweepRequest
from shared.core.runs import Trigger
from shared.core.sweeps import SweepReport
from shared.errors import InvalidConfigError
from shared.operations import tables
from shared.steps.sweep import sweep
from shared.storage import ABSENT
from shared.wire import from_json
from tests.builders import table_data
from tests.model.interleaving import Instance
from tests.unit.api.test_asking import asked
from tests.unit.api.test_reading import a_past_run
from tests.unit.api.world import CONNECTIONS, NOW, World

PATH = "/api/v1/tables"


def orders(**changes: Any) -> dict[str, Any]:
    """Return a table that may be created beside flights."""
    return table_data(name="orders", postgres={"table": "orders"}) | changes


def created(world: World, **changes: Any) -> str:
    """Create a table beside one of the files; return its ETag."""
    world.configure()
    reply = world.post(PATH, orders(**changes), Role.ADMIN)
    assert reply.status == 201, reply.data
    return str(world.call(f"{PATH}/orders").headers["etag"])


def test_a_created_table_is_one_like_the_others(world: World) -> None:
    tag = created(world)

    found = world.call(f"{PATH}/orders").data
    asked_for = world.post("/api/v1/pipeline/run", {"table": "orders"})

    assert (found["origin"], f'"{found["generation"]}"') == ("api", tag)
    assert [t["name"] for t in world.call(PATH).data["items"]] == ["flights", "orders"]
    assert asked_for.status == 202
    resolved, _ = world.services.config.get("orders")
    assert resolved.connections == world.services.config.get("flights")[0].connections


def test_creating_it_again_finds_it_and_another_of_its_name_is_refused(world: World) -> None:
    tag = created(world)

    again = world.post(PATH, orders(), Role.ADMIN)
    other = world.post(PATH, orders(schedule="daily"), Role.ADMIN)

    assert (again.status, f'"{again.data["generation"]}"') == (201, tag)
    assert (other.status, other.data["code"]) == (409, "table_exists")


@pytest.mark.parametrize("taken", [("orders", "other"), ("daily", "orders")])
def test_a_table_with_the_name_or_the_place_of_a_model_is_refused(
    world: World, taken: tuple[str, str]
) -> None:
    world.configure()
    name, place = taken
    model = {"name": name, "postgres": {"table": place}}
    given = {"environment": "test", "sql": "SELECT 1", "inputs": (), "follows": ()}
    found = ResolvedModel.model_validate(given | {"model": model, "connections": CONNECTIONS})
    world.services.models.deploy([found], "kim")

    reply = world.post(PATH, orders(), Role.ADMIN)

    assert reply.status == 422, reply.data
    assert "model" in reply.data["detail"]


@pytest.mark.parametrize("is_change", [False, True])
def test_of_two_that_take_one_place_at_once_one_is_taken_back(
    world: World, *, is_change: bool
) -> None:
    world.configure()
    generation = ABSENT
    if is_change:
        generation = tables.put(world.services, orders(), "kim", ABSENT).generation
    place = {"postgres": {"table": "both"}}
    wanted = [(orders(**place), generation), (orders(name="returns", **place), ABSENT)]
    callers = [
        Instance(
            data["name"], world.baton, lambda d=data, g=at: tables.put(world.services, d, "kim", g)
        )
        for data, at in wanted
    ]

    for each in callers:
        each.run_up_to("write api/")
    for each in callers:
        each.advance()
    for each in callers:
        each.run()

    there = {
        each.resolved.table.name: each.resolved.table.place.table
        for each in world.services.config.configured()
    }
    first = {"orders": "orders"} if is_change else {}
    assert there == {"flights": "flights", "returns": "both"} | first
    assert [type(each.error) for each in callers] == [InvalidConfigError, type(None)]


def test_a_deployment_fits_the_tables_through_the_api_or_writes_nothing(world: World) -> None:
    created(world)
    world.configure("returns", postgres={"table": "orders"})
    files = [world.services.config.get(name)[0] for name in ("flights", "returns")]
    model = {"name": "orders", "postgres": {"table": "other"}}
    given = {"environment": "test", "sql": "SELECT 1", "inputs": (), "follows": ()}
    found = ResolvedModel.model_validate(given | {"model": model, "connections": CONNECTIONS})

    with pytest.raises(InvalidConfigError, match=r"both write public\.orders"):
        tables.require_deployable(world.services, files, [])
    with pytest.raises(InvalidConfigError, match="orders is the name of a model"):
        tables.require_deployable(world.services, files[:1], [found])
    tables.require_deployable(world.services, files[:1], [])


def test_a_change_names_the_generation_that_it_is_of(world: World) -> None:
    tag = created(world)
    wanted = orders(schedule="daily")

    blind = world.call(f"{PATH}/orders", Role.ADMIN, method="PUT", body=wanted)
    first = world.call(f"{PATH}/orders", Role.ADMIN, method="PUT", body=wanted, if_match=tag)
    late = world.call(f"{PATH}/orders", Role.ADMIN, method="PUT", body=orders(), if_match=tag)

    assert (blind.status, first.status, late.status) == (428, 200, 412)
    assert first.headers["etag"] == world.call(f"{PATH}/orders").headers["etag"] != tag
    assert world.services.config.get("orders")[0].table.schedule == "daily"


def test_a_deleted_table_is_gone_and_its_runs_stay(world: World) -> None:
    tag = created(world)
    run = world.record(a_past_run(timedelta(hours=1), "orders"))

    wrong = world.call(f"{PATH}/orders", Role.ADMIN, method="DELETE", if_match='"1"')
    gone = world.call(f"{PATH}/orders", Role.ADMIN, method="DELETE", if_match=tag)

    assert (wrong.status, gone.status) == (412, 204)
    assert world.call(f"{PATH}/orders").status == 404
    assert world.call(f"/api/v1/runs/orders/{run.run_id}").status == 200
    kinds = [e["kind"] for e in world.call("/api/v1/admin/audit/orders").data["items"]]
    assert kinds == ["config.removed", "config.written"]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_table_of_the_files_is_changed_in_the_files(world: World, method: str) -> None:
    world.configure()
    body = table_data() if method == "PUT" else None

    reply = world.call(f"{PATH}/flights", Role.ADMIN, method=method, body=body, if_match="*")

    assert (reply.status, reply.data["code"]) == (409, "table_of_files")


def test_a_file_takes_a_table_over_and_a_deployment_leaves_the_others(world: World) -> None:
    created(world)
    world.post(PATH, orders(name="returns", postgres={"table": "returns"}), Role.ADMIN)
    flights, _ = world.services.config.get("flights")
    theirs = ResolvedTable(
        environment="test",
        table=TableConfig.model_validate(orders(schedule="daily")),
        connections=flights.connections,
    )

    changes = world.services.config.deploy([flights, theirs])

    found = {t["name"]: t["origin"] for t in world.call(PATH).data["items"]}
    assert found == {"flights": "files", "orders": "files", "returns": "api"}
    assert (changes.added, changes.removed) == (("orders",), ())
    world.services.config.deploy([flights])
    assert world.services.config.names() == ["flights", "returns"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schedule": "often"}, "table: schedule: 'often'"),
        ({"sync_mod": "full"}, "did you mean sync_mode?"),
        ({"postgres": {"table": "flights"}}, "both write public.flights"),
        ({"postgres": None, "sqlserver": {"table": "orders"}}, "no deployed table has the target"),
        ({"encryption": True}, "there is no key"),
        ({"checks": [{"check": "references", "columns": ["id"], "table": "no"}]}, "'no'"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(
    world: World, changes: dict[str, Any], said: str
) -> None:
    world.configure()

    judged = world.post(f"{PATH}/validate", orders(**changes))
    refused = world.post(PATH, orders(**changes), Role.ADMIN)

    assert judged.data["is_valid"] is False
    assert said in "\n".join(judged.data["problems"])
    assert (refused.status, refused.data["code"]) == (422, "invalid_config")


def test_a_valid_table_is_shown_with_its_defaults_and_not_kept(world: World) -> None:
    world.configure()

    reply = world.post(f"{PATH}/validate", orders())

    assert (reply.data["is_valid"], reply.data["config"]["compression"]) == (True, "zstd")
    assert world.services.config.names() == ["flights"]


def test_operators_may_validate_and_only_admins_configure(world: World) -> None:
    world.configure()

    statuses = {
        world.post(PATH, orders(), Role.OPERATE).status,
        world.call(f"{PATH}/flights", Role.OPERATE, method="DELETE", if_match="*").status,
    }

    assert statuses == {403}


def test_the_sweep_asks_for_a_slot_once_and_leaves_those_of_the_files_alone(world: World) -> None:
    created(world, schedule="hourly")
    world.configure(schedule="hourly")
    world.clock[0] = NOW + timedelta(minutes=45)

    sweep(SweepRequest(), world.services)
    (request,) = asked(world)
    slot = NOW.replace(hour=13, minute=0)
    run_id = runs.run_id("orders", Trigger.SCHEDULE, slot.isoformat(), slot)
    age = NOW - slot
    run = world.record(a_past_run(age, "orders"))
    sweep(SweepRequest(), world.services)

    assert request.table == "orders"
    assert run.run_id == run_id
    assert len(asked(world)) == 1


def test_a_slot_from_before_the_table_was_there_is_none(world: World) -> None:
    created(world, schedule="0 3 1 6 *")

    sweep(SweepRequest(), world.services)

    assert asked(world) == []
    report = world.storage.read("acme-state", "ledger/sweep.json")
    assert report
    assert from_json(SweepReport, report[0], "report").asked.count == 0
