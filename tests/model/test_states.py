"""All states of the protocol at small sizes; each broken protocol has one that breaks a promise."""

import pytest

from shared.core.modes import SyncMode
from tests.model.exploring import BROKEN, Counterexample, explore
from tests.model.mutations import MUTATIONS, Mutation
from tests.model.states import Protocol


@pytest.mark.parametrize("mode", SyncMode)
def test_every_reachable_state_keeps_the_promises(mode: SyncMode) -> None:
    numbers = explore(Protocol(mode=mode))

    assert all(number > 1000 for number in numbers.values()), numbers


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.name)
def test_a_broken_protocol_has_a_shortest_way_to_its_harm(mutation: Mutation) -> None:
    with pytest.raises(Counterexample) as found:
        explore(BROKEN[mutation.name])

    print(found.value)  # noqa: T201 - pytest shows it on request: -rP
    assert found.value.promise is mutation.harm
    assert found.value.way
