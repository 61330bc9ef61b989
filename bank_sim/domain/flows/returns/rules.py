"""The rules of the original payer's bank for the offer of a return: one ordered table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from bank_sim.domain.account import Account, AccountStatus
from bank_sim.domain.behaviour import Behaviour
from bank_sim.domain.flows.answers import Answer, play
from bank_sim.domain.flows.transfer.model import Transfer, TransferStatus
from bank_sim.domain.sandbox.rules import Subject
from pix.scheme.messages import Party
from pix.scheme.messages.returns import FromHub, ReturnOffered
from pix.scheme.reasons import ReasonCode
from pix.scheme.reasons.returns import PAYER_BANK_REASONS
from pix.scheme.values import value_object


@value_object
class Offer:
    """An offer, and what its rules judge it by."""

    message: ReturnOffered
    original: Transfer | None
    """This bank's outgoing row; None: it never made the transfer."""
    account: Account | None
    """That of the original; None: this bank has it no longer."""


@value_object
class OfferRule:
    """A rule that an offer must keep, and the reason code of the rejection otherwise."""

    reason: ReasonCode
    is_kept: Callable[[Offer], bool]


def is_of_original(message: FromHub, original: Transfer | None) -> bool:
    """Whether this bank has made the original, with these parties, and for no less than goes back.

    The original may be pending here: the hub's word on it may come later than the offer of its return.
    """
    if original is None or original.status is TransferStatus.FAILED:
        return False
    if not 0 < message.amount_centavos <= original.amount_centavos:
        return False
    payee = original.payee
    return _account_of(message.payer) == _account_of(original.payer) and (
        payee is None or _account_of(message.payee) == _account_of(payee)
    )


def _account_of(party: Party | None) -> tuple[str, str, str] | None:
    return None if party is None else (party.ispb, party.branch, party.account_number)


def _is_of_original(offer: Offer) -> bool:
    return offer.account is not None and is_of_original(offer.message, offer.original)


def _account_is_not_blocked(offer: Offer) -> bool:
    return offer.account is None or offer.account.status is not AccountStatus.BLOCKED


def _account_is_not_closed(offer: Offer) -> bool:
    return offer.account is None or offer.account.status is not AccountStatus.CLOSED


OFFER_RULES: Final = (
    OfferRule(ReasonCode.ED05, _is_of_original),
    OfferRule(ReasonCode.AC06, _account_is_not_blocked),
    OfferRule(ReasonCode.AC07, _account_is_not_closed),
)
"""In the order in which the bank checks them: it rejects an offer for the first that it breaks."""


def broken_rule(offer: Offer) -> OfferRule | None:
    """The first rule that the offer breaks; None when it keeps them all."""
    for rule in OFFER_RULES:
        if not rule.is_kept(offer):
            return rule
    return None


def answer_offer(
    message: ReturnOffered, original: Transfer | None, account: Account | None, behaviour: Behaviour
) -> Answer:
    """The answer to an offer."""
    broken = broken_rule(Offer(message, original, account))
    subject = Subject(message.amount_centavos, account_number="" if account is None else account.number)
    answer = play(subject, None if broken is None else broken.reason, behaviour)
    return replace(answer, reason=played_reason(answer.reason))


def played_reason(reason: ReasonCode | None) -> ReasonCode | None:
    """The code as a return is rejected with: one that no return may be rejected with is played as ED05."""
    return reason if reason is None or reason in PAYER_BANK_REASONS else ReasonCode.ED05
