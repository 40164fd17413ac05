"""A deployment with stand-ins for gcloud and Terraform, into a cloud that runs the archives."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from local.topology import PREFIX, PROJECT
from shared.core.runs import RunState
from shared.deploy import archives, deployment
from shared.deploy.deployment import Options
from shared.deploy.releases import Proof, Releases
from shared.doctor import versions
from shared.doctor.findings import Level
from shared.errors import DeploymentError, InvalidConfigError
from tests.deploy.fakes import TABLES, TIMEOUT_S, Bench, Told, deploy
from tests.flow.cloud import Cloud

STEPS = ["check", "build", "plan", "apply", "configure", "prove"]


def test_a_deployment_checks_builds_plans_applies_configures_and_proves(
    bench: Bench, cloud: Cloud, releases: Releases
) -> None:
    told = Told()

    release = deploy(bench, told)

    assert told.steps == STEPS
    assert [call[:2] for call in bench.calls()] == [
        ["auth", "application-default"],
        ["projects", "describe"],
        ["init", "-input=false"],
        ["plan", "-input=false"],
        ["show", "-json"],
        ["output", "-json"],
        ["apply", "-input=false"],
        ["output", "-json"],
    ]
    assert len(told.ended) == 1
    assert releases.all() == [release]
    assert release.proof is Proof.PASSED
    assert release.archives == {a.function: a.sha256 for a in archives.build(bench.repository)}
    assert cloud.services.config.get("smoke_table")[0].environment == "dev"
    assert not list(bench.repository.glob("dist/*.tfplan"))


def test_tables_that_do_not_fit_those_through_the_api_are_refused_before_anything_is_changed(
    bench: Bench, cloud: Cloud
) -> None:
    told = Told()
    cloud.configure("through_api", postgres={"table": "smoke_table"})
    found, _ = cloud.services.config.get("through_api")
    cloud.services.config.deploy([], "somebody")
    written = cloud.services.config.put_through_api(found, 0, "somebody")

    with pytest.raises(InvalidConfigError, match=r"both write public\.smoke_table"):
        deploy(bench, told)

    cloud.services.config.remove_through_api("through_api", written, "somebody")
    assert told.steps == ["check", "build", "plan"]


def test_the_smoke_run_of_a_table_of_files_takes_the_whole_way_and_brings_no_row(
    bench: Bench, cloud: Cloud
) -> None:
    told = Told()

    deploy(bench, told, smoke_table="smoke_bars")
    deploy(bench, told, smoke_table="smoke_bars")

    assert [run.state for run in told.ended] == [RunState.COMMITTED, RunState.SKIPPED]
    assert [run.receipt.rows_loaded for run in told.ended if run.receipt] == [0]
    assert cloud.target("SELECT count(*) FROM smoke_bars") == [(0,)]


def test_a_smoke_run_does_not_say_how_files_are_written(bench: Bench, cloud: Cloud) -> None:
    deploy(bench, smoke_table="smoke_commas")

    assert cloud.services.contracts.find("smoke_commas") is None
    assert cloud.drop("smoke_commas/a.csv", b"id;day\n1;2026-01-01\n").state is RunState.COMMITTED
    assert deploy(bench, smoke_table="smoke_commas").proof is Proof.PASSED
    frozen = cloud.services.contracts.find("smoke_commas")
    assert frozen
    assert frozen.contract.dialect.delimiter == ";"


def test_the_smoke_run_of_a_table_shows_its_receipt(bench: Bench, cloud: Cloud) -> None:
    cloud.source("CREATE OR REPLACE TABLE {db}.SMOKE_TABLE AS SELECT 7 AS ID")
    told = Told()

    deploy(bench, told, smoke_table="smoke_table")

    receipts = [run.receipt for run in told.ended]
    assert [r.rows_loaded for r in receipts if r] == [1]


def without(program: str) -> Callable[[Bench], None]:
    """Return what takes a program away."""
    return lambda bench: (bench.programs / program).unlink()


def refusing(program: str, command: str) -> Callable[[Bench], None]:
    """Return what lets a program's command fail."""
    return lambda bench: bench.fail(program, command)


def planning(kind: str, *actions: str) -> Callable[[Bench], None]:
    """Return what lets Terraform plan one change."""
    return lambda bench: bench.plan((kind, list(actions)))


def writing(name: str, text: str) -> Callable[[Bench], None]:
    """Return what writes a file of the checkout."""
    return lambda bench: bench.write(name, text)


FAILURES = [
    ("check", without("terraform"), "terraform is not on the PATH; install Terraform"),
    ("check", without("gcloud"), "gcloud is not on the PATH; install the Google Cloud CLI"),
    ("check", without("git"), "git is not on the PATH"),
    ("check", refusing("gcloud", "auth"), "no credentials: run `gcloud auth application-default"),
    ("check", refusing("gcloud", "projects"), "project sluice-local is not there, or these"),
    ("check", writing("config/tables.yaml", "tables: [{}]"), "tables.yaml:1: name: is missing"),
    ("check", refusing("terraform", "init"), "terraform init failed with exit code 1:\nterraform"),
    ("build", lambda b: (b.repository / "functions/load/requirements.txt").unlink(), "make lock"),
    ("plan", refusing("terraform", "plan"), "terraform plan failed with exit code 1"),
    ("plan", refusing("terraform", "show"), "terraform show failed with exit code 1"),
    ("plan", planning("google_storage_bucket", "delete"), "the plan destroys 1 resources"),
    ("plan", planning("google_pubsub_topic", "delete", "create"), "the plan destroys 1 resources"),
    ("apply", refusing("terraform", "apply"), "terraform apply failed with exit code 1"),
    ("apply", refusing("terraform", "output"), "terraform output failed with exit code 1"),
    ("apply", lambda b: b.output(smoke_table=None), "terraform output lacks the environment"),
    (
        "apply",
        lambda b: b.output(environment={"SLUICE_PROJECT": "other", "SLUICE_PREFIX": "x"}),
        "the state belongs to project other, not to sluice-local",
    ),
    (
        "prove",
        lambda b: b.output(
            environment={"SLUICE_PROJECT": PROJECT, "SLUICE_PREFIX": PREFIX}, smoke_table="nothing"
        ),
        "no table 'nothing' is configured",
    ),
]


@pytest.mark.parametrize(("step", "break_", "message"), FAILURES)
def test_a_step_that_fails_stops_the_deployment_and_says_why(
    bench: Bench, step: str, break_: Callable[[Bench], None], message: str
) -> None:
    break_(bench)
    told = Told()

    with pytest.raises((DeploymentError, InvalidConfigError)) as refused:
        deploy(bench, told)

    assert message in refused.value.message
    assert told.steps == STEPS[: STEPS.index(step) + 1]
    applied = any(call[0] == "apply" for call in bench.calls())
    assert applied == (step in ("apply", "configure", "prove"))


def test_what_destroys_is_applied_with_consent(bench: Bench) -> None:
    bench.plan(("google_storage_bucket", ["delete"]))

    assert deploy(bench, allow_destroy=True).proof is Proof.PASSED


def test_a_replaced_archive_or_job_needs_no_consent(bench: Bench) -> None:
    bench.plan(
        ("google_storage_bucket_object", ["delete", "create"]),
        ("google_cloud_scheduler_job", ["delete"]),
    )

    assert deploy(bench).proof is Proof.PASSED


def test_the_key_file_of_a_service_account_is_refused(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key.json").write_text(json.dumps({"type": "service_account"}))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))

    with pytest.raises(DeploymentError, match="the key of a service account, which nobody should"):
        deploy(bench)


def test_federated_credentials_are_taken(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "federated.json").write_text(json.dumps({"type": "external_account"}))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "federated.json"))

    assert deploy(bench).proof is Proof.PASSED


def test_prod_is_deployed_from_commits_only(bench: Bench) -> None:
    bench.write("config/tables.yaml", f"{TABLES}# changed\n")

    with pytest.raises(DeploymentError, match=r"from commits only, and 1 files differ .*tables"):
        deployment.deploy(bench.target("prod"), Options(), Told())


def test_a_plan_changes_nothing_and_names_the_tables_that_would_change(
    bench: Bench, cloud: Cloud, releases: Releases
) -> None:
    deploy(bench)
    bench.write("config/tables.yaml", TABLES.replace("sync_mode: append", "sync_mode: full", 1))
    told = Told()
    before = len(bench.calls())

    deployment.plan(bench.target(), Options(), told)

    assert told.steps == ["check", "build", "plan", "compare"]
    assert told.lines[-1] == "changed: ['smoke_files']"
    assert not any(call[0] == "apply" for call in bench.calls()[before:])
    assert len(releases.all()) == 1


def adding(bench: Bench, name: str) -> None:
    """Add a table of Snowflake to the table files."""
    place = f"{{database: TESTS, schema: PUBLIC, table: {name.upper()}}}"
    table = f"  - {{name: {name}, snowflake: {place}, postgres: {{table: {name}}}}}\n"
    bench.write("config/tables.yaml", TABLES + table)


def test_a_plan_looks_at_both_ends_of_the_tables_that_would_change(
    bench: Bench, cloud: Cloud
) -> None:
    cloud.source("CREATE TABLE {db}.PLANNED (ID NUMBER(9,0), NAME VARCHAR)")
    cloud.source("INSERT INTO {db}.PLANNED VALUES (7, 'a')")
    adding(bench, "planned")

    done = sluice(bench, "plan", "dev", "--summary", "plan.md")

    assert done.returncode == 0, done.stderr
    summary = (bench.repository / "plan.md").read_text().partition("### Table planned")[2]
    assert "1 rows to read" in summary
    assert "| id | NUMBER(9,0) | int64 |" in summary
    assert 'CREATE TABLE IF NOT EXISTS "public"."planned" ("id" bigint' in summary
    assert "USD for a run of all rows" in summary


def test_a_plan_says_what_a_table_that_is_there_could_not_hold(bench: Bench, cloud: Cloud) -> None:
    cloud.source("CREATE TABLE {db}.TOO_NARROW AS SELECT 1.5 AS PRICE, 'x' AS NAME")
    cloud.target("CREATE TABLE too_narrow (price integer)")
    adding(bench, "too_narrow")
    told = Told()

    deployment.plan(bench.target(), Options(), told)

    found = next(each for each in told.outlooks if each.table == "too_narrow")
    assert found.is_there
    assert 'ADD COLUMN IF NOT EXISTS "name" text' in found.refusals[0]
    assert "price is integer" in found.refusals[0]


def test_a_plan_names_the_end_that_cannot_be_asked(bench: Bench, cloud: Cloud) -> None:
    cloud.source("CREATE OR REPLACE TABLE {db}.SMOKE_TABLE AS SELECT 7 AS ID")
    connections = cloud.connections(port=1).model_dump(mode="json", exclude_none=True)
    bench.write("config/environments/dev.yaml", json.dumps({"connections": connections}))
    told = Told()

    deployment.plan(bench.target(), Options(), told)

    found = next(each for each in told.outlooks if each.table == "smoke_table")
    assert found.rows == 1
    assert found.statement.startswith('CREATE TABLE IF NOT EXISTS "public"."smoke_table"')
    assert [why.partition(":")[0] for why in found.unknown] == ["target"]


def test_prod_is_not_destroyed(bench: Bench) -> None:
    with pytest.raises(DeploymentError, match="prod is not destroyed from here"):
        deployment.destroy(bench.target("prod"), lambda: None, Told())

    assert bench.calls() == []


def test_nothing_is_destroyed_without_consent(bench: Bench) -> None:
    def refuse() -> None:
        raise DeploymentError("nobody consented")

    with pytest.raises(DeploymentError, match="nobody consented"):
        deployment.destroy(bench.target(), refuse, Told())

    assert not any(call[0] == "apply" for call in bench.calls())
    assert any("-destroy" in call for call in bench.calls())


def sluice(bench: Bench, *arguments: str, said: str = "") -> "subprocess.CompletedProcess[str]":
    """Run the command line in the checkout."""
    command = [sys.executable, "-c", "from shared.cli import main; main()", "deploy", *arguments]
    places = {"TF_VAR_project": PROJECT, "STATE_BUCKET": "state", "COLUMNS": "200"}
    return subprocess.run(
        command,
        cwd=bench.repository,
        env={**os.environ, **places, "SLUICE_PROJECT": PROJECT, "SLUICE_PREFIX": PREFIX},
        input=said,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


def test_the_command_line_shows_each_step_and_the_receipt(bench: Bench) -> None:
    done = sluice(bench, "apply", "dev")
    listed = sluice(bench, "list")

    assert done.returncode == 0, done.stderr
    headings = [line.split()[1] for line in done.stdout.splitlines() if " ──" in line]
    assert [word for word in headings if word in STEPS] == STEPS
    assert "smoke_files" in done.stdout
    assert "passed smoke_files/" in listed.stdout


def test_the_summary_of_a_plan_names_what_would_change_and_what_it_destroys(
    bench: Bench,
) -> None:
    bench.plan(("google_storage_bucket", ["delete"]))

    done = sluice(bench, "plan", "dev", "--summary", "plan.md")

    assert done.returncode == 1
    assert "allow-destroy" in done.stderr
    summary = (bench.repository / "plan.md").read_text()
    assert "- `delete google_storage_bucket.this (destroys)`" in summary
    assert "- `" in summary.partition("### Tables")[2]


def test_a_person_must_type_the_name_of_what_is_destroyed(bench: Bench) -> None:
    refused = sluice(bench, "destroy", "dev", said="no\n")
    destroyed = sluice(bench, "destroy", "dev", said="dev\n")

    assert refused.returncode == 1
    assert "nobody consented" in refused.stderr
    assert destroyed.returncode == 0, destroyed.stderr
    assert "dev is gone" in destroyed.stdout


def test_the_doctor_says_which_functions_run_other_code_than_the_checkout(
    bench: Bench, cloud: Cloud
) -> None:
    release = deploy(bench)
    same = list(versions.release(cloud.services, bench.repository))
    with (bench.repository / "shared/steps/load.py").open("a") as file:
        file.write("# changed\n")

    changed = list(versions.release(cloud.services, bench.repository))

    assert [f.level for f in same] == [Level.OK, Level.OK]
    assert changed[1].level is Level.WARN
    assert changed[1].message.startswith("other code than in this checkout runs in: load; it is")
    assert release.commit[:12] in changed[1].message


def test_the_doctor_fails_a_release_that_did_not_pass_its_smoke_run(
    bench: Bench, cloud: Cloud
) -> None:
    with pytest.raises(DeploymentError):
        deploy(bench, smoke_table="nothing")

    found = next(versions.release(cloud.services, bench.repository))

    assert (found.level, found.fix) == (Level.FAIL, "`make rollback`")
