"""A sample of the crash matrix, the same one every time; ``make crash`` plays all of it."""

import pytest

from tests.crash.lab import Lab, sample
from tests.crash.lanes import LANES, Lane
from tests.crash.matrix import cases

CASES_PER_LANE = {"postgres": 4, "sqlserver": 2, "bigquery": 2}
"""By the lane's target; the stand-in of SQL Server takes three times as long."""

LEFT_OUT = (
    *("SQL Server: first full load", "SQL Server: merge"),
    *("BigQuery: first full load", "BigQuery: full, versions kept", "BigQuery: rewind"),
)
"""What the other lanes into these targets do too; ``make crash`` plays these as well."""

SAMPLED = [lane for lane in LANES if lane.name not in LEFT_OUT]


@pytest.mark.parametrize("lane", SAMPLED, ids=lambda lane: lane.name)
def test_no_row_is_lost_or_doubled_or_seen_early_whatever_breaks(lab: Lab, lane: Lane) -> None:
    number = CASES_PER_LANE[lane.target]
    chosen = sample(cases(lane, lab.record(lane)), number)

    verdicts = list(lab.play(chosen))

    assert len(verdicts) == len(chosen) == number
    assert {str(v.case): v.troubles for v in verdicts if v.troubles} == {}
