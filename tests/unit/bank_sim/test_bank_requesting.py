"""What a customer may ask for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bank_sim.domain.errors import PayerIsPayee
from bank_sim.domain.flows.transfer.model import TransferStatus, owed
from bank_sim.domain.flows.transfer.requests import TransferOrder, check_order, is_same_order, request
from pix.scheme.checks import check_request
from pix.scheme.errors import SchemeError
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import TransferRequested
from pix.scheme.money import AMOUNT_CENTAVOS_MAX
from pix.scheme.people import check_person_name
from tests.support.bank_builders import ANA, END_TO_END_ID, ISPB, NOW_MS, POLICY

ORDER = TransferOrder(
    account_number=ANA.number,
    payee_key=PixKey(KeyKind.EMAIL, "zelia@ipe.example"),
    amount_centavos=30_00,
    description="almoço",
    idempotency_key="order-1",
    payee_tax_id_masked="***.111.222-**",
    payee_name="Zélia Moreira",
    payee_bank_name="Banco Ipê",
)


@pytest.mark.parametrize(
    ("order", "field"),
    [
        (replace(ORDER, amount_centavos=0), "amount_centavos"),
        (replace(ORDER, amount_centavos=-1), "amount_centavos"),
        (replace(ORDER, amount_centavos=AMOUNT_CENTAVOS_MAX + 1), "amount_centavos"),
        (replace(ORDER, description="x" * 141), "description"),
        (replace(ORDER, description="two\nlines"), "description"),
        (replace(ORDER, idempotency_key=""), "idempotency_key"),
        (replace(ORDER, idempotency_key="x" * 101), "idempotency_key"),
        (replace(ORDER, payee_tax_id_masked="<script>"), "payee_tax_id_masked"),
        (replace(ORDER, payee_tax_id_masked="52998224725"), "payee_tax_id_masked"),
        (replace(ORDER, payee_name="x" * 101), "payee_name"),
        (replace(ORDER, payee_key=PixKey(KeyKind.EMAIL, "no address")), "key"),
    ],
)
def test_an_order_against_a_rule_names_the_field(order: TransferOrder, field: str) -> None:
    with pytest.raises(SchemeError) as refusal:
        check_order(order)
    assert refusal.value.field == field
    assert refusal.value.rule


def test_texts_are_taken_in_stored_form() -> None:
    typed = PixKey(KeyKind.EMAIL, "Zelia@IPE.example")
    order = check_order(replace(ORDER, description="  two   words ", payee_key=typed))
    assert order.description == "two words"
    assert order.payee_key == PixKey(KeyKind.EMAIL, "zelia@ipe.example")


def test_a_company_and_nobody_may_have_been_shown() -> None:
    for order in (
        replace(ORDER, payee_tax_id_masked="**.ABC.345/01DE-**"),
        replace(ORDER, payee_tax_id_masked="", payee_name="", payee_bank_name=""),
    ):
        assert check_order(order) == order


def test_the_request_says_what_the_payer_was_shown() -> None:
    transfer = request(ORDER, ANA, None, END_TO_END_ID, ISPB, NOW_MS, NOW_MS, POLICY)
    assert transfer.status is TransferStatus.PENDING
    assert transfer.resend_at_ms == NOW_MS + POLICY.delay_ms(END_TO_END_ID, 0)
    (message,) = owed(transfer, NOW_MS)
    assert isinstance(message, TransferRequested)
    assert message.payee_tax_id_masked == "***.111.222-**"
    assert message.payer == ANA.as_party(ISPB)


def test_nobody_pays_into_the_account_that_pays() -> None:
    with pytest.raises(PayerIsPayee):
        request(ORDER, ANA, ANA.number, END_TO_END_ID, ISPB, NOW_MS, NOW_MS, POLICY)
    assert request(ORDER, ANA, "000777-7", END_TO_END_ID, ISPB, NOW_MS, NOW_MS, POLICY).status is TransferStatus.PENDING


def test_what_makes_an_order_another_one() -> None:
    transfer = request(ORDER, ANA, None, END_TO_END_ID, ISPB, NOW_MS, NOW_MS, POLICY)
    assert is_same_order(transfer, ORDER)
    assert is_same_order(transfer, replace(ORDER, payee_name="another spelling"))
    assert not is_same_order(transfer, replace(ORDER, amount_centavos=30_01))
    assert not is_same_order(transfer, replace(ORDER, description="jantar"))
    assert not is_same_order(transfer, replace(ORDER, payee_key=PixKey(KeyKind.EMAIL, "x@ipe.example")))


def test_who_cannot_be_shown_does_not_pay() -> None:
    with pytest.raises(SchemeError) as refusal:
        request(ORDER, replace(ANA, holder_name="\u3164"), None, END_TO_END_ID, ISPB, NOW_MS, NOW_MS, POLICY)
    assert refusal.value.field == "payer.name"


@given(
    description=st.text(max_size=160),
    key=st.sampled_from(["529.982.247-25", "12.abc.345/01de-35", "(11) 98765-4321", "+1 415 555 2671"])
    | st.emails()
    | st.uuids().map(str),
    name=st.text(max_size=90),
    kind=st.sampled_from(KeyKind),
)
def test_what_a_customer_may_order_the_hub_takes(description: str, key: str, name: str, kind: KeyKind) -> None:
    try:
        order = check_order(replace(ORDER, description=description, payee_key=PixKey(kind, key)))
        account = replace(ANA, holder_name=check_person_name(name))
    except SchemeError:
        return
    transfer = request(order, account, None, END_TO_END_ID, ISPB, NOW_MS, NOW_MS, POLICY)
    (message,) = owed(transfer, NOW_MS)
    assert isinstance(message, TransferRequested)
    check_request(message)
