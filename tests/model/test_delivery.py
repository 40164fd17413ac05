"""The delivery promise over random histories, with the real steps between ends in memory.

``make soak`` goes on with ever new and longer histories.
"""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import MACHINES, DeliveryMachine

CI = settings(
    max_examples=80,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
    print_blob=True,
)
"""For one mode; 240 histories together. ``make soak`` tries any number."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("machine", MACHINES.values())
def test_every_row_exactly_once_whatever_happens(machine: type[DeliveryMachine]) -> None:
    run_state_machine_as_test(machine, settings=CI)
