"""Addresses of webhooks, the documents of the API Pix about money that came in, and verdicts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from bank_sim.application.webhooks.documents import (
    amount_text,
    pix_document,
    return_document,
    return_number_of,
    return_order_key,
    time_text,
)
from bank_sim.application.webhooks.urls import URL_LENGTH_MAX, callback_of, check_webhook_url
from bank_sim.domain.flows.returns.model import Return, ReturnStatus
from bank_sim.domain.flows.transfer.requests import IDEMPOTENCY_KEY_LENGTH_MAX
from bank_sim.domain.webhooks.errors import WebhookUrlInvalid
from bank_sim.domain.webhooks.faults import FaultPlan, WebhookFault
from bank_sim.domain.webhooks.verdict import Booking, Judgement, Receivable, judge
from pix.scheme.errors import SchemeError
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from tests.support.bank_builders import ANA, ANA_PARTY, END_TO_END_ID, NOW_MS, STRANGER, incoming


@pytest.mark.parametrize(
    ("url", "callback"),
    [
        ("https://pix.example.com/api/webhook/", "https://pix.example.com/api/webhook/pix"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000/pix"),
        ("http://[::1]:3000/a//", "http://[::1]:3000/a/pix"),
        # The merchant who wants nothing appended.
        ("https://a.example/hook?key=1&ignore=", "https://a.example/hook?key=1&ignore=/pix"),
    ],
)
def test_pix_is_appended(url: str, callback: str) -> None:
    assert check_webhook_url(url) == url and callback_of(url) == callback


@pytest.mark.parametrize(
    "url",
    [
        "", "a.example", "ftp://a.example/", "https://", "https://a.example:0/", "https://a.example:99999/",
        "https://user:secret@a.example/", "https://a.example/#x", "https://a.example/á", "https://a.example/ b",
        "https://a.example/\n", "https://127.0.0.256/", "https://[::g]/", "http:\\\\a.example", "https://1.2.3/",
        "https://a.example/" + "a" * URL_LENGTH_MAX,
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(WebhookUrlInvalid) as caught:
        check_webhook_url(url)
    assert caught.value.field == "webhookUrl"


def outgoing_return() -> Return:
    return Return(
        return_id="D0000000120261122120012345678901",
        direction=Direction.OUTGOING,
        status=ReturnStatus.CONFIRMED,
        original_end_to_end_id=END_TO_END_ID,
        amount_centavos=5_00,
        account_number=ANA.number,
        return_reason=ReasonCode.MD06,
        payer=STRANGER,
        payee=ANA_PARTY,
        requested_at_ms=NOW_MS,
        decided_at_ms=NOW_MS,
        idempotency_key="return-1",
    )


@dataclass
class Parts:
    original: int = 100_00
    rebate: int = 0
    discount: int = 0
    interest: int = 2_00
    fine: int = 3_00


def test_the_parts_of_a_charge_with_a_due_date_are_shown() -> None:
    document = pix_document(replace(incoming(), txid="a" * 26, amount_centavos=105_00), (), Parts())
    assert document["valor"] == "105.00"
    assert document["componentesValor"] == {
        "original": {"valor": "100.00"},
        "juros": {"valor": "2.00"},
        "multa": {"valor": "3.00"},
    }


def test_what_is_empty_is_left_out() -> None:
    document = pix_document(replace(incoming(), description="", payee_key=None))
    assert not document.keys() & {"txid", "chave", "infoPagador", "devolucoes"}


def test_amounts_and_times_are_texts() -> None:
    assert [amount_text(each) for each in (0, 5, 1234, 99_999_999_999)] == ["0.00", "0.05", "12.34", "999999999.99"]
    assert time_text(NOW_MS + 7) == "2026-11-22T12:00:00.007Z"


def test_a_return_has_the_merchants_number_or_its_own_id() -> None:
    key = return_order_key(END_TO_END_ID, "a" * 35)
    assert len(key) <= IDEMPOTENCY_KEY_LENGTH_MAX
    row = outgoing_return()
    assert return_number_of(row) == row.return_id
    assert return_number_of(replace(row, idempotency_key=return_order_key(row.original_end_to_end_id, "7"))) == "7"
    assert return_number_of(replace(row, idempotency_key=return_order_key("E" + "0" * 31, "7"))) == row.return_id


def test_a_return_that_is_pending_has_no_settlement() -> None:
    document = return_document(replace(outgoing_return(), status=ReturnStatus.PENDING, decided_at_ms=None))
    assert document["status"] == "EM_PROCESSAMENTO" and document["horario"].keys() == {"solicitacao"}


def test_a_verdict_judges_each_pix() -> None:
    received = [Receivable(name, "t", 10, 0) for name in ("right", "twice", "wrong", "missing")]
    booked = [Booking("right", 10), Booking("twice", 10), Booking("twice", 10), Booking("wrong", 9), Booking("no", 1)]
    verdict = judge(received, booked)
    judgements = [(line.end_to_end_id, line.judgement, line.booked_centavos) for line in verdict.lines]
    assert judgements == [
        ("right", Judgement.RIGHT, (10,)),
        ("twice", Judgement.TWICE, (10, 10)),
        ("wrong", Judgement.WRONG_AMOUNT, (9,)),
        ("missing", Judgement.MISSING, ()),
        ("no", Judgement.UNKNOWN, (1,)),
    ]
    assert not verdict.is_right and judge(received[:1], booked[:1]).is_right and judge([], []).is_right


@pytest.mark.parametrize("figures", [{"delay_ms": -1}, {"delay_ms": 3_600_001}, {"times": 0}, {"times": 21}])
def test_a_fault_has_bounds(figures: dict[str, int]) -> None:
    with pytest.raises(SchemeError):
        FaultPlan(WebhookFault.DELAYED, **figures)
