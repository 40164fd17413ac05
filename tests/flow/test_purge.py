"""A person's rows taken out of all that a table of files has left; everybody else's stay whole."""

import json

from shared.core.runs import RunState
from tests.flow.cloud import Cloud

FIRST = b"id,email\n1,ann@x.org\n2,bob@x.org\nx,ann@x.org\n"
SECOND = b"id,email\n3,ann@x.org\n4,eve@x.org\n"
SUBJECT = ("--subject", "email=ann@x.org")


def test_purged_person_is_nowhere_and_the_table_still_verifies_and_rewinds(cloud: Cloud) -> None:
    name = cloud.configure(
        "purged",
        csv={"columns": {"id": "int64", "email": "text"}, "max_reject_percent": 50},
        sync_mode="append",
        encryption=True,
        retention={"raw": "90d"},
    )
    runs = [cloud.drop(f"{name}/{n}.csv", text) for n, text in enumerate((FIRST, SECOND))]
    assert [run.state for run in runs] == [RunState.COMMITTED] * 2

    unasked = cloud.sluice("purge", name, *SUBJECT)
    purged = cloud.sluice("purge", name, *SUBJECT, "--yes")

    assert unasked.returncode == 1
    assert "add --yes" in unasked.stderr
    assert purged.returncode == 0, purged.stderr
    assert f'DELETE FROM "public"."{name}" WHERE "email" = :value' in purged.stdout
    assert "ann@x.org" not in purged.stdout
    cloud.target(f"DELETE FROM {name} WHERE email = 'ann@x.org'")
    assert cloud.sluice("verify", name, "--full").returncode == 0
    assert cloud.sluice("rewind", name, "--to", runs[1].run_id, "--yes").returncode == 0
    assert cloud.target(f"SELECT id FROM {name} ORDER BY id") == [(2,), (4,)]
    again = json.loads(cloud.sluice("purge", name, *SUBJECT, "--json").stdout)
    assert again == {"table": name, "objects": [], "is_purged": False, "in_target": False}
    assert "kept 90 days" in cloud.sluice("tables", "show", name).stdout
