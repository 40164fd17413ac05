"""The audit log over Google's own client: told once, in one chain, and tampering shows.

The emulator lets anybody write over an object or delete it, as nobody could in a bucket whose
retention is locked: that is how the tests tamper.
"""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared import audit
from shared.audit import AuditLog
from shared.core import naming
from shared.core.audit import Anchor, Event, Finding, Flaw, findings, untold
from shared.errors import ConflictError, InvalidMessageError, StorageUnavailableError
from shared.storage import ObjectInfo, Storage
from tests.storage_server import bucket_at, serving

BUCKET = "acme-audit"
TABLE = "flights"
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of an emulator in this process."""
    with serving(tmp_path_factory.mktemp("gcs")) as address:
        yield address


@pytest.fixture
def storage(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    """Return the product's own storage, with an empty bucket."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", endpoint)
    with bucket_at(endpoint, BUCKET) as found:
        yield found


@pytest.fixture
def log(storage: Storage) -> AuditLog:
    return AuditLog(storage, BUCKET)


def event(number: int, **changes: object) -> Event:
    given = Event(
        table=TABLE, event_id=f"run/r{number}/0", kind="run.committed", at=NOW, by="scheduler"
    )
    return replace(given, **changes)


def flaws(log: AuditLog, *anchors: Anchor) -> list[tuple[Flaw, int]]:
    found = findings(TABLE, log.chain(TABLE), anchors=anchors, now=datetime.now(UTC))
    return sorted({(f.flaw, f.sequence) for f in found})


def rewrite(
    storage: Storage, sequence: int, change: Callable[[bytes], bytes], *, to: int = 0
) -> None:
    """Write an object over, or to another place in the chain, with all that its writer noted."""
    name = naming.audit_object(TABLE, sequence)
    goal = naming.audit_object(TABLE, to or sequence)
    found = storage.read(BUCKET, name)
    there, info = storage.info(BUCKET, goal), storage.info(BUCKET, name)
    assert found
    assert info
    storage.write(
        BUCKET,
        goal,
        change(found[0]),
        generation=there.generation if there else 0,
        content_type="application/json",
        metadata=info.metadata,
    )


def remove(storage: Storage, sequence: int) -> None:
    found = storage.info(BUCKET, naming.audit_object(TABLE, sequence))
    assert found
    storage.delete(BUCKET, found.name, found.generation)


def five(log: AuditLog) -> None:
    for number in range(5):
        log.append(event(number))


def test_events_come_back_in_their_order_and_the_chain_is_whole(log: AuditLog) -> None:
    five(log)

    assert [e.event_id for e in log.events(TABLE)] == [f"run/r{n}/0" for n in range(5)]
    assert [e.sequence for e in log.events(TABLE, limit=2)] == [4, 5]
    assert flaws(log) == []
    assert log.tables() == [TABLE]


def test_event_told_twice_is_in_the_chain_once(log: AuditLog) -> None:
    for number in (0, 1, 0, 1):
        log.append(event(number))

    assert len(log.chain(TABLE)) == 2


def test_stored_event_is_one_line_of_json_that_a_table_over_files_can_read(
    log: AuditLog, storage: Storage
) -> None:
    log.append(event(0, why="two\nlines"))

    found = storage.read(BUCKET, naming.audit_object(TABLE, 1))
    assert found
    assert found[0].count(b"\n") == 1
    assert json.loads(found[0])["why"] == "two\nlines"


def test_eight_writers_at_once_make_one_chain_with_each_event_once(
    endpoint: str, storage: Storage
) -> None:
    def write(writer: int) -> None:
        log = AuditLog(Storage("acme", endpoint), BUCKET)
        for number in range(writer * 10, writer * 10 + 20):  # half of them are another's too
            log.append(event(number % 80))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))

    log = AuditLog(storage, BUCKET)
    assert sorted(e.event_id for e in log.events(TABLE)) == sorted(f"run/r{n}/0" for n in range(80))
    assert flaws(log) == []


def test_writer_of_many_events_within_a_minute_looks_no_further_back_than_the_last(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Counting(Storage):
        """Counts the objects that listings show."""

        shown = 0

        def list(self, bucket: str, prefix: str, **given: Any) -> Iterator[ObjectInfo]:
            for info in super().list(bucket, prefix, **given):
                self.shown += 1
                yield info

    monkeypatch.setattr(audit, "MAX_KNOWN", 4)
    counting = Counting("acme", storage._emulator)
    log = AuditLog(counting, BUCKET)

    for number in range(12):
        log.append(event(number, at=datetime.now(UTC)))

    assert counting.shown == 1 + 10 * 2  # its own last event, and one that it remembers
    log.append(event(0))
    assert flaws(log) == []


def test_writer_without_the_right_to_replace_takes_a_taken_number_for_a_lost_race(
    log: AuditLog, storage: Storage
) -> None:
    class Refusing(Storage):
        """Answers for a taken name as Cloud Storage does to who may only create objects."""

        lost = 0

        def write(self, bucket: str, name: str, data: bytes, **given: object) -> int:
            if not self.lost:
                self.lost += 1
                log.append(event(1))
            try:
                return super().write(bucket, name, data, **given)
            except ConflictError as exc:
                raise StorageUnavailableError(f"403: {name}") from exc

    AuditLog(Refusing("acme", storage._emulator), BUCKET).append(event(2))

    assert [e.event_id for e in log.events(TABLE)] == ["run/r1/0", "run/r2/0"]
    assert flaws(log) == []


def test_bucket_that_refuses_is_an_error_and_not_an_endless_race(storage: Storage) -> None:
    with pytest.raises(StorageUnavailableError):
        AuditLog(storage, "no-such-bucket").append(event(0))


@pytest.mark.parametrize("sequence", [1, 3, 5])
def test_edited_event_is_found(log: AuditLog, storage: Storage, sequence: int) -> None:
    five(log)

    rewrite(storage, sequence, lambda data: data.replace(b"scheduler", b"nobody"))

    assert (Flaw.EDITED, sequence) in flaws(log)


def test_edit_whose_hash_was_mended_too_is_found_by_its_successor(
    log: AuditLog, storage: Storage
) -> None:
    five(log)
    other = AuditLog(storage, BUCKET)
    original = log.chain(TABLE)[2]

    rewrite(storage, 3, lambda data: data.replace(b"scheduler", b"nobody"))
    edited = other.chain(TABLE)
    edited[2] = replace(edited[2], noted_sha256=edited[2].sha256, written_at=original.written_at)

    found = [(f.flaw, f.sequence) for f in findings(TABLE, edited, now=NOW)]
    assert found == [(Flaw.EDITED, 3)]


def test_object_that_is_no_event_any_more_is_found(log: AuditLog, storage: Storage) -> None:
    five(log)

    rewrite(storage, 2, lambda _: b"nothing to see here")

    assert (Flaw.EDITED, 2) in flaws(log)


@pytest.mark.parametrize("sequence", [1, 3])
def test_missing_event_is_a_gap(log: AuditLog, storage: Storage, sequence: int) -> None:
    five(log)

    remove(storage, sequence)

    assert flaws(log) == [(Flaw.GAP, sequence)]


def test_events_old_enough_to_be_deleted_by_age_are_no_gap(log: AuditLog, storage: Storage) -> None:
    five(log)
    remove(storage, 1)

    later = datetime.now(UTC) + timedelta(days=31)

    assert list(findings(TABLE, log.chain(TABLE), now=later)) == []


def test_swapped_events_are_found(log: AuditLog, storage: Storage) -> None:
    five(log)
    second = storage.read(BUCKET, naming.audit_object(TABLE, 2))
    assert second

    rewrite(storage, 3, bytes, to=2)
    rewrite(storage, 3, lambda _: second[0])

    assert {(Flaw.REORDERED, 2), (Flaw.REORDERED, 3)} <= set(flaws(log))


def test_event_that_was_copied_to_the_end_is_found(log: AuditLog, storage: Storage) -> None:
    five(log)

    rewrite(storage, 2, bytes, to=6)

    assert {(Flaw.REORDERED, 6), (Flaw.DOUBLED, 6)} <= set(flaws(log))


def test_missing_end_is_shown_by_an_anchor(log: AuditLog, storage: Storage) -> None:
    five(log)
    head, _ = log.tail(TABLE, NOW)
    anchor = Anchor(sequence=head.sequence, sha256=head.sha256, at=NOW)
    assert flaws(log, anchor) == []

    remove(storage, 5)

    assert flaws(log, anchor) == [(Flaw.CUT_OFF, 5)]


def test_chain_that_was_written_anew_with_true_hashes_is_shown_by_an_anchor(
    log: AuditLog, storage: Storage
) -> None:
    five(log)
    head, _ = log.tail(TABLE, NOW)
    anchor = Anchor(sequence=head.sequence, sha256=head.sha256, at=NOW)
    for number in range(1, 6):
        remove(storage, number)

    for number in range(5):
        log.append(event(number, by="somebody else"))

    assert flaws(log) == []
    assert flaws(log, anchor) == [(Flaw.EDITED, 5)]


def test_all_events_gone_is_shown_by_the_ledger(log: AuditLog) -> None:
    happened = {"run/r0/0": NOW - timedelta(hours=2), "run/r1/0": NOW}

    found = list(untold(TABLE, happened, log.chain(TABLE), NOW))

    assert [(f.flaw, "run/r0/0" in f.what) for f in found] == [(Flaw.UNTOLD, True)]


@pytest.mark.parametrize("changes", [{"table": "../x"}, {"kind": "x"}, {"event_id": "a b"}])
def test_event_that_could_not_be_found_again_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(InvalidMessageError):
        event(0, **changes)


def test_finding_says_where_and_what() -> None:
    finding = Finding(table=TABLE, flaw=Flaw.GAP, sequence=3, what="numbers 3 to 4 are missing")

    assert (finding.flaw, finding.sequence) == ("gap", 3)
