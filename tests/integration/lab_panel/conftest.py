"""A panel over one idle process and a network that was never started: its door, its forms and its streams."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from lab.drive.generator.generator import Generator
from lab.network.health_monitor import HealthMonitor
from lab.network.network import Network, NetworkSettings
from lab.network.parts.ports import free_port
from lab.network.run import Run
from lab.network.supervisor import PartAction, PartKind, SupervisedPart, Supervisor
from lab.panel.app import create_app
from lab.panel.history import RunHistory
from lab.panel.map_frame import MapFrame
from lab.panel.operator_sign_in import OperatorSignIn
from lab.panel.site import Laboratory
from lab.panel.tasks import TaskRunner
from lab.prove.scenarios.runner import ScenarioRunner
from lab.read.rest import BankRest, new_client
from tests.integration.lab_parts.test_lab_supervisor import Sample

TOKEN = "the token of this start, as long as it must be"
KILL_RULE = "It would lose its log."
QUIET_SECONDS_MAX = 1.0


@pytest.fixture(scope="package")
def port() -> int:
    return free_port()


@pytest.fixture
def sample(tmp_path: Path) -> Iterator[Sample]:
    made = Sample("postgres", tmp_path)
    made.launch()
    yield made
    made.thaw()
    made.kill()


@pytest.fixture
def lab(sample: Sample, tmp_path: Path) -> Iterator[Laboratory]:
    """Nothing listens at the ports of hub and bank."""
    network = Network(NetworkSettings(folder=tmp_path))
    closed = f"http://127.0.0.1:{free_port()}"
    with ExitStack() as afterwards, new_client() as client:
        run = Run(network, client, afterwards)
        run.rest = {"001": BankRest("Bank 001", closed, client)}
        supervised = SupervisedPart(sample, PartKind.DATABASE, sample.launch, refused={PartAction.KILL: KILL_RULE})
        supervisor = Supervisor([supervised])
        health_monitor = HealthMonitor(supervisor)
        generator = Generator(run.reader.hub, run.rest, "", run.in_background)
        runner = ScenarioRunner(run, supervisor)
        tasks = TaskRunner(runner, run.reader, generator, QUIET_SECONDS_MAX)
        map_frame = MapFrame(network.hub_url, sample.name, health_monitor, client)
        yield Laboratory(
            network, supervisor, health_monitor, generator, tasks, map_frame, run.ends, RunHistory(tmp_path)
        )
        run.ends.set()


@pytest.fixture
def app(lab: Laboratory, port: int) -> FastAPI:
    return create_app(lab, OperatorSignIn(TOKEN), port)


@pytest.fixture
def stranger(app: FastAPI, port: int) -> Iterator[TestClient]:
    """A browser that has shown nothing."""
    with TestClient(
        app, base_url=f"http://127.0.0.1:{port}", raise_server_exceptions=False, follow_redirects=False
    ) as made:
        yield made


@pytest.fixture
def browser(stranger: TestClient) -> TestClient:
    """A browser that has shown the token."""
    answer = stranger.get(f"/?token={TOKEN.replace(' ', '+')}")
    assert answer.status_code == 303 and answer.headers["location"] == "/"
    return stranger


@pytest.fixture
def program(app: FastAPI, port: int) -> Iterator[TestClient]:
    """A program that sends the token."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with TestClient(app, base_url=f"http://127.0.0.1:{port}", raise_server_exceptions=False, headers=headers) as made:
        yield made


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()
