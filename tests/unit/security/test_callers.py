"""Keys of the API: nothing about one can be learned from how long its refusal takes."""

import ast
import hmac
import inspect
from datetime import UTC, datetime

import pytest

from shared.core import access
from shared.core.access import AccessList, Role, new_key

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_keys_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    token, key = new_key(Role.READ, NOW, note="", expires_at=None)
    listed = AccessList(keys=(key,))
    compared: list[tuple[str, str]] = []
    same = hmac.compare_digest

    def compare(one: str, other: str) -> bool:
        compared.append((one, other))
        return same(one, other)

    monkeypatch.setattr(access.hmac, "compare_digest", compare)
    unknown = new_key(Role.READ, NOW, note="", expires_at=None)[0]

    assert listed.of_key(token, NOW)
    assert listed.of_key(f"{token[:-1]}{'a' if token[-1] != 'a' else 'b'}", NOW) is None
    assert listed.of_key(unknown, NOW) is None
    assert len(compared) == 3  # a key that is not listed is compared, too


def test_no_digest_is_compared_in_another_way() -> None:
    tree = ast.parse(inspect.getsource(access))

    plain = [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare) and "sha256" in ast.unparse(node)
    ]
    assert plain == []
