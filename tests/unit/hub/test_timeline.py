"""The timeline of a transfer: every message and every state, from nothing but its row and its history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hub.domain.flows.flow import Decision
from hub.domain.flows.transfer.decisions import decide, decide_retransmission, decide_timeout
from hub.domain.flows.transfer.model import HistoryStep, Transfer, Trigger
from hub.domain.flows.transfer.rules import REQUEST_RULES, Rule, rule_of
from hub.domain.flows.transfer.timeline import step_name, timeline
from pix.scheme.flows import MessageEvent, StatusChange, TimelineEntry
from pix.scheme.messages import Message, Outcome, Role, Side
from pix.scheme.messages.transfers import FromBank
from pix.scheme.reasons import ReasonCode
from tests.support.hub_builders import (
    ANA,
    AURORA,
    BANKS,
    CAIO,
    CAIOS_KEY,
    IPE,
    KEYS,
    NOBODYS_KEY,
    NOW_MS,
    POLICY,
    accepted,
    facts,
    network,
    processed,
    rejected,
    requested,
)


class Play:
    """Lets the hub decide on messages, and keeps what it sends and writes down."""

    def __init__(self) -> None:
        self.transfer: Transfer | None = None
        self.history: list[HistoryStep] = []
        self.sent: list[Message] = []
        self.now_ms = NOW_MS
        self.network = network()

    def tell(self, sender: str, message: FromBank) -> Play:
        self.sent.append(message)
        self._take(decide(self.transfer, message, facts(sender, self.network, self.now_ms)))
        return self

    def resend(self) -> Play:
        assert self.transfer is not None
        self._take(decide_retransmission(self.transfer, self.now_ms, self.now_ms, POLICY))
        return self

    def time_out(self) -> Play:
        assert self.transfer is not None
        self._take(decide_timeout(self.transfer, self.now_ms, self.now_ms, POLICY))
        return self

    def _take(self, decision: Decision[Transfer]) -> None:
        self.transfer = decision.row
        self.history += decision.steps
        self.sent += [message for _, message in decision.messages]
        self.now_ms += 10

    def lines(self) -> list[str]:
        """The timeline, a line each."""
        return [_line(each) for each in self.timeline()]

    def timeline(self) -> Sequence[TimelineEntry]:
        assert self.transfer is not None
        return timeline(self.transfer, self.history)


def _line(each: TimelineEntry) -> str:
    if isinstance(each, StatusChange):
        return f"= {each.status} by {each.trigger}: {each.rule}"
    mark = f" ({each.mark})" if each.mark else ""
    return f"{each.sender} > {each.receiver} {each.name}{mark}"


def test_a_transfer_that_completes_tells_every_message_as_it_was_sent() -> None:
    play = Play().tell(AURORA, requested()).tell(IPE, accepted())
    play.tell(AURORA, processed(Side.PAYER)).tell(IPE, processed(Side.PAYEE))
    assert play.lines() == [
        "payer > hub TransferRequested",
        "= pending by request: every-rule-kept",
        "hub > payee TransferOffered",
        "payee > hub TransferAccepted",
        "= confirmed by acceptance: payees-bank-promises",
        "hub > payer TransferConfirmed",
        "hub > payee TransferConfirmed",
        "payer > hub OutcomeProcessed",
        "payee > hub OutcomeProcessed",
        "= completed by completion: both-banks-have-booked",
    ]
    told = [each.message for each in play.timeline() if isinstance(each, MessageEvent)]
    assert told == play.sent, "word for word what was sent, in the order in which it was"


def test_what_is_sent_again_and_what_comes_too_late_are_told_apart() -> None:
    play = Play().tell(AURORA, requested()).resend().time_out().tell(IPE, accepted()).resend()
    assert play.lines() == [
        "payer > hub TransferRequested",
        "= pending by request: every-rule-kept",
        "hub > payee TransferOffered",
        "hub > payee TransferOffered (resent)",
        "= failed by timeout: answer-in-time",
        "hub > payer TransferFailed",
        "hub > payee TransferFailed",
        "payee > hub TransferAccepted (refused)",
        "hub > payer TransferFailed (resent)",
        "hub > payee TransferFailed (resent)",
    ]
    (refused,) = [each for each in play.timeline() if isinstance(each, MessageEvent) and each.mark == "refused"]
    assert refused.message is None and refused.why == "too late: the transfer is failed"


def test_a_rejection_and_what_the_banks_make_of_it() -> None:
    play = Play().tell(AURORA, requested()).tell(IPE, rejected())
    for side, sender in ((Side.PAYEE, IPE), (Side.PAYER, AURORA)):
        play.tell(sender, processed(side, Outcome.FAILED, ReasonCode.AC06))
    assert play.lines()[3:] == [
        "payee > hub TransferRejected",
        "= failed by rejection: payees-bank-refuses",
        "hub > payer TransferFailed",
        "hub > payee TransferFailed",
        "payee > hub OutcomeProcessed",
        "payer > hub OutcomeProcessed",
    ]
    assert [each.message for each in play.timeline() if isinstance(each, MessageEvent)] == play.sent


def test_a_refusal_names_the_rule_that_the_request_breaks_and_the_payees_bank_is_not_told() -> None:
    assert Play().tell(AURORA, requested(payee_key=NOBODYS_KEY)).lines() == [
        "payer > hub TransferRequested",
        "= failed by refusal: key-is-registered",
        "hub > payer TransferFailed",
    ]


def test_a_suspension_between_offer_and_acceptance() -> None:
    play = Play().tell(AURORA, requested())
    play.network = network(banks={**BANKS, AURORA: replace(BANKS[AURORA], active=False)})
    assert play.tell(IPE, accepted()).lines()[3:5] == [
        "payee > hub TransferAccepted",
        "= failed by suspension: banks-take-part",
    ]


def test_a_bank_that_is_both_sides_has_both_roles() -> None:
    to_caio = requested(payer=ANA, payee_key=CAIOS_KEY, payee_tax_id_masked=KEYS[CAIOS_KEY].tax_id_masked)
    play = Play().tell(AURORA, to_caio).tell(CAIO.ispb, accepted())
    senders = [each.sender for each in play.timeline() if isinstance(each, MessageEvent) and each.receiver is Role.HUB]
    assert senders == [Role.PAYER, Role.PAYEE]


def test_a_second_request_with_another_content_is_told_as_refused() -> None:
    play = Play().tell(AURORA, requested()).tell(AURORA, requested(amount_centavos=1))
    assert play.lines()[-1] == "payer > hub TransferRequested (refused)"


def test_a_refusal_names_the_rule_of_its_reason() -> None:
    for rule in REQUEST_RULES:
        # Of the two rules with AG12 the transfer itself tells which it broke: see `test_initiation`.
        if rule.makes_row and rule.rule is not Rule.PAYEES_BANK_UNDERSTANDS:
            assert rule_of(Trigger.REFUSAL, rule.reason) is rule.rule


def test_rest_names_each_step_by_its_message_and_side() -> None:
    play = Play().tell(AURORA, requested()).resend().tell(IPE, accepted()).resend().tell(AURORA, processed(Side.PAYER))
    play.tell(IPE, rejected()).tell(IPE, processed(Side.PAYEE))
    assert [step_name(step) for step in play.history] == [
        "TransferRequested",
        "TransferOffered",
        "TransferAccepted",
        "TransferConfirmed (payer)",
        "TransferConfirmed (payee)",
        "OutcomeProcessed (payer)",
        "TransferRejected",
        "OutcomeProcessed (payee)",
    ]
    timed_out = Play().tell(AURORA, requested()).time_out().resend()
    assert [step_name(step) for step in timed_out.history[1:]] == [
        "timeout",
        "TransferFailed (payer)",
        "TransferFailed (payee)",
    ]
