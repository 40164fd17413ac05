"""What all tests share: which of them run in one process, and that none is skipped in CI."""

import os
from pathlib import PurePosixPath

import pytest
from xdist.scheduler import LoadScopeScheduling

# Servers are started from processes that have gRPC loaded; its fork handlers can end the child.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")


TOGETHER = {"tests/deploy"}
"""Folders whose tests share a cloud that takes long to start."""

APART = {"tests/model/test_delivery.py"}
"""Files whose tests share nothing and take long."""


class Scheduling(LoadScopeScheduling):
    """A file's tests run in one process, one after the other."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        folder = str(PurePosixPath(path).parent)
        return folder if folder in TOGETHER else nodeid if path in APART else path


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling:
    """Say how the processes share the tests."""
    return Scheduling(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--fail-on-skip``."""
    parser.addoption(
        "--fail-on-skip",
        action="store_true",
        help="fail when a test was skipped for a reason that this machine can mend",
    )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Turn skips into a failure where that was asked for.

    A test that needs what no package can bring (another vendor's emulator, another server) says so
    with a reason that begins with "not installed:"; any other reason fails.
    """
    if not session.config.getoption("--fail-on-skip") or exitstatus:
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    unexplained = [s for s in skipped if "not installed:" not in str(s.longrepr)]
    if unexplained:
        for report in unexplained:
            reporter.write_line(f"skipped, but must not be: {report.nodeid}: {report.longrepr}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
