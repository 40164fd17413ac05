"""A sample of the crash matrix, the same one every time; ``make crash`` plays all of it.

Here are the tables that PostgreSQL takes; the rest is in ``test_crash_elsewhere``, so that two
processes share the lanes.
"""

import pytest

from tests.crash.lab import Lab
from tests.crash.lanes import LANES, Lane

CASES_PER_LANE = 2

SAMPLED = [lane for lane in LANES if lane.is_table_into_postgres]


@pytest.mark.parametrize("lane", SAMPLED, ids=lambda lane: lane.name)
def test_no_row_is_lost_or_doubled_or_seen_early_whatever_breaks(lab: Lab, lane: Lane) -> None:
    verdicts = lab.play_sample(lane, CASES_PER_LANE)

    assert {str(v.case): v.troubles for v in verdicts if v.troubles} == {}
