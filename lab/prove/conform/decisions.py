"""The hub's decisions of a case: offers, confirmations and failures, made from what the bank has sent."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Final

from lab.prove.conform.verdict import CannotExamine, Failed
from pix.scheme.initiation import Initiation
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import (
    Outcome,
    OutcomeProcessed,
    Party,
    Side,
    TransferAccepted,
    TransferConfirmed,
    TransferFailed,
    TransferOffered,
    TransferRequested,
)
from pix.scheme.messages.returns import (
    ReturnConfirmed,
    ReturnFailed,
    ReturnOffered,
    ReturnRequested,
)
from pix.scheme.reasons import ReasonCode

if TYPE_CHECKING:
    from collections.abc import Collection

    from lab.prove.conform.bench import Bench
    from lab.prove.conform.contract import Account

REQUESTS_SECONDS_MAX: Final = 3.0
"""At the end of a case, until the requests of its payments have come."""


class Decisions:
    """What the hub sends in one case. `make_…` only makes a message, the others send it, too."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._open: dict[tuple[str, Side], TransferFailed] = {}
        """What would end the transfers that are not decided on."""
        self._decided: set[tuple[str, Side]] = set()
        self._lock = threading.Lock()

    # The bank is the payer's

    def payee_of(self, request: TransferRequested) -> Party | None:
        """The owner of the key that is paid, or the account that the payer typed."""
        if request.payee_key is None:
            return request.payee
        entry = self._bench.examiner.hub.find(request.payee_key)
        return None if entry is None else entry.party

    def await_request(self, transfer_id: str) -> TransferRequested:
        """The request of a payment that the bank was told to make."""
        request = self._bench.await_message(TransferRequested, transfer_id)
        self._note_open(self.make_failure(request, ReasonCode.AB03))
        return request

    def make_confirmation(self, request: TransferRequested) -> TransferConfirmed:
        payee = self.payee_of(request)
        if payee is None:
            raise Failed("The bank asked to pay a key that the directory does not have.")
        return TransferConfirmed(
            request.end_to_end_id,
            Side.PAYER,
            request.amount_centavos,
            request.payer,
            payee,
            request.payee_key,
            request.description,
            now_ms(),
            request.initiation,
            request.txid,
        )

    def make_failure(self, request: TransferRequested, reason: ReasonCode) -> TransferFailed:
        return TransferFailed(
            request.end_to_end_id,
            Side.PAYER,
            reason,
            request.amount_centavos,
            request.payer,
            self.payee_of(request),
            request.payee_key,
            request.description,
            now_ms(),
            request.initiation,
            request.txid,
        )

    def confirm(self, request: TransferRequested) -> TransferConfirmed:
        """Tells the payer's bank that its request is confirmed."""
        message = self.make_confirmation(request)
        self.send(message)
        return message

    def fail(self, request: TransferRequested, reason: ReasonCode = ReasonCode.AB03) -> TransferFailed:
        """Tells the payer's bank that its request has failed."""
        message = self.make_failure(request, reason)
        self.send(message)
        return message

    def await_processed(self, transfer_id: str, side: Side, *, count: int = 1) -> OutcomeProcessed:
        """The acknowledgement of an outcome by one side of the bank."""
        bench = self._bench

        def of_side() -> list[OutcomeProcessed]:
            return [each for each in bench.received(OutcomeProcessed, transfer_id) if each.side is side]

        found = of_side()
        while len(found) < count:
            came = len(bench.received(OutcomeProcessed, transfer_id))
            bench.await_message(OutcomeProcessed, transfer_id, count=came + 1)
            found = of_side()
        return found[count - 1]

    # The bank is the payee's

    def make_offer(
        self,
        payee: Account | Party,
        amount_centavos: int,
        *,
        key: PixKey | None = None,
        description: str = "",
        end_to_end_id: str = "",
        initiation: Initiation = Initiation.DICT,
        txid: str = "",
        payer: Party | None = None,
    ) -> TransferOffered:
        """An offer of another bank's customer. `key` None: an e-mail address, except for a typed account (MANU)."""
        bench = self._bench
        party = payee if isinstance(payee, Party) else bench.party_of(payee)
        if key is None and initiation is not Initiation.MANU:
            key = PixKey(KeyKind.EMAIL, bench.examiner.people.email())
        other = bench.examiner.other
        return TransferOffered(
            end_to_end_id or bench.new_id(),
            amount_centavos,
            payer or Party(other.ispb, "0001", "778899-0", "Vitória Paganini", "***.456.789-**"),
            party,
            key,
            description,
            now_ms(),
            initiation,
            txid,
        )

    def offer(
        self,
        payee: Account | Party,
        amount_centavos: int,
        *,
        key: PixKey | None = None,
        description: str = "",
        initiation: Initiation = Initiation.DICT,
        txid: str = "",
    ) -> TransferOffered:
        """Offers a transfer to the bank."""
        message = self.make_offer(
            payee, amount_centavos, key=key, description=description, initiation=initiation, txid=txid
        )
        self.send(message)
        return message

    def await_acceptance(self, offer: TransferOffered) -> TransferAccepted:
        """The promise to credit. Fails at once for a rejection."""
        answer = self._bench.await_answer(offer)
        if not isinstance(answer, TransferAccepted):
            raise Failed(f"The bank rejected the offer with {answer.reason}, and should have accepted it.")
        return answer

    def make_payee_confirmation(self, offer: TransferOffered) -> TransferConfirmed:
        return TransferConfirmed(
            offer.end_to_end_id,
            Side.PAYEE,
            offer.amount_centavos,
            offer.payer,
            offer.payee,
            offer.payee_key,
            offer.description,
            now_ms(),
            offer.initiation,
            offer.txid,
        )

    def make_payee_failure(self, offer: TransferOffered, reason: ReasonCode) -> TransferFailed:
        return TransferFailed(
            offer.end_to_end_id,
            Side.PAYEE,
            reason,
            offer.amount_centavos,
            offer.payer,
            offer.payee,
            offer.payee_key,
            offer.description,
            now_ms(),
            offer.initiation,
            offer.txid,
        )

    def confirm_offer(self, offer: TransferOffered) -> TransferConfirmed:
        """Tells the payee's bank that the transfer is confirmed: it credits."""
        message = self.make_payee_confirmation(offer)
        self.send(message)
        return message

    def fail_offer(self, offer: TransferOffered, reason: ReasonCode = ReasonCode.AB03) -> TransferFailed:
        """Tells the payee's bank that the transfer has failed."""
        message = self.make_payee_failure(offer, reason)
        self.send(message)
        return message

    def receive(self, account: Account, amount_centavos: int, description: str = "") -> TransferOffered:
        """A whole payment to an account of the bank: offered, accepted, confirmed, credited."""
        offer = self.offer(account, amount_centavos, description=description)
        self.await_acceptance(offer)
        self.confirm_offer(offer)
        processed = self.await_processed(offer.end_to_end_id, Side.PAYEE)
        if processed.outcome is not Outcome.CONFIRMED:
            raise Failed("The bank acknowledged a failure where the hub had confirmed.")
        return offer

    # Returns: the examined bank is the payee's of the original, or the payer's

    def confirm_return(self, request: ReturnRequested, original: TransferOffered, *, side: Side) -> ReturnConfirmed:
        """Tells one bank that a return is confirmed; parties and sides are those of the original."""
        message = ReturnConfirmed(
            request.return_id,
            request.original_end_to_end_id,
            side,
            request.amount_centavos,
            request.reason,
            original.payer,
            original.payee,
            request.description,
            now_ms(),
        )
        self.send(message)
        return message

    def fail_return(
        self, request: ReturnRequested, original: TransferOffered, reason: ReasonCode, *, side: Side = Side.PAYEE
    ) -> ReturnFailed:
        message = ReturnFailed(
            request.return_id,
            request.original_end_to_end_id,
            side,
            reason,
            request.amount_centavos,
            request.reason,
            original.payer,
            original.payee,
            request.description,
            now_ms(),
        )
        self.send(message)
        return message

    def offer_return(
        self, confirmed: TransferConfirmed, amount_centavos: int, reason: ReasonCode = ReasonCode.MD06
    ) -> ReturnOffered:
        """Offers money of a payment that the bank has made, and the hub has confirmed, back to its customer."""
        message = ReturnOffered(
            self._bench.new_return_id(),
            confirmed.end_to_end_id,
            amount_centavos,
            reason,
            "",
            confirmed.payer,
            confirmed.payee,
            now_ms(),
        )
        self.send(message)
        return message

    # All

    def send(self, message: object, *, partition: int | None = None) -> None:
        """Sends a message, and keeps account of what is open and of the settlement money."""
        bench = self._bench
        match message:
            case TransferOffered():
                self._note_open(self.make_payee_failure(message, ReasonCode.AB03))
            case TransferConfirmed():
                if self._note_decided((message.end_to_end_id, message.side)):
                    is_payer = message.side is Side.PAYER
                    bench.examiner.hub.move_settlement((-1 if is_payer else 1) * message.amount_centavos)
            case TransferFailed():
                self._note_decided((message.end_to_end_id, message.side))
            case ReturnConfirmed():
                if self._note_decided((message.return_id, message.side)):
                    is_payee = message.side is Side.PAYEE
                    bench.examiner.hub.move_settlement((-1 if is_payee else 1) * message.amount_centavos)
            case _:
                pass
        bench.send(message, partition=partition)  # type: ignore[arg-type]  # a message of the hub

    def fail_open(self, paid: Collection[str]) -> None:
        """Fails what the case has left open, so that no bank retransmits it to the end of the examination.

        `paid` are the ids of payments that the bank was told to make; their requests may still be on their way.
        """
        wire = self._bench.examiner.wire
        left_out = [each for each in paid if (each, Side.PAYER) not in self._decided]
        wire.wait(lambda: all(wire.received(each) for each in left_out), REQUESTS_SECONDS_MAX)
        for transfer_id in left_out:
            for request in self._bench.received(TransferRequested, transfer_id)[:1]:
                self._note_open(self.make_failure(request, ReasonCode.AB03))
        with self._lock:
            left, self._open = list(self._open.values()), {}
        with contextlib.suppress(CannotExamine):
            for message in left:
                self._bench.send(message)

    def _note_open(self, failure: TransferFailed) -> None:
        key = (failure.end_to_end_id, failure.side)
        with self._lock:
            if key not in self._decided:
                self._open[key] = failure

    def _note_decided(self, key: tuple[str, Side]) -> bool:
        """Whether this is the first decision."""
        with self._lock:
            self._open.pop(key, None)
            is_first = key not in self._decided
            self._decided.add(key)
        return is_first


def now_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000
