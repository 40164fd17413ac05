"""Logins while a password changes: before its secret, after it, and both ways wrong."""

import pytest

from shared.errors import TargetRefusedError, TargetUnavailableError
from shared.logins import log_in
from shared.secrets import MEMORY_S, Secret
from tests.vault import Vault


class Database:
    """Something that accepts some passwords, and remembers which were tried."""

    def __init__(self, *accepted: str) -> None:
        self.accepted = set(accepted)
        self.tried: list[str] = []

    def connect(self, password: Secret) -> str:
        """Log in."""
        self.tried.append(password.text())
        if password.text() not in self.accepted:
            raise TargetRefusedError("wrong password", sqlstate="28P01")
        return password.text()

    def log_in(self, vault: Vault, name: str = "p") -> str:
        """Log in as the product does."""
        return log_in(vault, name, self.connect, lambda exc: exc.facts.get("sqlstate") == "28P01")


def vault(*passwords: str) -> Vault:
    """Return a vault with so many versions of a password."""
    found = Vault()
    for password in passwords:
        found.put("p", password.encode())
    return found


def test_accepted_password_is_used_as_it_is_remembered() -> None:
    secrets, database = vault("one"), Database("one")

    assert [database.log_in(secrets) for _ in range(3)] == ["one"] * 3
    assert secrets.accessed == ["p:1"]


def test_newest_version_is_read_once_when_the_remembered_one_is_refused() -> None:
    secrets, database = vault("old"), Database("old")
    database.log_in(secrets)

    secrets.put("p", b"new")
    database.accepted = {"new"}

    assert database.log_in(secrets) == "new"
    assert database.log_in(secrets) == "new"
    assert secrets.accessed == ["p:1", "p:2"]
    assert database.tried == ["old", "old", "new", "new"]


def test_version_before_is_used_until_the_database_takes_the_newest() -> None:
    secrets, database = vault("old", "new"), Database("old")

    assert database.log_in(secrets) == "old"
    assert database.log_in(secrets) == "old"
    assert database.tried == ["new", "old", "old"]

    database.accepted = {"new"}
    assert database.log_in(secrets) == "new"


def test_newest_version_is_tried_first_again_once_memory_ends() -> None:
    secrets, database = vault("old", "new"), Database("old")
    database.log_in(secrets)

    database.accepted = {"old", "new"}
    secrets.time_s = MEMORY_S + 1

    assert database.log_in(secrets) == "new"


@pytest.mark.parametrize(
    ("passwords", "tries"), [(["a"], 1), (["a", "b"], 2), (["a", "b", "c"], 2)]
)
def test_wrong_password_is_refused_after_two_versions_at_most(
    passwords: list[str], tries: int
) -> None:
    secrets, database = vault(*passwords), Database()

    with pytest.raises(TargetRefusedError, match="wrong password"):
        database.log_in(secrets)
    assert len(database.tried) == tries


def test_disabled_version_is_never_tried() -> None:
    secrets, database = vault("leaked", "new"), Database("leaked")
    secrets.disabled("p", 1)

    with pytest.raises(TargetRefusedError):
        database.log_in(secrets)
    assert database.tried == ["new"]


def test_pinned_version_has_no_other() -> None:
    secrets, database = vault("old", "new"), Database("new")

    with pytest.raises(TargetRefusedError):
        database.log_in(secrets, "p:1")
    assert database.tried == ["old"]


def test_other_refusals_are_not_tried_again() -> None:
    secrets, tried = vault("old", "new"), []

    def connect(password: Secret) -> None:
        tried.append(password.version)
        raise TargetRefusedError("no such database", sqlstate="3D000")

    with pytest.raises(TargetRefusedError):
        log_in(secrets, "p", connect, lambda exc: exc.facts.get("sqlstate") == "28P01")
    assert tried == [2]


def test_database_that_does_not_answer_is_asked_once() -> None:
    secrets, tried = vault("old", "new"), []

    def connect(password: Secret) -> None:
        tried.append(password.version)
        raise TargetUnavailableError("no answer")

    with pytest.raises(TargetUnavailableError):
        log_in(secrets, "p", connect, lambda exc: True)
    assert tried == [2]


def test_password_that_never_worked_is_not_remembered() -> None:
    secrets, database = vault("old", "new"), Database()
    with pytest.raises(TargetRefusedError):
        database.log_in(secrets)

    database.accepted = {"new"}

    assert database.log_in(secrets) == "new"
    assert database.tried == ["new", "old", "new"]
