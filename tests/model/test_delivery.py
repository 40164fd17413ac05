"""The delivery promise over random histories, with the real steps between ends in memory.

``HYPOTHESIS_PROFILE=soak`` goes on with ever new and longer histories for ``SOAK_S`` seconds, an
hour by default.
"""

import os
import time

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import AppendMachine, DeliveryMachine, FullMachine, MergeMachine

MACHINES: tuple[type[DeliveryMachine], ...] = (AppendMachine, MergeMachine, FullMachine)

CI = settings(
    max_examples=700,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
    print_blob=True,
)
"""For one mode; 2,100 histories together."""

SOAK = settings(CI, stateful_step_count=80, derandomize=False)

IS_SOAK = os.environ.get("HYPOTHESIS_PROFILE") == "soak"
SOAK_S = float(os.environ.get("SOAK_S", "3600"))


@pytest.mark.timeout(0 if IS_SOAK else 600)
@pytest.mark.parametrize("machine", MACHINES)
def test_every_row_exactly_once_whatever_happens(machine: type[DeliveryMachine]) -> None:
    end_s = time.monotonic() + (SOAK_S / len(MACHINES) if IS_SOAK else 0)
    while True:
        run_state_machine_as_test(machine, settings=SOAK if IS_SOAK else CI)
        if time.monotonic() >= end_s:
            return
