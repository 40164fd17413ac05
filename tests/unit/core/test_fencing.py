"""The fence: which staged runs may be published, and what the state row says afterwards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core import fencing
from shared.core.fencing import TargetState
from shared.core.modes import SyncMode
from tests.builders import SNAPSHOT, a_file, a_manifest, a_window

EARLIER, LATER = "2024-01-30 00:00:00.000000000", "2024-02-01 00:00:00.000000000"
STATE = TargetState(watermark=EARLIER, snapshot=EARLIER, run_id="other", epoch=3)

MODES = st.sampled_from(SyncMode)
MOMENTS = st.sampled_from([EARLIER, SNAPSHOT, LATER])


def test_first_window_enters_an_empty_table() -> None:
    assert fencing.stands_in_the_way(a_manifest(), TargetState()) is None


def test_window_that_starts_where_the_table_stands_may_be_published() -> None:
    manifest = a_manifest(window=a_window(low=EARLIER), epoch=3)

    assert fencing.stands_in_the_way(manifest, STATE) is None


@pytest.mark.parametrize(("low", "epoch"), [(LATER, 3), (None, 3), (EARLIER, 2), (EARLIER, None)])
def test_window_that_starts_elsewhere_is_superseded_with_both_places(
    low: str | None, epoch: int | None
) -> None:
    manifest = a_manifest(window=a_window(low=low), epoch=epoch)

    obstacle = fencing.stands_in_the_way(manifest, STATE)

    assert obstacle == (
        f"the window starts at watermark {low}, epoch {epoch}; since run other the table stands "
        f"at {EARLIER}, epoch 3"
    )


@pytest.mark.parametrize("snapshot", [None, EARLIER])
def test_full_load_of_a_newer_snapshot_may_be_published(snapshot: str | None) -> None:
    manifest = a_manifest(mode=SyncMode.FULL, window=None, epoch=99)

    assert fencing.stands_in_the_way(manifest, TargetState(snapshot=snapshot, epoch=3)) is None


@pytest.mark.parametrize("snapshot", [SNAPSHOT, LATER])
def test_full_load_of_a_snapshot_not_newer_is_superseded(snapshot: str) -> None:
    manifest = a_manifest(mode=SyncMode.FULL)
    state = TargetState(snapshot=snapshot, run_id="other", epoch=1)

    obstacle = fencing.stands_in_the_way(manifest, state)

    assert obstacle == f"run other published a snapshot no older: {snapshot}"


@pytest.mark.parametrize("mode", [SyncMode.APPEND, SyncMode.INCREMENTAL])
def test_file_adds_to_the_table_whatever_its_state(mode: SyncMode) -> None:
    manifest = a_manifest(mode=mode, window=None, epoch=None, file=a_file())

    assert fencing.stands_in_the_way(manifest, STATE) is None


def test_older_file_does_not_replace_what_a_newer_one_left() -> None:
    manifest = a_manifest(mode=SyncMode.FULL, window=None, epoch=None, file=a_file())

    assert fencing.stands_in_the_way(manifest, TargetState(snapshot=LATER)) is not None


def test_publish_moves_the_watermark_to_the_windows_end() -> None:
    after = fencing.next_state(a_manifest(window=a_window(low=EARLIER, high=LATER)), STATE)

    assert after == TargetState(
        watermark=LATER, snapshot=SNAPSHOT, run_id=a_manifest().run_id, epoch=4
    )


def test_publish_without_a_window_leaves_the_watermark() -> None:
    assert fencing.next_state(a_manifest(window=None), STATE).watermark == EARLIER


@given(MODES, MOMENTS, st.none() | MOMENTS)
def test_snapshot_of_the_state_never_goes_back(
    mode: SyncMode, mine: str, theirs: str | None
) -> None:
    state = TargetState(snapshot=theirs)

    after = fencing.next_state(a_manifest(mode=mode, snapshot=mine), state)

    assert after.snapshot == max(mine, theirs or "")


@given(MODES, MOMENTS, MOMENTS, st.integers(0, 9))
def test_what_was_published_once_is_fenced_off_the_second_time(
    mode: SyncMode, low: str, high: str, epoch: int
) -> None:
    state = TargetState(watermark=low, snapshot=EARLIER, epoch=epoch)
    manifest = a_manifest(mode=mode, window=a_window(low, high), epoch=epoch, snapshot=LATER)

    first = fencing.stands_in_the_way(manifest, state)
    second = fencing.stands_in_the_way(manifest, fencing.next_state(manifest, state))

    assert first is None
    assert second is not None


@given(st.permutations([SNAPSHOT, EARLIER, LATER]))
def test_full_loads_end_at_the_newest_snapshot_in_any_order(snapshots: list[str]) -> None:
    state, visible = TargetState(), None
    for snapshot in snapshots:
        manifest = a_manifest(mode=SyncMode.FULL, snapshot=snapshot)
        if fencing.stands_in_the_way(manifest, state) is None:
            state, visible = fencing.next_state(manifest, state), snapshot

    assert visible == LATER
