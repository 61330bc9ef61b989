"""Each kind of service is restarted in turn while customers pay: no payment is refused or lost, and all stop in time.

The broker is not among them, for the one inside the client library comes back elsewhere. Apache Kafka is restarted
under load by `codepix experiment --kafka apache`, and by the test of the containers.
"""

from __future__ import annotations

import time
from pathlib import Path
from random import Random

import pytest

from lab.drive.customers import Population
from lab.drive.payments import PaymentDriver, PaymentStream, good_payments, read_outcomes
from lab.network.network import DEMO_BANKS, Network, NetworkSettings
from lab.network.parts.process import wait_until
from lab.read.rest import BankRest, new_client
from lab.read.snapshot import NetworkReader

STOP_SECONDS_MAX = 10.0
QUIET_SECONDS_MAX = 40.0
AUDIT_SECONDS_MAX = 20.0
RETRY_SECONDS_MAX = 30.0
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


@pytest.mark.slow
def test_a_rolling_restart_under_load_loses_nothing(tmp_path: Path) -> None:
    settings = NetworkSettings(folder=tmp_path / "network", banks=DEMO_BANKS[:2], hubs=2, resend_first_seconds=1.0)
    with Network(settings) as network, new_client(network.secrets.operator) as client:
        reader = NetworkReader(network.hub_url, client)
        banks = {bank.code: BankRest(bank.code, bank.url, client) for bank in network.banks}
        payments = good_payments(Population.of(banks), PAYMENTS_MAX, Random(7), "rolling")
        stream = PaymentDriver(banks, RETRY_SECONDS_MAX, SENDERS).start(payments)
        stops: dict[str, tuple[float, int | None]] = {}
        # Both replicas of the hub, and one bank, which is the same program as the other.
        for service in network.services[:3]:
            await_more(stream)
            asked = time.monotonic()
            service.stop()
            stops[service.name] = (time.monotonic() - asked, service.exit_code)
            service.start()
        await_more(stream)
        network.postgres.restart()
        await_more(stream)
        stream.stop()
        stream.wait()

        assert [each.refused for each in stream.sent if each.refused is not None] == []
        assert reader.wait_for_quiet(QUIET_SECONDS_MAX)
        outcomes = read_outcomes(reader.hub, stream.sent)
        report = reader.audit(AUDIT_SECONDS_MAX)

    assert set(stops) == {"hub", "hub-2", "bank-001"}
    assert {name: code for name, (_, code) in stops.items()} == dict.fromkeys(stops, 0)
    assert max(seconds for seconds, _ in stops.values()) < STOP_SECONDS_MAX, stops
    assert outcomes.by_outcome == {"completed": len(stream.sent)}
    assert report.is_ok and not report.in_flight and not report.moving
    print(
        f"{len(stream.sent)} payments, {sum(each.retries for each in stream.sent)} asked again, stops:",
        {name: f"{seconds:.1f} s" for name, (seconds, _) in stops.items()},
    )
