"""A hub on PostgreSQL with three banks, its state as a whole, and its gRPC with or without TLS."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import grpc
import pytest
from sqlalchemy import Engine

from bank_sim.adapters.postgres import MIGRATIONS as BANK_MIGRATIONS
from bank_sim.adapters.postgres import PostgresUnitsOfWork
from hub.adapters.postgres.unit_of_work import MIGRATIONS
from hub.application.use_cases import HubApplication
from hub.entrypoints.grpc.server import add_services
from lab.network.certs import Certificates, make_certificates
from lab.network.parts.ports import free_port
from lab.network.parts.process import wait_until
from pix.postgres.engine import make_engine
from pix.rpc.client import open_channel
from pix.rpc.server import serve_grpc
from tests.contract.bank_sim.world import World as BankWorld
from tests.figures import INPUTS
from tests.integration.attacks.inputs import COUNTS
from tests.integration.bank_http.conftest import ana, aurora, bruno, clients, ipe, village, visit
from tests.integration.hub.world import World, make_world
from tests.support.databases import Databases, empty_hub

__all__ = ["ana", "aurora", "bruno", "clients", "ipe", "village", "visit"]

READY_SECONDS = 20.0


@pytest.fixture(scope="package")
def attacked_engine(databases: Databases) -> Iterator[Engine]:
    """A database with the hub's schema."""
    engine = make_engine(databases.migrated(MIGRATIONS))
    yield engine
    engine.dispose()


@pytest.fixture
def engine(attacked_engine: Engine) -> Engine:
    """The same, emptied."""
    empty_hub(attacked_engine)
    return attacked_engine


@pytest.fixture
def world(engine: Engine) -> World:
    """A hub with three banks and two keys."""
    return make_world(engine)


@pytest.fixture
def on_postgres(databases: Databases) -> Iterator[BankWorld]:
    """A bank on PostgreSQL."""
    bank_engine = make_engine(databases.migrated(BANK_MIGRATIONS))
    yield BankWorld(PostgresUnitsOfWork(bank_engine))
    bank_engine.dispose()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Of an authority, the hub and two banks."""
    return make_certificates(tmp_path_factory.mktemp("tls"), ["001", "002"])


@pytest.fixture(scope="session")
def strangers_certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """The same names by another authority."""
    return make_certificates(tmp_path_factory.mktemp("other-tls"), ["001", "002"])


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Serves a hub's gRPC until the end of the test; returns its address."""
    with ExitStack() as stack:

        def start(application: HubApplication, credentials: grpc.ServerCredentials | None = None) -> str:
            port, stop = free_port(), threading.Event()
            thread = threading.Thread(
                target=serve_grpc,
                args=(lambda server: add_services(server, application), "127.0.0.1", port, stop),
                kwargs={"credentials": credentials},
            )
            thread.start()
            stack.callback(thread.join)
            stack.callback(stop.set)
            wait_until(lambda: not is_free(port), READY_SECONDS, "the hub to listen")
            return f"127.0.0.1:{port}"

        yield start


@pytest.fixture
def connect() -> Iterator[Callable[..., grpc.Channel]]:
    """Opens channels, which are closed at the end of the test."""
    with ExitStack() as stack:

        def open_one(address: str, credentials: grpc.ChannelCredentials | None = None) -> grpc.Channel:
            options: Any = [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.min_reconnect_backoff_ms", 50)]
            channel = open_channel(address, options, credentials)
            stack.callback(channel.close)
            return channel

        yield open_one


def is_free(port: int) -> bool:
    """Whether nobody listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture(autouse=True)
def _inputs_are_told(record_property: Callable[[str, object], None]) -> Iterator[None]:
    """How many inputs the attacks and the fuzzing have tried is printed at the end of the run."""
    before = COUNTS.copy()
    yield
    for name, count in (COUNTS - before).items():
        record_property(INPUTS, (name, count))
