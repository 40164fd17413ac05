"""Manifests: their sums, and that their JSON comes back as it was."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.manifests import VERSION, Manifest, WrappedKey
from shared.core.modes import SyncMode
from shared.errors import IntegrityError
from shared.wire import from_json, to_json
from tests.builders import a_file, a_manifest, a_part, a_schema, a_window

KEY = WrappedKey(key_id="k1", nonce="00" * 12, ciphertext="ff" * 48)


@given(st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 10**15))))
def test_sums_are_those_of_the_parts(sizes: list[tuple[int, int]]) -> None:
    parts = tuple(a_part(rows=rows, size_bytes=size_bytes) for rows, size_bytes in sizes)

    manifest = a_manifest(parts=parts)

    assert manifest.rows_staged == sum(rows for rows, _ in sizes)
    assert manifest.size_bytes == sum(size_bytes for _, size_bytes in sizes)


def test_keys_count_as_bytes_but_not_as_rows() -> None:
    manifest = a_manifest(parts=(a_part(),), key_parts=(a_part(name="k"), a_part(name="l")))

    assert [p.name for p in manifest.all_parts][1:] == ["k", "l"]
    assert manifest.rows_staged == a_part().rows
    assert manifest.size_bytes == 3 * a_part().size_bytes


def test_what_an_object_says_of_its_key_is_read_as_it_was_written() -> None:
    assert WrappedKey.noted({**KEY.notes, "other": "x"}) == KEY


@pytest.mark.parametrize("lost", sorted(KEY.notes))
@pytest.mark.parametrize("left", [{}, {"": ""}])
def test_object_that_does_not_say_all_of_its_key_says_nothing(
    lost: str, left: dict[str, str]
) -> None:
    notes = {name: text for name, text in KEY.notes.items() if name != lost}

    assert WrappedKey.noted(notes | left) is None
    assert WrappedKey.noted(notes | {lost: ""}) is None


def test_part_of_keys_has_only_the_keys_columns() -> None:
    rows, keys = a_part(name="r"), a_part(name="k")
    schema = a_schema(key=("c", "a"), a="int64", b="text", c="date")
    manifest = a_manifest(schema=schema, parts=(rows,), key_parts=(keys,))

    assert manifest.schema_of(rows) == schema
    assert manifest.schema_of(keys) == a_schema(key=("c", "a"), c="date", a="int64")


def test_manifest_without_keys_has_only_parts_of_rows() -> None:
    manifest = a_manifest(key_parts=None)

    assert manifest.all_parts == manifest.parts
    assert manifest.schema_of(manifest.parts[0]) == manifest.schema


@pytest.mark.parametrize(
    "manifest",
    [
        a_manifest(),
        a_manifest(parts=(a_part(), a_part(key=KEY)), query_id="01b", notes=("a", "b")),
        a_manifest(mode=SyncMode.APPEND, window=None, epoch=None, file=a_file()),
        a_manifest(parts=(), window=a_window(low=None, high=None)),
        a_manifest(key_parts=(), allow_empty=True),
        a_manifest(key_parts=(a_part(key=KEY),), change_token="t"),
        a_manifest(schema=a_schema(key=(), price="decimal(18,4)", at="timestamptz")),
    ],
)
def test_json_comes_back_as_it_was(manifest: Manifest) -> None:
    assert from_json(Manifest, to_json(manifest), "m") == manifest


def test_manifest_of_another_version_is_refused() -> None:
    body = json.loads(to_json(a_manifest())) | {"version": VERSION + 1}

    with pytest.raises(IntegrityError, match="m is not a valid Manifest: version: "):
        from_json(Manifest, json.dumps(body).encode(), "m")
