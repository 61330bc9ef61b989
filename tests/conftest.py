"""Fixtures that several rooms of tests share: one real PostgreSQL for the whole run, a database of its own per test."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from lab.parts.postgres import EmbeddedPostgres


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
