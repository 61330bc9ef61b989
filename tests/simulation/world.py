"""A whole network, made from a seed: the hub, its banks, the broker between them, and the chance of each part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from bank_sim.application.process_messages import ProcessMessages
from bank_sim.application.sweep_transfers import RetransmitDue
from bank_sim.domain.charges.offers import UnknownCharges
from bank_sim.domain.flows import decide as decide_at_bank
from hub.adapters.memory.unit_of_work import HubStore
from hub.adapters.memory.unit_of_work import MemoryUnitsOfWork as HubUnitsOfWork
from hub.application.sweep_transfers import FailExpired
from hub.application.sweep_transfers import RetransmitDue as HubResendDue
from hub.domain.flows import decide as decide_at_hub
from pix.messaging.batches import BatchLoop
from pix.participant.reachability import RetransmitMissed
from pix.scheme.retransmission import RetransmissionPolicy
from pix.wire.record import Record
from tests.simulation.banks import BANKS, make_bank
from tests.simulation.calm import CalmWatch
from tests.simulation.comebacks import Comebacks
from tests.simulation.hubs import compose_hub, make_hubs
from tests.simulation.network import Broker, ParticipantClock, Timeline, Trace
from tests.simulation.object_codec import codec_of
from tests.simulation.processes import Fate, Instance, LoopOf

HOUR_MS = 3_600_000
SEEDS_WITH_COMEBACKS = (3, 6)
"""Remainders of seven: in these runs the participants notice who comes back; the others are as they were."""
SEEDS_PER_ACCEPTING_RUN = 20
"""In one run of so many the banks accept what no charge wants."""
CLOCKS_OFF_MS = (0, 0, 0, 0, 0, 0, 0, 50, 50, 300, 2_000, 2_000, 60_000, HOUR_MS, 13 * HOUR_MS)
"""How wrong a participant's clock may be from the start, ahead or behind."""


@dataclass(frozen=True, slots=True)
class Plant:
    """What a planted bug puts in the place of the real thing."""

    decide_at_hub: Callable[..., Any] = decide_at_hub
    decide_at_bank: Callable[..., Any] = decide_at_bank
    resend_at_hub: Callable[..., HubResendDue] = HubResendDue
    fail_expired: Callable[..., FailExpired] = FailExpired
    process_at_bank: Callable[..., ProcessMessages] = ProcessMessages
    resend_at_bank: Callable[..., Any] = RetransmitDue
    retransmit_missed: Callable[..., Callable[[], int]] = RetransmitMissed
    loop_of: LoopOf = BatchLoop
    hub_store: Callable[[], HubStore] = HubStore
    has_unique_key: bool = True
    """Of the hub's tables: without it a second row takes the place of the first."""
    locks_originals: bool = True
    """The hub holds a transfer while it adds up the returns of it."""


class World:
    """A whole network, made from a seed."""

    def __init__(self, seed: int, transfers: int, plant: Plant) -> None:
        self.seed = seed
        self.random = Random(seed)
        # Newer parts draw from chance of their own, so that the rest of a run does not depend on them.
        self.clock_random = Random(f"clocks {seed}")
        self.calm_random = Random(f"calm {seed}")
        self.race_random = Random(f"races {seed}")
        self.return_random = Random(f"returns {seed}")
        self.charge_random = Random(f"charges {seed}")
        accepts = seed % SEEDS_PER_ACCEPTING_RUN == 1
        self.unknown_charges = UnknownCharges.ACCEPT if accepts else UnknownCharges.REFUSE
        self.timeline = Timeline()
        self.trace = Trace(self.timeline)
        # Every other run, from chance of its own, so that the rest of a run does not depend on it.
        self.broker = Broker(self.timeline, self.random, Random(f"tardiness {seed}") if seed % 2 == 0 else None)
        self.plant = plant
        self.policy = RetransmissionPolicy(first_ms=2_000, cap_ms=self.random.choice((60_000, 600_000, 3_600_000)))
        self.timeout_ms = self.random.choice((None, None, 15_000, 40_000))
        self.violations: list[str] = []
        self.retention_has_struck = False
        self.garbage: list[Record] = []
        self.codec = codec_of(seed)
        self.accepted_orders: dict[tuple[str, str], str] = {}
        self.accepted_returns: dict[tuple[str, str], str] = {}
        """Return ids, by the bank's ISPB and the idempotency key."""
        self.originals: dict[str, dict[str, object]] = {}
        """What the hub and the banks had of each transfer when the first money of it was to go back."""
        self.hub_store = plant.hub_store()
        self.hub = compose_hub(self, HubUnitsOfWork(self.hub_store), self.timeline)
        self.hub_skews_ms: list[int] = []
        self.watch: CalmWatch | None = None
        self.hub_clocks: list[ParticipantClock] = []
        self.hub_fate = Fate(self.random)
        self.comebacks = Comebacks(self.timeline, plant.retransmit_missed) if seed % 7 in SEEDS_WITH_COMEBACKS else None
        """None: comebacks go unnoticed."""
        self.last_back_ms: int | None = None
        """When the last participant came back that stayed away after all was healed."""
        self.hubs = make_hubs(self)
        self.banks = [make_bank(self, code, name) for code, name in BANKS]
        self.transfers = transfers

    def new_clock(self) -> ParticipantClock:
        """Of a participant, which may be wrong."""
        clock = ParticipantClock(self.timeline)
        clock.off_ms = self.clock_random.choice(CLOCKS_OFF_MS) * self.clock_random.choice((-1, 1))
        return clock

    def instances(self) -> list[Instance]:
        """Of the hub and of every bank."""
        return [*self.hubs, *(bank.instance for bank in self.banks)]

    def fates(self) -> list[Fate]:
        """Of the hub and of every bank."""
        return [self.hub_fate, *(bank.fate for bank in self.banks)]
