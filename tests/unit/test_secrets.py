"""Secrets: hidden in every form, remembered for a while, by version where one is named."""

import copy
import json
import logging
import pickle
from dataclasses import asdict, dataclass

import pytest

from shared.errors import InvalidConfigError
from shared.logs import JsonFormatter
from shared.secrets import MAX_REMEMBERED, MEMORY_S, Secret, pinned, unpinned
from shared.wire import to_json
from tests.vault import Vault

CANARY = "canary-4f1c"
SECRET = Secret(CANARY.encode(), 3)


@dataclass
class Holder:
    """A record that somebody has put a secret into."""

    secret: Secret


@pytest.mark.parametrize(
    "shown",
    [
        repr(SECRET),
        str(SECRET),
        f"{SECRET}",
        f"{SECRET!r:>40}",
        f"{SECRET:s}",
        f"{SECRET:>40}",
        "{} {!r}".format(*[SECRET] * 2),
        format(SECRET, "x"),
        repr([SECRET]),
        repr(Holder(SECRET)),
        repr(InvalidConfigError("no", secret=SECRET)),
        json.dumps({"secret": SECRET}, default=str),
    ],
)
def test_every_text_of_a_secret_is_the_same(shown: str) -> None:
    assert "Secret(***)" in shown or "InvalidConfigError('no')" in shown
    assert CANARY not in shown


def test_log_line_with_a_secret_in_a_field_does_not_show_it() -> None:
    record = logging.makeLogRecord({"msg": "login", "levelname": "INFO", "password": SECRET})

    assert CANARY not in JsonFormatter().format(record)


@pytest.mark.parametrize(
    "leave",
    [
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
        json.dumps,
        bytes,
        list,
        vars,
        lambda s: asdict(Holder(s)),
        lambda s: pickle.dumps(Holder(s), protocol=0),
    ],
)
def test_secret_leaves_by_no_other_door(leave) -> None:
    with pytest.raises(TypeError) as refused:
        leave(SECRET)

    assert CANARY not in str(refused.value)


def test_record_with_a_secret_has_no_json() -> None:
    with pytest.raises(Exception, match="Secret") as refused:
        to_json(Holder(SECRET))

    assert CANARY not in str(refused.value)


def test_secret_is_revealed_to_who_asks() -> None:
    assert (SECRET.reveal(), SECRET.text(), SECRET.version) == (CANARY.encode(), CANARY, 3)
    assert Secret(CANARY.encode()) == SECRET
    assert Secret(b"another") != SECRET
    assert SECRET != CANARY


def test_secret_that_is_no_text_is_refused_without_its_bytes() -> None:
    with pytest.raises(InvalidConfigError, match="version 3 of a secret is not text") as refused:
        Secret(b"canary\xff", 3).text()

    assert refused.value.__context__ is None


def test_newest_version_is_remembered_for_a_while_and_no_longer() -> None:
    vault = Vault({"a": b"1"})
    vault.get("a")
    vault.put("a", b"2")

    vault.time_s = MEMORY_S
    assert vault.get("a").reveal() == b"1"
    assert vault.accessed == ["a:1"]

    vault.time_s = MEMORY_S + 0.1
    assert vault.get("a") == Secret(b"2")
    assert vault.accessed == ["a:1", "a:2"]


def test_pinned_version_stays_when_there_is_a_newer_one() -> None:
    vault = Vault({"a": b"1"})
    vault.put("a", b"2")

    assert vault.get("a:1").reveal() == b"1"
    assert vault.get("a").reveal() == b"2"
    assert vault.get("a:1").version == 1


def test_disabled_version_is_refused_once_memory_ends() -> None:
    vault = Vault({"a": b"1"})
    vault.get("a:1")
    vault.disabled("a", 1)

    vault.time_s = MEMORY_S + 1

    with pytest.raises(InvalidConfigError, match="FailedPrecondition"):
        vault.get("a:1")


def test_number_of_remembered_secrets_is_bounded() -> None:
    vault = Vault({f"s{n}": b"x" for n in range(3 * MAX_REMEMBERED)})

    for name in list(vault.kept):
        vault.get(name)

    assert len(vault._remembered) <= MAX_REMEMBERED


def test_what_was_added_here_is_known_here_at_once() -> None:
    vault = Vault({"a": b"1"})
    vault.get("a")

    assert vault.add("a", b"2") == 2
    assert vault.get("a").reveal() == b"2"


def test_versions_are_listed_without_their_values() -> None:
    vault = Vault({"a": b"canary"})
    vault.put("a", b"canary")
    vault.disable("a", 1)

    listed = vault.versions("a")

    assert [(v.number, v.is_enabled, v.is_destroyed) for v in listed] == [
        (2, True, False),
        (1, False, False),
    ]
    assert "canary" not in repr(listed)


def test_newest_tells_a_missing_version_from_one_that_is_refused() -> None:
    vault = Vault({"a": b"1"})
    vault.disabled("a", 1)

    assert vault.newest("b") is None
    assert vault.newest("a", "7") is None
    with pytest.raises(InvalidConfigError):
        vault.newest("a")


@pytest.mark.parametrize(
    ("name", "found"),
    [("a", ("a", None)), ("A_b-1:12", ("A_b-1", 12)), (pinned("x", 3), ("x", 3))],
)
def test_names_with_and_without_a_version(name: str, found: tuple[str, int | None]) -> None:
    assert unpinned(name) == found


@pytest.mark.parametrize(
    "name",
    ["", ":1", "a:", "a:0", "a:01", "a:latest", "a/versions/1", "../a", "a b", "a\n", "ä", "a:1:2"],
)
def test_what_can_be_no_secrets_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidConfigError, match="names no secret"):
        Vault().get(name)
