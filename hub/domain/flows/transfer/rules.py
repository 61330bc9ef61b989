"""The hub's rules for a transfer: one ordered table. Decisions, protocol page, REST and console read it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from hub.domain.directory import KeyEntry
from hub.domain.flows.flow import Facts, RequestRule
from hub.domain.flows.transfer.model import Transfer, Trigger
from pix.scheme.checks import check_request
from pix.scheme.errors import SchemeError
from pix.scheme.features import Feature
from pix.scheme.ids import EndToEndId, is_too_far_away
from pix.scheme.messages import Party, TransferRequested, account_of
from pix.scheme.money import AMOUNT_CENTAVOS_MAX
from pix.scheme.reasons import ReasonCode
from pix.scheme.values import value_object


class Rule(StrEnum):
    """The rules by their names: the anchors of the protocol page, and the keys of the sentences on the pages."""

    EVERY_RULE_KEPT = "every-rule-kept"
    OWN_CUSTOMER_PAYS = "own-customer-pays"
    OWN_ID = "own-id"
    FIELDS_IN_FORM = "fields-in-form"
    ID_OF_TODAY = "id-of-today"
    BANKS_TAKE_PART = "banks-take-part"
    AMOUNT_ABOVE_ZERO = "amount-above-zero"
    AMOUNT_WITHIN_LIMIT = "amount-within-limit"
    KEY_IS_REGISTERED = "key-is-registered"
    PAYEES_BANK_IS_KNOWN = "payees-bank-is-known"
    PAYEES_BANK_UNDERSTANDS = "payees-bank-understands"
    NOT_TO_ONESELF = "not-to-oneself"
    HOLDER_AS_SHOWN = "holder-as-shown"
    SETTLEMENT_FUNDS = "settlement-funds"
    ID_USED_ONCE = "id-used-once"
    PAYEES_BANK_PROMISES = "payees-bank-promises"
    PAYEES_BANK_REFUSES = "payees-bank-refuses"
    ANSWER_IN_TIME = "answer-in-time"
    BOTH_BANKS_HAVE_BOOKED = "both-banks-have-booked"
    OUTCOME_IS_FINAL = "outcome-is-final"


@value_object
class Request:
    """A request, and what its rules judge it by."""

    message: TransferRequested
    end_to_end_id: EndToEndId | None
    """None when it is malformed."""
    entry: KeyEntry | None
    """Of the payee's key; None when it is not registered, or when the payer typed the payee's account."""
    payee: Party | None
    """Of the entry, or as the payer typed it; None for a key that is not registered."""
    facts: Facts


def _own_customer_pays(request: Request) -> bool:
    return request.message.payer.ispb == request.facts.sender


def _own_id(request: Request) -> bool:
    return request.end_to_end_id is not None and request.end_to_end_id.ispb == request.facts.sender


def _fields_in_form(request: Request) -> bool:
    return not broken_form(request)


def _id_of_today(request: Request) -> bool:
    now = datetime.fromtimestamp(request.facts.now_ms / 1000, UTC)
    return request.end_to_end_id is not None and not is_too_far_away(request.end_to_end_id, now)


def _payers_bank_takes_part(request: Request) -> bool:
    return request.facts.network.takes_part(request.message.payer.ispb)


def _amount_above_zero(request: Request) -> bool:
    return request.message.amount_centavos > 0


def _amount_within_limit(request: Request) -> bool:
    return request.message.amount_centavos <= AMOUNT_CENTAVOS_MAX


def _key_is_registered(request: Request) -> bool:
    return request.message.payee_key is None or request.entry is not None


def _payees_bank_is_known(request: Request) -> bool:
    # The bank of a key is known from the directory.
    return request.message.payee is None or request.message.payee.ispb in request.facts.network.banks


def _payees_bank_takes_part(request: Request) -> bool:
    return request.payee is not None and request.facts.network.takes_part(request.payee.ispb)


def _payees_bank_understands(request: Request) -> bool:
    payee = request.message.payee
    return payee is None or Feature.MANU in request.facts.network.banks[payee.ispb].features


def _not_to_oneself(request: Request) -> bool:
    return request.payee is None or account_of(request.payee) != account_of(request.message.payer)


def _holder_as_shown(request: Request) -> bool:
    shown = request.message.payee_tax_id_masked
    return not shown or request.entry is None or shown == request.entry.tax_id_masked


def _settlement_funds(request: Request) -> bool:
    account = request.facts.network.accounts.get(request.message.payer.ispb)
    return account is not None and account.available_centavos >= request.message.amount_centavos


REQUEST_RULES: Final = (
    RequestRule(Rule.OWN_CUSTOMER_PAYS, ReasonCode.RC09, _own_customer_pays, makes_row=False),
    RequestRule(Rule.OWN_ID, ReasonCode.FF08, _own_id, makes_row=False),
    RequestRule(Rule.FIELDS_IN_FORM, ReasonCode.CH16, _fields_in_form, makes_row=False),
    RequestRule(Rule.ID_OF_TODAY, ReasonCode.FF08, _id_of_today),
    RequestRule(Rule.BANKS_TAKE_PART, ReasonCode.DS27, _payers_bank_takes_part),
    RequestRule(Rule.AMOUNT_ABOVE_ZERO, ReasonCode.AM09, _amount_above_zero),
    RequestRule(Rule.AMOUNT_WITHIN_LIMIT, ReasonCode.AM02, _amount_within_limit),
    RequestRule(Rule.KEY_IS_REGISTERED, ReasonCode.AC03, _key_is_registered),
    RequestRule(Rule.PAYEES_BANK_IS_KNOWN, ReasonCode.RC10, _payees_bank_is_known),
    RequestRule(Rule.BANKS_TAKE_PART, ReasonCode.DS27, _payees_bank_takes_part),
    RequestRule(Rule.PAYEES_BANK_UNDERSTANDS, ReasonCode.AG12, _payees_bank_understands),
    RequestRule(Rule.NOT_TO_ONESELF, ReasonCode.AG12, _not_to_oneself),
    RequestRule(Rule.HOLDER_AS_SHOWN, ReasonCode.BE01, _holder_as_shown),
    RequestRule(Rule.SETTLEMENT_FUNDS, ReasonCode.AM04, _settlement_funds),
)
"""In the order in which the hub checks them: a request fails for the first that it breaks."""

LATER_RULES: Final[Mapping[Rule, ReasonCode]] = MappingProxyType(
    {
        Rule.ID_USED_ONCE: ReasonCode.DUPL,
        Rule.BANKS_TAKE_PART: ReasonCode.DS27,
        Rule.ANSWER_IN_TIME: ReasonCode.AB03,
    }
)
"""The rules that the hub judges after the first request, with the reason code for breaking each."""

_RULES_OF_TRIGGERS: Final = {
    Trigger.REQUEST: Rule.EVERY_RULE_KEPT,
    Trigger.ACCEPTANCE: Rule.PAYEES_BANK_PROMISES,
    Trigger.REJECTION: Rule.PAYEES_BANK_REFUSES,
    Trigger.TIMEOUT: Rule.ANSWER_IN_TIME,
    Trigger.SUSPENSION: Rule.BANKS_TAKE_PART,
    Trigger.COMPLETION: Rule.BOTH_BANKS_HAVE_BOOKED,
}
_RULES_OF_REASONS: Final = {rule.reason: Rule(rule.rule) for rule in REQUEST_RULES if rule.makes_row}


def broken_rule(request: Request) -> RequestRule | None:
    """The first rule that the request breaks; None when it keeps them all."""
    for rule in REQUEST_RULES:
        if not rule.is_kept(request):
            return rule
    return None


def broken_form(request: Request) -> str:
    """The field that has not the scheme's form, and its rule; empty when all have it."""
    try:
        check_request(request.message, key_is_registered=request.entry is not None)
    except SchemeError as error:
        return str(error)
    return ""


def rule_of(trigger: Trigger, reason: ReasonCode | None) -> Rule:
    """The rule by which a trigger moves a transfer; of a refusal, the one that the request breaks."""
    if trigger is Trigger.REFUSAL:
        return Rule.EVERY_RULE_KEPT if reason is None else _RULES_OF_REASONS.get(reason, Rule.EVERY_RULE_KEPT)
    return _RULES_OF_TRIGGERS[trigger]


def broken_rule_of(transfer: Transfer) -> Rule:
    """The rule that the request of a refused transfer has broken. AG12 is the reason of two of them."""
    is_to_oneself = transfer.payee is not None and account_of(transfer.payee) == account_of(transfer.payer)
    if transfer.reason is ReasonCode.AG12 and not is_to_oneself:
        return Rule.PAYEES_BANK_UNDERSTANDS
    return rule_of(Trigger.REFUSAL, transfer.reason)
