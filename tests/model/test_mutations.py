"""Tests that can fail: each protocol that is broken on purpose is caught, in two ways.

By a history made for it, and, but for a rare one, by the machine that judges the real protocol,
which has to find a history by itself.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import MACHINES
from tests.model.mutations import MUTATIONS, Mutation
from tests.model.promises import Violation
from tests.model.test_delivery import CI
from tests.model.world import UNBOUNDED, Setup, World, on_virtual_time

SEARCH = settings(CI, max_examples=1000, phases=[Phase.generate], database=None, derandomize=True)

RARE = {"checks outside the transaction", "change token after the snapshot"}
"""Harm that takes two who are in the middle of each other, which a random history seldom has.

The histories made for them, and the search through all states (test_states), find it at once.
"""

each_mutation = pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.name)


@each_mutation
def test_a_broken_protocol_does_harm(mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    mutation.put_in_force(monkeypatch)
    world = mutation.world(_setup(mutation))

    with on_virtual_time(world.clock), pytest.raises(Violation) as found:
        _go_through(mutation, world)

    assert found.value.promise is mutation.harm


@each_mutation
def test_the_same_history_does_no_harm_to_the_protocol(mutation: Mutation) -> None:
    world = World(_setup(mutation))

    with on_virtual_time(world.clock):
        _go_through(mutation, world)
        world.recover()


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "mutation", [m for m in MUTATIONS if m.name not in RARE], ids=lambda m: m.name
)
def test_the_machine_finds_a_broken_protocol(
    mutation: Mutation, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutation.put_in_force(monkeypatch)

    machine: Any = MACHINES[mutation.mode]

    class Broken(machine):
        def make_world(self, setup: Setup) -> World:
            # Units make histories longer, and play no part in any mutation.
            whole = {"unit_rows": UNBOUNDED, "unit_bytes": UNBOUNDED, "unit_parts": UNBOUNDED}
            return mutation.world(replace(setup, **whole))

    with pytest.raises(Violation):
        run_state_machine_as_test(Broken, settings=SEARCH)


def _setup(mutation: Mutation) -> Setup:
    return Setup(mode=mutation.mode, lag=timedelta(seconds=90))


def _go_through(mutation: Mutation, world: World) -> None:
    """Judge first by what is wrong for good, then by what readers saw on the way."""
    mutation.history(world)
    world.come_to_rest()
    world.witness.look_at_end()
    world.witness.look()
