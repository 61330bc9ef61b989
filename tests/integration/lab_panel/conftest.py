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
from lab.network.conditions import Conditions
from lab.network.network import Network, NetworkSettings
from lab.network.parts.ports import free_port
from lab.network.run import Run
from lab.network.supervisor import Keeper, Kept, PartAction, PartKind
from lab.panel.app import create_app
from lab.panel.door import PanelDoor
from lab.panel.programme import Programme
from lab.panel.site import Laboratory
from lab.panel.window import MapWindow
from lab.prove.scenarios.player import Player
from lab.read.rest import BankRest, new_client
from tests.integration.lab_parts.test_lab_keeper import Sample

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
    """Hub and bank are at ports where nobody is."""
    network = Network(NetworkSettings(folder=tmp_path))
    nobody = f"http://127.0.0.1:{free_port()}"
    with ExitStack() as afterwards, new_client() as client:
        run = Run(network, client, afterwards)
        rest = {"001": BankRest("Bank 001", nobody, client)}
        kept = Kept(sample, PartKind.DATABASE, sample.launch, refused={PartAction.KILL: KILL_RULE})  # type: ignore[arg-type]
        keeper = Keeper([kept])
        conditions = Conditions(keeper)
        generator = Generator(run.surveyor.hub, rest, "", run.in_background)
        player = Player(network, keeper, rest, run.surveyor)
        programme = Programme(player, run.surveyor, generator, afterwards, QUIET_SECONDS_MAX)
        window = MapWindow(network.hub_url, sample.name, conditions, client)
        yield Laboratory(network, keeper, conditions, generator, programme, window, run.ends)
        run.ends.set()


@pytest.fixture
def app(lab: Laboratory, port: int) -> FastAPI:
    return create_app(lab, PanelDoor(TOKEN), port)


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
