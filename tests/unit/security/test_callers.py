"""Callers of the API: neither a refusal's time nor a header of theirs gives anything away."""

import ast
import hmac
import inspect
from datetime import UTC, datetime

import pytest
from starlette.requests import Request

from shared.api.access import address_of
from shared.core import access
from shared.core.access import AccessList, Role, new_key
from shared.settings import ApiSettings

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


class Application:
    """What a request knows of its application."""

    def __init__(self, *, is_behind_google: bool) -> None:
        self.state = self
        self.settings = ApiSettings(is_behind_google=is_behind_google)


@pytest.mark.parametrize(
    ("is_behind_google", "address"), [(True, "198.51.100.7"), (False, "203.0.113.9")]
)
def test_a_caller_cannot_choose_the_address_that_its_failures_count_for(
    *, is_behind_google: bool, address: str
) -> None:
    scope = {
        "type": "http",
        "headers": [(b"x-forwarded-for", b"10.0.0.1, 192.0.2.1, 198.51.100.7")],
        "client": ("203.0.113.9", 1),
        "app": Application(is_behind_google=is_behind_google),
    }

    assert address_of(Request(scope)) == address
