"""Kinds by name: each one is there, and none is imported before it is asked for."""

import subprocess
import sys

import pytest

from shared import registry
from shared.errors import InvalidConfigError

ALL = [(kinds, kind) for kinds in (registry.SOURCES, registry.TARGETS) for kind in kinds]


@pytest.mark.parametrize(("kinds", "kind"), ALL)
def test_registered_kind_is_a_class(kinds: dict[str, str], kind: str) -> None:
    found = registry.resolve(kinds, kind)

    assert isinstance(found, type)
    assert kinds[kind] == f"{found.__module__}:{found.__name__}"


def test_unknown_kind_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidConfigError, match="unknown kind 'oracle'; known: a, b"):
        registry.resolve({"b": "m:B", "a": "m:A"}, "oracle")


def test_listing_the_kinds_imports_none_of_them() -> None:
    code = (
        "import sys, shared.registry\n"
        "print(*[m for m in sys.modules if m.startswith(('shared.s', 'shared.t', 'pyarrow'))])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == []
