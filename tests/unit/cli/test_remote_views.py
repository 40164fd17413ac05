"""What the command line shows through the API: audit log, tables at both ends, rows."""

import json
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from shared.cli import calling
from shared.cli.app import app
from shared.cli.remote import Remote
from shared.core import naming
from shared.core.audit import Event
from tests.builders import AT
from tests.unit.api.world import World
from tests.unit.cli.test_remote import both_ways, runs_of, world

__all__ = ["world"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("audit", "show", "flights", "--limit", "2"), 0),
        (("audit", "show", "flights", "--json"), 0),
        (("audit", "show", "nothing"), 0),
        (("audit", "verify", "flights"), 0),
        (("audit", "verify", "damaged", "--json"), 1),
        (("audit", "verify"), 1),
        (("freshness",), 1),
        (("freshness", "flights", "--days", "1", "--json"), 0),
        (("freshness", "fligths"), 1),
        (("data", "fligths"), 1),
        (("metadata", "fligths"), 1),
        (("schema", "fligths"), 1),
        (("lineage", f"{AT:%Y%m%dT%H%M%SZ}"), 0),
    ],
)
def test_what_happened_is_shown_and_proven_through_the_api(
    world: World, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int
) -> None:
    monkeypatch.setattr(calling, "PAGE_ITEMS", 2)
    monkeypatch.setattr("shared.cli.remote.PAGE_ITEMS", 2)
    monkeypatch.setattr(Remote, "now", lambda _: world.clock[0])
    world.configure(freshness={"max_age": "1d", "objective_percent": 90})
    world.configure("weather")
    runs_of(world)
    told(world, "flights", 5)
    told(world, "damaged", 3)
    alter(world, "damaged", 2)

    through_api, directly = both_ways(world, monkeypatch, arguments)

    assert through_api.stdout == directly.stdout
    assert through_api.exit_code == directly.exit_code == code
    assert str(through_api.exception) == str(directly.exception)
    assert ("FLAWED" in directly.stdout) is (arguments == ("audit", "verify"))


def test_freshness_of_a_table_without_a_success_is_not_praised(world: World) -> None:
    world.configure(freshness={"max_age": "1d"})

    said = CliRunner().invoke(app, ["freshness"])

    assert "never" in said.stdout
    assert "100" not in said.stdout


def test_promise_is_judged_by_the_success_before_the_days_that_are_looked_at(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Remote, "now", lambda _: world.clock[0])
    world.configure(freshness={"max_age": "10d", "objective_percent": 90})
    runs_of(world)
    world.clock[0] += timedelta(days=20)

    arguments = ("freshness", "flights", "--days", "7", "--json")
    through_api, directly = both_ways(world, monkeypatch, arguments)

    assert through_api.stdout == directly.stdout
    assert (through_api.exit_code, directly.exit_code) == (1, 1)
    assert json.loads(directly.stdout)["flights"]["percent"] == 0


def told(world: World, table: str, number: int) -> None:
    """Add so many events to a table's chain."""
    for at in range(number):
        world.services.audit.append(
            Event(
                table=table,
                event_id=f"run/{at}/committed",
                kind="run.committed",
                at=world.clock[0] + timedelta(seconds=at),
                by="scheduler",
                run_id=f"20240131T00000{at}Z-{at:012x}",
                receipt=json.dumps({"rows_loaded": at}),
                detail=json.dumps({"number": at}),
            )
        )


def alter(world: World, table: str, sequence: int) -> None:
    """Change an event behind the log's back, so that it is no event any more."""
    bucket, name = world.services.settings.bucket("audit"), naming.audit_object(table, sequence)
    before = world.storage.info(bucket, name)
    assert before
    world.storage.put(bucket, name, b"{}", before.generation, before.metadata)


@pytest.mark.parametrize("text", ["price", "=3", "price!3"])
def test_condition_that_is_none_is_a_wrong_command_line(world: World, text: str) -> None:
    world.configure()

    found = CliRunner().invoke(app, ("data", "flights", "--where", text))

    assert (found.exit_code, found.stdout) == (2, "")
    assert world.storage.streams == 0
