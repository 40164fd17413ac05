"""Rotation of the keys of staged parts: nothing is written again, and nothing is locked out."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.errors import InvalidConfigError, KeyInUseError
from shared.operations import keys
from shared.stage.envelope import KEY_SECRET, Envelope, new_wrapping_key
from tests.unit.operations.keyed import World
from tests.vault import State

BY = "ada@example.com"


@pytest.fixture
def world() -> World:
    """Return a world with the first version of the key and no part."""
    return World.start()


def test_rotation_wraps_all_keys_anew_and_touches_nothing_else(world: World) -> None:
    names = [world.stage("a"), world.stage("b")]
    plain = world.stage("c", is_encrypted=False)
    before = {name: world.storage.info(world.bucket, name) for name in [*names, plain]}
    data_keys = {
        name: world.services.envelope.open_key(name, world.key(name), _none) for name in names
    }

    done = keys.rotate(world.services, BY)

    assert (done.version, done.parts, done.failed) == (2, 2, 0)
    for name, info in before.items():
        after = world.storage.info(world.bucket, name)
        assert info
        assert after
        assert replace(after, metadata={}) == replace(info, metadata={})
    for name, data_key in data_keys.items():
        assert world.key(name).key_id == f"{KEY_SECRET}:2"
        assert world.services.envelope.open_key(name, world.key(name), _none) == data_key
    assert world.storage.info(world.bucket, plain) == before[plain]
    assert world.counts() == {2: 2, 1: 0}


def test_new_version_is_a_fresh_key_and_new_parts_are_wrapped_by_it(world: World) -> None:
    world.services.secrets.get(KEY_SECRET)

    keys.rotate(world.services, BY)

    versions = [kept.value for kept in world.vault.kept[KEY_SECRET]]
    assert len(set(versions)) == 2
    assert all(len(bytes.fromhex(value.decode())) == 32 for value in versions)
    assert world.key(world.stage("a")).key_id == f"{KEY_SECRET}:2"


def test_rotation_that_broke_off_is_finished_by_rewrap_and_doing_it_again_does_nothing(
    world: World,
) -> None:
    names = [world.stage(f"t{n}") for n in range(5)]
    world.vault.add(KEY_SECRET, new_wrapping_key())
    early = world.services.envelope.rewrap(names[0], world.key(names[0]), 2)
    world.storage.note(world.bucket, names[0], _generation(world, names[0]), early.notes)

    first, second = keys.rewrap(world.services, BY), keys.rewrap(world.services, BY)

    assert (first.version, first.parts) == (2, 4)
    assert (second.version, second.parts) == (2, 0)
    assert world.key(names[0]) == early


def test_part_that_a_slow_instance_wrote_with_the_old_key_is_seen_and_wrapped(world: World) -> None:
    slow = Envelope(world.vault)
    world.services.secrets.get(KEY_SECRET)
    world.vault.put(KEY_SECRET, new_wrapping_key())
    world.services = replace(world.services, envelope=slow)
    late = world.stage("late")

    assert world.counts() == {2: 0, 1: 1}
    assert keys.rewrap(world.services, BY).parts == 1
    assert world.key(late).key_id == f"{KEY_SECRET}:2"


def test_status_counts_parts_and_bytes_by_version(world: World) -> None:
    world.stage("a")
    world.stage("b", is_encrypted=False)
    keys.rotate(world.services, BY)
    world.vault.kept[KEY_SECRET][0].state = State.DESTROYED

    found = keys.status(world.services)

    assert [(v.version.number, v.parts, v.size_bytes) for v in found.versions] == [(2, 1, 6)]
    assert found.plain_parts == 1
    assert found.lost == {}


def test_status_names_keys_that_parts_need_and_nobody_has(world: World) -> None:
    name = world.stage("a")
    gone = replace(world.key(name), key_id="staging-key:9")
    world.storage.note(world.bucket, name, _generation(world, name), gone.notes)

    assert keys.status(world.services).lost == {"staging-key:9": 1}


def test_newest_version_is_not_retired(world: World) -> None:
    with pytest.raises(KeyInUseError, match="sluice keys rotate"):
        keys.retire(world.services, 1, BY)


def test_newest_version_that_can_be_read_is_not_retired(world: World) -> None:
    keys.rotate(world.services, BY)
    world.advance(keys.SETTLE)
    world.vault.disabled(KEY_SECRET, 2)

    with pytest.raises(KeyInUseError, match="is the newest"):
        keys.retire(world.services, 1, BY)


def test_version_is_not_retired_while_it_may_be_taken_for_the_newest(world: World) -> None:
    keys.rotate(world.services, BY)
    world.advance(keys.SETTLE - timedelta(seconds=1))

    with pytest.raises(KeyInUseError, match="2024-01-02 00:00 UTC"):
        keys.retire(world.services, 1, BY)


def test_version_is_not_retired_while_a_part_needs_it(world: World) -> None:
    world.stage("a")
    world.vault.add(KEY_SECRET, new_wrapping_key())
    world.advance(keys.SETTLE)

    with pytest.raises(KeyInUseError, match=r"1 staged parts need version 1 .* rewrap"):
        keys.retire(world.services, 1, BY)
    assert world.vault.kept[KEY_SECRET][0].state is State.ENABLED


def test_retired_version_is_disabled_and_every_part_is_readable_all_the_same(world: World) -> None:
    name = world.stage("a")
    manifest_key = world.key(name)
    keys.rotate(world.services, BY)
    world.advance(keys.SETTLE)

    keys.retire(world.services, 1, BY)

    assert world.vault.kept[KEY_SECRET][0].state is State.DISABLED
    with pytest.raises(InvalidConfigError):
        world.services.envelope.open_key(name, manifest_key, _none)
    opened = world.services.envelope.open_key(name, manifest_key, lambda: world.key(name))
    assert len(opened) == 32


def test_version_that_is_not_there_is_not_retired(world: World) -> None:
    with pytest.raises(InvalidConfigError, match=r"no version 7; it has \[1\]"):
        keys.retire(world.services, 7, BY)


@pytest.mark.parametrize("harm", ["altered", "disabled"])
def test_part_whose_key_does_not_open_is_named_and_the_others_are_done(
    world: World, harm: str
) -> None:
    bad = world.stage("bad")
    if harm == "altered":
        forged = replace(world.key(bad), ciphertext="00" * 48)
        world.storage.note(world.bucket, bad, _generation(world, bad), forged.notes)
    else:
        world.vault.put(KEY_SECRET, new_wrapping_key())
        world.vault.disabled(KEY_SECRET, 1)
    world.advance(timedelta(hours=1))
    good = world.stage("good")

    done = keys.rotate(world.services, BY)

    assert (done.parts, done.failed) == (1, 1)
    assert (
        "parts/bad/" in done.reasons[0] if harm == "altered" else "staging-key:1" in done.reasons[0]
    )
    assert world.key(good).key_id == f"{KEY_SECRET}:{done.version}"


def test_part_that_is_deleted_meanwhile_is_no_failure(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.stage("a")

    def gone(*_: Any) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(world.storage, "note", gone)

    assert keys.rotate(world.services, BY).failed == 0


def test_every_change_of_a_key_is_in_the_audit_log(world: World) -> None:
    keys.rotate(world.services, BY)
    world.advance(keys.SETTLE)
    keys.retire(world.services, 1, BY)

    told = [(link.kind, link.by) for link in world.services.audit.events("-")]

    assert told == [("key.rotated", BY), ("key.rewrapped", BY), ("key.retired", BY)]


def _generation(world: World, name: str) -> int:
    info = world.storage.info(world.bucket, name)
    assert info
    return info.generation


_none: Callable[[], None] = lambda: None  # noqa: E731
