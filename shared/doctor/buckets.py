"""Buckets: there, versioned where objects are written over, announcing dropped files."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from shared.core.messages import FINALIZE
from shared.doctor.findings import Check, Finding, stopwatch
from shared.settings import BUCKETS
from shared.wiring import Services

if TYPE_CHECKING:
    from google.cloud.storage import Client

VERSIONED = ("state", "config")
"""Zones whose objects are written over: what was there before must stay for a while."""

PAYLOAD = "JSON_API_V1"
"""The form of notification that ``ingest`` reads."""

TIMEOUT_S = 10.0

_APPLY = "`make deploy` makes it; on a laptop, `sluice local up`"

_check = Check("buckets")


def examine(services: Services) -> Iterator[Finding]:
    """Look at every bucket."""
    client = _connect(services)
    for name in BUCKETS:
        yield from _examine(services, client, name)


def _connect(services: Services) -> "Client":
    """Return a client: what is asked here is asked of buckets, which no function ever does."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.storage import Client

    credentials = AnonymousCredentials() if services.settings.is_emulated else None
    return Client(project=services.settings.project, credentials=credentials)


def _examine(services: Services, client: "Client", zone: str) -> Iterator[Finding]:
    from google.api_core.exceptions import Forbidden, NotFound

    name = services.settings.bucket(zone)
    try:
        with stopwatch() as took:
            bucket = client.get_bucket(name, timeout=TIMEOUT_S, retry=None)
    except NotFound:
        yield _check.fail(name, "does not exist", _APPLY)
        return
    except Forbidden as exc:
        said = getattr(exc, "message", "")
        fix = "add yourself to operators in terraform/environments, and deploy"
        yield _check.warn(name, f"may not be looked at with these credentials: {said}", fix)
        return
    if not services.settings.is_emulated and (open_ := list(openings(bucket))):
        yield _check.fail(name, "; ".join(open_), "`make deploy` closes it")
    if zone in VERSIONED and not bucket.versioning_enabled and not services.settings.is_emulated:
        yield _check.fail(name, "keeps no earlier versions of its objects", _APPLY)
    elif zone == "landing":
        yield _announces(services, bucket)
    else:
        yield _check.ok(name, f"there, answers in {took}")


def openings(bucket: Any) -> Iterator[str]:
    """Yield what lets more people into a bucket than its policy says."""
    if bucket.iam_configuration.public_access_prevention != "enforced":
        yield "could be made public"
    if not bucket.iam_configuration.uniform_bucket_level_access_enabled:
        yield "knows access lists of single objects"


def _announces(services: Services, bucket: Any) -> Finding:
    topic = services.settings.topic("ingest")
    for each in bucket.list_notifications(timeout=TIMEOUT_S, retry=None):
        events = each.event_types or [FINALIZE]
        goes_there = f"projects/{each.topic_project}/topics/{each.topic_name}" == topic
        if goes_there and FINALIZE in events and each.payload_format == PAYLOAD:
            return _check.ok(bucket.name, f"announces dropped files to {each.topic_name}")
    return _check.fail(
        bucket.name,
        f"does not announce dropped files to {topic}: only the sweep finds them, minutes later",
        _APPLY,
    )
