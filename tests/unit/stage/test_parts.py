"""Parts through the writer, storage and the reader: what comes back, and what is refused."""

from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pytest

from shared.core.manifests import WrappedKey
from shared.errors import IntegrityError, InvalidConfigError
from shared.stage.envelope import KEY_SECRET, new_wrapping_key
from shared.stage.sealing import MAGIC
from tests.unit.stage.staged import BUCKET, ROWS, SCHEMA, Staging


@pytest.mark.parametrize("is_encrypted", [True, False])
def test_rows_come_back_as_they_were(staging: Staging, is_encrypted: bool) -> None:
    part = staging.write(is_encrypted=is_encrypted)

    assert staging.rows(part) == ROWS
    assert staging.data(part).startswith(MAGIC if is_encrypted else b"PAR1")
    assert (b"canary" in staging.data(part)) is not is_encrypted


def test_every_part_has_a_data_key_of_its_own_under_the_newest_version(staging: Staging) -> None:
    staging.vault.put(KEY_SECRET, new_wrapping_key())

    parts = [staging.write(f"parts/a/r{n}/x") for n in range(5)]

    keys = [staging.envelope.open_key(p.name, p.key, lambda: None) for p in parts if p.key]
    assert len(set(keys)) == 5
    assert {p.key.key_id for p in parts if p.key} == {f"{KEY_SECRET}:2"}


def test_object_says_of_its_key_what_the_manifest_says(staging: Staging) -> None:
    part = staging.write()

    info = staging.storage.info(BUCKET, part.name)

    assert info
    assert WrappedKey.noted(info.metadata) == part.key


@pytest.mark.parametrize(
    "other", ["parts/a/r2/x", "parts/b/r1/x", "parts/a/r1/y"], ids=["run", "table", "attempt"]
)
def test_part_of_another_place_is_refused_with_any_key(staging: Staging, other: str) -> None:
    part, foreign = staging.write(), staging.write(other)

    forged = staging.put(part, staging.data(foreign))

    for key in (part.key, foreign.key):
        with pytest.raises(IntegrityError):
            staging.rows(replace(forged, key=key))


def test_swapped_parts_are_refused(staging: Staging) -> None:
    first, second = staging.write("parts/a/r1/x"), staging.write("parts/a/r1/y")
    data = staging.data(first), staging.data(second)

    forged = staging.put(first, data[1]), staging.put(second, data[0])

    for part in forged:
        with pytest.raises(IntegrityError):
            staging.rows(part)


def test_altered_bytes_are_refused_though_the_manifest_agrees_with_them(staging: Staging) -> None:
    part = staging.write()
    data = staging.data(part)

    for position in range(0, len(data), 97):
        altered = bytearray(data)
        altered[position] ^= 1
        part = staging.put(part, bytes(altered))
        with pytest.raises(IntegrityError):
            staging.rows(part)


def test_altered_bytes_are_refused_before_any_key_is_asked_for(staging: Staging) -> None:
    part = staging.write()
    forged = staging.put(part, staging.data(part)[:-1])
    asked = len(staging.vault.accessed)

    with pytest.raises(IntegrityError, match="the manifest says"):
        staging.rows(replace(part, generation=forged.generation))
    assert len(staging.vault.accessed) == asked


def test_every_flipped_bit_of_a_wrapped_key_is_refused(staging: Staging) -> None:
    part = staging.write()
    assert part.key

    for field in ("nonce", "ciphertext"):
        good = bytes.fromhex(getattr(part.key, field))
        for bit in range(8 * len(good)):
            bad = bytearray(good)
            bad[bit // 8] ^= 1 << bit % 8
            forged = replace(part.key, **{field: bytes(bad).hex()})
            with pytest.raises(IntegrityError):
                staging.envelope.open_key(part.name, forged, lambda: None)


@pytest.mark.parametrize(
    "key_id",
    ["", "staging-key", "staging-key:", "staging-key:0", "staging-key:01", "staging-key:latest",
     "postgres-password:1", "staging-key:1:1", "staging-key:1\n", "staging-key:\u0661", "../x:1"],
)  # fmt: skip
def test_key_that_is_no_version_of_the_staging_key_is_refused(
    staging: Staging, key_id: str
) -> None:
    part = staging.write()
    assert part.key
    staging.vault.put("postgres-password", new_wrapping_key())

    with pytest.raises(IntegrityError, match="which is no version of secret staging-key"):
        staging.rows(replace(part, key=replace(part.key, key_id=key_id)))


def test_key_of_another_version_is_refused(staging: Staging) -> None:
    part = staging.write()
    assert part.key
    staging.vault.put(KEY_SECRET, new_wrapping_key())

    with pytest.raises(IntegrityError, match="does not open with staging-key:2"):
        staging.rows(replace(part, key=replace(part.key, key_id="staging-key:2")))


def test_disabled_version_is_named_and_nothing_is_quarantined(staging: Staging) -> None:
    part = staging.write()
    staging.vault.disabled(KEY_SECRET, 1)
    staging.vault.time_s = 1e6

    with pytest.raises(InvalidConfigError, match="staging-key:1 of project acme cannot be read"):
        staging.rows(part)


def test_part_is_read_by_its_newer_key_when_the_manifests_is_retired(staging: Staging) -> None:
    part = staging.write()
    assert part.key
    staging.vault.put(KEY_SECRET, new_wrapping_key())
    newer = staging.envelope.rewrap(part.name, part.key, 2)
    staging.storage.note(BUCKET, part.name, part.generation, newer.notes)
    before = staging.data(part)

    staging.vault.disabled(KEY_SECRET, 1)
    staging.vault.time_s = 1e6

    assert newer.key_id == f"{KEY_SECRET}:2"
    assert staging.rows(part) == ROWS
    assert staging.data(part) == before


def test_newer_key_of_another_part_is_refused(staging: Staging) -> None:
    part, other = staging.write("parts/a/r1/x"), staging.write("parts/a/r1/y")
    assert other.key
    staging.vault.put(KEY_SECRET, new_wrapping_key())
    foreign = staging.envelope.rewrap(other.name, other.key, 2)
    staging.storage.note(BUCKET, part.name, part.generation, foreign.notes)
    staging.vault.disabled(KEY_SECRET, 1)
    staging.vault.time_s = 1e6

    with pytest.raises(IntegrityError, match="does not open with staging-key:2"):
        staging.rows(part)


@pytest.mark.parametrize("value", [b"", b"ab", b"zz" * 32, b"ab" * 31, b"ab" * 33])
def test_secret_that_is_no_key_is_refused_without_being_shown(
    staging: Staging, value: bytes
) -> None:
    staging.vault.put(KEY_SECRET, value)

    with pytest.raises(InvalidConfigError, match="must be 64 hex digits") as refused:
        staging.write()

    assert not value or value.decode() not in str(refused.value)
    assert staging.storage.info(BUCKET, "parts/a/r1/x/part-00000.parquet") is None


def test_broken_off_write_leaves_no_object(staging: Staging) -> None:
    def broken() -> Iterator[pa.RecordBatch]:
        yield pa.RecordBatch.from_pylist(ROWS, SCHEMA)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        staging.writer().write(SCHEMA, broken())
    assert list(staging.storage.list(BUCKET, "")) == []
