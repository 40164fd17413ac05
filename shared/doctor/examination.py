"""All checks at once, in a fixed order, and what is said when one cannot be done."""

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

from shared.config.tables import ResolvedTable
from shared.doctor import (
    apis,
    buckets,
    ends,
    history,
    messaging,
    rights,
    secret_values,
    versions,
)
from shared.doctor.findings import Check, Finding, Level
from shared.errors import SluiceError
from shared.wiring import Services

Look = Callable[[], Iterator[Finding]]

CHECKS = (
    "settings",
    "apis",
    "rights",
    "buckets",
    "tables",
    "messages",
    "secrets",
    "source",
    "target",
    "clock",
    "release",
    "sweep",
    "runs",
    "dead letters",
)
"""The kinds of findings, in the order in which they are shown."""


def examine(services: Services, repository: Path, skip: Collection[str] = ()) -> list[Finding]:
    """Look at everything, and change nothing.

    Args:
        services: the environment.
        repository: the checkout to compare with; may be any folder.
        skip: kinds of findings that nobody wants.
    """
    tables, found = _tables(services)
    looks: list[tuple[str, Look]] = [
        ("apis", lambda: apis.examine(services)),
        ("rights", lambda: rights.examine(services, tables)),
        ("buckets", lambda: buckets.examine(services)),
        ("tables", lambda: versions.tables(services, tables, repository)),
        ("messages", lambda: messaging.examine(services)),
        ("secrets", lambda: secret_values.examine(services, tables)),
        ("source", lambda: ends.sources(services, tables)),
        ("target", lambda: ends.targets(services, tables)),
        ("release", lambda: versions.release(services, repository)),
        ("sweep", lambda: history.sweep(services)),
        ("runs", lambda: history.runs(services)),
        ("dead letters", lambda: history.dead_letters(services)),
    ]
    wanted = [(name, look) for name, look in looks if name not in skip]
    # Threads that import one package at the same time may find half of it.
    for module in ("google.cloud.pubsub_v1", "google.cloud.storage"):
        import_module(module)
    with ThreadPoolExecutor(len(looks)) as pool:
        for findings in pool.map(lambda each: _guarded(*each), wanted):
            found += findings
    found.insert(0, _settings(services))
    found = [finding for finding in found if finding.check not in skip]
    return sorted(found, key=lambda f: CHECKS.index(f.check))


def worst(findings: list[Finding]) -> Level:
    """Return the worst level among findings."""
    levels = [finding.level for finding in findings]
    return next((level for level in (Level.FAIL, Level.WARN) if level in levels), Level.OK)


def _settings(services: Services) -> Finding:
    settings = services.settings
    where = "emulators on this machine" if settings.is_emulated else "Google Cloud"
    return Check("settings").ok(
        "settings", f"project {settings.project}, prefix {settings.prefix}, {where}"
    )


def _tables(services: Services) -> tuple[list[ResolvedTable], list[Finding]]:
    """Read every table's configuration; one that cannot be read is a finding."""
    check, tables, findings = Check("tables"), [], []
    try:
        names = services.config.names()
    except SluiceError as exc:
        fix = "see the findings about buckets"
        return [], [check.fail("tables", f"cannot be read: {exc.message}", fix)]
    for name in names:
        try:
            tables.append(services.config.get(name)[0])
        except SluiceError as exc:
            fix = "`make deploy` writes it anew from config/"
            findings.append(check.fail(name, exc.message, fix))
    return tables, findings


def _guarded(name: str, look: Look) -> list[Finding]:
    """Do one check; one that fails altogether is a finding too."""
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException

    found: list[Finding] = []
    try:
        found.extend(look())
    except SluiceError as exc:
        found.append(Check(name).fail(name, exc.message, _WHOLE))
    except GoogleAuthError as exc:
        fix = "`gcloud auth application-default login`"
        found.append(Check(name).fail(name, f"no credentials: {exc}", fix))
    except (GoogleAPICallError, RetryError, RequestException) as exc:
        said = f"{type(exc).__name__}: {str(exc).splitlines()[0]}"
        found.append(Check(name).fail(name, said, _WHOLE))
    return found


_WHOLE = (
    "is the service's API enabled (`gcloud services list --enabled`), and is there a way to it? "
    "On a laptop, `sluice local status`"
)
