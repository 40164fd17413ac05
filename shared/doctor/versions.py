"""What is deployed against what lies here: the archives, the tables, and how the release did."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from shared.config import resolve
from shared.config.tables import ResolvedTable
from shared.deploy import archives, configuration
from shared.deploy.releases import Proof, Release, Releases
from shared.doctor.findings import Check, Finding
from shared.errors import DeploymentError, InvalidConfigError
from shared.wiring import Services

_release, _tables = Check("release"), Check("tables")


def release(services: Services, repository: Path) -> Iterator[Finding]:
    """Compare the newest release with the archives that this checkout would be deployed from."""
    from google.api_core.exceptions import NotFound

    from shared.errors import StorageUnavailableError

    try:
        known = Releases(services.storage, services.settings).all()
    except StorageUnavailableError as exc:
        if not isinstance(exc.__cause__, NotFound):
            raise
        known = []
    if not known:
        if services.settings.is_emulated:
            yield _release.ok("release", "none: a cloud on a laptop runs the checkout")
        else:
            fix = "`make deploy` records what it deploys"
            yield _release.warn("release", "nothing was deployed by `sluice deploy`", fix)
        return
    newest = known[0]
    yield _proof(newest)
    try:
        ours = {a.function: a.sha256 for a in archives.build(repository)}
    except DeploymentError as exc:
        yield _release.ok(newest.release_id, f"not compared: {exc.message}")
        return
    yield _compared(newest, ours)


def tables(
    services: Services, deployed: Iterable[ResolvedTable], repository: Path
) -> Iterator[Finding]:
    """Compare the deployed configurations with this checkout's files."""
    known = list(deployed)
    if not known:
        fix = "write config/tables.yaml, then `make deploy`"
        yield _tables.warn("tables", "none is configured", fix)
        return
    environment = known[0].environment
    if services.settings.is_emulated:
        yield _tables.ok("tables", f"{len(known)} are configured")
        return
    try:
        wanted = configuration.as_text(resolve.load(repository / "config", environment))
    except InvalidConfigError as exc:
        yield _tables.ok("tables", f"{len(known)} are configured; not compared: {exc.message}")
        return
    differences = configuration.compare(wanted, configuration.as_text(known))
    lines = [f"{name} is not deployed" for name in differences.added]
    lines += [f"{name} differs in {', '.join(keys)}" for name, keys in differences.changed.items()]
    lines += [f"{name} is in no file here" for name in differences.removed]
    if lines:
        fix = "`git pull` if this checkout is behind, else `make deploy`"
        yield _tables.warn("tables", "; ".join(lines), fix)
    else:
        yield _tables.ok("tables", f"{len(known)} are configured, as in this checkout")


def _proof(newest: Release) -> Finding:
    subject = newest.release_id
    if newest.proof is Proof.FAILED:
        return _release.fail(subject, newest.failure, "`make rollback`")
    if newest.proof is not Proof.PASSED:
        said = f"its smoke run is {newest.proof}"
        return _release.warn(subject, said, "`make deploy SMOKE=TABLE`")
    return _release.ok(subject, f"passed its smoke run {newest.smoke_run}")


def _compared(newest: Release, ours: Mapping[str, str]) -> Finding:
    differ = sorted(name for name in ours if newest.archives.get(name) != ours[name])
    if not differ:
        return _release.ok(newest.release_id, "the functions are those of this checkout")
    return _release.warn(
        newest.release_id,
        f"other code than in this checkout runs in: {', '.join(differ)}; it is commit "
        f"{newest.commit[:12]}{'' if newest.is_clean else ' with changes'}",
        f"`git checkout {newest.commit[:12]}` to see it, or `make deploy`",
    )
