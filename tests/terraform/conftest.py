"""One planned and applied copy of production for all tests here."""

from typing import Any

import pytest

from tests.terraform.workspace import Workspace, plans, terraform


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Copy the configuration and initialise it."""
    if not terraform():
        pytest.skip("not installed: terraform")
    copied = Workspace.copy(tmp_path_factory.mktemp("terraform"))
    copied.run("terraform/modules/catalog", "init")
    return copied


@pytest.fixture(scope="session")
def planner(workspace: Workspace) -> Workspace:
    """Return a workspace whose terraform plans without a cloud."""
    if not plans():
        pytest.skip("not installed: a terraform that plans without a cloud (TF, TF_PLANS)")
    for module in ("terraform", "terraform/bootstrap"):
        workspace.run(module, "init")
    return workspace


@pytest.fixture(scope="session")
def plan(planner: Workspace) -> dict[str, Any]:
    """Return production's plan."""
    return planner.plan("prod")


@pytest.fixture(scope="session")
def applied(planner: Workspace) -> dict[str, Any]:
    """Return production's state after a simulated apply."""
    return planner.apply("prod")
