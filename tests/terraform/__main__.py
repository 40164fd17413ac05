"""``make tf-check``: all that can be said of the Terraform configuration without a cloud."""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.terraform import rights
from tests.terraform.workspace import ENVIRONMENTS, ROOT, Workspace, plans, terraform

CATALOG = "terraform/modules/catalog"

MISSING = """\
make tf-check checks the format of terraform/, initialises, validates and tests its modules, plans
every environment, applies that to a simulated cloud, and plans again: that must change nothing.

Nothing was checked: no terraform is installed. Install 1.11 or newer, or name one:
make tf-check TF=/path/to/terraform"""

NO_PROVIDER = """\
not validated: Google's provider cannot be fetched from here"""

UNREACHABLE = "Failed to query available provider packages"

NO_PLANS = """\
not planned: that needs a provider that stands in for Google's (TF_PLANS=yes says that TF has one),
or an account: terraform -chdir=terraform plan -var-file=environments/dev.tfvars"""


def main() -> None:
    """Run the checks, each with its time; stop at the first that fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the table of rights anew")
    is_writing = parser.parse_args().write
    program = terraform()
    if program is None:
        print(MISSING)  # noqa: T201 - this is a command
        return
    if is_writing and not plans():
        sys.exit(NO_PLANS)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.copy(Path(folder))
        if is_writing:
            _write(workspace)
            return
        _timed("format", lambda: _format(program))
        _modules(workspace)
        if plans():
            _planned(workspace)
        else:
            print(NO_PLANS)  # noqa: T201


def _format(program: str) -> None:
    done = subprocess.run(
        [program, "fmt", "-check", "-recursive", "-diff", str(ROOT / "terraform")]
    )
    if done.returncode:
        raise RuntimeError("terraform/ is not formatted: terraform fmt -recursive terraform")


def _modules(workspace: Workspace) -> None:
    _timed(f"{CATALOG}: init", lambda: workspace.run(CATALOG, "init"))
    _timed(f"{CATALOG}: test", lambda: workspace.run(CATALOG, "test"))
    for module in (CATALOG, "terraform/bootstrap", "terraform"):
        try:
            workspace.run(module, "init")
        except RuntimeError as exc:
            if plans() or UNREACHABLE not in str(exc):
                raise
            print(NO_PROVIDER)  # noqa: T201
            return
        _timed(f"{module}: validate", lambda m=module: workspace.run(m, "validate"))


def _planned(workspace: Workspace) -> None:
    """Test, plan and apply, two at a time: each has a state of its own."""
    checks: dict[str, Callable[[], object]] = {
        "terraform: test": lambda: workspace.run("terraform", "test"),
        "terraform/bootstrap: apply": workspace.bootstrap,
    }
    for environment in ENVIRONMENTS:
        name = f"{environment}: plan, apply, plan again"
        checks[name] = lambda e=environment: _settled(workspace, e)
    with ThreadPoolExecutor(max_workers=2) as pool:
        done = [pool.submit(_timed, name, check) for name, check in checks.items()]
    for each in done:
        each.result()


def _settled(workspace: Workspace, environment: str) -> None:
    workspace.apply(environment)
    if changes := workspace.changes_after_apply(environment):
        raise RuntimeError(f"a second plan of {environment} would change {', '.join(changes)}")


def _write(workspace: Workspace) -> None:
    for module in (CATALOG, "terraform/bootstrap", "terraform"):
        workspace.run(module, "init")
    text = rights.DOCUMENT.read_text()
    table = rights.table(workspace, workspace.apply(rights.ENVIRONMENT))
    rights.DOCUMENT.write_text(rights.replaced(text, table))


def _timed(name: str, check: Callable[[], object]) -> None:
    begun_s = time.monotonic()
    try:
        check()
    except RuntimeError as exc:
        sys.exit(f"{name}: {exc}")
    print(f"{time.monotonic() - begun_s:5.1f} s  {name}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
