"""What stands, looked at once for all pages that are open."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from cachetools import TTLCache, cached

from hub.application.network_overview import NetworkNow
from hub.application.ports import TransferFilter
from hub.application.use_cases import HubApplication
from hub.domain.alerts import Alert, AlertKind, alerts_of
from hub.domain.flows.transfer.model import TransferStatus
from hub.entrypoints.http.pages.network_map import Chart, Drawing, drawings, latency_chart
from hub.entrypoints.http.pages.views import TransferLine, bank_view, transfer_lines
from pix.participant.dead_letters.model import DeadLetterState
from pix.runtime.outages import DatabaseUnavailable
from pix.web.site import version_of

LATEST_TRANSFERS: Final = 8
SNAPSHOT_TTL_SECONDS: Final = 0.9
FUNDED_TTL_SECONDS: Final = 10.0

Value = TypeVar("Value")


def cached_for(ttl_seconds: float, make: Callable[[], Value]) -> Callable[[], Value]:
    """`make` with a cache: it runs once per time to live, however many pages call it."""
    return cached(TTLCache(maxsize=1, ttl=ttl_seconds), condition=threading.Condition())(make)


@dataclass(frozen=True, slots=True)
class Snapshot:
    network: NetworkNow
    drawings: Sequence[Drawing]
    chart: Chart
    counts: Mapping[str, int]
    latest: Sequence[TransferLine]
    dead_letters: int
    health: Mapping[str, str]
    alerts: Sequence[Alert]
    version: str

    @property
    def is_well(self) -> bool:
        return all(state == "ok" for state in self.health.values())

    def alerts_of(self, code: str) -> list[Alert]:
        """Those of a bank."""
        return [alert for alert in self.alerts if alert.code == code]


class Overview:
    """Takes snapshots, one for all pages that are open."""

    def __init__(self, hub: HubApplication, health: Callable[[], Mapping[str, str]]) -> None:
        self._hub = hub
        self._health = health
        self._funded = cached_for(FUNDED_TTL_SECONDS, hub.queries.largest_fundings)
        self.snapshot = cached_for(SNAPSHOT_TTL_SECONDS, self.take)
        """Raises DatabaseUnavailable."""
        # Also an unavailable database is remembered, so that no page waits for it twice.
        self.alert_counts = cached_for(SNAPSHOT_TTL_SECONDS, self._count_alerts)

    def _count_alerts(self) -> dict[str, int]:
        """How many alerts each section of the navigation has; none while the database is away."""
        try:
            alerts = self.snapshot().alerts
        except DatabaseUnavailable:
            return {}
        counts = {
            "/": sum(alert.kind is AlertKind.HUB_DEGRADED for alert in alerts),
            "/banks": len({alert.code for alert in alerts if alert.code}),
            "/dead-letters": sum(alert.count for alert in alerts if alert.kind is AlertKind.DEAD_LETTERS),
        }
        return {section: count for section, count in counts.items() if count}

    def take(self) -> Snapshot:
        """As of this moment. Raises DatabaseUnavailable."""
        hub = self._hub
        network = hub.network_overview()
        banks = {each.bank.ispb: bank_view(each.bank, each.account) for each in network.banks}
        latest = transfer_lines(hub.queries.list_transfers(TransferFilter(size=LATEST_TRANSFERS)), banks)
        dead_letters = hub.dead_letters.count().get(DeadLetterState.DEAD, 0)
        health = self._health()
        counts = {status.value: network.counts.get(status, 0) for status in TransferStatus}
        alerts = alerts_of(network.banks, self._funded(), dead_letters, health)
        drawn, chart = drawings(network), latency_chart(network)
        shown = (counts, network.rates, network.in_flight_centavos, drawn, chart, latest, dead_letters, health, alerts)
        return Snapshot(network, drawn, chart, counts, latest, dead_letters, health, alerts, version_of(shown))
