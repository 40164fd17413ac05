"""How an environment is reached from a checkout, without asking Terraform's state."""

import re
from pathlib import Path

from shared.deploy.terraform import FOLDER
from shared.errors import InvalidConfigError

_PREFIX = re.compile(r'^\s*prefix\s*=\s*"([^"]+)"', re.MULTILINE)


def variables(repository: Path, environment: str, project: str) -> dict[str, str]:
    """Return the environment variables that lead to an environment.

    Raises:
        InvalidConfigError: there is no such environment, its prefix is not written down, or no
            project is given.
    """
    folder = repository / FOLDER / "environments"
    path = folder / f"{environment}.tfvars"
    if not path.is_file():
        known = sorted(found.stem for found in folder.glob("*.tfvars"))
        raise InvalidConfigError(
            f"{path} does not exist; known environments: {', '.join(known) or 'none'}"
        )
    prefix = _PREFIX.search(path.read_text())
    if not prefix:
        raise InvalidConfigError(f"{path} gives no prefix")
    if not project:
        raise InvalidConfigError(
            f"which project is {environment}? Give --project, or set TF_VAR_project"
        )
    return {"SLUICE_PROJECT": project, "SLUICE_PREFIX": prefix[1]}
