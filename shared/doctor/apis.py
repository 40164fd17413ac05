"""Google's APIs: those that an environment cannot do without are switched on."""

from collections.abc import Collection, Iterator
from typing import Any

from shared.doctor.findings import Check, Finding
from shared.settings import Settings
from shared.wiring import Services

ENDPOINT = "https://serviceusage.googleapis.com/v1"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
TIMEOUT_S = 10.0

NEEDED = frozenset(
    {
        *("cloudbuild", "cloudfunctions", "run", "artifactregistry"),  # functions, and their builds
        *("cloudscheduler", "pubsub", "storage", "secretmanager"),  # runs, and all they stand on
        *("iam", "iamcredentials", "logging", "monitoring"),  # who may, and who is told
    }
)
"""What moves rows or says that it did; an API as ``<name>.googleapis.com``."""

_check = Check("apis")


def examine(services: Services) -> Iterator[Finding]:
    """Look at the project's APIs; a cloud on a laptop has none."""
    if services.settings.is_emulated:
        yield _check.ok("apis", "none: emulators stand in for them")
        return
    import google.auth
    from google.auth.transport.requests import AuthorizedSession

    credentials, _ = google.auth.default(scopes=[SCOPE])
    with AuthorizedSession(credentials) as session:
        yield look(services.settings, session, ENDPOINT)


def look(settings: Settings, session: Any, endpoint: str) -> Finding:
    """Ask which APIs are on, and return what is missing."""
    found: set[str] = set()
    query = {"filter": "state:ENABLED", "pageSize": "200"}
    while True:
        reply = session.get(
            f"{endpoint}/projects/{settings.project}/services", params=query, timeout=TIMEOUT_S
        )
        if reply.status_code == 403:
            said = "not visible with these credentials (roles/serviceusage.serviceUsageConsumer)"
            return _check.ok("apis", said)
        reply.raise_for_status()
        page = reply.json()
        found |= {service["config"]["name"] for service in page.get("services", ())}
        if not page.get("nextPageToken"):
            return _judged(settings, found)
        query["pageToken"] = page["nextPageToken"]


def _judged(settings: Settings, found: Collection[str]) -> Finding:
    missing = sorted(f"{name}.googleapis.com" for name in NEEDED - {_short(n) for n in found})
    if not missing:
        return _check.ok("apis", f"all {len(NEEDED)} that are needed are on")
    return _check.fail(
        "apis",
        f"not switched on: {', '.join(missing)}",
        f"`gcloud services enable {' '.join(missing)} --project {settings.project}`",
    )


def _short(name: str) -> str:
    return name.removesuffix(".googleapis.com")
