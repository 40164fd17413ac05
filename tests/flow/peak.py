"""One run in a process of its own, to measure its memory: ``tests.flow.peak KIND TABLE ROWS``.

The environment names the cloud. The steps are called one after the other, as ``counting`` does.
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from shared.core.messages import ExtractRequest, IngestRequest, LoadRequest
from shared.core.runs import Run, RunState
from shared.settings import Settings
from shared.steps.extract import extract
from shared.steps.ingest import ingest
from shared.steps.load import load
from shared.wiring import Services
from tests.flow.unheard import UnheardBus

BLOCK_ROWS = 10_000


def main() -> None:
    """Move a table, or a file that is made on the way."""
    kind, table, rows = sys.argv[1:]
    services = replace(Services.build(Settings.from_environment()), bus=UnheardBus())
    if kind == "file":
        ingest(_drop(services, table, int(rows)), services)
    else:
        request = ExtractRequest(table=table, published_at=datetime.now(UTC), request_id="peak")
        extract(request, services)
    (run,) = services.ledger.runs(table)
    load(LoadRequest(table=table, run_id=run.run_id), services)
    _check(services, table, int(rows))


def _drop(services: Services, table: str, rows: int) -> IngestRequest:
    """Write a file to a bucket that announces nothing by itself."""
    bucket, name = services.settings.bucket("quarantine"), f"{table}/rows.csv"
    with services.storage.create(bucket, name, "text/csv") as writer:
        writer.write(b"id,name\n")
        for block in _blocks(rows):
            writer.write(block)
    return IngestRequest(bucket=bucket, name=name, generation=writer.generation)


def _blocks(rows: int) -> Iterator[bytes]:
    for first in range(0, rows, BLOCK_ROWS):
        yield "".join(f"{i},row of a file {i}\n" for i in range(first, first + BLOCK_ROWS)).encode()


def _check(services: Services, table: str, rows: int) -> None:
    run: Run
    (run,) = services.ledger.runs(table)
    assert run.state is RunState.COMMITTED, run
    assert run.receipt
    assert run.receipt.rows_loaded == rows


if __name__ == "__main__":
    main()
