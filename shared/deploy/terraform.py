"""Terraform: one root module, one variable file per environment, one plan that is then applied."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.deploy import commands
from shared.errors import DeploymentError

FOLDER = "terraform"

INSTALL = "install Terraform 1.11 or newer: https://developer.hashicorp.com/terraform/install"

CHANGES = 2
"""Exit code of a plan that changes something. Source: ``terraform plan -detailed-exitcode``."""

HARMLESS = frozenset({"google_storage_bucket_object", "google_cloud_scheduler_job"})
"""Kinds that may go without anybody's consent: each is made anew from the checkout alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One resource that a plan changes."""

    address: str
    kind: str
    actions: tuple[str, ...]

    @property
    def is_destructive(self) -> bool:
        """Something goes that only a person should let go: data, an identity, a right."""
        return "delete" in self.actions and self.kind not in HARMLESS

    @property
    def verb(self) -> str:
        """What happens to it, in one word."""
        return "replace" if len(self.actions) > 1 else self.actions[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """What a deployment must know of what Terraform made."""

    environment: Mapping[str, str]
    """``SLUICE_PROJECT`` and ``SLUICE_PREFIX``: what reaches the deployment."""
    smoke_table: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terraform:
    """The root module for one environment."""

    program: Path
    folder: Path
    environment: str
    project: str
    plan_file: Path

    def init(self, state_bucket: str) -> None:
        """Fetch providers and connect to the environment's state.

        Raises:
            DeploymentError: Terraform refused; so do all other methods.
        """
        backend = f"-backend-config=bucket={state_bucket}"
        self._run("init", ("init", "-input=false", "-reconfigure", backend))

    def plan(
        self, dist: Path, *, archives: Mapping[str, Any] | None = None, destroy: bool = False
    ) -> list[Change]:
        """Plan, keep the plan in ``plan_file``, and return what it changes.

        Args:
            dist: folder with the archives.
            archives: path and sha256 of each function's archive, instead of those in the folder.
            destroy: plan to remove everything.
        """
        given = (f"-var=archives={json.dumps(archives)}",) if archives else ()
        arguments = (
            *("plan", "-input=false", "-detailed-exitcode", "-lock-timeout=5m"),
            *(f"-out={self.plan_file}", f"-var-file=environments/{self.environment}.tfvars"),
            *(f"-var=project={self.project}", f"-var=dist_dir={dist}", *given),
            *(("-destroy",) if destroy else ()),
        )
        done = self._run("plan", arguments, accepted=(0, CHANGES))
        return self._changes() if done.code == CHANGES else []

    def apply(self) -> None:
        """Apply the plan, exactly as it was planned."""
        self._run("apply", ("apply", "-input=false", "-lock-timeout=5m", str(self.plan_file)))

    def outputs(self) -> Outputs:
        """Return the outputs of the last apply."""
        text = self._run("output", ("output", "-json")).output
        try:
            values = {name: output["value"] for name, output in json.loads(text).items()}
            found = Outputs(
                environment=dict(values["environment"]), smoke_table=values.get("smoke_table")
            )
        except (ValueError, KeyError, TypeError) as exc:
            raise DeploymentError(
                "terraform output lacks the environment; was this environment ever applied? "
                "terraform/README.md has the outputs that a deployment needs"
            ) from exc
        if found.environment.get("SLUICE_PROJECT") != self.project:
            raise DeploymentError(
                f"the state belongs to project {found.environment.get('SLUICE_PROJECT')}, not to "
                f"{self.project}; check PROJECT and STATE_BUCKET"
            )
        return found

    def _changes(self) -> list[Change]:
        text = self._run("show", ("show", "-json", str(self.plan_file))).output
        try:
            return [
                Change(address=r["address"], kind=r["type"], actions=tuple(r["change"]["actions"]))
                for r in json.loads(text).get("resource_changes", ())
                if set(r["change"]["actions"]) - {"no-op", "read"}
            ]
        except (ValueError, KeyError, TypeError) as exc:
            raise DeploymentError("terraform show did not describe the plan as JSON") from exc

    def _run(
        self, step: str, arguments: tuple[str, ...], *, accepted: tuple[int, ...] = (0,)
    ) -> commands.Outcome:
        return commands.run(
            (str(self.program), *arguments, *(() if step in ("output", "show") else _PLAIN)),
            doing=f"terraform {step}",
            folder=self.folder,
            env={"TF_IN_AUTOMATION": "1"},
            accepted=accepted,
        )


_PLAIN = ("-no-color",)
