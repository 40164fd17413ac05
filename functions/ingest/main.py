"""Ingest: one dropped file, announced by Cloud Storage, staged Parquet. See docs/architecture.md."""

import functions_framework

from shared import entrypoint
from shared.core.messages import IngestRequest
from shared.steps.ingest import ingest as step


@functions_framework.http
def ingest(request):  # type: ignore[no-untyped-def]
    """Serve one push of Pub/Sub."""
    return entrypoint.push(request, IngestRequest.decode, step)
