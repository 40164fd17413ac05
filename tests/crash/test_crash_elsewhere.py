"""The sample of the crash matrix where files, the sweep or another database than PostgreSQL are."""

import pytest

from tests.crash.lab import Lab
from tests.crash.lanes import LANES, Lane

CASES_PER_LANE = {"postgres": 2, "sqlserver": 1, "bigquery": 1}
"""By the lane's target; the stand-in of SQL Server takes three times as long."""

LEFT_OUT = (
    *("SQL Server: first full load", "SQL Server: merge"),
    *("BigQuery: first full load", "BigQuery: full, versions kept", "BigQuery: rewind"),
)
"""What the other lanes into these targets do too; ``make crash`` plays these as well."""

SAMPLED = [lane for lane in LANES if not lane.is_table_into_postgres and lane.name not in LEFT_OUT]


@pytest.mark.parametrize("lane", SAMPLED, ids=lambda lane: lane.name)
def test_no_row_is_lost_or_doubled_or_seen_early_whatever_breaks(lab: Lab, lane: Lane) -> None:
    verdicts = lab.play_sample(lane, CASES_PER_LANE[lane.target])

    assert {str(v.case): v.troubles for v in verdicts if v.troubles} == {}
