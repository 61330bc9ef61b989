"""A whole network of separate processes, which all tests that ask for it share; `tests.sharing` stops it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import httpx
import pytest

from lab.drive.customers import Population
from lab.network.network import DEMO_BANKS, Network, NetworkSettings
from lab.network.parts.ports import free_port
from lab.read.rest import BankRest, new_client
from lab.read.snapshot import NetworkReader
from tests.sharing import NETWORK

SETTINGS = {
    "SANDBOX": "on",
    "WEBHOOK_TIMEOUT_SECONDS": "1",
    "WEBHOOK_RETRY_FIRST_SECONDS": "0.2",
    "WEBHOOK_RETRY_CAP_SECONDS": "1",
    "WEBHOOK_PIX_MAX": "2",
}
"""Webhooks that are tried again soon."""


class SharedNetwork:
    """A hub and the three demo banks on free ports, with the embedded broker, from its start to `stop`."""

    def __init__(self) -> None:
        self._folder = Path(mkdtemp(prefix="codepix-shared-"))
        settings = NetworkSettings(
            folder=self._folder,
            banks=DEMO_BANKS,
            demo_mode=True,
            resend_first_seconds=1.0,
            resend_cap_seconds=5.0,
            lab_port=free_port(),
            durable=False,
            extra_environment=SETTINGS,
        )
        self.running = Network(settings).__enter__()

    def stop(self) -> None:
        self.running.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


@pytest.fixture
def network(pytestconfig: pytest.Config) -> Network:
    """The network, with what earlier tests have done in it. Who breaks a part mends it."""
    shared = pytestconfig.stash.get(NETWORK, None)
    if shared is None:
        shared = pytestconfig.stash[NETWORK] = SharedNetwork()
    assert isinstance(shared, SharedNetwork)
    return shared.running


@pytest.fixture
def client(network: Network) -> Iterator[httpx.Client]:
    """An HTTP client for the network, the operator's."""
    with new_client(network.secrets.operator) as operators_client:
        yield operators_client


@pytest.fixture
def banks(network: Network, client: httpx.Client) -> dict[str, BankRest]:
    """The banks' REST APIs by code."""
    return {bank.code: BankRest(bank.spec.name, bank.url, client) for bank in network.banks}


@pytest.fixture
def reader(network: Network, client: httpx.Client) -> NetworkReader:
    """Who looks at the network as the audit does; has the hub's REST API."""
    return NetworkReader(network.hub_url, client)


@pytest.fixture
def population(banks: dict[str, BankRest]) -> Population:
    """The demo people."""
    return Population.of(banks)
