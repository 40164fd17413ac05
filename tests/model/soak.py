"""The machines for as long as you like: ever new histories, until one breaks a promise.

``make soak MINUTES=60`` runs it. A failure prints the history, made as short as possible, and the
command that finds it again.
"""

import argparse
import logging
import random
import sys
import time
import traceback

import hypothesis
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import MACHINES, TRIED, DeliveryMachine
from tests.model.test_delivery import CI

SOAK = settings(CI, max_examples=200, stateful_step_count=80, database=None)
"""For one mode and one seed: about fifteen seconds."""

say = sys.stdout.write


def main() -> int:
    """Run the machines; 1 when a promise is broken."""
    options = _options()
    logging.disable(logging.WARNING)
    started_s = time.monotonic()
    rounds = 0
    while rounds == 0 or time.monotonic() - started_s < options.minutes * 60:
        seed = options.seed or random.SystemRandom().getrandbits(48)
        if not all(_holds(machine, seed) for machine in MACHINES.values()):
            return 1
        rounds += 1
        say(
            f"{time.monotonic() - started_s:6.0f} s  round {rounds}, seed {seed}; so far "
            f"{TRIED['examples']} examples, {TRIED['steps']} steps, no promise broken\n"
        )
        sys.stdout.flush()
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.model.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60, help="begin no round after so long")
    parser.add_argument("--seed", type=int, help="try this seed and no other")
    options = parser.parse_args()
    if options.seed:
        options.minutes = 0
    return options


def _holds(machine: type[DeliveryMachine], seed: int) -> bool:
    seeded = hypothesis.seed(seed)(type(machine.__name__, (machine,), {}))
    try:
        run_state_machine_as_test(seeded, settings=SOAK)
    except Exception:  # noqa: BLE001 - whatever it is, it is the finding
        traceback.print_exc()
        say(f"{machine.__name__}: again with: python -m tests.model.soak --seed {seed}\n")
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
