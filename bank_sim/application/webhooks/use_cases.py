"""The use cases of webhooks in one place, as the transports see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bank_sim.application.ports import UnitOfWork, UnitsOfWork
from bank_sim.application.webhooks.configure import PutWebhook, RemoveWebhook, Replay
from bank_sim.application.webhooks.deliver import DeliverDue
from bank_sim.application.webhooks.ports import Answer, ChooseFault, Receivers
from bank_sim.application.webhooks.queries import Verdicts, WebhookQueries
from bank_sim.domain.webhooks.faults import FaultPlan, WebhookFault
from bank_sim.domain.webhooks.model import DeliveryFailure, Notice
from pix.runtime.clock import Clock, SchemeClock
from pix.scheme.retransmission import RetransmissionPolicy

RETRY_POLICY: Final = RetransmissionPolicy(first_ms=1_000, cap_ms=60_000)
PIX_PER_POST_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Webhooks:
    """What may be done with webhooks, and asked of them."""

    put: PutWebhook
    remove: RemoveWebhook
    replay: Replay
    deliver_due: DeliverDue
    verdicts: Verdicts
    queries: WebhookQueries


@dataclass(frozen=True, slots=True)
class Delivering:
    """How a bank delivers: over which network, when again, and with which faults."""

    receivers: Receivers
    policy: RetransmissionPolicy = RETRY_POLICY
    pix_per_post_max: int = PIX_PER_POST_MAX


class NoReceivers:
    """Of a bank without a network to receivers: no attempt succeeds."""

    seconds_max = 0.0

    def refuses(self, url: str) -> bool:  # noqa: ARG002 - as the port has it
        return False

    def post(self, url: str, body: str, fault: WebhookFault | None = None) -> Answer:  # noqa: ARG002 - as above
        return Answer(None, failure=DeliveryFailure.CONNECTION)


def no_fault(unit: UnitOfWork, notice: Notice) -> FaultPlan | None:  # noqa: ARG001 - as the port has it
    """The choice of a bank without a sandbox."""
    return None


NOT_DELIVERING: Final = Delivering(NoReceivers())


def compose_webhooks(
    units: UnitsOfWork,
    scheme_clock: SchemeClock,
    clock: Clock,
    delivering: Delivering = NOT_DELIVERING,
    choose_fault: ChooseFault = no_fault,
) -> Webhooks:
    """On any adapters."""
    return Webhooks(
        put=PutWebhook(units, delivering.receivers, scheme_clock),
        remove=RemoveWebhook(units),
        replay=Replay(units, clock),
        deliver_due=DeliverDue(
            units, delivering.receivers, clock, delivering.policy, choose_fault, delivering.pix_per_post_max
        ),
        verdicts=Verdicts(units, clock),
        queries=WebhookQueries(units),
    )
