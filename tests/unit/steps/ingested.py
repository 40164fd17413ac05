"""Runs of dropped files as the ingestion leaves them, one person among their rows."""

import json
from collections.abc import Iterator
from dataclasses import fields
from datetime import timedelta

import pyarrow as pa

from shared import csv
from shared.core import naming
from shared.core.manifests import FileOrigin, Manifest
from shared.core.modes import SyncMode
from shared.core.purges import Subject
from shared.core.runs import Run, RunState, Trigger
from shared.operations import purging
from shared.operations.purging import Purge
from shared.stage.arrow import arrow_schema
from shared.stage.reader import read_part
from shared.stage.writer import PartWriter
from tests.builders import a_manifest, a_schema
from tests.unit.csv.parquet_files import InMemory
from tests.unit.steps.lake import Lake

SCHEMA = a_schema(("id",), id="int64", email="text")
ANN = Subject("email", "ann@x.org")
CONTENT = b"id,email\n1,ann@x.org\n2,bob@x.org\nx,ann@x.org\n4,eve@x.org\ny,ann@x.org.uk\n"
LEFT = b"id,email\n2,bob@x.org\n4,eve@x.org\ny,ann@x.org.uk\n"


def ingest(
    lake: Lake,
    content: bytes = CONTENT,
    *,
    is_encrypted: bool = False,
    packed: bytes = b"",
    dialect: csv.Dialect | None = None,
) -> Run:
    """Leave what the ingestion and the load of a dropped file leave."""
    lake.now += timedelta(minutes=1)
    services, name = lake.services, f"people/{lake.now:%H%M}.csv"
    lake.put("landing", name, packed or content)
    [info] = lake.storage.list("acme-landing", name)
    key = f"gs://acme-landing/{name}#{info.generation}"
    run = lake.run(RunState.COMMITTED, trigger=Trigger.FILE, trigger_key=key)
    original = lake.put(
        "raw", naming.raw_object("people", run.run_id, lake.now, name), packed or content
    )
    dialect = dialect or csv.Dialect()
    batches = list(csv.read(InMemory(content), dialect, SCHEMA))
    parts = part_writer(lake, run.run_id, is_encrypted=is_encrypted).write(
        arrow_schema(SCHEMA), (batch.data for batch in batches)
    )
    rejects = [reject for batch in batches for reject in batch.rejects]
    lines = ({"file": f"gs://acme-landing/{name}", "generation": 1, **as_facts(r)} for r in rejects)
    lake.put(
        "quarantine",
        naming.rejects_object("people", run.run_id, "a"),
        "".join(f"{json.dumps(line)}\n" for line in lines).encode(),
    )
    services.manifests.create(
        a_manifest(
            run_id=run.run_id,
            table="people",
            attempt="a",
            mode=SyncMode.APPEND,
            window=None,
            schema=SCHEMA,
            parts=parts,
            rows_source=sum(batch.rows for batch in batches),
            rows_rejected=len(rejects),
            file=FileOrigin(
                bucket="acme-landing",
                name=name,
                generation=info.generation,
                size_bytes=len(content),
                sha256="ab" * 32,
                original=original,
                dialect=dialect.to_dict(),
            ),
        )
    )
    return run


def part_writer(lake: Lake, run_id: str, *, is_encrypted: bool) -> PartWriter:
    return PartWriter(
        storage=lake.services.storage,
        bucket="acme-staging",
        name=lambda number: naming.part_object("people", run_id, "a", number),
        part_bytes=2**20,
        compression="zstd",
        envelope=lake.services.envelope if is_encrypted else None,
        on_group=lambda rows, size_bytes: None,
    )


def as_facts(reject: csv.Reject) -> dict[str, object]:
    return {field.name: getattr(reject, field.name) for field in fields(reject)}


def purge(lake: Lake, subject: Subject = ANN) -> Purge:
    """Look for a subject and take it out."""
    found = purging.look(lake.services, "people", subject)
    purging.carry_out(lake.services, found, "kim@x.org")
    return found


def kinds(found: Purge) -> list[tuple[str, int | None, bool]]:
    return sorted((each.kind, each.rows, each.is_deleted) for each in found.finds)


def manifest(lake: Lake, run: Run) -> Manifest:
    found = lake.services.manifests.find("people", run.run_id)
    assert found is not None
    return found


def staged(lake: Lake, run: Run) -> list[str]:
    """Return the mail addresses in a run's parts, as a load would read them."""
    return [v for batch in batches_of(lake, run) for v in batch["email"].to_pylist()]


def batches_of(lake: Lake, run: Run) -> Iterator[pa.RecordBatch]:
    services = lake.services
    for part in manifest(lake, run).parts:
        arrow = arrow_schema(SCHEMA)
        yield from read_part(services.storage, "acme-staging", part, arrow, services.envelope)


def everything(lake: Lake) -> bytes:
    """Return the bytes of all that is kept, apart from staged parts, unpacked."""
    zones = ("landing", "raw", "quarantine", "audit", "state")
    found = b"".join(lake.content(zone, name) for zone in zones for name in lake.names(zone))
    return found + b"".join(lake.content("staging", n) for n in lake.names("staging", "manifests/"))
