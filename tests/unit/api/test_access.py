"""Who may call: keys, roles, what is answered to everybody else, and how often anybody may."""

from datetime import timedelta

import pytest

from shared import callers
from shared.callers import Callers
from shared.core import access
from shared.core.access import AccessKey, AccessList, Account, Role
from shared.errors import InvalidMessageError
from shared.wire import from_json
from tests.unit.api.world import NOW, MemorySecrets, World


@pytest.mark.parametrize("path", ["/api/v1/tables", "/api/v1/runs", "/metrics"])
def test_a_call_without_a_key_is_refused_with_a_challenge(world: World, path: str) -> None:
    reply = world.call(path, None)

    assert reply.status == 401
    assert reply.headers["www-authenticate"].startswith("Bearer")
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.data["code"] == "not_authenticated"


@pytest.mark.parametrize("change", [str.upper, lambda key: key[:-1] + "?", lambda key: key[:-2]])
def test_a_key_that_is_not_the_one_that_was_made_is_refused(world: World, change: object) -> None:
    assert callable(change)
    reply = world.call(
        "/api/v1/runs", None, authorization=f"Bearer {change(world.keys[Role.READ])}"
    )

    assert reply.status == 401


def test_a_key_under_the_name_of_another_is_refused(world: World) -> None:
    head = world.keys[Role.ADMIN][:20]
    mixed = head + world.keys[Role.READ][20:]

    assert world.call("/api/v1/runs", None, authorization=f"Bearer {mixed}").status == 401


def test_the_key_may_come_in_a_header_of_its_own(world: World) -> None:
    reply = world.call(
        "/api/v1/runs", None, authorization="Bearer of-cloud-run", x_api_key=world.keys[Role.READ]
    )

    assert reply.status == 200


def test_a_role_covers_itself_and_those_below() -> None:
    covered = {(a, b) for a in Role for b in Role if a.covers(b)}

    read, operate, admin = Role
    assert covered == {(r, r) for r in Role} | {(operate, read), (admin, read), (admin, operate)}


def test_an_expired_key_is_refused() -> None:
    token, key = access.new_key(Role.READ, NOW, note="", expires_at=NOW + timedelta(days=1))
    listed = AccessList(keys=(key,))

    assert listed.of_key(token, NOW + timedelta(hours=23))
    assert listed.of_key(token, NOW + timedelta(days=1)) is None


def test_nothing_that_is_kept_opens_anything() -> None:
    secrets = MemorySecrets()
    token, key = Callers(secrets).create(Role.ADMIN, NOW)  # type: ignore[arg-type]

    kept = secrets.versions[callers.SECRET][-1].decode()

    assert token not in kept
    assert token.rpartition("_")[2] not in kept
    assert AccessList(keys=(key,)).of_key(key.sha256, NOW) is None


def test_a_revoked_key_is_gone_from_the_list() -> None:
    secrets = MemorySecrets()
    known = Callers(secrets)  # type: ignore[arg-type]
    token, key = known.create(Role.READ, NOW)
    known.grant(Account(email="ann@example.com", role=Role.ADMIN))

    known.revoke(key.id)

    assert known.known().of_key(token, NOW) is None
    assert known.known().of_account("Ann@example.com")
    with pytest.raises(InvalidMessageError, match=r"known: ann@example\.com"):
        known.revoke(key.id)


def test_a_change_that_comes_between_is_not_lost() -> None:
    class Contended(MemorySecrets):
        """Somebody else adds a key right before our first version."""

        other: AccessKey | None = None

        def add(self, name: str, value: bytes) -> int:
            if self.other is None:
                self.other = access.new_key(Role.READ, NOW, note="other", expires_at=None)[1]
                before = self.newest(name)
                assert before
                theirs = from_json(AccessList, before[0], name).with_key(self.other)
                super().add(name, callers.to_json(theirs))
            return super().add(name, value)

    secrets = Contended()
    super(Contended, secrets).add(callers.SECRET, callers.to_json(AccessList()))

    _, ours = Callers(secrets).create(Role.READ, NOW)  # type: ignore[arg-type]

    newest = secrets.newest(callers.SECRET)
    assert newest
    assert secrets.other
    kept = from_json(AccessList, newest[0], "list").keys
    assert [key.id for key in kept] == [secrets.other.id, ours.id]


def test_too_many_calls_are_told_when_to_come_back(world: World) -> None:
    statuses = [world.call("/api/v1/nothing", Role.READ).status for _ in range(3)]
    assert statuses == [404, 404, 404]  # what is nowhere takes no key, and costs nothing

    while (reply := world.call("/api/v1/runs", None)).status == 401:
        continue

    assert reply.status == 429
    assert int(reply.headers["retry-after"]) >= 1
    assert world.call("/api/v1/runs", Role.READ).status == 200


def test_originals_of_rejected_rows_with_protected_columns_are_for_admins(world: World) -> None:
    files = {"snowflake": None, "csv": {}, "sync_mode": "append"}
    world.configure("members", **files, columns={"mail": {"protect": "hash"}})
    path = "/api/v1/quarantine/members/20240131T030000Z-0123456789ab/file"

    refused, allowed = world.call(path, Role.OPERATE), world.call(path, Role.ADMIN)

    assert (refused.status, refused.data["code"]) == (403, "role_too_low")
    assert allowed.data["code"] == "nothing_in_quarantine"
