"""Records as JSON: dataclasses and models out and in, checked, with readable refusals."""

from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError, ValidationInfo

from shared.errors import IntegrityError, InvalidSchemaError

T = TypeVar("T")

_STORED = {"is_stored": True}


def is_stored(info: ValidationInfo) -> bool:
    """Say whether a value is read from a record, which may be older than a rule about sense."""
    return info.context is _STORED


def to_json(value: object) -> bytes:
    """Return the JSON of a dataclass or model, keys in the order of its fields."""
    kind: Any = type(value)
    return _adapter(kind).dump_json(value, by_alias=True, indent=1)


def to_line(value: object) -> bytes:
    """Return the JSON of a dataclass or model as one line, which tables over JSON files need."""
    kind: Any = type(value)
    return _adapter(kind).dump_json(value, by_alias=True) + b"\n"


def from_json(kind: type[T], data: bytes, name: str) -> T:
    """Read JSON into a dataclass or model.

    Raises:
        IntegrityError: ``data`` is not the JSON of such a value; ``name`` says which object it was.
    """
    try:
        key: Any = kind
        value: T = _adapter(key).validate_json(data, context=_STORED)
        return value
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        at = ".".join(str(p) for p in first["loc"])
        why = f"{at}: {first['msg']}" if at else first["msg"]
        raise _refusal(kind, name, why) from exc
    except InvalidSchemaError as exc:
        raise _refusal(kind, name, exc.message) from exc


def _refusal(kind: type, name: str, why: str) -> IntegrityError:
    return IntegrityError(f"{name} is not a valid {kind.__name__}: {why}", object=name)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
