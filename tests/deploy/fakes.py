"""Stand-ins for gcloud and Terraform, which write down their calls and fail where they are told."""

import json
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.topology import PREFIX, PROJECT
from shared.core.runs import Run
from shared.deploy import deployment
from shared.deploy.archives import Archive
from shared.deploy.configuration import Differences
from shared.deploy.deployment import Options
from shared.deploy.outlooks import Outlook
from shared.deploy.preflight import Target
from shared.deploy.releases import Release
from shared.deploy.terraform import Change

TABLES = """\
tables:
  - name: smoke_files
    csv: {columns: {id: int64, day: date}}
    postgres: {table: smoke_files}
    sync_mode: append
  - name: smoke_bars
    csv: {columns: {id: int64, day: date}, delimiter: "|"}
    postgres: {table: smoke_bars}
    sync_mode: append
  - name: smoke_commas
    csv: {columns: {id: int64, day: date}}
    postgres: {table: smoke_commas}
    sync_mode: append
  - name: smoke_table
    snowflake: {database: TESTS, schema: PUBLIC, table: SMOKE_TABLE}
    postgres: {table: smoke_table}
"""

TIMEOUT_S = 60.0

PROGRAM = """\
#!/bin/sh
here=$(/usr/bin/dirname "$0")
for argument in "$@"; do printf '%s\\n' "$argument"; done >> "$here/calls"
printf '%s\\n' "--" >> "$here/calls"
if [ -e "$here/fail-{name}-$1" ]; then
  echo "{name} $1 says no" >&2
  exit 1
fi
case "$1" in
  plan) exit 2 ;;
  show) /bin/cat "$here/plan.json" ;;
  output) /bin/cat "$here/outputs.json" ;;
esac
"""


@dataclass(slots=True)
class Told:
    """A report that remembers."""

    steps: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    ended: list[Run] = field(default_factory=list)
    planned: list[Change] = field(default_factory=list)
    outlooks: list[Outlook] = field(default_factory=list)

    def step(self, name: str) -> None:
        """Remember a step."""
        self.steps.append(name)

    def say(self, text: str) -> None:
        """Remember a line."""
        self.lines.append(text)

    def archives(self, built: list[Archive]) -> None:
        """Nothing to remember: the folder has them."""

    def changes(self, planned: list[Change]) -> None:
        """Remember the plan."""
        self.planned = planned

    def tables(self, differences: Differences) -> None:
        """Remember which tables were said to change."""
        self.lines.append(f"changed: {sorted(differences.changed)}")

    def outlook(self, found: Outlook) -> None:
        """Remember what was found at the ends of a table."""
        self.outlooks.append(found)

    def run(self, ended: Run) -> None:
        """Remember the smoke run."""
        self.ended.append(ended)


@dataclass(slots=True)
class Bench:
    """A checkout, and programs to deploy it with."""

    repository: Path
    programs: Path

    @classmethod
    def make(cls, folder: Path, connections: dict[str, Any], tables: str) -> "Bench":
        """Make a repository with one commit, whose environments are all this cloud."""
        bench = cls(folder / "repository", folder / "programs")
        for name in ("functions", "shared"):
            shutil.copytree(name, bench.repository / name, ignore=shutil.ignore_patterns("*.pyc"))
        (bench.repository / "config/environments").mkdir(parents=True)
        (bench.repository / "terraform/environments").mkdir(parents=True)
        for name in ("dev", "prod"):
            reach = {**connections, "sqlserver": {"host": "127.0.0.1"}}
            environment = json.dumps({"connections": reach})
            (bench.repository / f"config/environments/{name}.yaml").write_text(environment)
            (bench.repository / f"terraform/environments/{name}.tfvars").write_text("")
        (bench.repository / ".gitignore").write_text("dist/\n")
        bench.write("config/tables.yaml", tables)
        bench.git("init", "--quiet")
        bench.commit()
        bench._install()
        return bench

    def target(self, environment: str = "dev") -> Target:
        """Return what a deployment is told."""
        return Target(
            environment=environment,
            project=PROJECT,
            state_bucket="state",
            repository=self.repository,
        )

    def write(self, name: str, text: str) -> None:
        """Write a file of the checkout."""
        (self.repository / name).write_text(text)

    def commit(self) -> str:
        """Commit everything, and return the commit."""
        self.git("add", "--all")
        identity = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
        self.git(*identity, "commit", "--quiet", "--message", "a change")
        return self.git("rev-parse", "HEAD").strip()

    def git(self, *arguments: str) -> str:
        """Run git in the checkout."""
        command = ("git", "-C", str(self.repository), *arguments)
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def fail(self, program: str, command: str) -> None:
        """Let a program's command fail from now on."""
        (self.programs / f"fail-{program}-{command}").touch()

    def plan(self, *changes: tuple[str, list[str]]) -> None:
        """Let Terraform plan changes: each a resource's type and actions."""
        described = [
            {"address": f"{kind}.this", "type": kind, "change": {"actions": actions}}
            for kind, actions in changes
        ]
        (self.programs / "plan.json").write_text(json.dumps({"resource_changes": described}))

    def output(self, **values: Any) -> None:
        """Let Terraform have outputs."""
        text = json.dumps({name: {"value": value} for name, value in values.items()})
        (self.programs / "outputs.json").write_text(text)

    def calls(self) -> list[list[str]]:
        """Return the arguments of every call of gcloud or Terraform so far."""
        path = self.programs / "calls"
        calls = path.read_text().split("\n--\n")[:-1] if path.exists() else []
        return [call.splitlines() for call in calls]

    def _install(self) -> None:
        self.programs.mkdir()
        for name in ("gcloud", "terraform"):
            path = self.programs / name
            path.write_text(PROGRAM.replace("{name}", name))
            path.chmod(0o755)
        git = shutil.which("git")
        assert git
        (self.programs / "git").symlink_to(git)
        self.plan(("google_storage_bucket", ["create"]), ("google_storage_bucket", ["no-op"]))
        environment = {"SLUICE_PROJECT": PROJECT, "SLUICE_PREFIX": PREFIX}
        self.output(environment=environment, smoke_table="smoke_files")


def deploy(bench: Bench, told: Told | None = None, **options: object) -> Release:
    """Deploy the checkout to dev."""
    given = Options(smoke_timeout_s=TIMEOUT_S, **options)  # type: ignore[arg-type]
    return deployment.deploy(bench.target(), given, told or Told())
