"""What more than one part of the tests uses; fixtures with a subject of their own live in tests/fixtures/."""

import os

import pytest
from hypothesis import settings

pytest_plugins = (
    "tests.fixtures.mbpoll",
    "tests.fixtures.postgresql",
    "tests.fixtures.sandbox",
    "tests.fixtures.ssh_server",
    "tests.fixtures.telegram_api",
)

# A busy machine is slow at times, which is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

REQUIRE_ALL = "SMARTMETER_TEST_REQUIRE_ALL"


def pytest_sessionfinish(session, exitstatus):
    """Where everything must run, a test that was skipped has failed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if os.environ.get(REQUIRE_ALL) == "1" and skipped and exitstatus == 0:
        reporter.write_line(f"{len(skipped)} tests were skipped, and {REQUIRE_ALL} is set", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
