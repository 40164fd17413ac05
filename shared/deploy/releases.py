"""What was deployed, when, from which commit, and whether it proved itself: the way back.

Kept in the source bucket beside what Terraform uploads, under names that Terraform does not manage:
a new archive takes the place of Terraform's object, and a rollback needs the earlier one.

    releases/<release>.json                what was deployed
    releases/<release>.tables.json         the tables' configurations that went with it
    releases/archives/<sha256>.zip         every archive that was ever deployed, once
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from shared.deploy.archives import Archive
from shared.errors import ConflictError, DeploymentError
from shared.settings import Settings
from shared.storage import ABSENT, Storage
from shared.wire import from_json, to_json

BUCKET = "source"
"""The platform's bucket, where archives are; named as those of ``shared.settings`` are."""

PREFIX = "releases/"
TABLES = ".tables.json"

FORMAT = 1


class Proof(StrEnum):
    """What the smoke run said."""

    PENDING = "pending"
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One deployment of one environment."""

    version: int = FORMAT
    release_id: str
    """Begins with the time in UTC, so that ids sort by time."""
    environment: str
    commit: str
    is_clean: bool
    """The checkout was exactly the commit."""
    deployed_at: datetime
    archives: Mapping[str, str]
    """SHA-256 of each function's archive."""
    proof: Proof = Proof.PENDING
    smoke_run: str = ""
    """``<table>/<run>`` of the smoke run."""
    failure: str = ""
    """Why it failed."""
    restores: str = ""
    """The release whose archives and configurations these are; empty: they are the checkout's."""


def release_id(at: datetime, commit: str) -> str:
    """Return the identity of a release."""
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}-{commit[:12]}"


class Releases:
    """The releases of one environment."""

    def __init__(self, storage: Storage, settings: Settings) -> None:
        self._storage = storage
        self._bucket = settings.bucket(BUCKET)

    def keep(self, archives: list[Archive]) -> None:
        """Keep archives for later rollbacks; one that is kept already is left alone."""
        for archive in archives:
            self._once(_archive_object(archive.sha256), archive.data, "application/zip")

    def record(self, release: Release, tables: Mapping[str, str]) -> None:
        """Write down a release and the configurations, as JSON text by table, that belong to it."""
        name = f"{PREFIX}{release.release_id}{TABLES}"
        self._once(name, to_json(_Tables(tables=tables)), "application/json")
        self._put(release)

    def prove(
        self, release: Release, proof: Proof, *, smoke_run: str = "", failure: str = ""
    ) -> Release:
        """Write down what the smoke run said, and return the release as it is now."""
        proven = replace(release, proof=proof, smoke_run=smoke_run, failure=failure)
        self._put(proven)
        return proven

    def all(self) -> list[Release]:
        """Return all releases, the newest first."""
        return sorted(self._each(), key=lambda r: r.release_id, reverse=True)

    def find(self, text: str) -> Release:
        """Return the newest release whose id, commit, or one of whose archives begins so.

        Without a text: the newest that passed its smoke run, apart from what runs now.

        Raises:
            DeploymentError: there is none; the message lists the newest ones.
        """
        known = self.all()
        for release in known:
            names = (release.release_id, release.commit, *release.archives.values())
            if text and any(name.startswith(text) for name in names):
                return release
        for release in known[1:]:
            if not text and release.proof is Proof.PASSED and self._differ(release, known[0]):
                return release
        listed = ", ".join(r.release_id for r in known[:5]) or "none"
        wanted = f"release {text!r}" if text else "other release that passed its smoke run"
        raise DeploymentError(f"no {wanted} is kept in gs://{self._bucket}; known: {listed}")

    def fetch(self, release: Release, folder: Path) -> dict[str, dict[str, str]]:
        """Put a release's archives into a folder; return path and sha256 by function.

        Raises:
            DeploymentError: an archive is gone, or its bytes are not those that were deployed.
        """
        folder.mkdir(parents=True, exist_ok=True)
        fetched = {}
        for function, sha256 in release.archives.items():
            found = self._storage.read(self._bucket, _archive_object(sha256))
            if found is None or hashlib.sha256(found[0]).hexdigest() != sha256:
                raise DeploymentError(
                    f"gs://{self._bucket}/{_archive_object(sha256)} is "
                    f"{'gone' if found is None else 'damaged'}; check out {release.commit} and "
                    "deploy that instead"
                )
            path = folder / f"{function}.zip"
            path.write_bytes(found[0])
            fetched[function] = {"path": str(path), "sha256": sha256}
        return fetched

    def tables(self, release: Release) -> Mapping[str, str]:
        """Return the configurations that belong to a release, as JSON text by table."""
        name = f"{PREFIX}{release.release_id}{TABLES}"
        found = self._storage.read(self._bucket, name)
        return from_json(_Tables, found[0], name).tables if found else {}

    def _differ(self, one: Release, other: Release) -> bool:
        return one.archives != other.archives or self.tables(one) != self.tables(other)

    def _each(self) -> Iterator[Release]:
        for info in self._storage.list(self._bucket, PREFIX):
            if info.name.endswith(".json") and not info.name.endswith(TABLES):
                found = self._storage.read(self._bucket, info.name)
                if found:
                    yield from_json(Release, found[0], info.name)

    def _put(self, release: Release) -> None:
        name = f"{PREFIX}{release.release_id}.json"
        found = self._storage.info(self._bucket, name)
        self._storage.write(
            self._bucket,
            name,
            to_json(release),
            generation=found.generation if found else ABSENT,
            content_type="application/json",
        )

    def _once(self, name: str, data: bytes, content_type: str) -> None:
        if self._storage.info(self._bucket, name):
            return
        try:
            self._storage.write(
                self._bucket, name, data, generation=ABSENT, content_type=content_type
            )
        except ConflictError:
            return  # somebody else kept the same bytes meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tables:
    tables: Mapping[str, str]


def _archive_object(sha256: str) -> str:
    return f"{PREFIX}archives/{sha256}.zip"
