"""A copy of the Terraform configuration with a state of its own, and a terraform to run on it.

``TF`` names the program. ``TF_PLANS`` set means that it can plan without a cloud, because it stands
in for the provider; without it only what needs no provider is run.
"""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
ENVIRONMENTS = ("dev", "staging", "prod")
FUNCTIONS = ("api", "extract", "ingest", "load", "sweep")
TIMEOUT_S = 600
"""It may run at low priority beside other tests."""

LOCAL_STATE = 'terraform {\n  backend "local" {}\n}\n'
"""Terraform merges files that end in _override.tf last, so this takes the place of the backend."""

CI = {"repository": "example/sluice", "repository_id": "1"}


def terraform() -> str | None:
    """Return the program to run; None when there is none."""
    return shutil.which(os.environ.get("TF") or "terraform")


def plans() -> bool:
    """Say whether the program can plan without a cloud."""
    return terraform() is not None and bool(os.environ.get("TF_PLANS"))


@dataclass(frozen=True, slots=True)
class Workspace:
    """Copies of ``terraform/``, ``config/`` and ``functions/`` in a folder of their own."""

    folder: Path

    @classmethod
    def copy(cls, folder: Path) -> "Workspace":
        """Copy what Terraform reads, and give every root module a local state."""
        ignored = shutil.ignore_patterns(".terraform", "*.tfstate*", "__pycache__")
        for name in ("terraform", "config", "functions"):
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        for module in ("terraform", "terraform/bootstrap"):
            (folder / module / "state_override.tf").write_text(LOCAL_STATE)
        return cls(folder)

    def run(self, module: str, *arguments: str) -> str:
        """Run terraform in a module and return what it printed.

        Raises:
            RuntimeError: it failed; the message has what it said.
        """
        program = terraform()
        if program is None:
            raise RuntimeError("no terraform is installed, and TF names none")
        done = subprocess.run(
            [program, *arguments],
            cwd=self.folder / module,
            env={**os.environ, "TF_IN_AUTOMATION": "1", "TF_CLI_ARGS": "-no-color"},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        if done.returncode:
            said = f"{done.stdout}\n{done.stderr}"
            raise RuntimeError(f"terraform {' '.join(arguments)} in {module} failed:\n{said}")
        return done.stdout

    def plan(self, environment: str) -> dict[str, Any]:
        """Plan an environment and return the plan as JSON."""
        name = f"{environment}.plan"
        self.run("terraform", "plan", f"-out={name}", *self.options(environment))
        return self._shown("terraform", name)

    def apply(self, environment: str) -> dict[str, Any]:
        """Apply the plan of an environment, simulated, and return the state as JSON."""
        state = f"-state={environment}.tfstate"
        self.run("terraform", "apply", "-auto-approve", state, *self.options(environment))
        return self._shown("terraform", f"{environment}.tfstate")

    def changes_after_apply(self, environment: str) -> list[str]:
        """Return the addresses of what a plan would change in an environment that was applied."""
        name, state = f"{environment}.again", f"-state={environment}.tfstate"
        self.run("terraform", "plan", f"-out={name}", state, *self.options(environment))
        plan = self._shown("terraform", name)
        return [
            c["address"] for c in plan["resource_changes"] if c["change"]["actions"] != ["no-op"]
        ]

    def bootstrap(self) -> dict[str, Any]:
        """Apply the bootstrap module, simulated, and return the state as JSON."""
        values = {"project": "example-prod", "prefix": "example-sluice-prod"}
        options = [f"-var={k}={v}" for k, v in values.items()]
        options.append(f"-var=github={json.dumps(CI)}")
        self.run("terraform/bootstrap", "apply", "-auto-approve", *options)
        return self._shown("terraform/bootstrap", "terraform.tfstate")

    def catalog(self, environment: str, prefix: str) -> dict[str, Any]:
        """Return the outputs of the catalog, which needs no provider."""
        module = "terraform/modules/catalog"
        config_dir = self.folder / "config"
        values = {"config_dir": config_dir, "environment": environment, "prefix": prefix}
        options = [f"-var={k}={v}" for k, v in values.items()]
        state = f"-state={environment}.tfstate"
        self.run(module, "apply", "-auto-approve", state, *options)
        outputs = json.loads(self.run(module, "output", "-json", state))
        return {name: output["value"] for name, output in outputs.items()}

    def options(self, environment: str) -> list[str]:
        """Return the variables of an environment, with files that are there as archives."""
        archives = {
            name: {"path": f"../functions/{name}/main.py", "sha256": f"{number:064x}"}
            for number, name in enumerate(FUNCTIONS, start=1)
        }
        return [
            f"-var-file=environments/{environment}.tfvars",
            f"-var=project=example-{environment}",
            f"-var=archives={json.dumps(archives)}",
        ]

    def _shown(self, module: str, name: str) -> dict[str, Any]:
        shown: dict[str, Any] = json.loads(self.run(module, "show", "-json", name))
        return shown


def resources(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the managed resources of a plan's or state's values, modules included."""
    root = values["root_module"]
    found = [r for r in root.get("resources", []) if r["mode"] == "managed"]
    for child in root.get("child_modules", []):
        found += resources({"root_module": child})
    return found
