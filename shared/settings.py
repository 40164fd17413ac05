"""The environment, read once: no other file of ``shared`` reads ``os.environ``.

Google's own variables (``STORAGE_EMULATOR_HOST``, ``PUBSUB_EMULATOR_HOST``) are read by Google's
clients; ours begin with ``SLUICE_``.
"""

import getpass
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import gethostname
from typing import Self

from shared.errors import InvalidConfigError

BUCKETS = ("landing", "raw", "staging", "quarantine", "state", "config", "audit")
"""The buckets, those of the zones first: ``<prefix>-<bucket>``."""

TOPICS = ("extract", "ingest", "load", "sweep")
"""The topics, one per function that is driven by messages: ``<prefix>-<topic>``."""

LEASE_S = 60.0
"""A step renews its lease while it works; an abandoned run is taken over after this long."""

BUDGET_S = 400.0
"""One delivery works no longer than this. Source: Pub/Sub pushes again after 600 s at most."""

UNIT_ROWS = 5_000_000
"""A larger window is cut into units of about so many rows."""

UNIT_BYTES = 2 * 2**30
"""A unit that stages more uncompressed bytes than this is cut again."""

UNIT_PARTS = 8
"""A run of more parts than this is loaded part by part, by several instances at once."""

DIRECT_BYTES = 2**30
"""A run of no more staged bytes is copied into its table in one go, where it may: in the time of
one delivery that is 2.6 MB/s.
"""

STUCK_S = 600.0
"""A run that nothing was written to for so long is asked to go on; longer than any unit works."""

MAX_NUDGES = 12
"""So often in a row a run is asked to go on without getting on; then it is failed."""

LOST_S = 120.0
"""A dropped file that no run knows after so long is announced again."""

ORPHAN_S = 7 * 86_400.0
"""What nothing can use any more is kept for so long; Pub/Sub keeps a message no longer."""

COLLECT_S = 6 * 3_600.0
"""Orphans are searched for so often."""

FUNCTION_ENVIRONMENT = {"MALLOC_ARENA_MAX": "1"}
"""What each function's process is started with, on a laptop and deployed.

With an arena for each thread, glibc keeps what threads freed: up to 100 MiB here. Source:
mallopt(3).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where the cloud is and how this deployment names its parts."""

    project: str
    prefix: str
    secrets_endpoint: str | None = None
    """Plain-HTTP endpoint of a Secret Manager stand-in; None: the real service."""
    storage_emulator: str | None = None
    """Endpoint of a Cloud Storage emulator, which knows no credentials; None: the real service."""
    lease_s: float = LEASE_S
    budget_s: float = BUDGET_S
    unit_rows: int = UNIT_ROWS
    unit_bytes: int = UNIT_BYTES
    unit_parts: int = UNIT_PARTS
    direct_bytes: int = DIRECT_BYTES
    stuck_s: float = STUCK_S
    max_nudges: int = MAX_NUDGES
    lost_s: float = LOST_S
    orphan_s: float = ORPHAN_S
    collect_s: float = COLLECT_S
    code_version: str = "dev"
    lineage: str | None = None
    """Where lineage events go; None: nowhere. ``shared.lineage`` lists the forms."""
    traces: str = "off"
    """Where spans go. ``shared.spans`` lists the forms."""
    traces_share: float = 1.0
    """The spans of so many runs are kept, out of 1."""

    @property
    def is_emulated(self) -> bool:
        """The cloud is one on a laptop."""
        return self.storage_emulator is not None

    def bucket(self, name: str) -> str:
        """Return the full name of a bucket."""
        return f"{self.prefix}-{name}"

    def topic(self, name: str) -> str:
        """Return the full name of a topic."""
        return f"projects/{self.project}/topics/{self.prefix}-{name}"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the settings.

        Raises:
            InvalidConfigError: a variable is missing, or is not the number that it must be.
        """
        env = os.environ if environ is None else environ
        return cls(
            project=_required(env, "SLUICE_PROJECT"),
            prefix=_required(env, "SLUICE_PREFIX"),
            secrets_endpoint=env.get("SLUICE_SECRETS_ENDPOINT") or None,
            storage_emulator=env.get("STORAGE_EMULATOR_HOST") or None,
            lease_s=_seconds(env, "SLUICE_LEASE_S", LEASE_S),
            budget_s=_seconds(env, "SLUICE_BUDGET_S", BUDGET_S),
            unit_rows=_count(env, "SLUICE_UNIT_ROWS", UNIT_ROWS),
            unit_bytes=_count(env, "SLUICE_UNIT_BYTES", UNIT_BYTES),
            unit_parts=_count(env, "SLUICE_UNIT_PARTS", UNIT_PARTS),
            direct_bytes=_count(env, "SLUICE_DIRECT_BYTES", DIRECT_BYTES),
            stuck_s=_seconds(env, "SLUICE_STUCK_S", STUCK_S),
            max_nudges=_count(env, "SLUICE_MAX_NUDGES", MAX_NUDGES),
            lost_s=_seconds(env, "SLUICE_LOST_S", LOST_S),
            orphan_s=_seconds(env, "SLUICE_ORPHAN_S", ORPHAN_S),
            collect_s=_seconds(env, "SLUICE_COLLECT_S", COLLECT_S),
            code_version=env.get("SLUICE_CODE_VERSION") or env.get("K_REVISION") or "dev",
            lineage=env.get("SLUICE_LINEAGE") or None,
            traces=env.get("SLUICE_TRACES") or "off",
            traces_share=_share(env, "SLUICE_TRACES_SHARE"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """What only the API needs to know."""

    runbook_url: str = "docs/runbook.md"
    """Where errors link to."""
    audience: str | None = None
    """What ID tokens must be signed for: the function's own address. None: none is accepted."""
    certs_url: str | None = None
    """Where the keys are that sign ID tokens; None: Google's."""
    origins: tuple[str, ...] = ()
    """Web pages of other origins that may call; none: a browser lets only our own page call."""
    is_behind_google: bool = False
    """Google's front end is before us, and says who calls in its own header."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the settings; all have defaults.

        Raises:
            InvalidConfigError: other keys than Google's are named where they must not be.
        """
        env = os.environ if environ is None else environ
        return cls(
            runbook_url=env.get("SLUICE_RUNBOOK_URL") or "docs/runbook.md",
            audience=env.get("SLUICE_API_AUDIENCE") or None,
            certs_url=_certs_url(env),
            origins=tuple(env.get("SLUICE_API_ORIGINS", "").split()),
            is_behind_google=_is_on_cloud_run(env),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PushSettings:
    """What only the functions need to know that Pub/Sub calls: who that is."""

    account: str | None = None
    """E-mail address of the one account that pushes; None: nobody may."""
    audience: str | None = None
    """What its tokens must be made for: the function's own address."""
    certs_url: str | None = None
    """Where the keys are that sign them; None: Google's."""
    is_on_cloud_run: bool = False
    """Cloud Run verifies each caller first, and takes the signature off its token."""
    is_emulated: bool = False
    """Pushes come from an emulator of Pub/Sub; Google's sends no tokens."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the settings.

        Raises:
            InvalidConfigError: other keys than Google's are named where they must not be.
        """
        env = os.environ if environ is None else environ
        return cls(
            account=env.get("SLUICE_PUSH_ACCOUNT") or None,
            audience=env.get("SLUICE_PUSH_AUDIENCE") or None,
            certs_url=_certs_url(env),
            is_on_cloud_run=_is_on_cloud_run(env),
            is_emulated=bool(env.get("PUBSUB_EMULATOR_HOST")) and not _is_on_cloud_run(env),
        )


def _is_on_cloud_run(env: Mapping[str, str]) -> bool:
    # Source: Cloud Run, "Container runtime contract": set in every service.
    return "K_SERVICE" in env


def _certs_url(env: Mapping[str, str]) -> str | None:
    """Return where a laptop's Pub/Sub has its keys; in the cloud none but Google's count."""
    url = env.get("SLUICE_ID_TOKEN_CERTS") or None
    if url and (_is_on_cloud_run(env) or not env.get("STORAGE_EMULATOR_HOST")):
        raise InvalidConfigError(
            "SLUICE_ID_TOKEN_CERTS is set, which is for a cloud on a laptop alone: whoever has "
            "the keys there could sign as anybody; take it out of the environment"
        )
    return url


def _required(env: Mapping[str, str], name: str) -> str:
    value = env.get(name)
    if not value:
        raise InvalidConfigError(
            f"{name} is not set; deployed functions get it from Terraform, "
            "and `sluice local env` prints it for a cloud on this machine"
        )
    return value


def _count(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name)
    if not text:
        return default
    if not text.isdecimal() or int(text) == 0:
        raise InvalidConfigError(f"{name}={text!r} is not a whole number above 0")
    return int(text)


def _seconds(env: Mapping[str, str], name: str, default: float) -> float:
    text = env.get(name)
    if not text:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not (seconds > 0 and math.isfinite(seconds)):
        raise InvalidConfigError(f"{name}={text!r} is not a number of seconds above 0")
    return seconds


def _share(env: Mapping[str, str], name: str) -> float:
    text = env.get(name) or "1"
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1:
        raise InvalidConfigError(f"{name}={text!r} is not a share from 0 to 1, such as 0.1")
    return share


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAccess:
    """An API that the command line is to talk to, and what shows who calls."""

    url: str
    key: str | None = field(default=None, repr=False)
    """A key of the API; None: an ID token of Google."""
    id_token: str | None = field(default=None, repr=False)
    """An ID token to show; with a key it is for Cloud Run's own check."""


def api_access() -> ApiAccess | None:
    """Return the API that the environment names, if it does."""
    # A file that a secret is read from often ends with a line end.
    names = ("SLUICE_API_URL", "SLUICE_API_KEY", "SLUICE_API_TOKEN")
    url, key, token = (os.environ.get(name, "").strip() for name in names)
    if not url:
        return None
    return ApiAccess(url=url.rstrip("/"), key=key or None, id_token=token or None)


def is_configured() -> bool:
    """Say whether the environment names a cloud."""
    return bool(os.environ.get("SLUICE_PROJECT"))


def project() -> str | None:
    """Return the project that the environment names, if it does."""
    return os.environ.get("SLUICE_PROJECT") or None


def state_dir() -> Path | None:
    """Return the state directory of a local cloud that the environment names, if it does."""
    text = os.environ.get("SLUICE_STATE")
    return Path(text) if text else None


def storage_emulator() -> str | None:
    """Return where the environment puts an emulator in the place of Cloud Storage, if it does."""
    return os.environ.get("STORAGE_EMULATOR_HOST") or None


def is_emulated() -> bool:
    """Say whether the environment puts emulators in the place of Google's services."""
    return storage_emulator() is not None


def credentials_file() -> Path | None:
    """Return the file that the environment names for Google's default credentials, if any."""
    text = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    return Path(text) if text else None


def person() -> str:
    """Return who works here, by the environment's account: nothing proves it.

    Who really called which service is in Cloud Audit Logs.
    """
    if name := os.environ.get("SLUICE_PRINCIPAL"):
        return name
    if actor := os.environ.get("GITHUB_ACTOR"):
        return f"github:{actor}"
    return f"{getpass.getuser()}@{gethostname()}"


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with variables added, for a program that it starts."""
    return {**os.environ, **extra}


def odbc_driver() -> str | None:
    """Return the path of the ODBC driver to use for SQL Server, if the environment names one."""
    return os.environ.get("SLUICE_ODBC_DRIVER") or None


def odbc_libraries() -> Path | None:
    """Return the folder with unixODBC's libraries, where the system has none."""
    text = os.environ.get("SLUICE_ODBC_LIBRARIES")
    return Path(text) if text else None


@contextmanager
def lent(name: str, value: str) -> Iterator[None]:
    """Set a variable of this process for a while, for a library that listens to nothing else."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def adopt(environ: Mapping[str, str]) -> None:
    """Add variables to this process's environment, where Google's clients look for theirs."""
    os.environ.update(environ)
