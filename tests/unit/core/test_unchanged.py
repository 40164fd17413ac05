"""Skip unchanged: only a scheduled run, only on proof that it would read the same."""

import pytest

from shared.core import fencing, unchanged
from shared.core.fencing import TargetState
from shared.core.modes import SyncMode
from shared.core.runs import Trigger
from tests.builders import a_manifest, a_run

TOKEN = unchanged.token("17-ab", SyncMode.FULL, 3)
STATE = TargetState(run_id="other", change_token=TOKEN)


def test_token_names_all_that_decides_what_a_run_reads() -> None:
    assert TOKEN == "full by configuration 3: 17-ab"


@pytest.mark.parametrize(
    ("change", "mode", "generation"),
    [("18-ab", SyncMode.FULL, 3), ("17-ab", SyncMode.APPEND, 3), ("17-ab", SyncMode.FULL, 4)],
)
def test_anything_else_has_another_token(change: str, mode: SyncMode, generation: int) -> None:
    assert unchanged.token(change, mode, generation) != TOKEN


@pytest.mark.parametrize("change", [None, ""])
def test_source_that_does_not_say_has_no_token(change: str | None) -> None:
    assert unchanged.token(change, SyncMode.FULL, 3) is None


def test_scheduled_run_of_the_same_token_is_skipped_with_the_run_that_read_it() -> None:
    run = a_run(trigger=Trigger.SCHEDULE)

    reason = unchanged.reason_to_skip(run, TOKEN, STATE)

    assert reason == "the source has not changed since run other (verified)"


@pytest.mark.parametrize("trigger", [t for t in Trigger if t is not Trigger.SCHEDULE])
def test_run_that_somebody_asked_for_always_reads(trigger: Trigger) -> None:
    assert unchanged.reason_to_skip(a_run(trigger=trigger), TOKEN, STATE) is None


@pytest.mark.parametrize(
    ("mine", "theirs"), [(None, None), (None, TOKEN), (TOKEN, None), (TOKEN, "other")]
)
def test_run_without_proof_reads(mine: str | None, theirs: str | None) -> None:
    state = TargetState(run_id="other", change_token=theirs)

    assert unchanged.reason_to_skip(a_run(), mine, state) is None


@pytest.mark.parametrize("token", [None, TOKEN])
def test_publish_leaves_the_token_of_its_run_and_none_if_it_has_none(token: str | None) -> None:
    assert fencing.next_state(a_manifest(change_token=token), STATE).change_token == token
