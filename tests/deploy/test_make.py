"""`make deploy` as a person calls it, with the real Terraform, into a cloud that runs the archives.

Terraform's provider stands in for Google's (tests/terraform), so what it makes is only said to be
there; the cloud on a laptop has the same names. What the jobs publish is published there.
"""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from local.topology import PREFIX, PROJECT
from shared.config import resolve, schedule
from shared.core import naming
from shared.core.runs import RunState, Trigger
from tests.deploy.fakes import Bench
from tests.deploy.test_deployment import STEPS
from tests.flow.cloud import Cloud
from tests.terraform.workspace import LOCAL_STATE, plans, resources, terraform

TIMEOUT_S = 110.0

TERRAFORM = """\
#!/bin/sh
# The state is a file here, so there is no bucket to name.
for argument in "$@"; do
  shift
  case "$argument" in -backend-config=*) ;; *) set -- "$@" "$argument" ;; esac
done
echo "$1" >> "$(dirname "$0")/steps"
exec "$TF_PROGRAM" "$@"
"""

VARIABLES = f"""\
environment         = "dev"
prefix              = "{PREFIX}"
repository_url      = "https://github.com/example/sluice"
deletion_protection = false
"""

SOURCES = {
    "FLIGHTS": (
        "SELECT 1 AS FLIGHT_ID, 'UA' AS CARRIER, 'EWR' AS ORIGIN, 'IAH' AS DEST, 1400 AS DISTANCE, "
        "517 AS DEP_TIME, 830 AS ARR_TIME, '2013-01-01'::TIMESTAMP_NTZ AS TIME_HOUR, "
        "'2013-01-01'::TIMESTAMP_NTZ AS UPDATED_AT"
    ),
    "WEATHER": "SELECT 'EWR' AS ORIGIN, 39.02 AS TEMP",
    "PLANES": "SELECT 'N10156' AS TAILNUM, 55 AS SEATS",
    "AIRPORTS": "SELECT 'EWR' AS FAA, 'Newark' AS NAME",
    "AIRLINES": "SELECT 'UA' AS CARRIER, 'United' AS NAME",
}
"""A row for each table of config/tables.yaml that a job asks for."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """A checkout of this project whose dev is the cloud on this laptop."""

    bench: Bench
    env: dict[str, str]

    def make(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run make in it."""
        return subprocess.run(
            ["make", *arguments],
            cwd=self.bench.repository,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )

    def state(self) -> dict[str, Any]:
        """Return what Terraform has made, as JSON."""
        program = str(self.bench.programs / "terraform")
        folder = self.bench.repository / "terraform"
        shown = subprocess.check_output([program, "show", "-json"], cwd=folder, env=self.env)
        values: dict[str, Any] = json.loads(shown)["values"]
        return values


@pytest.fixture(scope="module")
def checkout(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """Make the checkout, with the table files as they are, and the bucket of its archives."""
    if not plans():
        pytest.skip("not installed: a terraform that plans without a cloud (TF, TF_PLANS)")
    connections = cloud.connections().model_dump(mode="json", exclude_none=True)
    tables = Path("config/tables.yaml").read_text()
    bench = Bench.make(tmp_path_factory.mktemp("checkout"), connections, tables)
    _complete(bench)
    program = bench.programs / "terraform"
    program.write_text(TERRAFORM)
    others = {k: v for k, v in os.environ.items() if k != "GOOGLE_APPLICATION_CREDENTIALS"}
    places = {
        "PATH": f"{bench.programs}:{os.environ['PATH']}",
        "TF_PROGRAM": str(Path(str(terraform())).resolve()),
        # What stands in for the provider must not find this checkout's stand-in for Terraform.
        "TERRAFORM": os.environ.get("TERRAFORM") or shutil.which("terraform") or "",
        "COLUMNS": "200",
    }
    client = Client(project=PROJECT, credentials=AnonymousCredentials())
    bucket = client.create_bucket(f"{PREFIX}-source")
    yield Checkout(bench, {**others, **places})
    bucket.delete(force=True)


def _complete(bench: Bench) -> None:
    """Add what `make deploy` needs beside the functions and the table files."""
    root, ignored = bench.repository, shutil.ignore_patterns(".terraform*", "*.tfstate*", "tests")
    shutil.rmtree(root / "terraform")
    shutil.copytree("terraform", root / "terraform", ignore=ignored)
    bench.write("terraform/state_override.tf", LOCAL_STATE)
    bench.write("terraform/environments/dev.tfvars", VARIABLES)
    (root / "local").mkdir()
    for name in ("Makefile", "pyproject.toml", "local/requirements.txt"):
        shutil.copy2(name, root / name)
    (root / ".venv").symlink_to(Path(".venv").resolve())
    bench.commit()


@pytest.fixture(scope="module")
def deployed(checkout: Checkout) -> "subprocess.CompletedProcess[str]":
    """Deploy it."""
    where = ("ENV=dev", f"PROJECT={PROJECT}", "STATE_BUCKET=state")
    return checkout.make("deploy", *where, "SMOKE=feedback")


def test_make_deploy_goes_from_the_checkout_to_a_receipt(
    checkout: Checkout, deployed: "subprocess.CompletedProcess[str]"
) -> None:
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    headings = [line.split()[1] for line in deployed.stdout.splitlines() if " ──" in line]
    assert [word for word in headings if word in STEPS] == STEPS
    assert 'create google_cloudfunctions2_function.this["load"]' in deployed.stdout
    assert "dev runs release" in deployed.stdout
    steps = (checkout.bench.programs / "steps").read_text().split()
    assert steps[:5] == ["init", "plan", "show", "output", "apply"]


def test_make_deploy_stops_where_nobody_is_logged_in(checkout: Checkout, tmp_path: Path) -> None:
    gcloud = tmp_path / "gcloud"
    gcloud.write_text("#!/bin/sh\necho 'nobody is logged in' >&2\nexit 1\n")
    gcloud.chmod(0o755)
    path = f"{tmp_path}:{checkout.env['PATH']}"
    where = ("ENV=dev", f"PROJECT={PROJECT}", "STATE_BUCKET=state")

    stopped = Checkout(checkout.bench, {**checkout.env, "PATH": path}).make("deploy", *where)

    assert stopped.returncode != 0
    assert "no credentials: run `gcloud auth application-default login`" in stopped.stderr
    assert "build" not in stopped.stdout


def test_what_every_scheduler_job_publishes_moves_its_table(
    checkout: Checkout, deployed: "subprocess.CompletedProcess[str]", cloud: Cloud
) -> None:
    found = [r for r in resources(checkout.state()) if r["type"] == "google_cloud_scheduler_job"]
    jobs = {r["index"]: r["values"]["pubsub_target"][0] for r in found}
    scheduled = {
        t.table.name
        for t in resolve.load(checkout.bench.repository / "config", "dev")
        if t.table.schedule != schedule.MANUAL
    }
    assert jobs.keys() == {"sweep", *(f"extract-{name}" for name in scheduled)}
    _fill(cloud, scheduled)
    begun = cloud.services.now()

    for job in jobs.values():
        cloud.services.bus.publish(job["topic_name"], base64.b64decode(job["data"]))

    for name in scheduled:
        run = cloud.await_run(name, lambda r: r.trigger is Trigger.SCHEDULE and r.is_terminal)
        assert run.state is RunState.COMMITTED, run
        assert cloud.target(f"SELECT count(*) FROM {name}") == [(1,)]
    place = (cloud.services.settings.bucket("state"), naming.SWEEP_REPORT)
    cloud.await_value(
        lambda: (info := cloud.services.storage.info(*place)) and info.created_at >= begun,
        "no sweep",
    )


def _fill(cloud: Cloud, tables: set[str]) -> None:
    assert {name.lower() for name in SOURCES} == tables
    cursor = cloud.snowflake.cursor()
    cursor.execute("CREATE DATABASE IF NOT EXISTS NYC")
    cursor.execute("CREATE SCHEMA IF NOT EXISTS NYC.PUBLIC")
    for name, rows in SOURCES.items():
        cursor.execute(f"CREATE TABLE NYC.PUBLIC.{name} AS {rows}")
