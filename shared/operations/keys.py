"""Key-encryption keys of staged parts: which are needed, a new one, and an old one put away.

A rotation adds a version to the secret and wraps the data keys of the parts that are kept once more
under it. The new form goes into the metadata of a part's object: its bytes, its generation and the
manifest that pins it stay as they are. A version is retired by disabling it, which can be undone.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

from shared.core import naming
from shared.core.audit import MAX_TEXT, Event
from shared.core.manifests import WrappedKey
from shared.errors import IntegrityError, InvalidConfigError, KeyInUseError
from shared.secrets import SecretVersion, pinned
from shared.stage.envelope import KEY_SECRET, new_wrapping_key
from shared.storage import ObjectInfo
from shared.wiring import Services

SETTLE = timedelta(hours=24)
"""For so long after a rotation, the version before it may still be used for a new part.

Source: Secret Manager, "Resource consistency": which version is the latest may take a few hours to
be known everywhere. To that come what functions remember and the time that a part is written in.
"""

WORKERS = 8
"""Parts whose keys are wrapped at once."""

BATCH = 1_000
NAMED = 20
"""So many parts that could not be done are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyVersion:
    """One version of the key-encryption key, and the parts that cannot be read without it."""

    version: SecretVersion
    parts: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStatus:
    """All versions, the newest first, and parts that need none or one that is not there."""

    versions: tuple[KeyVersion, ...]
    plain_parts: int
    lost: Mapping[str, int]
    """Parts by the id of a key that the secret does not have any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrapped:
    """What became of the data keys of the parts that are kept."""

    version: int
    parts: int
    """Whose keys were wrapped anew."""
    failed: int
    reasons: tuple[str, ...]
    """Why not, of the first that failed."""


def status(services: Services) -> KeyStatus:
    """Say which versions there are and how many of the parts that are kept need each."""
    parts, sizes = _needed(services)
    plain = parts.pop("", 0)
    versions = tuple(
        KeyVersion(
            version=each,
            parts=parts.pop(_id(each.number), 0),
            size_bytes=sizes[_id(each.number)],
        )
        for each in services.secrets.versions(KEY_SECRET)
        if not (each.is_destroyed and not parts[_id(each.number)])
    )
    return KeyStatus(versions=versions, plain_parts=plain, lost=dict(parts))


def rotate(services: Services, by: str) -> Rewrapped:
    """Make a new version, and wrap the data keys of all parts that are kept under it.

    What breaks off after the version was made is finished by ``rewrap``.
    """
    version = services.secrets.add(KEY_SECRET, new_wrapping_key())
    _tell(services, version, "key.rotated", by)
    return rewrap(services, by, version)


def rewrap(services: Services, by: str, version: int | None = None) -> Rewrapped:
    """Wrap the data keys of all parts that are kept under a version; None: the newest.

    Doing it again is safe: a part that has it already is left alone.

    Raises:
        InvalidConfigError: the secret has no version that can be read.
    """
    if version is None:
        version = max((v.number for v in services.secrets.versions(KEY_SECRET)), default=1)
    services.secrets.get(_id(version))
    old = (
        (info, key)
        for info in _parts(services)
        if (key := WrappedKey.noted(info.metadata)) and key.key_id != _id(version)
    )
    done, reasons = 0, []
    with ThreadPoolExecutor(WORKERS) as pool:
        while batch := list(islice(old, BATCH)):
            found = list(pool.map(lambda each: _rewrap(services, each, version), batch))
            reasons += [reason for reason in found if reason]
            done += sum(not reason for reason in found)
    _tell(services, version, "key.rewrapped", by, f"{done} parts, {len(reasons)} failed")
    return Rewrapped(
        version=version, parts=done, failed=len(reasons), reasons=tuple(reasons[:NAMED])
    )


def retire(services: Services, version: int, by: str) -> None:
    """Disable a version that no part needs any more.

    Raises:
        KeyInUseError: it is the newest, a part needs it, or a part that is written just now may.
        InvalidConfigError: the secret has no such version.
    """
    numbers = {each.number: each for each in services.secrets.versions(KEY_SECRET)}
    if version not in numbers:
        raise InvalidConfigError(
            f"secret {KEY_SECRET} has no version {version}; it has {sorted(numbers)}"
        )
    newer = [each for number, each in numbers.items() if number > version and each.is_enabled]
    if not newer:
        raise KeyInUseError(
            f"version {version} of {KEY_SECRET} is the newest, which new parts are encrypted "
            "under; `sluice keys rotate` makes another one"
        )
    settled_at = min(each.created_at for each in newer) + SETTLE
    if services.now() < settled_at:
        raise KeyInUseError(
            f"version {version} of {KEY_SECRET} may still be taken for the newest somewhere; "
            f"retire it after {settled_at:%Y-%m-%d %H:%M} UTC"
        )
    parts, _ = _needed(services)
    if needed := parts[_id(version)]:
        raise KeyInUseError(
            f"{needed} staged parts need version {version} of {KEY_SECRET}; "
            "`sluice keys rewrap` wraps their keys under the newest one"
        )
    services.secrets.disable(KEY_SECRET, version)
    _tell(services, version, "key.retired", by)


def _rewrap(services: Services, part: tuple[ObjectInfo, WrappedKey], version: int) -> str:
    """Wrap the key of one part anew; return why it could not be done, or nothing."""
    info, key = part
    try:
        newer = services.envelope.rewrap(info.name, key, version)
        services.storage.note(info.bucket, info.name, info.generation, newer.notes)
    except FileNotFoundError:
        return ""  # deleted meanwhile
    except (IntegrityError, InvalidConfigError) as exc:
        return exc.message
    return ""


def _needed(services: Services) -> tuple[Counter[str], Counter[str]]:
    """Return parts and their bytes by the key that they need; an empty one for plain parts."""
    parts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for info in _parts(services):
        key = WrappedKey.noted(info.metadata)
        parts[key.key_id if key else ""] += 1
        sizes[key.key_id if key else ""] += info.size_bytes
    return parts, sizes


def _parts(services: Services) -> Iterator[ObjectInfo]:
    return services.storage.list(services.settings.bucket("staging"), naming.PARTS)


def _id(version: int) -> str:
    return pinned(KEY_SECRET, version)


def _tell(services: Services, version: int, kind: str, by: str, why: str = "") -> None:
    at = services.now()
    event = Event(
        table=naming.NO_TABLE,
        event_id=f"{kind}/{version}/{int(at.timestamp())}",
        kind=kind,
        at=at,
        by=by[:MAX_TEXT],
        why=why or f"version {version} of {KEY_SECRET}",
    )
    services.audit.append(event)
