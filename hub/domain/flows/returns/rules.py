"""The hub's rules for a return: one ordered table. Decisions, protocol page, REST and console read it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from hub.domain.flows.flow import Facts, RequestRule
from hub.domain.flows.returns.model import Trigger
from hub.domain.flows.transfer.model import Transfer
from pix.scheme.errors import SchemeError
from pix.scheme.features import Feature
from pix.scheme.ids import ReturnId, is_return_id
from pix.scheme.messages import Outcome
from pix.scheme.messages.returns import ReturnRequested
from pix.scheme.reasons import ReasonCode
from pix.scheme.reasons.returns import RETURN_REASONS
from pix.scheme.return_checks import check_return_request
from pix.scheme.return_window import is_within_return_window
from pix.scheme.values import value_object


class Rule(StrEnum):
    """The rules by their names: the anchors of the protocol page, and the keys of the sentences on the pages."""

    EVERY_RULE_KEPT = "every-return-rule-kept"
    OWN_RETURN_ID = "own-return-id"
    FIELDS_IN_FORM = "return-fields-in-form"
    RETURN_ALLOWED = "return-allowed"
    NOT_OF_A_RETURN = "not-of-a-return"
    OWN_CONFIRMED_TRANSFER = "own-confirmed-transfer"
    WITHIN_90_DAYS = "within-90-days"
    BANKS_TAKE_PART = "return-banks-take-part"
    AMOUNT_IS_LEFT = "amount-is-left"
    SETTLEMENT_FUNDS = "return-settlement-funds"
    ID_USED_ONCE = "return-id-used-once"
    PAYERS_BANK_PROMISES = "payers-bank-promises"
    PAYERS_BANK_REFUSES = "payers-bank-refuses"
    ANSWER_IN_TIME = "return-answer-in-time"
    BOTH_BANKS_HAVE_BOOKED = "return-booked-by-both-banks"


@value_object
class Request:
    """A request, and what its rules judge it by."""

    message: ReturnRequested
    return_id: ReturnId | None
    """None when it is malformed."""
    original: Transfer | None
    """None when the hub does not know it."""
    returned_centavos: int
    """Of the original, by other returns that have not failed."""
    facts: Facts


def _own_return_id(request: Request) -> bool:
    return request.return_id is not None and request.return_id.ispb == request.facts.sender


def _fields_in_form(request: Request) -> bool:
    return not broken_form(request)


def _is_reason_of_a_return(request: Request) -> bool:
    return request.message.reason in RETURN_REASONS


def _not_of_a_return(request: Request) -> bool:
    return not is_return_id(request.message.original_end_to_end_id)


def _own_confirmed_transfer(request: Request) -> bool:
    return returnable(request.original, request.facts.sender) is not None


def _within_90_days(request: Request) -> bool:
    original = request.original
    if original is None or original.decided_at_ms is None:
        return False
    return is_within_return_window(original.decided_at_ms, request.facts.now_ms)


def _banks_take_part(request: Request) -> bool:
    network, original = request.facts.network, request.original
    return original is not None and network.takes_part(original.payer.ispb) and network.takes_part(request.facts.sender)


def _payers_bank_takes_returns(request: Request) -> bool:
    payers_bank = None if request.original is None else request.facts.network.banks.get(request.original.payer.ispb)
    return payers_bank is not None and Feature.RETURNS in payers_bank.features


def _amount_is_left(request: Request) -> bool:
    left = 0 if request.original is None else request.original.amount_centavos - request.returned_centavos
    return 0 < request.message.amount_centavos <= left


def _settlement_funds(request: Request) -> bool:
    account = request.facts.network.accounts.get(request.facts.sender)
    return account is not None and account.available_centavos >= request.message.amount_centavos


REQUEST_RULES: Final = (
    RequestRule(Rule.OWN_RETURN_ID, ReasonCode.FF08, _own_return_id, makes_row=False),
    RequestRule(Rule.FIELDS_IN_FORM, ReasonCode.CH16, _fields_in_form, makes_row=False),
    RequestRule(Rule.RETURN_ALLOWED, ReasonCode.AG12, _is_reason_of_a_return),
    RequestRule(Rule.NOT_OF_A_RETURN, ReasonCode.AG13, _not_of_a_return),
    RequestRule(Rule.OWN_CONFIRMED_TRANSFER, ReasonCode.FF08, _own_confirmed_transfer),
    RequestRule(Rule.WITHIN_90_DAYS, ReasonCode.DT05, _within_90_days),
    RequestRule(Rule.BANKS_TAKE_PART, ReasonCode.DS27, _banks_take_part),
    RequestRule(Rule.RETURN_ALLOWED, ReasonCode.AG12, _payers_bank_takes_returns),
    RequestRule(Rule.AMOUNT_IS_LEFT, ReasonCode.AM09, _amount_is_left),
    RequestRule(Rule.SETTLEMENT_FUNDS, ReasonCode.AM04, _settlement_funds),
)
"""In the order in which the hub checks them: a request fails for the first that it breaks."""

LATER_RULES: Final[Mapping[Rule, ReasonCode]] = MappingProxyType(
    {
        Rule.ID_USED_ONCE: ReasonCode.DUPL,
        Rule.BANKS_TAKE_PART: ReasonCode.DS27,
        Rule.ANSWER_IN_TIME: ReasonCode.AB11,
    }
)
"""The rules that the hub judges after the first request, with the reason code for breaking each."""

_RULES_OF_TRIGGERS: Final = {
    Trigger.REQUEST: Rule.EVERY_RULE_KEPT,
    Trigger.ACCEPTANCE: Rule.PAYERS_BANK_PROMISES,
    Trigger.REJECTION: Rule.PAYERS_BANK_REFUSES,
    Trigger.TIMEOUT: Rule.ANSWER_IN_TIME,
    Trigger.SUSPENSION: Rule.BANKS_TAKE_PART,
    Trigger.COMPLETION: Rule.BOTH_BANKS_HAVE_BOOKED,
}
_RULES_OF_REASONS: Final = {rule.reason: Rule(rule.rule) for rule in REQUEST_RULES if rule.makes_row}


def returnable(original: Transfer | None, sender: str) -> Transfer | None:
    """The original, if the bank has received it and so may return money of it: it learns of no other transfer."""
    if original is None or original.payee is None or original.payee.ispb != sender:
        return None
    return original if original.outcome is Outcome.CONFIRMED else None


def broken_rule(request: Request) -> RequestRule | None:
    """The first rule that the request breaks; None when it keeps them all."""
    for rule in REQUEST_RULES:
        if not rule.is_kept(request):
            return rule
    return None


def broken_form(request: Request) -> str:
    """The field that has not the scheme's form, and its rule; empty when all have it."""
    try:
        check_return_request(request.message)
    except SchemeError as error:
        return str(error)
    return ""


def rule_of(trigger: Trigger, reason: ReasonCode | None) -> Rule:
    """The rule by which a trigger moves a return; of a refusal, the one that the request breaks."""
    if trigger is Trigger.REFUSAL:
        return Rule.EVERY_RULE_KEPT if reason is None else _RULES_OF_REASONS.get(reason, Rule.EVERY_RULE_KEPT)
    return _RULES_OF_TRIGGERS[trigger]
