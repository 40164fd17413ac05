"""The story of a deployment, one call per step; whatever fails stops it there.

    check      programs, credentials, checkout, table files
    build      the archives
    plan       what Terraform would change; what destroys needs consent
    apply      exactly that plan
    configure  the tables' configurations into the config bucket
    prove      one table moved by what runs now; its receipt

There is no step for the bookkeeping tables in the target: the first run of a newer release
completes them in its own transaction, and the smoke run is that first run. So whoever deploys needs
no way into the database.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from shared.deploy import configuration, smoke, steps
from shared.deploy.preflight import Target
from shared.deploy.releases import Proof, Release, release_id
from shared.deploy.report import Report
from shared.deploy.steps import Deployed, Prepared
from shared.errors import DeploymentError, SluiceError
from shared.wiring import utc_now


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a person decides about one deployment."""

    allow_destroy: bool = False
    roll_back: bool = False
    """Put the last good release back when the smoke run fails."""
    smoke_table: str = ""
    """Another table than the environment's own."""
    smoke_timeout_s: float = smoke.TIMEOUT_S


def plan(target: Target, options: Options, report: Report) -> None:
    """Say what a deployment would change, and change nothing.

    Raises:
        DeploymentError: a step failed, or the plan destroys something and nobody consented.
    """
    prepared = steps.check(target, report)
    steps.build(target, report)
    changes = steps.plan(prepared, report)
    prepared.terraform.plan_file.unlink(missing_ok=True)
    report.step("compare")
    steps.compare(prepared, report)
    steps.require_fit(prepared)
    steps.require_consent(changes, allow_destroy=options.allow_destroy)


def deploy(target: Target, options: Options, report: Report) -> Release:
    """Bring a checkout to an environment, and prove that it runs.

    Raises:
        DeploymentError: a step failed; before ``apply`` nothing was changed.
        InvalidConfigError: tables do not fit those that the API configured.
    """
    prepared = steps.check(target, report)
    built = steps.build(target, report)
    changes = steps.plan(prepared, report)
    steps.require_consent(changes, allow_destroy=options.allow_destroy)
    steps.require_fit(prepared)
    steps.apply(prepared.terraform, report)
    deployed = steps.connect(prepared.terraform)
    deployed.releases.keep(built)
    release = _release(prepared, {a.function: a.sha256 for a in built})
    steps.configure(deployed, prepared, report)
    proven = _prove(deployed, release, options, report)
    if proven.proof is not Proof.FAILED:
        return proven
    if not options.roll_back:
        raise DeploymentError(
            f"{proven.failure}. Release {proven.release_id} stays; `make rollback "
            f"ENV={target.environment}` puts the last good one back"
        )
    try:
        good = _go_back(prepared, deployed, "", options, report)
    except SluiceError as exc:
        raise DeploymentError(
            f"{proven.failure}. Release {proven.release_id} could not be rolled back: {exc.message}"
        ) from exc
    raise DeploymentError(
        f"{proven.failure}. Release {proven.release_id} was rolled back to {good.restores}"
    )


def rollback(target: Target, to: str, options: Options, report: Report) -> Release:
    """Put an earlier release's archives and configurations back, under today's Terraform.

    Args:
        target: the environment.
        to: begins a release's id, its commit or an archive's hash; empty: the last good one.
        options: as for a deployment; a rollback itself is not rolled back.
        report: where to tell.

    Raises:
        DeploymentError: a step failed, no such release is kept, or it fails its smoke run too.
    """
    prepared = steps.check(target, report)
    return _go_back(prepared, steps.connect(prepared.terraform), to, options, report)


def destroy(target: Target, consent: Callable[[], None], report: Report) -> None:
    """Remove an environment.

    Args:
        target: the environment.
        consent: asks once the plan is shown; raises when nobody consents.
        report: where to tell.

    Raises:
        DeploymentError: it is prod, or a step failed.
    """
    if target.is_protected:
        raise DeploymentError(
            f"{target.environment} is not destroyed from here; whoever must, sets "
            "deletion_protection = false, applies, and runs terraform destroy by hand"
        )
    terraform = steps.check(target, report).terraform
    steps.build(target, report)  # the configuration reads the archives even to remove them
    report.step("plan")
    report.changes(terraform.plan(target.dist, destroy=True))
    consent()
    steps.apply(terraform, report)


def _go_back(
    prepared: Prepared, deployed: Deployed, to: str, options: Options, report: Report
) -> Release:
    report.step("go back")
    earlier = deployed.releases.find(to)
    report.say(
        f"to release {earlier.release_id}, deployed {earlier.deployed_at:%Y-%m-%d %H:%M} UTC"
    )
    tables = deployed.releases.tables(earlier)
    fetched = deployed.releases.fetch(earlier, prepared.target.dist / earlier.release_id)
    changes = steps.plan(prepared, report, fetched)
    steps.require_consent(changes, allow_destroy=options.allow_destroy)
    steps.require_restorable(deployed, tables)
    steps.apply(prepared.terraform, report)
    release = replace(
        _release(prepared, earlier.archives),
        commit=earlier.commit,
        is_clean=earlier.is_clean,
        restores=earlier.restores or earlier.release_id,
    )
    steps.restore(deployed, tables, report)
    proven = _prove(deployed, release, options, report)
    if proven.proof is Proof.FAILED:
        raise DeploymentError(
            f"release {earlier.release_id} is back and fails its smoke run too: {proven.failure}. "
            "Look outside of the release: `sluice doctor`"
        )
    return proven


def _prove(deployed: Deployed, release: Release, options: Options, report: Report) -> Release:
    """Write down what runs now, with which tables, and let it prove itself."""
    deployed.releases.record(release, configuration.texts(deployed.services))
    proven = steps.prove(
        deployed,
        release,
        report,
        table=options.smoke_table,
        timeout_s=options.smoke_timeout_s,
    )
    steps.tell(deployed, proven)
    return proven


def _release(prepared: Prepared, archives: Mapping[str, str]) -> Release:
    now = utc_now()
    return Release(
        release_id=release_id(now, prepared.checkout.commit),
        environment=prepared.target.environment,
        commit=prepared.checkout.commit,
        is_clean=prepared.checkout.is_clean,
        deployed_at=now,
        archives=archives,
    )
