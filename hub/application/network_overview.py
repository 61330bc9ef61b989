"""The network at a glance: what has moved, what is under way, how fast, and who is there."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from cachetools import TTLCache

from hub.application.bank_states import BankStanding, ReadBankStates
from hub.application.ports import Latency, UnitsOfWork
from hub.domain.flows.transfer.model import NAME as TRANSFER
from hub.domain.flows.transfer.model import TransferStatus
from hub.domain.tallies import Tally, TallyKey, count_by_reason, count_by_status, of_flow, settled_centavos
from pix.runtime.clock import SchemeClock, monotonic_ms
from pix.scheme.reasons import ReasonCode
from pix.scheme.values import value_object

LATENCY_STEP_MS: Final = 10_000
LATENCY_STEPS: Final = 30
"""Five minutes."""
TRANSFERS_PER_STEP_MAX: Final = 200
"""The newest of each step: at any rate of transfers five minutes cost the same to look at."""
LATENCY_TTL_MS: Final = 5_000
RATE_MS: Final = 10_000
"""Rates are taken over the looks of this time."""
RATE_MS_MIN: Final = 800
"""Looks that are closer to each other tell no rate."""


@value_object
class Rates:
    """Transfers per second, over the last ten seconds, or over as much of them as somebody has watched."""

    received: float = 0.0
    completed: float = 0.0
    failed: float = 0.0


@value_object
class NetworkNow:
    at_ms: int
    counts: Mapping[TransferStatus, int]
    reasons: Mapping[ReasonCode, int]
    rates: Rates
    in_flight_centavos: int
    """Of transfers that are pending, or confirmed and not yet booked by both banks."""
    settled: Mapping[tuple[str, str], int]
    """Centavos that have moved from one bank to another, by (payer's ISPB, payee's ISPB)."""
    waiting: Mapping[str, int]
    """How many pending transfers wait for a bank's answer, by ISPB."""
    latencies: Sequence[Latency]
    """Of the last five minutes, oldest step first; without the steps in which nothing was completed."""
    banks: Sequence[BankStanding]
    """By code."""


class NetworkOverview:
    """Looks, at a cost that does not grow with the history. Thread-safe; remembers its last looks for the rates."""

    def __init__(
        self,
        units: UnitsOfWork,
        scheme_clock: SchemeClock,
        read_bank_states: ReadBankStates,
        monotonic_ms: Callable[[], int] = monotonic_ms,
    ) -> None:
        self._units = units
        self._scheme_clock = scheme_clock
        self._monotonic_ms = monotonic_ms
        self._read_bank_states = read_bank_states
        self._lock = threading.Lock()
        self._looks: deque[tuple[int, Mapping[TransferStatus, int]]] = deque()
        self._latencies: TTLCache[None, Sequence[Latency], int] = TTLCache(1, LATENCY_TTL_MS, monotonic_ms)

    def __call__(self) -> NetworkNow:
        """Raises DatabaseUnavailable."""
        now_ms = self._scheme_clock.now_ms()
        with self._units() as unit:
            tallies = of_flow(unit.tallies.all(), TRANSFER)
        counts = count_by_status(tallies)
        return NetworkNow(
            at_ms=now_ms,
            counts=counts,
            reasons=count_by_reason(tallies),
            rates=self._rates(self._monotonic_ms(), counts),
            in_flight_centavos=sum(
                tally.amount_centavos
                for key, tally in tallies.items()
                if key.status in (TransferStatus.PENDING, TransferStatus.CONFIRMED)
            ),
            settled=settled_centavos(tallies),
            waiting=_waiting(tallies),
            latencies=self._latencies_until(now_ms),
            banks=self._read_bank_states(),
        )

    def _rates(self, at_ms: int, counts: Mapping[TransferStatus, int]) -> Rates:
        with self._lock:
            looks = self._looks
            while looks and at_ms - looks[0][0] > RATE_MS:
                looks.popleft()
            earlier = next((look for look in looks if at_ms - look[0] >= RATE_MS_MIN), None)
            looks.append((at_ms, counts))
        if earlier is None:
            return Rates()
        seconds = (at_ms - earlier[0]) / 1000

        def rate(*statuses: TransferStatus) -> float:
            gained = sum(counts.get(each, 0) - earlier[1].get(each, 0) for each in statuses)
            return max(0.0, gained / seconds)

        return Rates(rate(*TransferStatus), rate(TransferStatus.COMPLETED), rate(TransferStatus.FAILED))

    def _latencies_until(self, now_ms: int) -> Sequence[Latency]:
        with self._lock:
            known = self._latencies.get(None)
        if known is not None:
            return known
        until_ms = now_ms - now_ms % LATENCY_STEP_MS + LATENCY_STEP_MS
        from_ms = until_ms - LATENCY_STEPS * LATENCY_STEP_MS
        with self._units() as unit:
            latencies = unit.transfers.latencies(from_ms, until_ms, LATENCY_STEP_MS, TRANSFERS_PER_STEP_MAX)
        with self._lock:
            self._latencies[None] = latencies
        return latencies


def _waiting(tallies: Mapping[TallyKey, Tally]) -> dict[str, int]:
    waiting: dict[str, int] = {}
    for key, tally in tallies.items():
        if key.status is TransferStatus.PENDING:
            waiting[key.payee_ispb] = waiting.get(key.payee_ispb, 0) + tally.rows
    return waiting
