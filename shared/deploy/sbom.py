"""The software bill of materials: each function's packages with versions, hashes and licences.

Made of the locked ``requirements.txt`` alone, and of what the installed packages say of themselves,
so it needs no network. The same files give the same bytes. Source: CycloneDX 1.6, JSON.
"""

import json
import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from shared.deploy import archives

FORMAT, SPEC_VERSION = "CycloneDX", "1.6"
UNKNOWN = "unknown"
"""Of a package that is not installed here, such as one for another system."""

_PACKAGE = re.compile(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)(.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_IN_CLASSIFIER = re.compile(r"^License :: (?:OSI Approved :: )?(.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One locked package."""

    name: str
    version: str
    hashes: tuple[str, ...]
    """SHA-256 of each file that may be installed, in hex."""

    @property
    def purl(self) -> str:
        """Its package URL. Source: purl-spec, type pypi."""
        return f"pkg:pypi/{self.name.lower().replace('_', '-')}@{self.version}"


def packages(requirements: str) -> list[Package]:
    """Return what a locked file of requirements names, in its order."""
    return [
        Package(name=name, version=version, hashes=tuple(_HASH.findall(rest)))
        for name, version, rest in _PACKAGE.findall(requirements)
    ]


def licence(name: str) -> str:
    """Return the licence that an installed package states: an SPDX expression, or its own words."""
    try:
        said: Any = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return UNKNOWN
    stated = said.get("License-Expression")
    classified = _IN_CLASSIFIER.findall("\n".join(said.get_all("Classifier") or ()))
    plain = (said.get("License") or "").partition("\n")[0]
    return stated or ", ".join(classified) or plain or UNKNOWN


def bill(repository: Path, function: str, version: str) -> bytes:
    """Return a function's bill of materials as JSON."""
    locked = (repository / "functions" / function / "requirements.txt").read_text()
    document = {
        "bomFormat": FORMAT,
        "specVersion": SPEC_VERSION,
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": f"sluice-{function}",
                "name": f"sluice-{function}",
                "version": version,
            }
        },
        "components": [_component(package) for package in packages(locked)],
    }
    return json.dumps(document, indent=1).encode() + b"\n"


def write(repository: Path, folder: Path) -> list[Path]:
    """Write every function's bill into a folder; return the files.

    Raises:
        DeploymentError: the repository is no checkout of this project.
    """
    folder.mkdir(parents=True, exist_ok=True)
    version = metadata.version("sluice")
    written = []
    for function in archives.functions(repository):
        path = folder / f"{function}.cdx.json"
        path.write_bytes(bill(repository, function, version))
        written.append(path)
    return written


def _component(package: Package) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
        "hashes": [{"alg": "SHA-256", "content": each} for each in package.hashes],
        "licenses": [{"license": {"name": licence(package.name)}}],
    }
