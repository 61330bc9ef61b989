"""The use cases of returns in one place, as the transports see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

from bank_sim.application.ports import BackgroundPublisher, UnitsOfWork
from bank_sim.application.returns.queries import ReturnQueries
from bank_sim.application.returns.request_return import RequestReturn
from bank_sim.domain.bank import BankIdentity
from pix.runtime.clock import Clock, SchemeClock
from pix.scheme.ids import make_return_id, random_suffix
from pix.scheme.retransmission import RetransmissionPolicy


@dataclass(frozen=True, slots=True)
class Returns:
    """What may be done with returns, and asked of them."""

    request: RequestReturn
    queries: ReturnQueries


def compose_returns(
    units: UnitsOfWork,
    publisher: BackgroundPublisher,
    scheme_clock: SchemeClock,
    clock: Clock,
    identity: BankIdentity,
    policy: RetransmissionPolicy,
    random: Random | None = None,
) -> Returns:
    """On any adapters. `random` makes the ids repeatable."""

    def new_return_id(now_ms: int) -> str:
        return make_return_id(identity.ispb, datetime.fromtimestamp(now_ms / 1000, tz=UTC), random_suffix(random))

    return Returns(RequestReturn(units, publisher, scheme_clock, clock, policy, new_return_id), ReturnQueries(units))
