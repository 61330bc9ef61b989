"""Bugs, planted to see whether the simulation notices them. Each is a small lie in the place of a real function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from bank_sim.application.ports import BackgroundPublisher, RowExists, UnitOfWork
from bank_sim.application.process_messages import ProcessMessages
from bank_sim.application.sweep_transfers import RetransmitDue
from bank_sim.domain import books
from bank_sim.domain.flows import decide as decide_at_bank
from bank_sim.domain.flows.flow import Decision as BankDecision
from bank_sim.domain.flows.postings import posting
from bank_sim.domain.flows.returns.model import ReturnStatus
from bank_sim.domain.flows.transfer.model import Transfer, TransferStatus, Trigger, move
from hub.adapters.memory.unit_of_work import HubStore
from hub.application.sweep_transfers import FailExpired
from hub.application.sweep_transfers import RetransmitDue as ResendAtHub
from hub.domain.bank import BankSecret
from hub.domain.flows import decide as decide_at_hub
from hub.domain.flows.flow import Decision as HubDecision
from hub.domain.flows.returns.model import NAME as RETURN
from hub.domain.flows.returns.model import Return as HubReturn
from hub.domain.flows.returns.model import Returned
from hub.domain.flows.returns.model import ReturnStatus as HubReturnStatus
from hub.domain.flows.transfer.model import Transfer as HubTransfer
from hub.domain.flows.transfer.model import TransferStatus as HubStatus
from pix.messaging.batches import BatchHandler, BatchLoop, Publication, RecordSink, RecordSource
from pix.participant.reachability import Reachability
from pix.runtime.memory_table import MemoryTable
from pix.runtime.outages import PublishFailed
from pix.scheme.deliveries import Arrival, Outgoing, Rejected
from pix.scheme.messages import (
    Side,
    TransferAccepted,
    TransferConfirmed,
    TransferFailed,
    TransferOffered,
    TransferRejected,
)
from pix.scheme.messages.returns import (
    ReturnAccepted,
    ReturnConfirmed,
    ReturnFailed,
    ReturnOffered,
    ReturnRejected,
    ReturnRequested,
)
from pix.scheme.postings import Direction, PostingKind
from pix.scheme.reasons import ReasonCode
from pix.scheme.retransmission import RetransmissionPolicy
from pix.wire.record import Record
from tests.simulation.network import Position
from tests.simulation.world import Plant


def _credit_before_decision(rows: Any, message: Any, facts: Any) -> BankDecision[Transfer]:
    """The payee's bank credits when it promises, not when the hub has decided."""
    decision = decide_at_bank(rows, message, facts)
    row = decision.row
    if isinstance(message, TransferOffered) and row is not None and row.row_id not in rows:
        if row.status is TransferStatus.ACCEPTED:
            return replace(decision, postings=(posting(row, PostingKind.CREDIT, facts.now_ms),))
        return decision
    if isinstance(message, TransferConfirmed) and message.side is Side.PAYEE:
        return replace(decision, postings=())
    return decision


def _apply_late_acceptance(rows: Any, message: Any, facts: Any) -> HubDecision[HubTransfer]:
    """The hub takes an acceptance for a transfer that has timed out."""
    transfer: HubTransfer | None = rows.get(message.record_key)
    if (
        isinstance(message, TransferAccepted)
        and transfer is not None
        and transfer.status is HubStatus.FAILED
        and transfer.reason is ReasonCode.AB03
        and transfer.payee_processed_at_ms is None
    ):
        pending = replace(transfer, status=HubStatus.PENDING, reason=None, decided_at_ms=None)
        rows = {**rows, pending.row_id: pending}
    return decide_at_hub(rows, message, facts)


class _RefundImpatiently(RetransmitDue):
    """The payer's bank refunds what it has asked for three times, without the hub's decision."""

    def __call__(self) -> int:
        with self._units() as unit:
            due = [
                row
                for row in unit.transfers.lock_due(self._clock.real_now_ms(), 500, self._policy.cap_ms)
                if row.direction is Direction.OUTGOING and row.resend_count >= 2
            ]
            accounts = unit.accounts.lock({row.account_number for row in due})
            for row in due:
                failed = move(row, Trigger.FAILURE, self._clock.real_now_ms(), ReasonCode.AB03)
                refund = posting(failed, PostingKind.REFUND, self._clock.real_now_ms())
                account, refund = books.book(accounts[row.account_number], refund)
                accounts[account.number] = account
                unit.transfers.save([failed])
                unit.postings.add([refund])
                unit.accounts.save([account])
            unit.commit()
        return super().__call__()


class _CommitEarly(BatchLoop[Position]):
    """The consumer commits its offsets before the batch is durable."""

    def turn(self, timeout_seconds: float) -> int:
        records = self._source.poll(timeout_seconds)
        if not records:
            return 0
        self._source.commit(self._source.position())
        self._sink.publish(self._handle(records))
        return len(records)


class _OneOutcomeOnly(ResendAtHub):
    """Of two outcomes that are owed the hub sends only the payer's again."""

    def __call__(self) -> list[Outgoing]:
        first: dict[str, Outgoing] = {}
        for owed in super().__call__():
            first.setdefault(owed.message.record_key, owed)
        return list(first.values())


class _SilentTimeout(FailExpired):
    """The hub fails what has expired, and tells nobody; only the resends do."""

    def __call__(self) -> list[Outgoing]:
        super().__call__()
        return []


class _NoAnswersAgain(RetransmitDue):
    """The payee's bank never sends an answer again: the hub's next offer asks for it anyway."""

    def __init__(self, units: Any, publisher: BackgroundPublisher, *rest: Any) -> None:
        super().__init__(units, _WithoutAnswers(publisher), *rest)


class _WithoutAnswers:
    """See `bank_sim.application.ports.BackgroundPublisher`."""

    def __init__(self, publisher: BackgroundPublisher) -> None:
        self._publisher = publisher

    def enqueue(self, outgoing: Sequence[Outgoing]) -> None:
        """Drops the answers among them."""
        answers = (TransferAccepted, TransferRejected, ReturnAccepted, ReturnRejected)
        self._publisher.enqueue([each for each in outgoing if not isinstance(each.message, answers)])


class _SwallowRowExists(ProcessMessages):
    """A bank whose other replica was quicker with one record drops the batch."""

    def __call__(self, arrivals: Sequence[Arrival], rejected: Sequence[Rejected] = ()) -> list[Outgoing]:
        try:
            with self._units() as unit:
                outgoing = self.within(unit, arrivals, rejected)
                unit.commit()
        except RowExists:
            return []
        return outgoing


class _PublishingNeverFails(BatchLoop[Position]):
    """What the broker has not taken counts as sent, and the offsets are committed."""

    def __init__(self, source: RecordSource[Position], handle: BatchHandler, sink: RecordSink) -> None:
        super().__init__(source, handle, _DeafSink(sink))


class _DeafSink:
    """See `pix.messaging.batches.RecordSink`."""

    def __init__(self, sink: RecordSink) -> None:
        self._sink = sink

    def publish(self, records: Sequence[Record]) -> None:
        """Never raises."""
        self.begin(records).wait()

    def begin(self, records: Sequence[Record]) -> Publication:
        """Never raises, neither here nor later."""
        try:
            return _DeafPublication(self._sink.begin(records))
        except PublishFailed:
            return _DeafPublication(None)


class _DeafPublication:
    """See `pix.messaging.batches.Publication`."""

    def __init__(self, publication: Publication | None) -> None:
        self._publication = publication

    def wait(self) -> None:
        """Never raises."""
        with suppress(PublishFailed):
            if self._publication is not None:
                self._publication.wait()


class _OldestSecretSigns(HubStore):
    """The hub takes the oldest of a bank's secrets for its newest, and signs with what was retired."""

    def __init__(self) -> None:
        super().__init__(secrets=_SecretsTheOtherWayRound())


class _SecretsTheOtherWayRound(MemoryTable[str, tuple[BankSecret, ...]]):
    def put(self, key: str, value: tuple[BankSecret, ...]) -> None:
        super().put(key, tuple(replace(secret, added_at_ms=-abs(secret.added_at_ms)) for secret in value))


def _return_above_the_rest(rows: Any, message: Any, facts: Any) -> HubDecision[Any]:
    """The hub does not count the earlier returns of a transfer."""
    return decide_at_hub({key: row for key, row in rows.items() if not isinstance(row, Returned)}, message, facts)


def _failed_return_reserved(rows: Any, message: Any, facts: Any) -> HubDecision[Any]:
    """The hub keeps what it has reserved for a return when the payer's bank rejects it."""
    decision = decide_at_hub(rows, message, facts)
    if isinstance(message, ReturnRejected):
        return replace(decision, movements=())
    return decision


def _settle_as_a_transfer(rows: Any, message: Any, facts: Any) -> HubDecision[Any]:
    """The hub takes the money of a return from the payer's bank, as it does for a transfer."""
    decision = decide_at_hub(rows, message, facts)
    if isinstance(message, ReturnRequested | ReturnAccepted | ReturnRejected):
        turned = [
            replace(movement, from_ispb=movement.to_ispb, to_ispb=movement.from_ispb) for movement in decision.movements
        ]
        return replace(decision, movements=tuple(turned))
    return decision


def _return_after_a_timeout(rows: Any, message: Any, facts: Any) -> HubDecision[Any]:
    """The hub takes an acceptance for a return that has timed out."""
    row: HubReturn | None = rows.get(message.record_key)
    if (
        isinstance(message, ReturnAccepted)
        and row is not None
        and row.reason is ReasonCode.AB11
        and row.payer_processed_at_ms is None
    ):
        pending = replace(row, status=HubReturnStatus.PENDING, reason=None, decided_at_ms=None)
        rows = {**rows, pending.row_id: pending}
    return decide_at_hub(rows, message, facts)


class _OriginalShrinks(HubStore):
    """The hub takes what goes back off the amount of the original."""

    def __init__(self) -> None:
        super().__init__()
        returns = _ReturnsOfShrinking(self.transfers)
        self.rows = {**self.rows, RETURN: returns}


class _ReturnsOfShrinking(MemoryTable[str, HubReturn]):
    def __init__(self, transfers: MemoryTable[str, HubTransfer]) -> None:
        super().__init__()
        self._transfers = transfers

    def put(self, key: str, value: HubReturn) -> None:
        before = self.get(key)
        original = self._transfers.get(value.original_end_to_end_id)
        is_settled = before is not None and before.status is not value.status is HubReturnStatus.CONFIRMED
        if original is not None and is_settled:
            left_centavos = original.amount_centavos - value.amount_centavos
            self._transfers.put(original.row_id, replace(original, amount_centavos=left_centavos))
        super().put(key, value)


class _ReturnedIsFailed(ProcessMessages):
    """A bank marks a transfer as failed when all of it has come back."""

    def within(
        self, unit: UnitOfWork, arrivals: Sequence[Arrival], rejected: Sequence[Rejected] = ()
    ) -> list[Outgoing]:
        outgoing = super().within(unit, arrivals, rejected)
        for arrival in arrivals:
            message = arrival.message
            if isinstance(message, ReturnConfirmed) and message.side is Side.PAYER:
                original = unit.transfers.find(message.original_end_to_end_id, Direction.OUTGOING)
                if original is not None and original.amount_centavos == message.amount_centavos:
                    unit.transfers.save([replace(original, status=TransferStatus.FAILED)])
        return outgoing


def _credit_return_twice(rows: Any, message: Any, facts: Any) -> BankDecision[Any]:
    """The payer's bank credits a return as a return, and once more as if the transfer had failed."""
    decision = decide_at_bank(rows, message, facts)
    if isinstance(message, ReturnConfirmed) and message.side is Side.PAYER and decision.postings:
        (credit,) = decision.postings
        again = replace(credit, direction=Direction.OUTGOING, kind=PostingKind.REFUND)
        return replace(decision, postings=(credit, again))
    return decision


def _keep_failed_return(rows: Any, message: Any, facts: Any) -> BankDecision[Any]:
    """The payee's bank does not give its customer back the money of a return that has failed."""
    decision = decide_at_bank(rows, message, facts)
    if isinstance(message, ReturnFailed) and message.side is Side.PAYEE:
        return replace(decision, postings=())
    return decision


def _credit_at_offer(rows: Any, message: Any, facts: Any) -> BankDecision[Any]:
    """The payer's bank credits a return when it promises to."""
    decision = decide_at_bank(rows, message, facts)
    row = decision.row
    if isinstance(message, ReturnOffered) and row is not None and row.row_id not in rows:
        if row.status is ReturnStatus.ACCEPTED:
            return replace(decision, postings=(posting(row, PostingKind.CREDIT, facts.now_ms),))
        return decision
    if isinstance(message, ReturnConfirmed) and message.side is Side.PAYER:
        return replace(decision, postings=())
    return decision


def _forget_reservation(rows: Any, message: Any, facts: Any) -> BankDecision[Any]:
    """The payee's bank accepts a payment of a charge, and does not reserve the charge for it."""
    decision = decide_at_bank(rows, message, facts)
    return replace(decision, charge=None) if isinstance(message, TransferOffered) else decision


def _keep_reservation(rows: Any, message: Any, facts: Any) -> BankDecision[Any]:
    """The payee's bank keeps a charge reserved for a payment that has failed."""
    decision = decide_at_bank(rows, message, facts)
    return replace(decision, charge=None) if isinstance(message, TransferFailed) else decision


class _NoOfferOfReturn(ResendAtHub):
    """The hub never offers a return again."""

    def __call__(self) -> list[Outgoing]:
        return [owed for owed in super().__call__() if not isinstance(owed.message, ReturnOffered)]


def _never_due(retransmit_due: type[Any]) -> Any:
    """What is due later than any row waits is not due until the clock has caught up."""

    def made(*parts: Any) -> Any:
        policy = next(part for part in parts if isinstance(part, RetransmissionPolicy))
        sweep = retransmit_due(*parts)
        sweep._policy = _EndlessPolicy(policy.first_ms, policy.cap_ms)
        return sweep

    return made


class _EndlessPolicy(RetransmissionPolicy):
    """Delays as before, and a longest wait that reaches any time."""

    def __getattribute__(self, name: str) -> Any:
        return 10**15 if name == "cap_ms" else super().__getattribute__(name)

    def delay_ms(self, end_to_end_id: str, attempt: int) -> int:
        """As the policy has it."""
        cap_ms = object.__getattribute__(self, "cap_ms")
        return RetransmissionPolicy(self.first_ms, cap_ms).delay_ms(end_to_end_id, attempt)


def _forget_comebacks(reachability: Reachability, *_parts: Any) -> Callable[[], int]:
    """Nothing is retransmitted before its backoff is over."""

    def forget() -> int:
        for comeback, _ in reachability.due():
            reachability.note_progress(comeback, None)
        return 0

    return forget


PLANTS: Final[Mapping[str, Plant]] = {
    "credit before the decision": Plant(decide_at_bank=_credit_before_decision),
    "a missing unique key": Plant(has_unique_key=False),
    "offsets committed early": Plant(loop_of=_CommitEarly),
    "refund without the failed decision": Plant(resend_at_bank=_RefundImpatiently),
    "acceptance applied after a timeout": Plant(decide_at_hub=_apply_late_acceptance),
    "one of two outcomes is never sent again": Plant(resend_at_hub=_OneOutcomeOnly),
    "the first AB03 is never published": Plant(fail_expired=_SilentTimeout),
    "a bank's answers are never sent again": Plant(resend_at_bank=_NoAnswersAgain),
    "a row that exists is swallowed": Plant(process_at_bank=_SwallowRowExists),
    "publishing never fails": Plant(loop_of=_PublishingNeverFails),
    "the retired secret signs": Plant(hub_store=_OldestSecretSigns),
    "a return above the rest": Plant(decide_at_hub=_return_above_the_rest),
    "the original is not locked for its returns": Plant(locks_originals=False),
    "a return is credited twice": Plant(decide_at_bank=_credit_return_twice),
    "a return is credited before the decision": Plant(decide_at_bank=_credit_at_offer),
    "a rejected return stays reserved": Plant(decide_at_hub=_failed_return_reserved),
    "a return moves the payer's bank's money": Plant(decide_at_hub=_settle_as_a_transfer),
    "a failed return is not given back": Plant(decide_at_bank=_keep_failed_return),
    "a return is accepted after its timeout": Plant(decide_at_hub=_return_after_a_timeout),
    "a return changes the original's amount": Plant(hub_store=_OriginalShrinks),
    "a return changes the original's status": Plant(process_at_bank=_ReturnedIsFailed),
    "a return is never offered again": Plant(resend_at_hub=_NoOfferOfReturn),
    "a charge is not reserved": Plant(decide_at_bank=_forget_reservation),
    "a charge stays reserved": Plant(decide_at_bank=_keep_reservation),
    "the hub waits until its clock has caught up": Plant(resend_at_hub=_never_due(ResendAtHub)),
    "who comes back gets what it missed only after its backoff": Plant(retransmit_missed=_forget_comebacks),
    "a bank waits until its clock has caught up": Plant(resend_at_bank=_never_due(RetransmitDue)),
}
