"""Handing on: what one delivery leaves to the next, asked for by a message in the run's trace."""

from collections.abc import Mapping

from shared.core import naming, traces
from shared.core.manifests import Manifest
from shared.core.messages import LoadRequest
from shared.core.nudges import next_request
from shared.core.runs import Run, RunState
from shared.steps.attempts import Work
from shared.wiring import Services


def publish(
    services: Services,
    topic: str,
    data: bytes,
    *,
    run_id: str,
    by: str = "",
    attributes: Mapping[str, str] | None = None,
) -> None:
    """Publish a message about a run.

    Args:
        services: where to publish.
        topic: short name, as a function's.
        data: the message.
        run_id: the run, whose trace the message carries.
        by: id of the attempt that asks; empty: whoever triggered the run.
        attributes: others that the message has.
    """
    context = {**(attributes or {}), **traces.attributes(run_id, by)}
    services.bus.publish(services.settings.topic(topic), data, context)


def request_next(run: Run, services: Services, by: str = "") -> None:
    """Publish the request that moves a run on."""
    request = next_request(run)
    publish(
        services,
        request.topic,
        request.data,
        run_id=run.run_id,
        by=by,
        attributes=request.attributes,
    )


def finish(work: Work, manifest: Manifest) -> None:
    """Write down that the run is staged."""
    run = work.run
    work.finish(
        RunState.STAGED,
        manifest=naming.manifest_object(run.table, run.run_id),
        steps=work.stats(manifest.rows_staged, manifest.size_bytes),
        progress_rows=manifest.rows_staged,
    )


def ask_for_load(run: Run, services: Services, by: str = "") -> None:
    """Publish the load request of a staged run, for an attempt that has just staged it."""
    message = LoadRequest(table=run.table, run_id=run.run_id)
    publish(services, "load", message.encode(), run_id=run.run_id, by=by)
