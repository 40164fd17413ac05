"""Ingest: one dropped file, announced by Cloud Storage, to staged Parquet.

The story is in shared/steps/ingest.py.
"""

import functions_framework
from flask import Request


@functions_framework.http
def ingest(request: Request) -> tuple[str, int]:
    """Serve one push of Pub/Sub."""
    from shared import entrypoint
    from shared.core.messages import IngestRequest
    from shared.steps.ingest import ingest as step

    return entrypoint.push(request, IngestRequest.decode, step)
