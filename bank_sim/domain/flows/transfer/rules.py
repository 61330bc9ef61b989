"""The bank's rules for an offer: one ordered table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bank_sim.domain.account import BRANCH, Account, AccountStatus
from bank_sim.domain.charges.model import Charge
from bank_sim.domain.charges.offers import UnknownCharges, is_amount_due, may_be_paid, payment_day
from bank_sim.domain.flows.answers import Answer, play
from bank_sim.domain.flows.flow import Facts
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
    charge: Charge | None = None
    """That a payment by dynamic code pays; None: the payee has no charge with this txid."""
    now_ms: int = 0
    """Scheme time."""
    unknown_charges: UnknownCharges = UnknownCharges.REFUSE

    @property
    def is_of_charge(self) -> bool:
        """Whether a charge has to want this payment."""
        return self.message.initiation is Initiation.QRDN and self.unknown_charges is UnknownCharges.REFUSE


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


def _charge_waits(offer: Offer) -> bool:
    return not offer.is_of_charge or may_be_paid(offer.charge, offer.message.end_to_end_id, offer.now_ms)


def _charge_is_paid_in_full(offer: Offer) -> bool:
    if not offer.is_of_charge or offer.charge is None:
        return True
    day = payment_day(offer.message.end_to_end_id, offer.now_ms)
    return is_amount_due(offer.charge, offer.message.amount_centavos, day)


OFFER_RULES: Final = (
    OfferRule(ReasonCode.AM09, _amount_in_range),
    OfferRule(ReasonCode.AC03, _account_exists),
    # Before the states of the account, which are not for a stranger to know.
    OfferRule(ReasonCode.BE01, _holder_as_typed),
    OfferRule(ReasonCode.AC06, _account_is_not_blocked),
    OfferRule(ReasonCode.AC07, _account_is_not_closed),
    OfferRule(ReasonCode.BE17, _charge_waits),
    OfferRule(ReasonCode.AM09, _charge_is_paid_in_full),
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


def answer_offer(offer: TransferOffered, facts: Facts) -> Answer:
    """The answer to an offer, by this bank's account with the payee's number and the charge with the txid."""
    broken = broken_rule(Offer(offer, facts.account, facts.ispb, facts.charge, facts.now_ms, facts.unknown_charges))
    reason = None if broken is None else broken.reason
    return play(_subject(offer), reason, facts.behaviour)
