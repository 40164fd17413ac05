"""Purges: a person's rows go from parts, originals, rejects and drops, and nobody else's do."""

import gzip
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from shared import csv
from shared.core import naming
from shared.core.checks import Breach, CheckResult, Observed, Severity, Verdict
from shared.core.manifests import Layer, Rewind
from shared.core.modes import SyncMode
from shared.core.purges import Subject
from shared.core.runs import RunState
from shared.errors import (
    IllegalTransitionError,
    InvalidMessageError,
    LegalHoldError,
    StorageUnavailableError,
    UnknownTableError,
)
from shared.operations import purging
from shared.steps import quarantine, quarantined_rows
from tests.builders import a_manifest
from tests.unit.steps.ingested import (
    ANN,
    CONTENT,
    LEFT,
    SCHEMA,
    everything,
    ingest,
    kinds,
    manifest,
    purge,
    staged,
)
from tests.unit.steps.lake import Lake


@pytest.fixture
def lake() -> Lake:
    made = Lake()
    made.configure(
        snowflake=None,
        csv={"columns": {"id": "int64", "email": "text"}},
        sync_mode="append",
        primary_key=None,
        incremental_column=None,
        lag=None,
        schedule="manual",
    )
    made.secrets.add("staging-key", b"ab" * 32)
    return made


@pytest.mark.parametrize("is_encrypted", [False, True])
def test_rows_go_from_parts_original_rejects_and_drop_and_others_stay(
    lake: Lake, is_encrypted: bool
) -> None:
    run = ingest(lake, is_encrypted=is_encrypted)

    found = purge(lake)

    assert kinds(found) == [
        ("dropped file", 2, True),
        ("original", 2, False),
        ("part", 1, False),
        ("rejects", 1, False),
    ]
    changed = manifest(lake, run)
    assert staged(lake, run) == ["bob@x.org", "eve@x.org"]
    assert all((part.key is not None) is is_encrypted for part in changed.parts)
    assert changed.file
    assert lake.content("raw", changed.file.original) == LEFT
    assert (changed.rows_source, changed.rows_rejected) == (3, 1)
    assert "ann@x.org" not in everything(lake).decode().replace("ann@x.org.uk", "")
    assert not lake.names("landing")
    left = [len(lake.names(zone, "people/")) for zone in ("raw", "quarantine")]
    assert [*left, len(lake.names("staging", "parts/"))] == [1, 1, 1]


def test_second_purge_finds_nothing(lake: Lake) -> None:
    ingest(lake)
    purge(lake)

    assert purging.look(lake.services, "people", ANN).finds == ()


def test_rejects_that_are_left_are_still_found_in_the_original(lake: Lake) -> None:
    run = ingest(lake)

    purge(lake)

    exported = b"".join(quarantine.export(run, lake.services))
    assert exported == b"id,email\ny,ann@x.org.uk\n"


def test_runs_without_the_subject_are_left_as_they_are(lake: Lake) -> None:
    run = ingest(lake, b"id,email\n7,bob@x.org\n")
    before = {zone: lake.names(zone) for zone in ("raw", "staging", "landing")}

    found = purging.look(lake.services, "people", ANN)

    assert found.finds == ()
    purging.carry_out(lake.services, found, "kim")
    assert {zone: lake.names(zone) for zone in before} == before
    assert manifest(lake, run).notes == ()


def test_packed_original_is_packed_again(lake: Lake) -> None:
    run = ingest(lake, packed=gzip.compress(CONTENT))

    purge(lake)

    file = manifest(lake, run).file
    assert file
    assert gzip.decompress(lake.content("raw", file.original)) == LEFT


def test_part_of_nobody_else_leaves_the_manifest(lake: Lake) -> None:
    run = ingest(lake, b"id,email\n1,ann@x.org\n")

    purge(lake)

    assert manifest(lake, run).parts == ()
    assert not lake.names("staging", "parts/")


def test_rewind_that_names_the_part_names_the_new_one(lake: Lake) -> None:
    run = ingest(lake)
    origin = manifest(lake, run)
    rewind = lake.run(RunState.COMMITTED, rewind_to=run.run_id)
    layer = Layer(run_id=run.run_id, mode=SyncMode.APPEND, schema=SCHEMA, parts=origin.parts)
    back = Rewind(run_id=run.run_id, watermark=None, layers=(layer,))
    lake.services.manifests.create(
        replace(origin, run_id=rewind.run_id, parts=(), file=None, rewind=back, rows_rejected=0)
    )

    purge(lake)

    renewed = manifest(lake, rewind).rewind
    assert renewed
    assert renewed.layers[0].parts == manifest(lake, run).parts
    assert staged(lake, run) == ["bob@x.org", "eve@x.org"]


def test_objects_that_nothing_names_are_deleted_whole(lake: Lake) -> None:
    run = ingest(lake, b"id,email\n7,bob@x.org\n")
    lake.put("staging", naming.part_object("people", run.run_id, "dead", 0), b"cut off")
    lake.put("quarantine", naming.rejects_object("people", run.run_id, "dead"))
    failed = lake.run(RunState.FAILED)
    lake.put("staging", naming.unit_object("people", failed.run_id, "0"))
    lake.put("staging", naming.part_object("people", failed.run_id, "b", 0))
    lake.put("staging", f"{naming.unloaded_prefix('people', failed.run_id, 'b')}data.parquet", b"")

    lake.put("staging", naming.plan_object("people", failed.run_id))

    assert kinds(purge(lake)) == [("left over", None, True)] * 4 + [("plan", None, True)] * 2
    assert staged(lake, run) == ["bob@x.org"]
    assert len(lake.names("staging", "parts/")) == 1
    assert not lake.names("staging", "units/") + lake.names("staging", "plans/")
    assert not lake.names("staging", "unloaded/")


@pytest.mark.parametrize(
    ("name", "goes_whole"), [(b"\x1b$BF|K\\\x1b(B\x1b(B", False), (b"\x1b$BF|K\\", True)]
)
def test_rows_that_mean_something_else_without_others_go_with_their_file(
    lake: Lake, name: bytes, *, goes_whole: bool
) -> None:
    lines = [b"id,email", *(b"\x1b(B%d,%s" % (n, name) for n in range(9))]
    lines[3], lines[5] = b"\x1b(B3,ann@x.org", b"\x1b(Bx,ann@x.org"
    lines[7] = b"4,bob@x.org"
    content = b"\n".join([*lines, b""])
    run = ingest(lake, content, dialect=csv.Dialect(encoding="iso2022_jp"))

    found = purge(lake)

    assert ("original", 2, goes_whole) in kinds(found)
    left = b"\n".join([*lines[:3], lines[4], *lines[6:], b""])
    file = manifest(lake, run).file
    kept = lake.names("raw", "people/")
    assert file
    assert [lake.content("raw", each) for each in kept] == ([] if goes_whole else [left])
    assert goes_whole or kept == [file.original]


def test_file_that_was_refused_goes_whole_if_the_value_stands_in_it(lake: Lake) -> None:
    refused = lake.run(RunState.QUARANTINED)
    other = lake.run(RunState.QUARANTINED)
    for run, content in ((refused, CONTENT), (other, b"no,such\nthing")):
        lake.put("raw", naming.raw_object("people", run.run_id, lake.now, "a.csv"), content)
        line = {"file": "gs://f", "raw": "1,ann@x.org,", "byte_offset": 3, "byte_count": 1}
        both = [line, {**line, "raw": "2,bob@x.org,"}]
        lake.put(
            "quarantine",
            naming.rejects_object("people", run.run_id, "a"),
            "\n".join(json.dumps(each) for each in both).encode(),
        )

    found = purge(lake)

    assert kinds(found) == [("original", None, True)] + [("rejects", 1, False)] * 2
    assert [naming.run_within(name) for name in lake.names("raw")] == [other.run_id]
    assert b"ann" not in everything(lake)
    assert everything(lake).count(b"2,bob@x.org,") == 2


def test_samples_of_checks_lose_the_subject_in_the_record_and_in_the_manifest(lake: Lake) -> None:
    sample = ({"id": "1", "email": "ann@x.org"}, {"id": "2", "email": "bob@x.org"})
    run = ingest(lake)
    check = CheckResult(
        name="c", severity=Severity.WARN, verdict=Verdict.WARNED, rows=2, sample=sample
    )
    lake.services.ledger.change("people", run.run_id, lambda r: replace(r, checks=(check,)))
    observed = Observed(rows=4, breaches={"c": Breach(rows=2, sample=sample)})
    [(made, generation)] = lake.services.manifests.all("people")
    lake.services.manifests.replace(replace(made, observed=observed), generation)

    found = purge(lake)

    assert ("record", None, False) in kinds(found)
    record, kept = lake.services.ledger.find("people", run.run_id), manifest(lake, run).observed
    assert record
    assert record.checks[0].sample == sample[1:]
    assert kept
    assert kept.breaches["c"].sample == sample[1:]


def test_rows_of_a_table_in_quarantine_are_told_by_their_column(lake: Lake) -> None:
    run = lake.run(RunState.COMMITTED)
    name = naming.rejects_object("people", run.run_id, "a")
    rows = [{"id": "1", "email": "ann@x.org"}, {"id": "2", "email": "***"}, {"id": "3"}]
    places = dict.fromkeys(("file", "byte_offset", "byte_count"))
    lines = [json.dumps({**places, "raw": json.dumps(row)}) for row in rows]
    lake.put("quarantine", name, "\n".join(lines).encode())
    observed = Observed(rows=3, rejects=(name,))
    lake.services.manifests.create(
        a_manifest(run_id=run.run_id, table="people", schema=SCHEMA, parts=(), observed=observed)
    )

    purge(lake)

    left = [
        json.loads(row.facts["raw"])["id"]
        for row in quarantined_rows.rejected_rows(run, lake.services)
    ]
    assert left == ["2", "3"]


def test_who_when_and_what_is_in_the_audit_log_without_the_value(lake: Lake) -> None:
    ingest(lake)

    found = purge(lake)

    begun, ended = lake.events("people")[-2:]
    assert (begun.kind, ended.kind, ended.by) == ("purge.begun", "purge.ended", "kim@x.org")
    detail = json.loads(ended.detail)
    assert detail["column"] == "email"
    assert ANN.is_meant_by(detail["subject"])
    assert not Subject("email", "bob@x.org").is_meant_by(detail["subject"])
    assert {*detail["rewritten"], *detail["deleted"]} == {find.name for find in found.finds}
    assert "ann@x.org" not in ended.detail


def test_purge_that_broke_off_anywhere_is_finished_by_the_next(lake: Lake) -> None:
    run, stops = ingest(lake), 0

    for stops in range(100):
        found = purging.look(lake.services, "people", ANN)
        with breaking(lake, after=stops) as broke, suppress(StorageUnavailableError):
            purging.carry_out(lake.services, found, "kim")
        # Whatever was left, the run is whole: its parts are read, its rejects are found.
        assert set(staged(lake, run)) >= {"bob@x.org", "eve@x.org"}
        assert b"y,ann@x.org.uk\n" in b"".join(quarantine.export(run, lake.services))
        if not broke():
            break

    assert stops > 5
    assert staged(lake, run) == ["bob@x.org", "eve@x.org"]
    assert purging.look(lake.services, "people", ANN).finds == ()


class breaking:  # noqa: N801 - reads as a statement
    """Let storage refuse every change after so many of them."""

    def __init__(self, lake: Lake, *, after: int) -> None:
        self._lake, self._left = lake, after
        self._has_broken = False

    def __enter__(self) -> Callable[[], bool]:
        storage = self._lake.storage
        self._kept = storage.put, storage.delete
        storage.put = self._counted(storage.put)
        storage.delete = self._counted(storage.delete)
        return lambda: self._has_broken

    def __exit__(self, *exc_info: object) -> None:
        self._lake.storage.put, self._lake.storage.delete = self._kept

    def _counted(self, change: Callable[..., object]) -> Callable[..., object]:
        def counted(*args: object, **kwargs: object) -> object:
            if self._left == 0:
                self._has_broken = True
                raise StorageUnavailableError("broken off")
            self._left -= 1
            return change(*args, **kwargs)

        return counted


def test_legal_hold_refuses_a_purge(lake: Lake) -> None:
    lake.configure(legal_hold=True)

    with pytest.raises(LegalHoldError, match="people is under legal hold"):
        purging.look(lake.services, "people", ANN)


def test_table_that_is_not_configured_any_more_is_purged_of_what_it_left(lake: Lake) -> None:
    run = ingest(lake)
    lake.put("landing", "people/late.csv", CONTENT)
    lake.services.config.deploy([])

    purge(lake)

    assert staged(lake, run) == ["bob@x.org", "eve@x.org"]
    assert not lake.names("landing")
    assert purging.look(lake.services, "people", ANN).finds == ()


def test_table_that_is_not_configured_and_left_nothing_is_not_known(lake: Lake) -> None:
    for name in ("nobody", "../people", ""):
        with pytest.raises(UnknownTableError):
            purging.look(lake.services, name, ANN)


def test_hold_that_a_removed_table_has_left_refuses_a_purge(lake: Lake) -> None:
    run = ingest(lake)
    [original] = lake.storage.list("acme-raw", f"people/dt={lake.now:%Y-%m-%d}/{run.run_id}/")
    lake.storage.hold(original, "legal-hold")
    lake.services.config.deploy([])

    with pytest.raises(LegalHoldError, match="people is not configured any more"):
        purging.look(lake.services, "people", ANN)


def test_run_that_has_not_ended_refuses_a_purge(lake: Lake) -> None:
    lake.run(RunState.STAGED)

    with pytest.raises(IllegalTransitionError, match="purge when it has ended"):
        purging.look(lake.services, "people", ANN)


def test_file_that_was_not_taken_in_yet_refuses_a_purge(lake: Lake) -> None:
    lake.put("landing", "people/new.csv")

    with pytest.raises(IllegalTransitionError, match="purge when it was taken in"):
        purging.look(lake.services, "people", ANN)


@pytest.mark.parametrize(
    ("subject", "message"),
    [
        (Subject("mail", "ann"), "no run of people had a column 'mail'; columns: email, id"),
        (Subject("id", "ann"), "is no value of id"),
    ],
)
def test_subject_that_cannot_be_is_refused(lake: Lake, subject: Subject, message: str) -> None:
    ingest(lake)

    with pytest.raises(InvalidMessageError, match=message):
        purging.look(lake.services, "people", subject)


@pytest.mark.parametrize("text", ["email", "=x", "email="])
def test_subject_is_a_column_and_a_value(text: str) -> None:
    with pytest.raises(InvalidMessageError, match="COLUMN=VALUE"):
        Subject.parse(text)
