"""Secret Manager in memory, behind the product's own ``Secrets``: versions, states, refusals."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from google.api_core.exceptions import FailedPrecondition, NotFound
from google.cloud.secretmanager_v1.types import SecretVersion

from shared.secrets import Secrets

PROJECT = "acme"

State = SecretVersion.State


@dataclass(slots=True)
class Kept:
    """One version."""

    value: bytes
    created_at: datetime
    state: State = State.ENABLED


class Vault(Secrets):
    """The real secrets, whose client reads from a dictionary.

    ``time_s`` is the clock that memory goes by, ``now`` the moment that new versions get; both
    move only when a test says so. ``accessed`` are the names of all versions that were asked for.
    """

    def __init__(self, values: Mapping[str, bytes] | None = None) -> None:
        super().__init__(PROJECT, clock=lambda: self.time_s)
        self.time_s = 0.0
        self.now = datetime(2024, 1, 1, tzinfo=UTC)
        self.accessed: list[str] = []
        self.kept: dict[str, list[Kept]] = {}
        for name, value in (values or {}).items():
            self.put(name, value)

    def put(self, name: str, value: bytes) -> None:
        """Add a version, and the secret if it is not there, as somebody else does it."""
        self.kept.setdefault(name, []).append(Kept(value, self.now))

    def disabled(self, name: str, version: int) -> None:
        """Disable a version, as somebody else does it."""
        self.kept[name][version - 1].state = State.DISABLED

    def _connect(self) -> Any:
        return SimpleNamespace(
            access_secret_version=self._answer_access,
            add_secret_version=self._answer_add,
            list_secret_versions=self._answer_list,
            disable_secret_version=self._answer_disable,
        )

    def _answer_access(self, *, request: dict[str, str], **_: Any) -> Any:
        name, number = self._found(request["name"])
        self.accessed.append(f"{name}:{number}")
        kept = self.kept[name][number - 1]
        if kept.state != State.ENABLED:
            raise FailedPrecondition(f"{request['name']} is {kept.state.name}")
        path = f"projects/{PROJECT}/secrets/{name}/versions/{number}"
        return SimpleNamespace(name=path, payload=SimpleNamespace(data=kept.value))

    def _answer_add(self, *, request: dict[str, Any], **_: Any) -> Any:
        name = request["parent"].rpartition("/")[2]
        if name not in self.kept:
            raise NotFound(request["parent"])
        self.put(name, request["payload"]["data"])
        return SimpleNamespace(name=f"{request['parent']}/versions/{len(self.kept[name])}")

    def _answer_list(self, *, request: dict[str, str], **_: Any) -> Any:
        name = request["parent"].rpartition("/")[2]
        return [
            SecretVersion(
                name=f"{request['parent']}/versions/{number}",
                state=kept.state,
                create_time=kept.created_at,
            )
            for number, kept in enumerate(self.kept.get(name, []), 1)
        ]

    def _answer_disable(self, *, request: dict[str, str], **_: Any) -> None:
        self.disabled(*self._found(request["name"]))

    def _found(self, path: str) -> tuple[str, int]:
        _, _, _, name, _, version = path.split("/")
        kept = self.kept.get(name, [])
        number = len(kept) if version == "latest" else int(version)
        if not 1 <= number <= len(kept):
            raise NotFound(path)
        return name, number
