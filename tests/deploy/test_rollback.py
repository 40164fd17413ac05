"""An earlier release brought back: when somebody asks for it, and when a smoke run fails."""

import json
from pathlib import Path

import pytest

from local.topology import PREFIX
from shared.deploy import deployment
from shared.deploy.deployment import Options
from shared.deploy.releases import Proof, Releases
from shared.errors import DeploymentError
from tests.deploy.fakes import TABLES, TIMEOUT_S, Bench, Told, deploy
from tests.flow.cloud import Cloud


def test_a_rollback_brings_back_the_archives_and_the_tables_of_the_last_good_release(
    bench: Bench, cloud: Cloud, releases: Releases
) -> None:
    good = deploy(bench)
    bench.write("shared/steps/load.py", "# nothing is left of it\n")
    columns = "columns: {id: int64, day: date}"
    bench.write("config/tables.yaml", TABLES.replace(columns, f"{columns}, on_duplicate: load", 1))
    bench.commit()
    newer = deploy(bench)

    back = deployment.rollback(bench.target(), "", Options(smoke_timeout_s=TIMEOUT_S), Told())

    assert newer.archives != good.archives
    assert (back.archives, back.restores) == (good.archives, good.release_id)
    assert releases.all()[0] == back
    plans = [call for call in bench.calls() if call[0] == "plan"]
    given = json.loads(next(a for a in plans[-1] if "archives=" in a).partition("archives=")[2])
    assert {name: each["sha256"] for name, each in given.items()} == good.archives
    assert all(Path(each["path"]).exists() for each in given.values())
    csv = cloud.services.config.get("smoke_files")[0].table.csv
    assert csv
    assert csv.on_duplicate != "load"


def test_a_failed_smoke_run_goes_back_by_itself_where_that_was_asked_for(
    bench: Bench, cloud: Cloud, releases: Releases
) -> None:
    good = deploy(bench)
    columns = "columns: {id: int64, day: date}"
    bench.write("config/tables.yaml", TABLES.replace(columns, f"{columns}, on_duplicate: fail", 1))
    bench.write("shared/steps/load.py", "# nothing is left of it\n")
    bench.commit()

    with pytest.raises(DeploymentError, match=f"was rolled back to {good.release_id}"):
        deploy(bench, roll_back=True)

    back, failed, _ = releases.all()
    assert (failed.proof, back.proof) == (Proof.FAILED, Proof.PASSED)
    assert "no table for a smoke run" in failed.failure
    assert back.archives == good.archives


def test_a_failed_smoke_run_is_told_of_where_nothing_can_be_gone_back_to(bench: Bench) -> None:
    with pytest.raises(DeploymentError) as failed:
        deploy(bench, roll_back=True, smoke_table="nothing")

    assert "no table 'nothing' is configured" in failed.value.message
    assert "could not be rolled back: no other release that passed" in failed.value.message


def test_tables_alone_are_rolled_back_too(bench: Bench, releases: Releases) -> None:
    good = deploy(bench)
    columns = "columns: {id: int64, day: date}"
    bench.write("config/tables.yaml", TABLES.replace(columns, f"{columns}, on_duplicate: fail", 1))
    bench.commit()

    with pytest.raises(DeploymentError, match=f"was rolled back to {good.release_id}"):
        deploy(bench, roll_back=True)

    back, failed, _ = releases.all()
    assert failed.archives == good.archives
    assert (releases.tables(back), back.proof) == (releases.tables(good), Proof.PASSED)


def test_a_rollback_to_what_was_never_deployed_lists_what_was(bench: Bench) -> None:
    release = deploy(bench)

    with pytest.raises(DeploymentError, match=f"no release 'abc' .*; known: {release.release_id}"):
        deployment.rollback(bench.target(), "abc", Options(), Told())


def test_an_archive_that_was_tampered_with_is_not_brought_back(
    bench: Bench, cloud: Cloud, releases: Releases
) -> None:
    release = deploy(bench)
    bucket, name = f"{PREFIX}-source", f"releases/archives/{release.archives['load']}.zip"
    found = cloud.services.storage.info(bucket, name)
    assert found
    cloud.services.storage.write(
        bucket, name, b"other", generation=found.generation, content_type="application/zip"
    )

    with pytest.raises(DeploymentError, match=r"is damaged; check out .* and deploy that"):
        deployment.rollback(bench.target(), release.release_id, Options(), Told())
