"""Secret Manager through Google's client: a secret by name, in a type that hides it.

A name may have a version behind a colon, as in ``postgres-password:3``; without one it is the
newest. What was read is remembered for ``MEMORY_S``, so a rotated secret needs no new deployment.
"""

import hmac
import re
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NoReturn

from shared.errors import InvalidConfigError, StorageUnavailableError

if TYPE_CHECKING:
    from google.cloud.secretmanager import SecretManagerServiceClient

ACCESS_TIMEOUT_S = 10.0

MEMORY_S = 60.0
"""How long a version that was read is used without asking again."""

MAX_REMEMBERED = 64
"""So many secrets are remembered at once; then all are forgotten."""

SECRET_NAME = r"[A-Za-z0-9_-]{1,255}(:[1-9][0-9]{0,8})?"  # noqa: S105 - a pattern
"""Source: Secret Manager, "Create a secret": the characters of a name."""


class Secret:
    """Bytes that no log line, no traceback and no record shows; ``reveal`` at the last moment.

    Every way to turn it into text gives ``Secret(***)``; it cannot be pickled or copied.
    """

    __slots__ = ("_value", "version")

    def __init__(self, value: bytes, version: int = 0) -> None:
        self._value = value
        self.version = version
        """Number of the version; 0 where it came from elsewhere."""

    def reveal(self) -> bytes:
        """Return the secret itself."""
        return self._value

    def text(self) -> str:
        """Return the secret as text.

        Raises:
            InvalidConfigError: it is not UTF-8.
        """
        try:
            return self._value.decode()
        except UnicodeDecodeError:
            pass  # the error holds the bytes, so it goes no further
        raise InvalidConfigError(f"version {self.version} of a secret is not text in UTF-8")

    def __eq__(self, other: object) -> bool:
        """Compare in a time that does not depend on what is in it."""
        return isinstance(other, Secret) and hmac.compare_digest(self._value, other._value)

    def __hash__(self) -> int:
        return hash(self._value)  # keyed anew in each process

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, _: str) -> str:
        return repr(self)

    def __reduce_ex__(self, _: object) -> NoReturn:
        raise TypeError("a secret is neither pickled nor copied")


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretVersion:
    """One version of a secret, without its value."""

    number: int
    is_enabled: bool
    is_destroyed: bool
    created_at: datetime


class Secrets:
    """Reads secrets of one project."""

    def __init__(
        self,
        project: str,
        endpoint: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._project = project
        self._endpoint = endpoint
        self._clock = clock
        self._client: SecretManagerServiceClient | None = None
        self._remembered: dict[str, tuple[float, Secret]] = {}

    def get(self, name: str) -> Secret:
        """Return a version of a secret, as it was at most ``MEMORY_S`` ago.

        Raises:
            InvalidConfigError: no such secret or version, not enabled, or no right to read it.
            StorageUnavailableError: Secret Manager did not answer.
        """
        read_s, secret = self._remembered.get(name, (0.0, None))
        if secret is not None and self._clock() - read_s <= MEMORY_S:
            return secret
        return self._remember(name, self._access(name))

    def another(self, name: str, tried: Collection[int]) -> Secret | None:
        """Return the newest version of a secret, else the one before it; None: both were tried.

        What is returned is what ``get`` returns from then on. A pinned version has no other.

        Args:
            name: of the secret.
            tried: numbers of the versions that were refused.

        Raises:
            InvalidConfigError, StorageUnavailableError: as ``get``.
        """
        self._remembered.pop(name, None)
        secret, version = unpinned(name)
        if version is not None:
            return None
        newest = self._access(secret)
        if newest.version not in tried:
            return self._remember(name, newest)
        before = newest.version - 1
        if before < 1 or before in tried:
            return None
        try:
            return self._remember(name, self._access(pinned(secret, before)))
        except InvalidConfigError:
            return None  # disabled, as a version that is not to be used any more should be

    def newest(self, name: str, version: str = "latest") -> tuple[bytes, int] | None:
        """Return a version's bytes and number; None when the secret has no such version.

        Raises:
            InvalidConfigError: no such secret, or no right to read it.
            StorageUnavailableError: Secret Manager did not answer.
        """
        from google.api_core.exceptions import NotFound

        try:
            found = self._access(name if version == "latest" else f"{name}:{version}")
        except InvalidConfigError as exc:
            if isinstance(exc.__cause__, NotFound):
                return None
            raise
        return found.reveal(), found.version

    def add(self, name: str, value: bytes) -> int:
        """Make a new version of a secret that is there; return its number.

        Raises:
            InvalidConfigError: no such secret, or no right to add to it.
            StorageUnavailableError: Secret Manager did not answer; it may have been added.
        """
        advice = "Terraform makes it, and adding takes roles/secretmanager.secretVersionAdder on it"
        with self._failures(name, "takes no new version", advice):
            reply = self._connect().add_secret_version(
                request={"parent": self._path(name), "payload": {"data": value}},
                timeout=ACCESS_TIMEOUT_S,
            )
        self._remembered.pop(name, None)
        return _number(reply.name)

    def versions(self, name: str) -> tuple[SecretVersion, ...]:
        """Return all versions of a secret, the newest first.

        Raises:
            InvalidConfigError: no such secret, or no right to list its versions.
            StorageUnavailableError: Secret Manager did not answer.
        """
        advice = "listing takes roles/secretmanager.viewer on it"
        with self._failures(name, "cannot be listed", advice):
            found = self._connect().list_secret_versions(
                request={"parent": self._path(name)}, timeout=ACCESS_TIMEOUT_S
            )
            listed = [
                SecretVersion(
                    number=_number(each.name),
                    is_enabled=each.state == each.State.ENABLED,
                    is_destroyed=each.state == each.State.DESTROYED,
                    created_at=each.create_time,
                )
                for each in found
            ]
        return tuple(sorted(listed, key=lambda each: -each.number))

    def disable(self, name: str, version: int) -> None:
        """Let nobody read a version any more, until somebody enables it again.

        Raises:
            InvalidConfigError: no such version, or no right to disable it.
            StorageUnavailableError: Secret Manager did not answer.
        """
        path = f"{self._path(name)}/versions/{version}"
        advice = "disabling takes roles/secretmanager.secretVersionManager on it"
        with self._failures(name, f"keeps its version {version}", advice):
            self._connect().disable_secret_version(request={"name": path}, timeout=ACCESS_TIMEOUT_S)
        self._remembered.clear()

    def _access(self, name: str) -> Secret:
        secret, version = unpinned(name)
        path = f"{self._path(secret)}/versions/{version or 'latest'}"
        advice = (
            "create it, enable the version, and grant the caller "
            "roles/secretmanager.secretAccessor on it"
        )
        with self._failures(name, "cannot be read", advice):
            reply = self._connect().access_secret_version(
                request={"name": path}, timeout=ACCESS_TIMEOUT_S
            )
        return Secret(bytes(reply.payload.data), _number(reply.name))

    def _remember(self, name: str, secret: Secret) -> Secret:
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[name] = self._clock(), secret
        return secret

    def _path(self, name: str) -> str:
        return f"projects/{self._project}/secrets/{name}"

    @contextmanager
    def _failures(self, name: str, what: str, advice: str) -> Iterator[None]:
        from google.api_core import exceptions

        try:
            yield
        except (exceptions.NotFound, exceptions.BadRequest, exceptions.Forbidden) as exc:
            raise InvalidConfigError(
                f"secret {name} of project {self._project} {what} ({type(exc).__name__}); {advice}",
                secret=name,
            ) from exc
        except (exceptions.GoogleAPICallError, exceptions.RetryError) as exc:
            raise StorageUnavailableError(f"secret {name}: {exc}", secret=name) from exc

    def _connect(self) -> "SecretManagerServiceClient":
        if self._client is None:
            from google.auth.credentials import AnonymousCredentials
            from google.cloud.secretmanager import SecretManagerServiceClient

            if self._endpoint:
                self._client = SecretManagerServiceClient(
                    transport="rest",
                    credentials=AnonymousCredentials(),
                    client_options={"api_endpoint": self._endpoint},
                )
            else:
                self._client = SecretManagerServiceClient()
        return self._client


def pinned(name: str, version: int) -> str:
    """Return what names one version of a secret."""
    return f"{name}:{version}"


def unpinned(name: str) -> tuple[str, int | None]:
    """Return a secret's name and the version that is named with it; None: the newest.

    Raises:
        InvalidConfigError: this can be no secret's name.
    """
    if not re.fullmatch(SECRET_NAME, name):
        raise InvalidConfigError(
            f"{name!r} names no secret: letters, digits, _ and -, then perhaps : and a version"
        )
    secret, _, version = name.partition(":")
    return secret, int(version) if version else None


def _number(path: str) -> int:
    return int(path.rpartition("/")[2])
