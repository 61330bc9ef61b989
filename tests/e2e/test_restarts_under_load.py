"""Each kind of service is restarted in turn while customers pay: nobody is refused, nothing is lost, all stop in time.

The broker is not among them, for the one inside the client library comes back elsewhere. Apache Kafka is restarted
under load by `codepix experiment --kafka apache`, and by the test of the containers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from lab.drive.customers import Population
from lab.drive.payments import Cashier, Sent, good_payments, poll_until, read_outcomes
from lab.network.network import DEMO_BANKS, Network, NetworkSettings
from lab.read.rest import BankRest, new_client
from lab.read.snapshot import Surveyor

STOP_SECONDS_MAX = 10.0
QUIET_SECONDS_MAX = 40.0
AUDIT_SECONDS_MAX = 20.0
PATIENCE_SECONDS = 30.0
SENDERS = 2
PAYMENTS_MAX = 5_000
PAYMENTS_BETWEEN = 10
"""So many payments go through between two restarts, so that each falls into traffic."""


class Customers:
    """They pay without pause, and ask again when a bank does not answer."""

    def __init__(self, banks: dict[str, BankRest]) -> None:
        self._cashier = Cashier(banks, PATIENCE_SECONDS, SENDERS)
        self._payments = iter(good_payments(Population.of(banks), PAYMENTS_MAX, Random(7), "rolling"))
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self.sent: list[Sent] = []
        self.failures: list[Exception] = []

    def _pay(self) -> None:
        try:
            while not self._stop.is_set():
                with self._lock:
                    order = next(self._payments)
                self.sent.append(self._cashier.send(order))
        except Exception as failure:  # noqa: BLE001 - the test asserts that there is none
            self.failures.append(failure)

    def await_more(self) -> None:
        """Returns when some more payments have gone through."""
        enough = len(self.sent) + PAYMENTS_BETWEEN
        assert poll_until(lambda: len(self.sent) >= enough or bool(self.failures), PATIENCE_SECONDS), "nobody pays"
        assert not self.failures

    @contextmanager
    def paying(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._pay, daemon=True) for _ in range(SENDERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(PATIENCE_SECONDS)


@pytest.mark.slow
def test_a_rolling_restart_under_load_loses_nothing(tmp_path: Path) -> None:
    settings = NetworkSettings(folder=tmp_path / "network", banks=DEMO_BANKS[:2], hubs=2, resend_first_seconds=1.0)
    with Network(settings) as network, new_client(network.secrets.operator) as client:
        surveyor = Surveyor(network.hub_url, client)
        banks = {bank.code: BankRest(bank.code, bank.url, client) for bank in network.banks}
        customers = Customers(banks)
        stops: dict[str, tuple[float, int | None]] = {}
        with customers.paying():
            # Both replicas of the hub, and one bank, which is the same program as the other.
            for service in network.services[:3]:
                customers.await_more()
                asked = time.monotonic()
                service.stop()
                stops[service.name] = (time.monotonic() - asked, service.exit_code)
                service.start()
            customers.await_more()
            network.postgres.restart()
            customers.await_more()

        assert not customers.failures
        assert [each.refused for each in customers.sent if each.refused is not None] == []
        assert surveyor.wait_for_quiet(QUIET_SECONDS_MAX)
        outcomes = read_outcomes(surveyor.hub, customers.sent)
        report = surveyor.audit(AUDIT_SECONDS_MAX)

    assert set(stops) == {"hub", "hub-2", "bank-001"}
    assert {name: code for name, (_, code) in stops.items()} == dict.fromkeys(stops, 0)
    assert max(seconds for seconds, _ in stops.values()) < STOP_SECONDS_MAX, stops
    assert outcomes.by_outcome == {"completed": len(customers.sent)}
    assert report.is_ok and not report.in_flight and not report.moving
    print(
        f"{len(customers.sent)} payments, {sum(each.retries for each in customers.sent)} asked again, stops:",
        {name: f"{seconds:.1f} s" for name, (seconds, _) in stops.items()},
    )
