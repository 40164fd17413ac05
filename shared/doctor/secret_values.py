"""Secrets that the configured tables name: there, readable, and of the form that they must have.

Values are read, for that is the only proof, and never leave this module.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from shared.config.tables import ResolvedTable
from shared.doctor.findings import Check, Finding
from shared.errors import InvalidConfigError
from shared.secrets import unpinned
from shared.stage.envelope import KEY_SECRET
from shared.stage.protection_keys import as_key
from shared.stage.sealing import KEY_BYTES
from shared.wiring import Services

_NAMES = "_secret"
"""How a connection's keys end that name a secret."""

_check = Check("secrets")


def examine(services: Services, tables: Iterable[ResolvedTable]) -> Iterator[Finding]:
    """Look at every secret that a table needs."""
    known = list(tables)
    for name in sorted({name for table in known for name in names(table)}):
        yield _examine(services, name)
    protect = (t.connections.protection for t in known if t.table.needs_protection_key)
    for secret, version in sorted({(key.key_secret, key.key_version) for key in protect}):
        yield _examine_version(services, secret, version)


def names(resolved: ResolvedTable) -> Iterator[str]:
    """Yield the names of the secrets that a table's functions read."""
    for kind in {resolved.table.source_kind, resolved.table.target_kind}:
        yield from names_of(resolved, kind)
    if resolved.table.encryption:
        yield KEY_SECRET
    if resolved.table.needs_protection_key:
        yield resolved.connections.protection.key_secret


def names_of(resolved: ResolvedTable, kind: str) -> Iterator[str]:
    """Yield the names of the secrets that one of a table's ends needs."""
    connections: dict[str, dict[str, Any] | None] = resolved.connections.model_dump()
    for key, value in (connections.get(kind) or {}).items():
        if key.endswith(_NAMES) and value:
            yield value


def _examine(services: Services, name: str) -> Finding:
    from google.api_core.exceptions import Forbidden

    secret, version = unpinned(name)
    project = services.settings.project
    add = f"gcloud secrets versions add {secret} --project {project} --data-file=-"
    enable = f"gcloud secrets versions enable {version} --secret {secret} --project {project}"
    try:
        value = services.secrets.get(name).reveal()
    except InvalidConfigError as exc:
        if isinstance(exc.__cause__, Forbidden):
            said = "may not be read with these credentials; whether it is there is not known"
            return _check.warn(name, said, "ask as an account that reads it")
        what_to_do = f"`{enable if version else add}`"
        return _check.fail(name, "is missing, or has no enabled version", what_to_do)
    if not value.strip():
        return _check.fail(name, "is empty", f"`{add}`")
    if name == KEY_SECRET and not _is_key(value):
        said = f"is no key: it must be {2 * KEY_BYTES} hexadecimal digits"
        return _check.fail(name, said, f"`openssl rand -hex {KEY_BYTES} | {add}`")
    if secret.endswith("password") and value != value.strip():
        said = "begins or ends with a blank or a line end, which is part of the password"
        return _check.warn(name, said, f"if that is not meant: `printf %s … | {add}`")
    return _check.ok(name, "there")


def _examine_version(services: Services, name: str, version: int) -> Finding:
    """Look at the one version of a protection key that hashes and tokens are made with."""
    what = f"{name}, version {version}"
    try:
        found = services.secrets.newest(name, str(version))
    except InvalidConfigError as exc:
        return _check.warn(what, exc.message, "ask as an account that reads it")
    if found is None:
        do = "add it, or name another in connections.protection.key_version"
        return _check.fail(what, "is not there, and protects columns", do)
    if as_key(found[0]) is None:
        said = f"is no key: it must be {2 * KEY_BYTES} hexadecimal digits"
        return _check.fail(what, said, f"add a version from `openssl rand -hex {KEY_BYTES}`")
    return _check.ok(what, "there")


def _is_key(value: bytes) -> bool:
    try:
        return len(bytes.fromhex(value.decode().strip())) == KEY_BYTES
    except ValueError:
        return False
