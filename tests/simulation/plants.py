"""Bugs, planted to see whether the simulation notices them. Each is a small lie in the place of a real function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from bank_sim.application.ports import BackgroundPublisher, RowExists
from bank_sim.application.process_messages import ProcessMessages
from bank_sim.application.sweep_transfers import RetransmitDue
from bank_sim.domain import books
from bank_sim.domain.flows import decide as decide_at_bank
from bank_sim.domain.flows.flow import Decision as BankDecision
from bank_sim.domain.flows.postings import posting
from bank_sim.domain.flows.transfer.model import Transfer, TransferStatus, Trigger, move
from hub.adapters.memory.unit_of_work import HubStore
from hub.application.sweep_transfers import FailExpired
from hub.application.sweep_transfers import RetransmitDue as ResendAtHub
from hub.domain.bank import BankSecret
from hub.domain.flows import decide as decide_at_hub
from hub.domain.flows.flow import Decision as HubDecision
from hub.domain.flows.transfer.model import Transfer as HubTransfer
from hub.domain.flows.transfer.model import TransferStatus as HubStatus
from pix.messaging.batches import BatchHandler, BatchLoop, Publication, RecordSink, RecordSource
from pix.runtime.memory_table import MemoryTable
from pix.runtime.outages import PublishFailed
from pix.scheme.deliveries import Arrival, Outgoing, Rejected
from pix.scheme.messages import TransferAccepted, TransferOffered, TransferRejected
from pix.scheme.postings import Direction, PostingKind
from pix.scheme.reasons import ReasonCode
from pix.scheme.retransmission import RetransmissionPolicy
from pix.wire.record import Record
from tests.simulation.network import Position
from tests.simulation.run import Plant


def _credit_before_decision(rows: Any, message: Any, facts: Any) -> BankDecision[Transfer]:
    """The payee's bank credits when it promises, not when the hub has decided."""
    decision = decide_at_bank(rows, message, facts)
    row = decision.row
    if isinstance(message, TransferOffered) and row is not None and row.row_id not in rows:
        if row.status is TransferStatus.ACCEPTED:
            return replace(decision, postings=(posting(row, PostingKind.CREDIT, facts.now_ms),))
        return decision
    return replace(decision, postings=tuple(each for each in decision.postings if each.kind is not PostingKind.CREDIT))


def _apply_late_acceptance(rows: Any, message: Any, facts: Any) -> HubDecision[HubTransfer]:
    """The hub takes an acceptance for a transfer that has timed out."""
    transfer: HubTransfer | None = rows.get(message.end_to_end_id)
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


class _NoUniqueKey(HubStore):
    """The hub's table has no primary key: a second row takes the place of the first."""

    def has_transfer(self, _end_to_end_id: str) -> bool:
        """Never."""
        return False


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
        answers = (TransferAccepted, TransferRejected)
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


PLANTS: Final[Mapping[str, Plant]] = {
    "credit before the decision": Plant(decide_at_bank=_credit_before_decision),
    "a missing unique key": Plant(hub_store=_NoUniqueKey),
    "offsets committed early": Plant(loop_of=_CommitEarly),
    "refund without the failed decision": Plant(resend_at_bank=_RefundImpatiently),
    "acceptance applied after a timeout": Plant(decide_at_hub=_apply_late_acceptance),
    "one of two outcomes is never sent again": Plant(resend_at_hub=_OneOutcomeOnly),
    "the first AB03 is never published": Plant(fail_expired=_SilentTimeout),
    "a bank's answers are never sent again": Plant(resend_at_bank=_NoAnswersAgain),
    "a row that exists is swallowed": Plant(process_at_bank=_SwallowRowExists),
    "publishing never fails": Plant(loop_of=_PublishingNeverFails),
    "the retired secret signs": Plant(hub_store=_OldestSecretSigns),
    "the hub waits until its clock has caught up": Plant(resend_at_hub=_never_due(ResendAtHub)),
    "a bank waits until its clock has caught up": Plant(resend_at_bank=_never_due(RetransmitDue)),
}
