"""The workflows: pinned, with the least rights, and naming only what the project has."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.test_commands import TARGET, check_sluice

FOLDER = Path(".github")
WORKFLOWS = sorted(FOLDER.glob("workflows/*.yml"))
ACTIONS = sorted(FOLDER.glob("actions/*/action.yml"))

USES = re.compile(r"uses: (\S+)(.*)")
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
OWN = re.compile(r"\./\.github/[\w./-]+")
VERSION = re.compile(r" # v\d+\.\d+\.\d+")

WRITES = {
    "plan.yml": {"id-token", "pull-requests"},
    "deploy.yml": {"id-token"},
    "environment.yml": {"id-token"},
    "rollback.yml": {"id-token"},
    "security.yml": {"security-events"},
    "release.yml": {"contents"},
}
"""What a workflow's token may change; ``id-token`` is only the way to Google's credentials."""


def jobs(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the jobs of a workflow."""
    yield from yaml.safe_load(path.read_text())["jobs"].values()


def commands(path: Path) -> Iterator[str]:
    """Yield the shell lines of a workflow or action, those that go on joined."""
    text = yaml.safe_load(path.read_text())
    bodies = text["jobs"].values() if "jobs" in text else [text["runs"]]
    for body in bodies:
        for step in body.get("steps", ()):
            yield from step.get("run", "").replace("\\\n", " ").splitlines()


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=str)
def test_every_action_is_pinned_to_a_commit_with_its_version_beside(path: Path) -> None:
    for uses, comment in USES.findall(path.read_text()):
        assert OWN.fullmatch(uses) or (PINNED.fullmatch(uses) and VERSION.fullmatch(comment)), uses


def test_an_action_has_the_same_commit_everywhere() -> None:
    found = {use for path in (*WORKFLOWS, *ACTIONS) for use, _ in USES.findall(path.read_text())}

    names = [use.partition("@")[0] for use in found]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("path", WORKFLOWS, ids=str)
def test_a_workflow_has_no_right_but_those_of_its_jobs(path: Path) -> None:
    assert yaml.safe_load(path.read_text())["permissions"] == {}

    written = {
        right for job in jobs(path) for right, way in job["permissions"].items() if way == "write"
    }
    assert written == WRITES.get(path.name, set())


@pytest.mark.parametrize("path", WORKFLOWS, ids=str)
def test_a_workflow_ends_in_time_and_does_not_meet_itself(path: Path) -> None:
    assert "concurrency" in yaml.safe_load(path.read_text())
    assert all("timeout-minutes" in job for job in jobs(path) if "steps" in job)


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=str)
def test_no_expression_is_put_into_a_shell(path: Path) -> None:
    assert not [line for line in commands(path) if "${{" in line]


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=str)
def test_what_a_workflow_runs_of_the_project_exists(path: Path) -> None:
    targets = set(TARGET.findall(Path("Makefile").read_text()))

    for line in commands(path):
        words = line.split()
        if words[:1] == ["make"] and not words[1].startswith('"$'):
            assert words[1] in targets, line
        if words[:1] == [".venv/bin/sluice"]:
            check_sluice(" ".join(word for word in words[1:] if "$" not in word))


@pytest.mark.parametrize("path", WORKFLOWS, ids=str)
def test_a_called_workflow_is_there_and_may_be_called(path: Path) -> None:
    for job in jobs(path):
        if "uses" in job:
            called = yaml.safe_load(Path(job["uses"]).read_text())
            triggers = called[True]  # YAML 1.1 reads the key "on" as a truth value
            assert "workflow_call" in triggers
            inputs = (triggers["workflow_call"] or {}).get("inputs", {})
            assert set(job.get("with", {})) <= inputs.keys()


def test_an_environment_that_is_not_listed_does_not_keep_the_next_one_back() -> None:
    """A job whose predecessor was skipped is skipped too, unless its condition says otherwise."""
    deploying = yaml.safe_load((FOLDER / "workflows/deploy.yml").read_text())["jobs"]
    optional = {name for name, job in deploying.items() if "ENVIRONMENTS" in job.get("if", "")}

    after = {name: job for name, job in deploying.items() if job.get("needs") in optional}

    assert set(after) == {"staging", "prod"}
    assert all("!failure()" in job["if"] and "!cancelled()" in job["if"] for job in after.values())
