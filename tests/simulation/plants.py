"""Bugs, planted to see whether the simulation notices them. Each is a small lie in the place of a real function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from bank_sim.application.resend_due import ResendDue
from bank_sim.domain import books
from bank_sim.domain.books import PostingKind
from bank_sim.domain.deciding import Decision as BankDecision
from bank_sim.domain.deciding import decide as decide_at_bank
from bank_sim.domain.transfer import Author, Direction, Transfer, TransferEvent, TransferStatus, move
from hub.adapters.memory import HubStore
from hub.domain.decisions import Decision as HubDecision
from hub.domain.decisions import decide as decide_at_hub
from hub.domain.transfer import Transfer as HubTransfer
from hub.domain.transfer import TransferStatus as HubStatus
from pix.scheme.messages import TransferAccepted, TransferOffered
from pix.scheme.reasons import ReasonCode
from pix.service.batches import BatchLoop
from tests.simulation.network import Place
from tests.simulation.run import Plant


def _credit_before_decision(transfer: Transfer | None, message: Any, account: Any, facts: Any) -> BankDecision:
    """The payee's bank credits when it promises, not when the hub has decided."""
    decision = decide_at_bank(transfer, message, account, facts)
    row = decision.transfer
    if isinstance(message, TransferOffered) and transfer is None and row and row.status is TransferStatus.ACCEPTED:
        return replace(decision, postings=(books.credit(row, facts.now_ms),))
    return replace(decision, postings=tuple(each for each in decision.postings if each.kind is not PostingKind.CREDIT))


def _apply_late_acceptance(transfer: HubTransfer | None, message: Any, *rest: Any) -> HubDecision:
    """The hub takes an acceptance for a transfer that has timed out."""
    if (
        isinstance(message, TransferAccepted)
        and transfer is not None
        and transfer.status is HubStatus.FAILED
        and transfer.reason is ReasonCode.AB03
        and transfer.payee_processed_at_ms is None
    ):
        transfer = replace(transfer, status=HubStatus.PENDING, reason=None, decided_at_ms=None)
    return decide_at_hub(transfer, message, *rest)


class _RefundImpatiently(ResendDue):
    """The payer's bank refunds what it has asked for three times, without the hub's decision."""

    def __call__(self) -> int:
        with self._units() as unit:
            due = [
                row
                for row in unit.transfers.lock_due(self._clock.now_ms(), 500, self._policy.cap_ms)
                if row.direction is Direction.OUTGOING and row.resend_count >= 2
            ]
            accounts = unit.accounts.lock({row.account_number for row in due})
            for row in due:
                failed = move(row, TransferEvent.FAILED, Author.BANK, self._clock.now_ms(), ReasonCode.AB03)
                account, posting = books.book(accounts[row.account_number], books.refund(failed, self._clock.now_ms()))
                accounts[account.number] = account
                unit.transfers.save([failed])
                unit.postings.add([posting])
                unit.accounts.save([account])
            unit.commit()
        return super().__call__()


class _CommitEarly(BatchLoop[Place]):
    """The consumer commits its offsets before the batch is durable."""

    def turn(self, timeout_seconds: float) -> int:
        records = self._source.poll(timeout_seconds)
        if not records:
            return 0
        self._source.commit(self._source.place())
        self._sink.publish(self._handle(records))
        return len(records)


class _NoUniqueKey(HubStore):
    """The hub's table has no primary key: a second row takes the place of the first."""

    def has_transfer(self, _end_to_end_id: str) -> bool:
        """Never."""
        return False


PLANTS: Final[Mapping[str, Plant]] = {
    "credit before the decision": Plant(decide_at_bank=_credit_before_decision),
    "a missing unique key": Plant(hub_store=_NoUniqueKey),
    "offsets committed early": Plant(loop_of=_CommitEarly),
    "refund without the failed decision": Plant(resend_at_bank=_RefundImpatiently),
    "acceptance applied after a timeout": Plant(decide_at_hub=_apply_late_acceptance),
}
