"""Records as JSON resources and back: the vocabulary that callers of the JSON API see.

Links are rendered for each reply, from the address under which the caller reached the emulator, so
that they stay right after a restart on another port.
"""

import base64
import json
import re
from typing import Any
from urllib.parse import quote

from local.gcs.errors import invalid
from local.gcs.records import ObjectRecord

NAME_MAX_BYTES = 1024
"""Of an object's name in UTF-8. Source: Cloud Storage, "Object name requirements"."""

CUSTOM_METADATA_MAX_BYTES = 8 * 1024
"""Keys and values of one object together. Source: Cloud Storage, "Quotas & limits"."""

HOLDS = ("temporaryHold", "eventBasedHold")

_WRITABLE = (
    *("cacheControl", "contentDisposition", "contentEncoding", "contentLanguage", "contentType"),
    *("customTime", "metadata", "storageClass", *HOLDS),
)
_DEFAULT_CONTENT_TYPE = "application/octet-stream"
# Source: Cloud Storage, "Bucket name requirements".
_BUCKET_NAME = re.compile(r"(?!goog)[a-z0-9][a-z0-9_.-]{1,220}[a-z0-9]")
_LABEL_MAX_CHARS = 63


def object_resource(record: ObjectRecord, base_url: str) -> dict[str, Any]:
    """Render an object as `storage#object`; numbers of 64 bits are strings."""
    path = f"/storage/v1/b/{record.bucket}/o/{quote(record.name, safe='')}"
    content = record.content
    optional = {
        "md5Hash": content.md5_hash,
        "componentCount": content.component_count,
        "timeDeleted": record.deleted_at,
    }
    return {
        "kind": "storage#object",
        "id": f"{record.bucket}/{record.name}/{record.generation}",
        "selfLink": f"{base_url}{path}",
        "mediaLink": f"{base_url}/download{path}?generation={record.generation}&alt=media",
        "name": record.name,
        "bucket": record.bucket,
        "generation": str(record.generation),
        "metageneration": str(record.metageneration),
        "size": str(content.size_bytes),
        "crc32c": content.crc32c,
        "etag": etag(record),
        "timeCreated": record.created_at,
        "timeFinalized": record.created_at,
        "timeStorageClassUpdated": record.created_at,
        "updated": record.updated_at,
        **{key: value for key, value in optional.items() if value is not None},
        **record.attributes,
    }


def etag(record: ObjectRecord) -> str:
    """Two varints, generation and metageneration, as protobuf fields 1 and 2, in base64."""
    numbers = b"\x08" + _varint(record.generation) + b"\x10" + _varint(record.metageneration)
    return base64.b64encode(numbers).decode("ascii")


def attributes_of(resource: dict[str, Any], storage_class: str) -> dict[str, Any]:
    """Take from a resource what a caller may set on a new object.

    Raises:
        ApiError: 400, custom metadata of another shape or too large.
    """
    attributes = {key: resource[key] for key in _WRITABLE if resource.get(key) is not None}
    attributes.setdefault("contentType", _DEFAULT_CONTENT_TYPE)
    attributes.setdefault("storageClass", storage_class)
    _check_custom_metadata(attributes.get("metadata", {}))
    return attributes


def overrides(resource: dict[str, Any]) -> bool:
    """Whether the resource sent with a copy replaces the metadata of the source."""
    return any(key in resource for key in _WRITABLE if key != "storageClass")


def patched(attributes: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Apply a patch: what it names changes, null removes.

    Raises:
        ApiError: 400, another storage class (that takes a rewrite), or bad custom metadata.
    """
    if patch.get("storageClass") not in (None, attributes["storageClass"]):
        raise invalid("The storage class of an object is changed by rewriting it.")
    relevant = {key: patch[key] for key in _WRITABLE if key in patch and key != "storageClass"}
    return attributes_of(merge_patch(attributes, relevant), attributes["storageClass"])


def merge_patch(target: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Merge a JSON patch into a document. Source: RFC 7396."""
    merged = dict(target)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            present = merged.get(key)
            merged[key] = merge_patch(present if isinstance(present, dict) else {}, value)
        else:
            merged[key] = value
    return merged


def check_object_name(name: object) -> str:
    """Return the name if the real service would take it.

    Raises:
        ApiError: 400.
    """
    if not isinstance(name, str) or not name:
        raise invalid("Required parameter: name")
    try:
        size_bytes = len(name.encode("utf-8"))
    except UnicodeEncodeError:
        raise invalid("Object names must be valid UTF-8.") from None
    if size_bytes > NAME_MAX_BYTES:
        raise invalid(f"Object names have at most {NAME_MAX_BYTES} bytes, this one {size_bytes}.")
    if name in (".", "..") or "\r" in name or "\n" in name:
        raise invalid(f"Invalid object name: {name!r}")
    return name


def check_bucket_name(name: object) -> str:
    """Return the name if the real service would take it.

    Raises:
        ApiError: 400.
    """
    if not isinstance(name, str) or not _BUCKET_NAME.fullmatch(name):
        raise invalid(f"Invalid bucket name: {name!r}")
    if any(len(label) > _LABEL_MAX_CHARS for label in name.split(".")):
        raise invalid(f"Invalid bucket name, a part is too long: {name!r}")
    return name


def _check_custom_metadata(metadata: object) -> None:
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise invalid("Custom metadata is a map of strings.")
    size_bytes = len("".join([*metadata, *metadata.values()]).encode("utf-8", "surrogatepass"))
    if size_bytes > CUSTOM_METADATA_MAX_BYTES:
        raise invalid(
            f"Custom metadata has {size_bytes} bytes, more than {CUSTOM_METADATA_MAX_BYTES}."
        )


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def dumps(document: object) -> str:
    """Write JSON without blanks."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
