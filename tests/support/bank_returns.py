"""Returns at a bank put together for a test: what the hub says of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bank_sim.domain.account import Account
from bank_sim.domain.flows.returns.model import Return
from pix.scheme.messages import Side, TransferOffered
from pix.scheme.messages.returns import ReturnConfirmed, ReturnFailed, ReturnOffered
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from tests.support.bank import STRANGER, World
from tests.support.banks import AURORA, IPE


@dataclass
class ReturnsWorld:
    """A bank, and the hub's words about returns."""

    world: World
    _ids: int = 0

    def received(self, account: Account, amount_centavos: int = 20_00) -> TransferOffered:
        """A payment that has arrived in the account."""
        offer = self.world.offer(account, amount_centavos)
        self.world.hear(offer, self.world.confirmed(offer))
        return offer

    def give_back(
        self,
        account: Account,
        original: TransferOffered,
        amount_centavos: int,
        idempotency_key: str = "return-1",
        reason: ReasonCode = ReasonCode.MD06,
        description: str = "engano",
    ) -> Return:
        return self.world.bank.returns.request(
            account_number=account.number,
            original_end_to_end_id=original.end_to_end_id,
            amount_centavos=amount_centavos,
            description=description,
            idempotency_key=idempotency_key,
            reason=reason,
        )

    def sent_payment(self, account: Account, amount_centavos: int = 30_00) -> str:
        """The end-to-end id of a payment of ours that the hub has confirmed."""
        transfer = self.world.pay(account, amount_centavos, f"order-{self._ids}")
        self.world.hear(self.world.outcome_of(transfer))
        self.world.sent()
        return transfer.end_to_end_id

    def offer(self, account: Account, original_end_to_end_id: str, amount_centavos: int = 10_00) -> ReturnOffered:
        self._ids += 1
        return ReturnOffered(
            return_id=f"D{IPE.ispb}202611231200{self._ids:011d}",
            original_end_to_end_id=original_end_to_end_id,
            amount_centavos=amount_centavos,
            reason=ReasonCode.MD06,
            description="engano",
            payer=account.as_party(AURORA.ispb),
            payee=STRANGER,
            offered_at_ms=self.world.clock.now_ms(),
        )

    def confirmed(self, offer: ReturnOffered) -> ReturnConfirmed:
        """To the bank of the original payer."""
        return ReturnConfirmed(
            offer.return_id,
            offer.original_end_to_end_id,
            Side.PAYER,
            offer.amount_centavos,
            offer.reason,
            offer.payer,
            offer.payee,
            offer.description,
            self.world.clock.now_ms(),
        )

    def failed(self, offer: ReturnOffered, reason: ReasonCode = ReasonCode.AB11) -> ReturnFailed:
        """To the bank of the original payer."""
        return ReturnFailed(
            offer.return_id,
            offer.original_end_to_end_id,
            Side.PAYER,
            reason,
            offer.amount_centavos,
            offer.reason,
            offer.payer,
            offer.payee,
            offer.description,
            self.world.clock.now_ms(),
        )

    def outcome_of(self, row: Return, reason: ReasonCode | None = None) -> ReturnConfirmed | ReturnFailed:
        """To the bank that gives the money back."""
        offer = ReturnOffered(
            row.return_id,
            row.original_end_to_end_id,
            row.amount_centavos,
            row.return_reason,
            row.description,
            row.payer,
            row.payee,
            self.world.clock.now_ms(),
        )
        about = self.confirmed(offer) if reason is None else self.failed(offer, reason)
        return replace(about, side=Side.PAYEE)

    def row(self, return_id: str, direction: Direction) -> Return:
        return self.world.bank.returns.queries.find(return_id, direction)
