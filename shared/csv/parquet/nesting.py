"""Lists, structures and maps as JSON: one text for each row.

A structure becomes an object with all of its fields, in their order; a map becomes an object, its
keys as texts, a key that is there twice included.
"""

from collections.abc import Iterator
from itertools import pairwise
from json.encoder import encode_basestring

import pyarrow as pa
from pyarrow import types

from shared.csv.parquet.columns import stored
from shared.csv.parquet.texts import tokens
from shared.errors import InvalidFileError

MAX_JSON_CHARACTERS = 2**24
"""Of one value. Texts that stand once in the file may occur in it any number of times."""

MAX_BLOCK_CHARACTERS = 2**28
"""Of one column of a block."""


def nested_tokens(values: pa.Array, declared: pa.DataType) -> list[str]:
    """Return values each as JSON; NULL is ``null``.

    Raises:
        InvalidFileError: one has more than ``MAX_JSON_CHARACTERS``, or all have far too many.
    """
    if isinstance(values, pa.ExtensionArray):
        values = values.storage
    kind = values.type
    if not types.is_nested(kind):
        return tokens(values, declared)
    declared = stored(declared)
    if types.is_struct(kind):
        found = _structures(values, declared)
    elif types.is_map(kind):
        found = _maps(values, declared)
    elif types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        found = _lists(values, declared)
    else:
        raise InvalidFileError(f"there are values of {kind}, which are not taken; cast them")
    return _bounded(found)


def _structures(values: pa.StructArray, declared: pa.StructType) -> Iterator[str]:
    names = [encode_basestring(field.name) for field in values.type]
    members = [
        nested_tokens(member, declared.field(place).type)
        for place, member in enumerate(values.flatten())
    ]
    for row, is_valid in enumerate(values.is_valid().to_pylist()):
        if is_valid:
            pairs = zip(names, members, strict=True)
            yield "{" + ", ".join(f"{name}: {member[row]}" for name, member in pairs) + "}"
        else:
            yield "null"


def _lists(values: pa.ListArray, declared: pa.DataType) -> Iterator[str]:
    if types.is_fixed_size_list(values.type):
        values = values.cast(pa.list_(values.type.value_field))
    elements = nested_tokens(_within(values, values.values), declared.value_type)
    for start, end in _spans(values):
        yield "null" if end < 0 else _joined("[", elements[start:end], "]")


def _maps(values: pa.MapArray, declared: pa.MapType) -> Iterator[str]:
    keys = nested_tokens(_within(values, values.keys), declared.key_type)
    items = nested_tokens(_within(values, values.items), declared.item_type)
    names = [key if key.startswith('"') else encode_basestring(key) for key in keys]
    for start, end in _spans(values):
        pairs = zip(names[max(start, 0) : max(end, 0)], items[start:end], strict=True)
        yield "null" if end < 0 else _joined("{", [f"{name}: {item}" for name, item in pairs], "}")


def _within(values: pa.ListArray, children: pa.Array) -> pa.Array:
    """Return the elements of a part of a list: those of its first value to those of its last."""
    offsets = values.offsets
    first = offsets[0].as_py() if len(offsets) else 0
    last = offsets[-1].as_py() if len(offsets) else 0
    return children.slice(first, last - first)


def _spans(values: pa.ListArray) -> Iterator[tuple[int, int]]:
    """Yield where the elements of each value start and end; NULL ends before the first."""
    offsets = values.offsets.to_pylist()
    first = offsets[0] if offsets else 0
    valid = values.is_valid().to_pylist()
    for (start, end), is_valid in zip(pairwise(offsets), valid, strict=True):
        yield (start - first, end - first) if is_valid else (0, -1)


def _joined(begin: str, parts: list[str], end: str) -> str:
    if sum(map(len, parts)) > MAX_JSON_CHARACTERS:
        raise InvalidFileError(
            f"a value of lists has more than {MAX_JSON_CHARACTERS:,} characters as JSON; split it"
        )
    return begin + ", ".join(parts) + end


def _bounded(found: Iterator[str]) -> list[str]:
    kept: list[str] = []
    characters = 0
    for text in found:
        characters += len(text)
        if characters > MAX_BLOCK_CHARACTERS:
            raise InvalidFileError(
                f"{len(kept) + 1:,} values of lists or structures have more than "
                f"{MAX_BLOCK_CHARACTERS:,} characters as JSON; split them"
            )
        kept.append(text)
    return kept
