"""A whole network of separate processes, started once for a folder of tests and shared by those that ask for it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from lab.drive.customers import Population
from lab.network.network import DEMO_BANKS, Network, NetworkSettings
from lab.network.parts.ports import free_port
from lab.read.rest import BankRest, new_client
from lab.read.snapshot import NetworkReader

SETTINGS = {
    "SANDBOX": "on",
    "WEBHOOK_TIMEOUT_SECONDS": "1",
    "WEBHOOK_RETRY_FIRST_SECONDS": "0.2",
    "WEBHOOK_RETRY_CAP_SECONDS": "1",
    "WEBHOOK_PIX_MAX": "2",
}
"""Webhooks that are tried again soon."""


@pytest.fixture(scope="package")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """A hub and the three demo banks on free ports, with the embedded broker. Who breaks a part mends it."""
    settings = NetworkSettings(
        folder=tmp_path_factory.mktemp("network"),
        banks=DEMO_BANKS,
        demo_mode=True,
        resend_first_seconds=1.0,
        lab_port=free_port(),
        extra_environment=SETTINGS,
    )
    with Network(settings) as running:
        yield running


@pytest.fixture(scope="package")
def client(network: Network) -> Iterator[httpx.Client]:
    """An HTTP client for the network, the operator's."""
    with new_client(network.secrets.operator) as session_client:
        yield session_client


@pytest.fixture(scope="package")
def banks(network: Network, client: httpx.Client) -> dict[str, BankRest]:
    """The banks' REST APIs by code."""
    return {bank.code: BankRest(bank.spec.name, bank.url, client) for bank in network.banks}


@pytest.fixture(scope="package")
def reader(network: Network, client: httpx.Client) -> NetworkReader:
    """Who looks at the network as the audit does; has the hub's REST API."""
    return NetworkReader(network.hub_url, client)


@pytest.fixture(scope="package")
def population(banks: dict[str, BankRest]) -> Population:
    """The demo people."""
    return Population.of(banks)
