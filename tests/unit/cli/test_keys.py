"""``sluice keys``: what it prints of versions, and how it ends."""

import json

import pytest
from typer.testing import CliRunner, Result

from shared.cli import cloud
from shared.cli.app import app
from shared.errors import KeyInUseError
from shared.operations import keys as operations
from shared.stage.envelope import KEY_SECRET
from tests.unit.operations.keyed import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a world that the command line finds."""
    found = World.start()
    monkeypatch.setattr(cloud, "connect", lambda: found.services)
    return found


def sluice(*arguments: str) -> Result:
    """Run a command."""
    return CliRunner().invoke(app, ["keys", *arguments])


def test_rotation_says_the_new_version_and_how_many_parts_it_is_for(world: World) -> None:
    world.stage("a")
    world.stage("b")

    result = sluice("rotate")

    assert result.exit_code == 0
    assert "version 2: the keys of 2 parts were wrapped" in result.output


def test_status_lists_versions_with_their_parts(world: World) -> None:
    world.stage("a")
    world.stage("b", is_encrypted=False)
    sluice("rotate", "--json")

    listed, data = sluice("status"), sluice("status", "--json")

    lines = [line.split() for line in listed.output.splitlines()]
    assert lines[0] == ["VERSION", "UTC", "STATE", "PARTS", "BYTES"]
    assert [(line[0], *line[3:]) for line in lines[1:3]] == [
        ("2", "enabled", "1", "6"),
        ("1", "enabled", "0", "0"),
    ]
    assert "1 parts are not encrypted" in listed.output
    assert listed.exit_code == data.exit_code == 0
    found = json.loads(data.output)
    assert [(v["version"], v["state"], v["parts"]) for v in found["versions"]] == [
        (2, "enabled", 1),
        (1, "enabled", 0),
    ]
    assert (found["plain_parts"], found["lost"]) == (1, {})


@pytest.mark.parametrize("harm", ["disabled", "gone"])
def test_status_exits_1_where_parts_cannot_be_read_any_more(world: World, harm: str) -> None:
    world.stage("a")
    if harm == "disabled":
        world.vault.disabled(KEY_SECRET, 1)
    else:
        world.vault.kept[KEY_SECRET].clear()

    result = sluice("status")

    assert result.exit_code == 1
    assert ("disabled" if harm == "disabled" else "1 parts need staging-key:1") in result.output


def test_part_that_could_not_be_done_is_named_and_the_command_fails(world: World) -> None:
    world.stage("a")
    world.vault.disabled(KEY_SECRET, 1)

    result = sluice("rotate", "--json")

    assert result.exit_code == 1
    done = json.loads(result.output)
    assert (done["version"], done["parts"], len(done["failed"])) == (2, 0, 1)
    assert sluice("rewrap").exit_code == 1


def test_version_is_retired_a_day_later_and_no_sooner(world: World) -> None:
    sluice("rotate")

    early = sluice("retire", "1")
    world.advance(operations.SETTLE)
    late = sluice("retire", "1")

    assert isinstance(early.exception, KeyInUseError)
    assert late.exit_code == 0
    assert "version 1 is disabled" in late.output
