"""The bank's rules for an offer: one ordered table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bank_sim.domain.account import BRANCH, Account, AccountStatus
from bank_sim.domain.behaviour import Behaviour
from bank_sim.domain.flows.answers import Answer, play
from bank_sim.domain.sandbox.rules import Subject
from pix.scheme.initiation import Initiation
from pix.scheme.messages import TransferOffered
from pix.scheme.money import AMOUNT_CENTAVOS_MAX
from pix.scheme.reasons import ReasonCode
from pix.scheme.values import value_object


@value_object
class Offer:
    """An offer, and what its rules judge it by."""

    message: TransferOffered
    account: Account | None
    """With the payee's number; None: this bank has none."""
    ispb: str
    """This bank's."""


@value_object
class OfferRule:
    """A rule that an offer must keep, and the reason code of the rejection otherwise."""

    reason: ReasonCode
    is_kept: Callable[[Offer], bool]


def _amount_in_range(offer: Offer) -> bool:
    return 0 < offer.message.amount_centavos <= AMOUNT_CENTAVOS_MAX


def _account_exists(offer: Offer) -> bool:
    payee = offer.message.payee
    return offer.account is not None and payee.ispb == offer.ispb and payee.branch == BRANCH


def _holder_as_typed(offer: Offer) -> bool:
    if offer.account is None or offer.message.initiation is not Initiation.MANU:
        return True
    return offer.account.tax_id_masked == offer.message.payee.tax_id_masked


def _account_is_not_blocked(offer: Offer) -> bool:
    return offer.account is None or offer.account.status is not AccountStatus.BLOCKED


def _account_is_not_closed(offer: Offer) -> bool:
    return offer.account is None or offer.account.status is not AccountStatus.CLOSED


OFFER_RULES: Final = (
    OfferRule(ReasonCode.AM09, _amount_in_range),
    OfferRule(ReasonCode.AC03, _account_exists),
    # Before the states of the account, which are not for a stranger to know.
    OfferRule(ReasonCode.BE01, _holder_as_typed),
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


def _subject(offer: TransferOffered) -> Subject:
    return Subject(
        amount_centavos=offer.amount_centavos,
        txid=offer.txid,
        key="" if offer.payee_key is None else offer.payee_key.key,
        account_number=offer.payee.account_number,
    )


def answer_offer(offer: TransferOffered, account: Account | None, ispb: str, behaviour: Behaviour) -> Answer:
    """The answer to an offer for `account`; None: this bank has no account with that number."""
    broken = broken_rule(Offer(offer, account, ispb))
    reason = None if broken is None else broken.reason
    return play(_subject(offer), reason, behaviour)
