"""A sample of the crash matrix, the same one every time; ``make crash`` plays all of it."""

import pytest

from tests.crash.lab import Lab, sample
from tests.crash.lanes import LANES, Lane
from tests.crash.matrix import cases

CASES_PER_LANE = 8


@pytest.mark.parametrize("lane", LANES, ids=lambda lane: lane.name)
def test_no_row_is_lost_or_doubled_or_seen_early_whatever_breaks(lab: Lab, lane: Lane) -> None:
    chosen = sample(cases(lane, lab.record(lane)), CASES_PER_LANE)

    verdicts = list(lab.play(chosen))

    assert len(verdicts) == len(chosen) == CASES_PER_LANE
    assert {str(v.case): v.troubles for v in verdicts if v.troubles} == {}
