"""What protection makes of values: each kind, each type, and what other tools compute."""

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from shared.config.connections import ProtectionKey
from shared.core.protection import Protection, Rule
from shared.core.schemas import TableSchema
from shared.errors import InvalidConfigError, InvalidMessageError
from shared.secrets import Secrets
from shared.stage.arrow import arrow_schema, arrow_type
from shared.stage.canonical import texts
from shared.stage.protecting import Protector, WithoutKeys, masked
from shared.stage.protection_keys import ProtectionKeys
from tests.builders import a_column, a_schema

SECRET = "ab" * 32
DOCUMENT = Path("docs/tables.md")


class KeptSecrets(Secrets):
    """Secrets of one name, version by version, as Secret Manager keeps them."""

    def __init__(self, *versions: str) -> None:
        super().__init__("test")
        self._versions = versions

    def newest(self, name: str, version: str = "latest") -> tuple[bytes, int] | None:
        number = int(version)
        there = name == "protection-key" and number <= len(self._versions)
        return (self._versions[number - 1].encode(), number) if there else None


def keys(*versions: str, use: int = 1) -> ProtectionKeys:
    return ProtectionKeys(KeptSecrets(*versions or (SECRET,)), ProtectionKey(key_version=use))


def derived(info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt=None, info=info).derive(bytes.fromhex(SECRET))


def protect(rule: Rule, values: list[Any], type_: str = "text") -> list[Any]:
    schema = a_schema((), value=type_)
    rows = pa.RecordBatch.from_pydict({"value": values}, schema=arrow_schema(schema))
    (batch,) = Protector({"value": rule}, keys()).passing([rows], schema)
    found: list[Any] = batch.column("value").to_pylist()
    return found


@given(st.lists(st.none() | st.text(), max_size=20))
def test_hash_is_hmac_sha256_as_any_tool_computes_it(values: list[str | None]) -> None:
    key = derived(b"sluice hash", 32)

    found = protect(Rule(kind=Protection.HASH), values)

    assert found == [
        None if v is None else hmac.new(key, v.encode(), hashlib.sha256).hexdigest() for v in values
    ]


@given(st.lists(st.none() | st.text(), max_size=20))
def test_token_opens_with_plain_aes_siv_and_is_the_same_for_the_same_value(
    values: list[str | None],
) -> None:
    cipher = AESSIV(derived(b"sluice token", 64))

    tokens = protect(Rule(kind=Protection.TOKENIZE), values)

    for value, token in zip(values, tokens, strict=True):
        assert (value is None) == (token is None)
        if token is not None:
            version, _, sealed = token.partition(".")
            padded = sealed + "=" * (-len(sealed) % 4)
            assert (version, cipher.decrypt(urlsafe_b64decode(padded), None).decode()) == (
                "1",
                value,
            )
            assert keys().reveal(token) == value
    assert len(set(tokens)) == len(set(values))


def test_what_the_documentation_computes_is_what_is_staged() -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    known: dict[str, Any] = {}
    exec(code, known)

    assert protect(Rule(kind=Protection.HASH), ["zoë", ""]) == [
        known["hashed"](SECRET, text) for text in ("zoë", "")
    ]
    assert protect(Rule(kind=Protection.TOKENIZE), ["zoë", ""]) == [
        known["token"](SECRET, 1, text) for text in ("zoë", "")
    ]


def test_token_of_an_earlier_version_of_the_key_is_still_revealed() -> None:
    (token,) = keys(SECRET, "cd" * 32, use=1).tokens(pa.array(["ann"])).to_pylist()
    (later,) = keys(SECRET, "cd" * 32, use=2).tokens(pa.array(["ann"])).to_pylist()

    assert later != token
    assert keys(SECRET, "cd" * 32, use=2).reveal(token) == "ann"


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("1.LBrNGNuO9LMffoQAP0Y7pubmgIoJ6j2HetaPwYTWDx", "does not open"),
        ("1.LBrNGNuO9LMffoQAP0Y7pubmgIoJ", "does not open"),
        ("ann@example.org", "is no token"),
        ("1." + "é" * 30, "is no token"),
        ("0.LBrNGNuO9LMffoQAP0Y7pubmgIoJ6j2HetaPwYTWDw", "is no token"),
    ],
)
def test_what_is_no_token_of_the_key_is_refused(token: str, why: str) -> None:
    with pytest.raises(InvalidMessageError, match=why):
        keys().reveal(token)


def test_missing_version_and_a_secret_that_is_no_key_are_named() -> None:
    with pytest.raises(InvalidConfigError, match="has no version 2"):
        keys(SECRET, use=2).hashes(pa.array(["ann"]))
    with pytest.raises(InvalidConfigError, match="must be 64 hex digits"):
        keys("secret").hashes(pa.array(["ann"]))


@pytest.mark.parametrize(
    ("first", "last", "value", "shown"),
    [
        (0, 4, "4111111111111111", "***1111"),
        (2, 0, "Müller", "Mü***"),
        (1, 1, "ann@example.org", "a***g"),
        (0, 4, "12345678", "***5678"),
        (0, 4, "1234567", "***"),
        (4, 4, "", "***"),
        (0, 2, "🦊🦊🦊🦊", "***🦊🦊"),
        (0, 2, None, None),
    ],
)
def test_mask_shows_the_ends_and_never_more_than_half(
    first: int, last: int, value: str | None, shown: str | None
) -> None:
    rule = Rule(kind=Protection.MASK, keep_first=first, keep_last=last)

    assert masked(pa.array([value], pa.string()), rule).to_pylist() == [shown]


def test_redacted_values_are_null_or_the_constant_and_null_stays_null() -> None:
    assert protect(Rule(kind=Protection.REDACT), [7, None], "int64") == [None, None]
    constant = Rule(kind=Protection.REDACT, constant="gone")
    assert protect(constant, [7, None], "int64") == ["gone", None]


@pytest.mark.parametrize(
    ("type_", "value", "text"),
    [
        ("bool", True, "true"),
        ("int64", -7, "-7"),
        ("decimal(18,4)", Decimal("1.5000"), "1.5"),
        ("decimal(38,0)", Decimal(100), "100"),
        ("decimal(38,10)", Decimal("1E-10"), "0.0000000001"),
        ("decimal(38,10)", Decimal("0E-10"), "0"),
        ("decimal(38,10)", Decimal("-120"), "-120"),
        ("float64", 0.1, "0.1"),
        ("float64", -0.0, "0.0"),
        ("float64", 1e20, "1e+20"),
        ("text", "007", "007"),
        ("binary", b"\x00\xff", "00ff"),
        ("date", date(24, 1, 31), "0024-01-31"),
        ("time", time(3, 4, 5), "03:04:05.000000"),
        ("timestamp", 1_500_000, "1970-01-01 00:00:01.500000"),
        ("timestamptz", 0, "1970-01-01 00:00:00.000000Z"),
        ("json", '{"a": 1}', '{"a": 1}'),
    ],
)
def test_each_type_has_one_text_that_is_protected(type_: str, value: Any, text: str) -> None:
    column = a_column("value", type_)

    found = texts(column, pa.array([value, None], arrow_type(column.type)))

    assert found.to_pylist() == [text, None]


def test_a_number_and_its_text_have_the_same_hash() -> None:
    rule = Rule(kind=Protection.HASH)

    as_number = protect(rule, [42], "int64")

    assert as_number == protect(rule, ["42"])
    assert as_number == protect(rule, [Decimal("42.00")], "decimal(9,2)")


def test_columns_of_the_protected_form_are_text_unless_they_are_null() -> None:
    kinds = {
        "hashed": Rule(kind=Protection.HASH),
        "masked": Rule(kind=Protection.MASK, keep_last=2),
        "emptied": Rule(kind=Protection.REDACT),
        "gone": Rule(kind=Protection.DROP),
    }
    read = TableSchema(
        tuple(a_column(name, "int64", is_nullable=False) for name in ("id", *kinds)), ("id",)
    )
    rows = pa.RecordBatch.from_pydict(
        {name: [1234] for name in read.names}, schema=arrow_schema(read)
    )
    protector = Protector(kinds, WithoutKeys())

    found = {c.name: (str(c.type), c.is_nullable) for c in protector.schema(read)}
    (batch,) = protector.passing([rows], read)

    assert found == {
        "id": ("int64", False),
        "hashed": ("text", False),
        "masked": ("text", False),
        "emptied": ("int64", True),
    }
    assert batch.to_pylist() == [{"id": 1234, "hashed": "***", "masked": "***34", "emptied": None}]
