"""The steps of a deployment: each says that it begins, does its work, and raises if it cannot."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared import settings
from shared.config import model_files, resolve
from shared.config.curated import ResolvedModel
from shared.config.tables import ResolvedTable
from shared.core import naming
from shared.core.audit import MAX_TEXT, Event
from shared.core.runs import SUCCESSES
from shared.deploy import archives as archiving
from shared.deploy import configuration, outlooks, preflight, smoke
from shared.deploy.archives import Archive
from shared.deploy.preflight import Checkout, Target
from shared.deploy.releases import Proof, Release, Releases
from shared.deploy.report import Report
from shared.deploy.terraform import Change, Terraform
from shared.errors import DeploymentError, SluiceError
from shared.operations.tables import readable, require_deployable
from shared.settings import Settings
from shared.wire import to_line
from shared.wiring import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What was found before anything is changed."""

    target: Target
    terraform: Terraform
    checkout: Checkout
    tables: list[ResolvedTable]
    """The checkout's configurations."""
    models: list[ResolvedModel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """An environment that Terraform has made, and the way in."""

    services: Services
    releases: Releases
    smoke_table: str | None


def check(target: Target, report: Report) -> Prepared:
    """Look at programs, credentials, checkout and table files, and connect to the state."""
    report.step("check")
    terraform = preflight.programs(target)
    preflight.credentials(target)
    checkout = preflight.checkout(target)
    tables = resolve.load(target.config_dir, target.environment)
    models = model_files.load(target.config_dir, tables)
    report.say(
        f"{target.environment} in project {target.project}, {len(tables)} tables, commit "
        f"{checkout.commit[:12]}{'' if checkout.is_clean else ' with changes'}"
    )
    terraform.init(target.state_bucket)
    return Prepared(
        target=target,
        terraform=terraform,
        checkout=checkout,
        tables=tables,
        models=models,
    )


def build(target: Target, report: Report) -> list[Archive]:
    """Build the archives and write them where Terraform finds them."""
    report.step("build")
    built = archiving.build(target.repository)
    archiving.write(built, target.dist)
    report.archives(built)
    return built


def plan(
    prepared: Prepared, report: Report, archives: Mapping[str, Any] | None = None
) -> list[Change]:
    """Let Terraform plan, with other archives than those built if they are given."""
    report.step("plan")
    changes = prepared.terraform.plan(prepared.target.dist, archives=archives)
    report.changes(changes)
    return changes


def require_consent(changes: list[Change], *, allow_destroy: bool) -> None:
    """Stop before anything that a person should let go is destroyed.

    Raises:
        DeploymentError: the plan destroys something and nobody consented.
    """
    gone = [change.address for change in changes if change.is_destructive]
    if gone and not allow_destroy:
        raise DeploymentError(
            f"the plan destroys {len(gone)} resources: {', '.join(gone)}. If that is meant: "
            "`make deploy ALLOW_DESTROY=1`, and in a pull request the label allow-destroy"
        )


def apply(terraform: Terraform, report: Report) -> None:
    """Apply what was planned; the plan, which may name what is sensitive, is removed."""
    report.step("apply")
    try:
        terraform.apply()
    finally:
        terraform.plan_file.unlink(missing_ok=True)


def connect(terraform: Terraform) -> Deployed:
    """Return the way into what Terraform has made."""
    outputs = terraform.outputs()
    settings.adopt(outputs.environment)
    services = Services.build(Settings.from_environment())
    return Deployed(
        services=services,
        releases=Releases(services.storage, services.settings),
        smoke_table=outputs.smoke_table,
    )


def require_fit(prepared: Prepared) -> None:
    """Make sure that the checkout's tables and models fit those that the API configured.

    Asked before anything is changed, and once more by ``configure``. Where nothing is deployed
    yet, there is nothing to fit.

    Raises:
        InvalidConfigError: they do not.
    """
    try:
        services = connect(prepared.terraform).services
    except SluiceError:
        return
    require_deployable(services, prepared.tables, prepared.models)


def compare(prepared: Prepared, report: Report) -> None:
    """Say how the checkout's tables differ from those deployed, and look at their ends."""
    wanted = configuration.as_text(prepared.tables)
    try:
        services = connect(prepared.terraform).services
        differences = configuration.compare(wanted, configuration.deployed(services))
    except SluiceError as exc:
        report.say(f"nothing to compare the tables with: {exc.message}")
        return
    report.tables(differences)
    touched = {*differences.added, *differences.changed}
    for found in outlooks.look(services, [t for t in prepared.tables if t.table.name in touched]):
        report.outlook(found)


def configure(deployed: Deployed, prepared: Prepared, report: Report) -> None:
    """Make the checkout's tables and models the configured ones.

    Raises:
        InvalidConfigError: they do not fit the tables that the API configured; none was written.
    """
    report.step("configure")
    services, tables = deployed.services, prepared.tables
    require_deployable(services, tables, prepared.models)
    wanted = configuration.as_text(tables)
    report.tables(configuration.compare(wanted, configuration.deployed(services)))
    services.config.deploy(tables, settings.person())
    if services.models.deploy(prepared.models, settings.person()):
        names = ", ".join(each.model.name for each in prepared.models)
        report.say(f"models: {names or 'none any more'}")


def require_restorable(deployed: Deployed, tables: Mapping[str, str]) -> None:
    """Make sure that the tables of an earlier release fit those that the API configured since.

    Raises:
        InvalidConfigError: they do not.
    """
    services = deployed.services
    earlier = [found for n, text in tables.items() if (found := readable(n, text.encode()))]
    require_deployable(services, earlier, services.models.all()[0])


def restore(deployed: Deployed, tables: Mapping[str, str], report: Report) -> None:
    """Make the tables of an earlier release the configured ones.

    Raises:
        InvalidConfigError: they do not fit the tables that the API configured; none was written.
    """
    report.step("configure")
    require_restorable(deployed, tables)
    differed = configuration.restore(deployed.services, tables)
    report.say(f"put back: {', '.join(differed) or 'no table differed'}")


def tell(deployed: Deployed, release: Release) -> None:
    """Tell the audit log of a deployment and what its smoke run said."""
    event = Event(
        table=naming.NO_TABLE,
        event_id=f"deploy/{release.release_id}",
        kind=f"deploy.{release.proof}",
        at=release.deployed_at,
        by=settings.person(),
        why=release.failure[:MAX_TEXT],
        detail=to_line(release).decode().strip(),
    )
    deployed.services.audit.append(event)


def prove(
    deployed: Deployed, release: Release, report: Report, *, table: str, timeout_s: float
) -> Release:
    """Move one table, show its receipt, and write down whether the release passed."""
    report.step("prove")
    table = table or deployed.smoke_table or ""
    if not table:
        report.say("no smoke run: the environment names no table for it; SMOKE=TABLE does")
        return deployed.releases.prove(release, Proof.SKIPPED)
    try:
        ended = smoke.move(deployed.services, table, timeout_s)
    except SluiceError as exc:
        return deployed.releases.prove(release, Proof.FAILED, failure=exc.message)
    report.run(ended)
    run = f"{table}/{ended.run_id}"
    if ended.state in SUCCESSES:
        return deployed.releases.prove(release, Proof.PASSED, smoke_run=run)
    why = ended.failure.message if ended.failure else ended.reason or ""
    failure = f"the smoke run of {table} is {ended.state}: {why}"
    return deployed.releases.prove(release, Proof.FAILED, smoke_run=run, failure=failure)
