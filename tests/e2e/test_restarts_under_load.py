"""Each kind of service is restarted in turn while customers pay: no payment is refused or lost, and all stop in time.

The broker is not among them, for the one inside the client library comes back elsewhere. Apache Kafka is restarted
under load by `codepix experiment --kafka apache`, and by the test of the containers.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

import httpx
import pytest

from lab.drive.customers import Population
from lab.drive.payments import PaymentDriver, PaymentStream, good_payments, read_outcomes
from lab.network.network import DEMO_BANKS, Network, NetworkSettings
from lab.network.parts.process import wait_until
from lab.network.services import Service
from lab.read.rest import BankRest, new_client
from lab.read.snapshot import NetworkReader

QUIET_SECONDS_MAX = 60.0
AUDIT_SECONDS_MAX = 20.0
RETRY_SECONDS_MAX = 120.0
SENDERS = 2
PAYMENTS_MAX = 5_000
PAYMENTS_BETWEEN = 10
"""So many payments go through between two restarts, so that each falls into traffic."""


def await_more(stream: PaymentStream) -> None:
    """Returns when some more payments have gone through."""
    enough = len(stream.sent) + PAYMENTS_BETWEEN

    def have_come() -> bool:
        stream.check()
        return len(stream.sent) >= enough

    wait_until(have_come, RETRY_SECONDS_MAX, "more payments")


def restart_under_load(network: Network, client: httpx.Client, services: Sequence[Service], database: bool) -> None:
    """Stops and starts each of the services, and the database, while customers pay; asserts what they would notice."""
    reader = NetworkReader(network.hub_url, client)
    banks = {bank.code: BankRest(bank.code, bank.url, client) for bank in network.banks[:2]}
    name = f"restarts-{time.time_ns()}"
    payments = good_payments(Population.of(banks), PAYMENTS_MAX, Random(7), name)
    stream = PaymentDriver(banks, RETRY_SECONDS_MAX, SENDERS).start(payments)
    exit_codes: dict[str, int | None] = {}
    for service in services:
        await_more(stream)
        service.stop()
        # It is 0 where the service has ended in its time, and was not killed.
        exit_codes[service.name] = service.exit_code
        service.start()
    await_more(stream)
    if database:
        network.postgres.restart()
        await_more(stream)
    stream.stop()
    stream.wait()

    assert [each.refused for each in stream.sent if each.refused is not None] == []
    assert exit_codes == {service.name: 0 for service in services}
    assert reader.wait_for_quiet(QUIET_SECONDS_MAX)
    assert read_outcomes(reader.hub, stream.sent).by_outcome == {"completed": len(stream.sent)}
    report = reader.audit(AUDIT_SECONDS_MAX)
    assert report.is_ok and not report.in_flight and not report.moving


def test_a_hub_and_a_bank_restart_under_load_and_lose_nothing(quiet_network: Network, client: httpx.Client) -> None:
    services = [*quiet_network.hubs, quiet_network.bank("001").service]
    restart_under_load(quiet_network, client, services, database=False)


@pytest.mark.prove
def test_a_rolling_restart_under_load_loses_nothing(tmp_path: Path) -> None:
    settings = NetworkSettings(folder=tmp_path / "network", banks=DEMO_BANKS[:2], hubs=2, resend_first_seconds=1.0)
    with Network(settings) as network, new_client(network.secrets.operator) as client:
        # Both replicas of the hub, and one bank, which is the same program as the other.
        restart_under_load(network, client, network.services[:3], database=True)
