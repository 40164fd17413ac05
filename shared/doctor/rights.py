"""Rights that nobody misses until a message comes: on topics and secrets, as policies show them.

Terraform grants more than is looked at here. These are the ones whose absence nothing else says:
a function that may not publish fails after all its work, and a file that Cloud Storage may not
announce lies there in silence.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from shared.config.tables import ResolvedTable
from shared.doctor import secret_values
from shared.doctor.findings import Check, Finding
from shared.settings import Settings
from shared.wiring import Services

STORAGE_AGENT = "@gs-project-accounts.iam.gserviceaccount.com"
"""How the account ends that Cloud Storage announces with. Source: Cloud Storage, "Pub/Sub"."""

PUBLISHERS = {
    "extract": ("api", "extract", "sweep"),
    "ingest": ("api", "sweep"),
    "load": ("api", "extract", "ingest", "load", "sweep"),
    "sweep": ("api",),
}
"""Functions that publish to a topic. Source: terraform/modules/catalog/bus.tf."""

READERS = ("load",)
"""Functions that read every secret of a target; which others do depends on the secret."""

TIMEOUT_S = 10.0

_APPLY = "`make deploy` grants it; rights take up to seven minutes"

_check = Check("rights")


def examine(services: Services, tables: Iterable[ResolvedTable]) -> Iterator[Finding]:
    """Look at who may publish and who may read; emulators know no rights."""
    settings = services.settings
    if settings.is_emulated:
        yield _check.ok("rights", "none: emulators let everybody do everything")
        return
    yield from _topics(settings)
    yield from _secrets(settings, tables)


def _topics(settings: Settings) -> Iterator[Finding]:
    from google.api_core.exceptions import Forbidden, NotFound
    from google.cloud.pubsub_v1 import PublisherClient

    publisher = PublisherClient()
    for name in PUBLISHERS:
        subject = f"topic {settings.prefix}-{name}"
        try:
            policy = publisher.get_iam_policy(
                request={"resource": settings.topic(name)}, timeout=TIMEOUT_S
            )
        except (Forbidden, NotFound) as exc:
            yield _check.ok(subject, f"not visible with these credentials ({type(exc).__name__})")
            continue
        yield judged(subject, "publish there", missing_publishers(settings, name, policy))
    publisher.transport.close()


def _secrets(settings: Settings, tables: Iterable[ResolvedTable]) -> Iterator[Finding]:
    from google.api_core.exceptions import Forbidden, NotFound
    from google.cloud.secretmanager import SecretManagerServiceClient

    client = SecretManagerServiceClient()
    for secret, functions in sorted(readers(tables).items()):
        path = f"projects/{settings.project}/secrets/{secret}"
        try:
            policy = client.get_iam_policy(request={"resource": path}, timeout=TIMEOUT_S)
        except (Forbidden, NotFound) as exc:
            yield _check.ok(secret, f"not visible with these credentials ({type(exc).__name__})")
            continue
        may = members(policy, "roles/secretmanager.secretAccessor")
        lacking = [f for f in functions if account(settings, f) not in may]
        yield judged(secret, "read it", lacking)


def missing_publishers(settings: Settings, topic: str, policy: Any) -> list[str]:
    """Return who must publish to a topic and may not."""
    may = members(policy, "roles/pubsub.publisher")
    lacking = [f for f in PUBLISHERS[topic] if account(settings, f) not in may]
    if topic == "ingest" and not any(member.endswith(STORAGE_AGENT) for member in may):
        lacking.append("Cloud Storage")
    return lacking


def readers(tables: Iterable[ResolvedTable]) -> dict[str, tuple[str, ...]]:
    """Return the secrets that tables need, each with the functions that must read it."""
    found: dict[str, tuple[str, ...]] = {}
    for table in tables:
        at_source = set(secret_values.names_of(table, table.table.source_kind))
        for name in secret_values.names(table):
            found[name] = ("extract",) if name in at_source else READERS
    return found


def members(policy: Any, role: str) -> set[str]:
    """Return the members that a policy gives a role to."""
    return {m for binding in policy.bindings if binding.role == role for m in binding.members}


def account(settings: Settings, function: str) -> str:
    """Return the member that a function runs as. Source: terraform/identities.tf."""
    email = f"{settings.prefix}-{function}@{settings.project}.iam.gserviceaccount.com"
    return f"serviceAccount:{email}"


def judged(subject: str, may: str, lacking: list[str]) -> Finding:
    """Return the finding about those who lack a right."""
    if lacking:
        return _check.fail(subject, f"may not {may}: {', '.join(lacking)}", _APPLY)
    return _check.ok(subject, f"all who must may {may}")
