"""Extract: one Pub/Sub message, one table, staged Parquet. See docs/architecture.md."""

import functions_framework

from shared import entrypoint
from shared.core.messages import ExtractRequest
from shared.steps.extract import extract as step


@functions_framework.http
def extract(request):  # type: ignore[no-untyped-def]
    """Serve one push of Pub/Sub."""
    return entrypoint.push(request, ExtractRequest.decode, step)
