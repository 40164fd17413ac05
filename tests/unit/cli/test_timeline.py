"""A run's time, drawn."""

from datetime import timedelta

import pytest

from shared.cli import render, timeline
from shared.core import traces
from shared.core.runs import RunState
from tests.builders import AT, RUN_ID, a_run
from tests.unit.core.test_traces import an_attempt


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render.console, "width", 120)


def test_bars_lie_where_their_time_lies(capsys: pytest.CaptureFixture[str]) -> None:
    run = a_run(
        created_at=AT,
        updated_at=AT + timedelta(seconds=4),
        state=RunState.COMMITTED,
        attempts=(
            an_attempt("a", "extract", 0, 2, outcome="staged"),
            an_attempt("b", "load", 3, 1, outcome="committed"),
        ),
    )

    timeline.draw(run)

    trace, extract, wait, load = capsys.readouterr().out.splitlines()
    assert trace == f"trace {traces.trace_id(RUN_ID)}"
    assert extract == f"extract        {'█' * 20}{' ' * 20}    2.000 s  staged"
    assert wait == f"wait for load  {' ' * 20}{'·' * 10}{' ' * 10}    1.000 s"
    assert load == f"load           {' ' * 30}{'█' * 10}    1.000 s  committed"
    assert [span["duration_s"] for span in timeline.as_data(run)["spans"]] == [2, 1, 1]


def test_run_that_nothing_was_attempted_of_has_no_bars(capsys: pytest.CaptureFixture[str]) -> None:
    timeline.draw(a_run(created_at=AT, updated_at=AT))

    assert "nothing was attempted yet" in capsys.readouterr().out
