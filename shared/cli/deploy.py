"""From a checkout to a running environment: build, plan, apply, prove, roll back, destroy."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from shared.cli import cloud, outlooks, render
from shared.cli.options import TableAsJson
from shared.core.runs import Run
from shared.deploy import archives, deployment, sbom, smoke
from shared.deploy.archives import Archive
from shared.deploy.configuration import Differences
from shared.deploy.deployment import Options
from shared.deploy.outlooks import Outlook
from shared.deploy.preflight import Target
from shared.deploy.releases import Proof, Release, Releases
from shared.deploy.terraform import Change
from shared.errors import DeploymentError
from shared.wire import to_json

app = typer.Typer(
    help="Build the functions' archives, bring them to an environment, and back.",
    no_args_is_help=True,
)

Environment = Annotated[str, typer.Argument(help="Name of the environment, such as dev.")]
Project = Annotated[
    str, typer.Option(envvar="TF_VAR_project", help="Id of the environment's project.")
]
StateBucket = Annotated[
    str,
    typer.Option(envvar="STATE_BUCKET", help="Bucket of Terraform's state, made by the bootstrap."),
]
AllowDestroy = Annotated[
    bool, typer.Option("--allow-destroy", help="Consent to a plan that destroys resources.")
]
SmokeTable = Annotated[
    str, typer.Option("--smoke", help="Table of the smoke run; default: the environment's.")
]
SmokeTimeout = Annotated[float, typer.Option(help="Seconds to wait for the smoke run's end.")]
SHOWN_DIGITS = 40
"""So many digits of a hash fit a line; JSON has all of them."""


@app.command()
def build(
    dist: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("dist"),
    *,
    as_json: TableAsJson = False,
) -> None:
    """Build every function's archive; the same files give the same bytes."""
    built = archives.build(Path.cwd())
    archives.write(built, dist)
    if as_json:
        typer.echo(json.dumps([_archive_data(a) for a in built], indent=2))
        return
    render.console.print(_archives_table(built))
    render.console.print(f"{len(built)} archives in {escape(str(dist))}")


@app.command("sbom")
def materials(
    dist: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("dist"),
) -> None:
    """Write what each function is made of, with hashes and licences (CycloneDX)."""
    for path in sbom.write(Path.cwd(), dist):
        render.plain(str(path))


@app.command()
def plan(
    environment: Environment,
    project: Project,
    state_bucket: StateBucket,
    summary: Annotated[
        Path | None, typer.Option(help="Also write what would change as Markdown.")
    ] = None,
    *,
    allow_destroy: AllowDestroy = False,
) -> None:
    """Show what a deployment would change; exits 1 if it would destroy and nobody consents."""
    report = Shown(summary)
    target = _target(environment, project, state_bucket)
    deployment.plan(target, Options(allow_destroy=allow_destroy), report)


@app.command()
def apply(
    environment: Environment,
    project: Project,
    state_bucket: StateBucket,
    smoke_table: SmokeTable = "",
    smoke_timeout: SmokeTimeout = smoke.TIMEOUT_S,
    *,
    allow_destroy: AllowDestroy = False,
    roll_back: Annotated[
        bool, typer.Option("--roll-back", help="Go back when the smoke run fails.")
    ] = False,
) -> None:
    """Deploy this checkout: check, build, plan, apply, configure, prove with a smoke run."""
    options = Options(
        allow_destroy=allow_destroy,
        roll_back=roll_back,
        smoke_table=smoke_table,
        smoke_timeout_s=smoke_timeout,
    )
    release = deployment.deploy(_target(environment, project, state_bucket), options, Shown())
    render.console.print(f"[green]{environment} runs release {release.release_id}[/]")


@app.command()
def rollback(
    environment: Environment,
    project: Project,
    state_bucket: StateBucket,
    to: Annotated[
        str, typer.Option(help="Begins a release, commit or hash; default: the last good one.")
    ] = "",
    smoke_table: SmokeTable = "",
    smoke_timeout: SmokeTimeout = smoke.TIMEOUT_S,
    *,
    allow_destroy: AllowDestroy = False,
) -> None:
    """Put an earlier release back: its archives and its tables, under this checkout's Terraform."""
    options = Options(
        allow_destroy=allow_destroy, smoke_table=smoke_table, smoke_timeout_s=smoke_timeout
    )
    target = _target(environment, project, state_bucket)
    release = deployment.rollback(target, to, options, Shown())
    render.console.print(f"[green]{environment} runs release {release.restores} again[/]")


@app.command()
def destroy(
    environment: Environment,
    project: Project,
    state_bucket: StateBucket,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove an environment and all that it holds; prod is refused."""

    def consent() -> None:
        asked = f"This removes {environment} and its data. Type {environment} to go on"
        if not yes and typer.prompt(asked, default="", show_default=False) != environment:
            raise DeploymentError(f"{environment} was not destroyed: nobody consented")

    deployment.destroy(_target(environment, project, state_bucket), consent, Shown())
    render.console.print(f"{environment} is gone")


@app.command("list")
def list_(*, as_json: TableAsJson = False) -> None:
    """List what was deployed where SLUICE_PROJECT and SLUICE_PREFIX point, the newest first."""
    services = cloud.connect()
    found = Releases(services.storage, services.settings).all()
    if as_json:
        typer.echo(json.dumps([json.loads(to_json(release)) for release in found], indent=2))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("RELEASE", "DEPLOYED", "SMOKE RUN", "RESTORES"):
        table.add_column(name, no_wrap=True)
    for release in found:
        at = f"{release.deployed_at:%Y-%m-%d %H:%M} UTC"
        table.add_row(release.release_id, at, _proof(release), release.restores)
    render.console.print(table if found else "nothing was deployed here by `sluice deploy` yet")


class Shown:
    """A report in the terminal, and as Markdown for a pull request if a file is given."""

    def __init__(self, summary: Path | None = None) -> None:
        self._summary = summary
        self._number = 0
        if summary:
            summary.write_text("")

    def step(self, name: str) -> None:
        """Print a heading."""
        self._number += 1
        render.console.rule(f"[bold]{self._number}  {name}[/]", align="left", style="dim")

    def say(self, text: str) -> None:
        """Print a line."""
        render.console.print(f"  {text}", markup=False, soft_wrap=True)

    def archives(self, built: list[Archive]) -> None:
        """Print sizes and hashes."""
        render.console.print(_archives_table(built))
        rows = [f"| {a.function} | {a.size_bytes:,} | `{a.sha256[:12]}` |" for a in built]
        self._write("Archives", ["| function | bytes | sha256 |", "| --- | ---: | --- |", *rows])

    def changes(self, planned: list[Change]) -> None:
        """Print every resource that changes; what destroys is marked."""
        lines = [
            f"{c.verb} {c.address}{' (destroys)' if c.is_destructive else ''}" for c in planned
        ] or ["Terraform changes nothing"]
        for line in lines:
            self.say(line)
        self._write("Terraform", [f"- `{line}`" for line in lines])

    def tables(self, differences: Differences) -> None:
        """Print the tables that differ from what is deployed."""
        lines = [f"add {name}" for name in differences.added]
        lines += [f"change {name}: {', '.join(k)}" for name, k in differences.changed.items()]
        lines += [f"remove {name}" for name in differences.removed]
        lines = lines or ["all tables are as deployed"]
        for line in lines:
            self.say(line)
        self._write("Tables", [f"- `{line}`" for line in lines])

    def outlook(self, found: Outlook) -> None:
        """Print what a table would meet at both ends."""
        for line in outlooks.lines(found):
            self.say(line)
        self._write(f"Table {found.table}", outlooks.markdown(found))

    def run(self, ended: Run) -> None:
        """Print the receipt."""
        render.console.print(render.receipt_panel(ended))

    def _write(self, title: str, lines: list[str]) -> None:
        if self._summary:
            with self._summary.open("a") as file:
                file.write("\n".join([f"### {title}", "", *lines, "", ""]))


def _target(environment: str, project: str, state_bucket: str) -> Target:
    return Target(
        environment=environment,
        project=project,
        state_bucket=state_bucket,
        repository=Path.cwd(),
    )


def _archives_table(built: list[Archive]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("FUNCTION", no_wrap=True)
    table.add_column("FILES", justify="right", no_wrap=True)
    table.add_column("BYTES", justify="right", no_wrap=True)
    table.add_column("SHA256", no_wrap=True)
    for archive in built:
        size = f"{archive.size_bytes:,}"
        table.add_row(
            archive.function, str(len(archive.entries)), size, archive.sha256[:SHOWN_DIGITS]
        )
    return table


def _archive_data(archive: Archive) -> dict[str, object]:
    return {
        "function": archive.function,
        "bytes": archive.size_bytes,
        "files": len(archive.entries),
        "sha256": archive.sha256,
    }


def _proof(release: Release) -> str:
    styles = {Proof.PASSED: "green", Proof.FAILED: "red"}
    style = styles.get(release.proof, "yellow")
    return f"[{style}]{release.proof}[/] {escape(release.smoke_run)}"
