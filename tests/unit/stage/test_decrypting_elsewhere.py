"""The format as another program reads it: what docs/encryption.md shows, and nothing of ours."""

import inspect
import io
import json
import random
from pathlib import Path

import pyarrow.parquet as pq

from shared.stage.envelope import KEY_SECRET
from shared.stage.sealing import CHUNK_BYTES
from shared.wire import to_json
from tests.builders import a_manifest
from tests.unit.stage.staged import Staging


def decrypt(sealed: bytes, part: dict, wrapping_keys: dict[str, str]) -> bytes:
    """Return the Parquet file inside of a staged part, by its entry in the manifest."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    name, wrapped = part["name"].encode(), part["key"]
    wrapping_key = bytes.fromhex(wrapping_keys[wrapped["key_id"]])
    nonce, ciphertext = bytes.fromhex(wrapped["nonce"]), bytes.fromhex(wrapped["ciphertext"])
    data_key = AESGCM(AESGCM(wrapping_key).decrypt(nonce, ciphertext, name))

    header, body = sealed[:12], sealed[12:]
    assert header[:8] == b"SLUICE\x00\x01"
    size = int.from_bytes(header[8:], "big") + 16
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    plain = []
    for position, chunk in enumerate(chunks):
        is_last = position == len(chunks) - 1
        nonce = position.to_bytes(11, "big") + (b"\x01" if is_last else b"\x00")
        plain.append(data_key.decrypt(nonce, chunk, header + name))
    return b"".join(plain)


def test_part_is_decrypted_by_plain_calls_of_a_library(staging: Staging) -> None:
    digits = random.Random(1)
    rows = [{"id": n, "name": f"{digits.getrandbits(8_000):x}"} for n in range(400)]
    part = staging.write(rows=rows)
    manifest = json.loads(to_json(a_manifest(parts=(part,))))
    secrets = {f"{KEY_SECRET}:1": staging.vault.kept[KEY_SECRET][0].value.decode()}

    parquet = decrypt(staging.data(part), manifest["parts"][0], secrets)

    assert len(parquet) > 2 * CHUNK_BYTES
    assert pq.read_table(io.BytesIO(parquet)).to_pylist() == rows


def test_document_shows_the_very_same_lines() -> None:
    document = Path("docs/encryption.md").read_text()
    lines = inspect.getsource(decrypt)

    assert lines in document
    assert lines.count("\n") <= 40
