"""What a listing tells of a run that ended is what its record says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core import costs
from shared.core.costs import Cost
from shared.core.runs import RunState, StepStats
from shared.core.tallies import Tally
from tests.builders import a_receipt, a_run

COUNTS = st.integers(min_value=0, max_value=10**15)
SECONDS = st.floats(min_value=0, max_value=1e9).map(lambda value: round(value, 3))


@given(
    st.builds(
        Tally,
        rows_loaded=COUNTS,
        rows_rejected=COUNTS,
        bytes_staged=COUNTS,
        worked_s=SECONDS,
        cost=st.builds(
            Cost,
            runs=COUNTS,
            vcpu_s=SECONDS,
            gib_s=SECONDS,
            storage_writes=COUNTS,
            storage_reads=COUNTS,
            messages=COUNTS,
            source_s=SECONDS,
            billed_bytes=COUNTS,
            staged_bytes=COUNTS,
        ),
    )
)
def test_what_is_written_is_read(tally: Tally) -> None:
    assert Tally.parse(str(tally)) == tally


def test_a_runs_tally_is_of_its_receipt_and_its_steps() -> None:
    steps = {
        "extract": StepStats(duration_s=2.0, rows=9, bytes=50, peak_mib=1.0),
        "load": StepStats(duration_s=0.5, rows=9, bytes=70, peak_mib=1.0),
    }
    run = a_run(state=RunState.COMMITTED, receipt=a_receipt(), steps=steps)

    tally = Tally.of(run)

    assert (tally.rows_loaded, tally.rows_rejected, tally.bytes_staged) == (9, 1, 50)
    assert (tally.worked_s, tally.cost) == (2.5, costs.of(run))


@pytest.mark.parametrize("text", ["1", "2 " + "0 " * 13, "1 " + "x " * 13, "1 " + "0 " * 14])
def test_the_text_of_another_release_counts_as_none(text: str) -> None:
    assert Tally.parse(text) is None
