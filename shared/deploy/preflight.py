"""Looks before anything is changed: programs, credentials, checkout, table files."""

import json
from dataclasses import dataclass
from pathlib import Path

from shared import settings
from shared.deploy import commands
from shared.deploy.terraform import FOLDER, INSTALL, Terraform
from shared.errors import DeploymentError

PROTECTED = frozenset({"prod", "production"})
"""Environments that are deployed from commits only, and never destroyed."""

EMULATED_PROJECT = "sluice-local"
"""The project of the cloud on a laptop: the only one that emulators may stand in for."""

TOKEN = "CLOUDSDK_AUTH_ACCESS_TOKEN"  # noqa: S105 - a variable's name
"""Makes gcloud ask as the credentials that Terraform and the clients use, not as its own account.

Source: Google Cloud SDK, ``core/credentials/store.py``.
"""

LOGIN = "run `gcloud auth application-default login`; in CI, google-github-actions/auth does it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Which environment, from which checkout."""

    environment: str
    project: str
    state_bucket: str
    repository: Path

    @property
    def config_dir(self) -> Path:
        """Folder of the table files."""
        return self.repository / "config"

    @property
    def dist(self) -> Path:
        """Folder of what is built."""
        return self.repository / "dist"

    @property
    def is_protected(self) -> bool:
        """The environment is prod."""
        return self.environment in PROTECTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """What is about to be deployed."""

    commit: str
    is_clean: bool


def programs(target: Target) -> Terraform:
    """Find what a deployment runs, and return Terraform for the environment.

    Raises:
        DeploymentError: a program, or the environment's variable file, is missing.
    """
    commands.find("git", "install git: https://git-scm.com")
    commands.find(
        "gcloud", "install the Google Cloud CLI: https://cloud.google.com/sdk/docs/install"
    )
    program = commands.find("terraform", INSTALL)
    folder = target.repository / FOLDER
    variables = folder / "environments" / f"{target.environment}.tfvars"
    if not variables.is_file():
        known = sorted(path.stem for path in variables.parent.glob("*.tfvars"))
        raise DeploymentError(
            f"{variables} does not exist; known environments: {', '.join(known) or 'none'}"
        )
    target.dist.mkdir(exist_ok=True)
    return Terraform(
        program=program,
        folder=folder,
        environment=target.environment,
        project=target.project,
        plan_file=target.dist / f"{target.environment}.tfplan",
    )


def credentials(target: Target) -> None:
    """Make sure that there are credentials without a key file, and that they see the project.

    Raises:
        DeploymentError: there are none, they are a key file, or they do not see the project.
    """
    _refuse_key_file(settings.credentials_file())
    if settings.is_emulated() and target.project != EMULATED_PROJECT:
        raise DeploymentError(
            f"STORAGE_EMULATOR_HOST is set, so {target.environment} would be configured in a "
            "cloud on this machine; open another shell, or unset what `sluice local env` set"
        )
    gcloud = str(commands.find("gcloud", "install the Google Cloud CLI"))
    try:
        token = commands.run(
            (gcloud, "auth", "application-default", "print-access-token", "--quiet"),
            doing="gcloud auth",
        )
    except DeploymentError as exc:
        raise DeploymentError(f"no credentials: {LOGIN}. {exc.message}") from exc
    try:
        commands.run(
            (gcloud, "projects", "describe", target.project, "--format=value(projectId)"),
            doing="gcloud projects describe",
            env={TOKEN: token.output.strip()},
        )
    except DeploymentError as exc:
        raise DeploymentError(
            f"project {target.project} is not there, or these credentials may not see it; check "
            f"PROJECT, and that the account has a role on the project. {exc.message}"
        ) from exc


def checkout(target: Target) -> Checkout:
    """Return the commit of the checkout.

    Raises:
        DeploymentError: no repository, or prod would get what no commit holds.
    """
    git = (str(commands.find("git", "install git: https://git-scm.com")), "-C")
    at = (*git, str(target.repository))
    commit = commands.run((*at, "rev-parse", "HEAD"), doing="git rev-parse").output.strip()
    changed = commands.run((*at, "status", "--porcelain"), doing="git status").output.splitlines()
    if changed and target.is_protected:
        raise DeploymentError(
            f"{target.environment} is deployed from commits only, and {len(changed)} files differ "
            f"from {commit[:12]}: {', '.join(line[3:] for line in changed[:5])}; commit or stash "
            "them"
        )
    return Checkout(commit=commit, is_clean=not changed)


def _refuse_key_file(path: Path | None) -> None:
    if path is None:
        return
    try:
        kind = json.loads(path.read_text()).get("type")
    except (OSError, ValueError, AttributeError) as exc:
        raise DeploymentError(
            f"GOOGLE_APPLICATION_CREDENTIALS names {path}, which cannot be read as JSON; unset it "
            f"and {LOGIN}"
        ) from exc
    if kind == "service_account":
        raise DeploymentError(
            f"{path} is the key of a service account, which nobody should have: delete the key, "
            f"unset GOOGLE_APPLICATION_CREDENTIALS, and {LOGIN}"
        )
