"""Fixtures that several rooms of tests share: one real PostgreSQL for the whole run, a database of its own per test."""

from __future__ import annotations

import gc
import logging
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
import structlog

from bank_sim.application import pins
from lab.network.parts.postgres import EmbeddedPostgres
from pix.participant.process import heed_interrupts
from tests.support.databases import Databases


def pytest_configure() -> None:
    """A run that a shell has started in the background ends on SIGINT as well, and so does what tests start."""
    heed_interrupts()
    # A busy machine takes longer for an example, which says nothing about the product.
    hypothesis.settings.register_profile(
        "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("unhurried")


def pytest_collection_finish() -> None:
    """What was imported and collected stays: a run does not look for garbage among it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _plain_logs() -> None:
    """Tracebacks in captured logs without drawings of every local variable, which take seconds to make."""
    renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, renderer])


@pytest.fixture(scope="session", autouse=True)
def _cheap_pins() -> Iterator[None]:
    """PINs that are hashed in no time. Their cost is there for thieves; the tests open thousands of accounts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pins, "SCRYPT_COST", 2)
        yield


@pytest.fixture
def logs_restored() -> Iterator[None]:
    """For tests of commands, which set up the logs of their process: puts back what the run has set up."""
    root = logging.getLogger()
    handlers, level, configuration = list(root.handlers), root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**configuration)
    structlog.contextvars.clear_contextvars()


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL server that lives as long as the run, as do its data: it never waits for the disk."""
    with tempfile.TemporaryDirectory(prefix="codepix-pg-") as folder:
        server = EmbeddedPostgres(Path(folder) / "data", durable=False)
        server.start()
        yield server
        server.stop()


@pytest.fixture(scope="session")
def databases(postgres: EmbeddedPostgres) -> Databases:
    """Makes databases, empty or with a participant's newest schema."""
    return Databases(postgres)


@pytest.fixture(scope="session")
def new_database(databases: Databases) -> Callable[[], str]:
    """Makes an empty database and returns its URL."""
    return databases.new
