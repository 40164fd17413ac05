"""The tree of failures: drawn as it is, and sorted by what the caller must do."""

import inspect
import re

import pytest

from shared import errors
from shared.errors import PermanentError, QuarantineError, RetryableError, SluiceError

KINDS = [k for _, k in inspect.getmembers(errors, inspect.isclass) if issubclass(k, SluiceError)]
REMEDIES = (RetryableError, PermanentError, QuarantineError)
APART = {"SluiceError", "ConflictError", "UnitTooLargeError"}


def test_tree_in_the_docstring_is_the_tree_in_the_code() -> None:
    tree = (errors.__doc__ or "").partition("\nSluiceError\n")[2].partition("\n\n")[0]
    drawn: dict[str, str] = {}
    remedy = "SluiceError"
    for indent, name in re.findall(r"^([│ ]*)[├└]─ (\w+)", tree, re.MULTILINE):
        remedy = remedy if indent else name
        drawn[name] = remedy if indent else "SluiceError"

    coded = {k.__name__: k.__mro__[1].__name__ for k in KINDS if k.__name__ not in APART}
    assert drawn == coded


@pytest.mark.parametrize("kind", KINDS)
def test_every_failure_says_in_one_way_what_to_do(kind: type[SluiceError]) -> None:
    ways = [r for r in REMEDIES if issubclass(kind, r)]

    assert len(ways) == (0 if kind.__name__ in APART else 1)


@pytest.mark.parametrize("kind", KINDS)
def test_every_failure_says_what_it_means(kind: type[SluiceError]) -> None:
    assert kind.__name__.endswith("Error")
    assert (kind.__doc__ or "").endswith(".")


def test_failures_without_a_remedy_are_named_as_such() -> None:
    apart = {k.__name__ for k in KINDS if not issubclass(k, REMEDIES)}

    assert apart == APART
    assert all(name in (errors.__doc__ or "") for name in apart)


@pytest.mark.parametrize("kind", KINDS)
def test_message_and_facts_are_kept(kind: type[SluiceError]) -> None:
    failure = kind("column a is gone", column="a", rows=3)

    assert failure.message == str(failure) == "column a is gone"
    assert failure.facts == {"column": "a", "rows": 3}
    assert not failure.is_recorded


def test_failure_without_a_message_still_says_something() -> None:
    assert SluiceError("").message == "something went wrong"
