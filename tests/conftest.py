"""What all tests share: CI fails on a test that was skipped although it could run here."""

import os

import pytest

# Servers are started from processes that have gRPC loaded; its fork handlers can end the child.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")


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
