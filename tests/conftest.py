"""Fixtures that several rooms of tests share: one real PostgreSQL for the whole run, a database of its own per test."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import structlog

from lab.network.parts.postgres import EmbeddedPostgres
from pix.participant.process import heed_interrupts


def pytest_configure() -> None:
    """A run that a shell has started in the background ends on SIGINT as well, and so does what tests start."""
    heed_interrupts()


@pytest.fixture(scope="session", autouse=True)
def _plain_logs() -> None:
    """Tracebacks in captured logs without drawings of every local variable, which take seconds to make."""
    renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, renderer])


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL server that lives as long as the run."""
    with tempfile.TemporaryDirectory(prefix="codepix-pg-") as folder:
        server = EmbeddedPostgres(Path(folder) / "data")
        server.start()
        yield server
        server.stop()


@pytest.fixture(scope="session")
def new_database(postgres: EmbeddedPostgres) -> Callable[[], str]:
    """Makes an empty database and returns its URL."""

    def create() -> str:
        name = f"test_{uuid4().hex}"
        postgres.create_database(name)
        return postgres.url(name)

    return create
