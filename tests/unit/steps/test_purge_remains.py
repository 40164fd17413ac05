"""Purges: what is left of a person where parts are gone, or where a file cannot be read."""

import gzip

import pyarrow as pa
import pytest

from shared import csv
from shared.core import naming
from shared.core.checks import Breach, Observed
from shared.core.purges import Subject
from shared.core.runs import RunState
from shared.steps.purging import subjects
from tests.builders import a_manifest
from tests.unit.csv.parquet_files import PARQUET, file
from tests.unit.steps.ingested import ingest
from tests.unit.steps.lake import Lake
from tests.unit.steps.test_purging import ANN, SCHEMA, kinds, lake, manifest, purge

__all__ = ["lake"]


def test_sample_in_a_manifest_goes_though_the_parts_are_gone(lake: Lake) -> None:
    sample = ({"id": "1", "email": "ann@x.org"}, {"id": "2", "email": "bob@x.org"})
    run = lake.run(RunState.COMMITTED)
    observed = Observed(rows=4, breaches={"c": Breach(rows=2, sample=sample)})
    lake.services.manifests.create(
        a_manifest(run_id=run.run_id, table="people", schema=SCHEMA, observed=observed)
    )

    found = purge(lake)

    assert kinds(found) == [("record", None, False)]
    kept = manifest(lake, run).observed
    assert kept
    assert kept.breaches["c"].sample == sample[1:]
    assert not purge(lake).finds


def test_file_that_nobody_can_unpack_goes_whole(lake: Lake) -> None:
    refused = lake.run(RunState.QUARANTINED)
    name = naming.raw_object("people", refused.run_id, lake.now, "a.csv.gz")
    lake.put("raw", name, gzip.compress(b"no,such\nthing")[:-4])

    assert kinds(purge(lake)) == [("original", None, True)]
    assert not lake.names("raw")


def test_parquet_file_with_a_row_of_the_subject_goes_whole_and_a_refused_one_unseen(
    lake: Lake,
) -> None:
    content = file(id=pa.array(["1", "x"]), email=pa.array(["ann@x.org", "ann@x.org"])).content
    run = ingest(lake, content, dialect=PARQUET)
    refused = lake.run(RunState.QUARANTINED)
    lake.put("raw", naming.raw_object("people", refused.run_id, lake.now, "a.parquet"), content)

    found = purge(lake)

    assert {(find.kind, find.rows, find.is_deleted) for find in found.finds} == {
        ("dropped file", 2, True),
        ("original", 2, True),
        ("original", None, True),
        ("part", 1, False),
        ("rejects", 1, False),
    }
    assert not lake.names("raw")
    assert (manifest(lake, run).rows_source, manifest(lake, run).rows_rejected) == (0, 0)


def test_value_that_an_encoding_lacks_is_not_looked_for_in_it() -> None:
    assert not subjects.in_bytes([b"why??"], Subject("name", "\u674e\u660e"))
    assert subjects.in_bytes(["a,\u674e\u660e".encode()], Subject("name", "\u674e\u660e"))


def test_removed_table_that_left_nothing_but_an_unloaded_file_is_known(lake: Lake) -> None:
    name = f"{naming.unloaded_prefix('people', '20230101T000000Z-0123456789ab', 'a')}0.parquet"
    lake.services.config.deploy([])
    lake.put("staging", name)

    purge(lake)

    assert not lake.names("staging")


@pytest.mark.parametrize("cell", ["a\rb", "a" * 2**18], ids=["carriage return", "long"])
def test_reject_that_cannot_be_cut_is_told_by_the_value_as_a_word(cell: str) -> None:
    records = subjects.Records(ANN, SCHEMA, csv.Dialect())

    assert records.has(f"{cell},ann@x.org")
    assert not records.has(f"{cell},ann@x.orgs")


@pytest.mark.parametrize("quote", ['"', None])
@pytest.mark.parametrize(
    ("value", "rest"),
    [("Lee, Ann", ""), ('Ann "Lee"', ""), ("Lee, Ann", ",one too many")],
    ids=["delimiter", "quote", "wrong width"],
)
def test_rejected_row_is_found_by_a_value_that_the_file_writes_with_escapes(
    lake: Lake, quote: str | None, value: str, rest: str
) -> None:
    written = value.replace(",", r"\,").replace('"', r"\"")
    content = f"id,email\nx,{written}{rest}\ny,bob@x.org\n".encode()
    run = ingest(lake, content, dialect=csv.Dialect(quote=quote, escape="\\"))

    found = purge(lake, Subject("email", value))

    assert kinds(found) == [
        ("dropped file", 1, True),
        ("original", 1, False),
        ("rejects", 1, False),
    ]
    left = manifest(lake, run).file
    assert left
    assert lake.content("raw", left.original) == b"id,email\ny,bob@x.org\n"


def test_reject_of_another_width_is_told_by_the_value_as_a_word_of_a_cell() -> None:
    records = subjects.Records(Subject("email", 'Ann "Lee"'), SCHEMA, csv.Dialect())

    assert records.has('x,"Dr. Ann ""Lee""",one too many')
    assert not records.has('x,"Joann ""Lee""",one too many')
