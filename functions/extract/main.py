"""Extract: one Pub/Sub message, one table, staged Parquet.

The story is in shared/steps/extract.py.
"""

import functions_framework
from flask import Request


@functions_framework.http
def extract(request: Request) -> tuple[str, int]:
    """Serve one push of Pub/Sub."""
    from shared import entrypoint
    from shared.core.messages import decode_extract
    from shared.steps.extract import extract as step

    return entrypoint.push(request, decode_extract, step)
