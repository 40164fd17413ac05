"""Secret Manager through Google's client: a secret by name, in a type that hides it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.errors import InvalidConfigError, StorageUnavailableError

if TYPE_CHECKING:
    from google.cloud.secretmanager import SecretManagerServiceClient

ACCESS_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """Bytes that no log line and no traceback shows; ``reveal`` at the last moment."""

    _value: bytes

    def reveal(self) -> bytes:
        """Return the secret itself."""
        return self._value

    def text(self) -> str:
        """Return the secret as UTF-8 text."""
        return self._value.decode()

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__


class Secrets:
    """Reads secrets of one project, each time anew: a rotated secret needs no new deployment."""

    def __init__(self, project: str, endpoint: str | None = None) -> None:
        self._project = project
        self._endpoint = endpoint
        self._client: SecretManagerServiceClient | None = None

    def get(self, name: str) -> Secret:
        """Return the latest version of a secret.

        Raises:
            InvalidConfigError: no such secret, no enabled version, or no right to read it.
            StorageUnavailableError: Secret Manager did not answer.
        """
        from google.api_core import exceptions

        path = f"projects/{self._project}/secrets/{name}/versions/latest"
        try:
            reply = self._connect().access_secret_version(
                request={"name": path}, timeout=ACCESS_TIMEOUT_S
            )
        except (exceptions.NotFound, exceptions.BadRequest, exceptions.Forbidden) as exc:
            raise InvalidConfigError(
                f"secret {name} of project {self._project} cannot be read "
                f"({type(exc).__name__}); create it, enable a version, and grant the function "
                "roles/secretmanager.secretAccessor on it",
                secret=name,
            ) from exc
        except (exceptions.GoogleAPICallError, exceptions.RetryError) as exc:
            raise StorageUnavailableError(f"secret {name}: {exc}", secret=name) from exc
        return Secret(bytes(reply.payload.data))

    def newest(self, name: str, version: str = "latest") -> tuple[bytes, int] | None:
        """Return a version's bytes and number; None when the secret has no such version.

        Raises:
            InvalidConfigError: no such secret, or no right to read it.
            StorageUnavailableError: Secret Manager did not answer.
        """
        from google.api_core import exceptions

        path = f"projects/{self._project}/secrets/{name}"
        try:
            reply = self._connect().access_secret_version(
                request={"name": f"{path}/versions/{version}"}, timeout=ACCESS_TIMEOUT_S
            )
        except exceptions.NotFound:
            return None
        except (exceptions.BadRequest, exceptions.Forbidden) as exc:
            raise InvalidConfigError(
                f"secret {name} cannot be read ({type(exc).__name__}); enable its newest version, "
                "and grant the caller roles/secretmanager.secretAccessor on it",
                secret=name,
            ) from exc
        except (exceptions.GoogleAPICallError, exceptions.RetryError) as exc:
            raise StorageUnavailableError(f"secret {name}: {exc}", secret=name) from exc
        return bytes(reply.payload.data), int(reply.name.rpartition("/")[2])

    def add(self, name: str, value: bytes) -> int:
        """Make a new version of a secret that is there; return its number.

        Raises:
            InvalidConfigError: no such secret, or no right to add to it.
            StorageUnavailableError: Secret Manager did not answer; it may have been added.
        """
        from google.api_core import exceptions

        parent = f"projects/{self._project}/secrets/{name}"
        try:
            reply = self._connect().add_secret_version(
                request={"parent": parent, "payload": {"data": value}}, timeout=ACCESS_TIMEOUT_S
            )
        except (exceptions.NotFound, exceptions.BadRequest, exceptions.Forbidden) as exc:
            raise InvalidConfigError(
                f"secret {name} takes no new version ({type(exc).__name__}); Terraform makes it, "
                "and adding takes roles/secretmanager.secretVersionAdder on it",
                secret=name,
            ) from exc
        except (exceptions.GoogleAPICallError, exceptions.RetryError) as exc:
            raise StorageUnavailableError(f"secret {name}: {exc}", secret=name) from exc
        return int(reply.name.rpartition("/")[2])

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
