"""Transfers to a typed account, and the txid, at a bank; also beside a hub of the version before both."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bank_sim.domain.account import AccountStatus
from bank_sim.domain.errors import PayerIsPayee
from bank_sim.domain.flows.transfer.decisions import decide
from bank_sim.domain.flows.transfer.model import TransferStatus, owed
from bank_sim.domain.flows.transfer.requests import TransferOrder, check_order, is_same_order, request, requested_before
from bank_sim.domain.flows.transfer.rules import answer_offer
from bank_sim.entrypoints.hub_records import outcomes_of
from pix.scheme.errors import SchemeError
from pix.scheme.initiation import Initiation
from pix.scheme.messages import Side, TransferAccepted, TransferRejected, TransferRequested
from pix.scheme.reasons import ReasonCode
from tests.support.bank_builders import (
    AMOUNT,
    ANA,
    ANA_PARTY,
    END_TO_END_ID,
    ISPB,
    KEY,
    NOW_MS,
    POLICY,
    STRANGER,
    confirmed,
    facts,
    in_status,
    incoming,
    offered,
    outgoing,
)

TXID = "Pedido42"
TYPED = TransferOrder(
    account_number=ANA.number,
    payee_key=None,
    amount_centavos=AMOUNT,
    description="aluguel",
    idempotency_key="order-1",
    payee=STRANGER,
    initiation=Initiation.MANU,
)
CODE = replace(TYPED, payee_key=KEY, payee=None, initiation=Initiation.QRES, txid=TXID)


def row_of(order: TransferOrder) -> Any:
    return request(check_order(order), ANA, None, END_TO_END_ID, ISPB, NOW_MS, NOW_MS, POLICY)


def manual_offer(**changes: Any) -> Any:
    return replace(offered(), **{"payee_key": None, "initiation": Initiation.MANU, **changes})


def test_a_typed_payee_is_requested_instead_of_a_key() -> None:
    row = row_of(TYPED)
    (message,) = owed(row, NOW_MS)
    assert isinstance(message, TransferRequested)
    assert (message.payee, message.payee_key, message.initiation, message.txid) == (
        STRANGER,
        None,
        Initiation.MANU,
        "",
    )
    assert (row.counterpart_name, row.payee_text) == (STRANGER.name, "0001 / 000777-1")


def test_the_txid_of_a_code_is_requested() -> None:
    (message,) = owed(row_of(CODE), NOW_MS)
    assert isinstance(message, TransferRequested)
    assert (message.payee, message.payee_key, message.initiation, message.txid) == (None, KEY, Initiation.QRES, TXID)


@pytest.mark.parametrize(
    ("order", "field"),
    [
        (replace(TYPED, payee=None), "payee"),
        (replace(TYPED, payee_key=KEY), "payee"),
        (replace(TYPED, initiation=Initiation.DICT), "payee_key"),
        (replace(CODE, payee_key=None), "payee_key"),
        (replace(CODE, payee=STRANGER), "payee_key"),
        (replace(TYPED, payee=replace(STRANGER, name="")), "payee.name"),
        (replace(TYPED, payee=replace(STRANGER, branch="00001")), "payee.branch"),
        (replace(TYPED, txid=TXID), "txid"),
        (replace(CODE, initiation=Initiation.DICT), "txid"),
        (replace(CODE, initiation=Initiation.QRDN), "txid"),
        (replace(CODE, txid="x" * 26), "txid"),
    ],
)
def test_an_order_against_a_rule_names_the_field(order: TransferOrder, field: str) -> None:
    with pytest.raises(SchemeError) as refusal:
        check_order(order)
    assert refusal.value.field == field


def test_the_payers_own_account_is_refused() -> None:
    with pytest.raises(PayerIsPayee) as refusal:
        row_of(replace(TYPED, payee=ANA_PARTY))
    assert refusal.value.field == "payee.account_number"


def test_another_payee_or_txid_is_another_order() -> None:
    assert is_same_order(row_of(TYPED), TYPED)
    assert not is_same_order(row_of(TYPED), replace(TYPED, payee=replace(STRANGER, account_number="1")))
    assert is_same_order(row_of(CODE), CODE)
    assert not is_same_order(row_of(CODE), replace(CODE, txid="Pedido43"))


@pytest.mark.parametrize(
    ("offer", "account", "reason"),
    [
        (manual_offer(), ANA, None),
        (manual_offer(), None, ReasonCode.AC03),
        (manual_offer(payee=replace(ANA_PARTY, branch="0002")), ANA, ReasonCode.AC03),
        (manual_offer(payee=replace(ANA_PARTY, tax_id_masked="***.111.222-**")), ANA, ReasonCode.BE01),
        # A stranger who guesses is not told that the account is blocked.
        (
            manual_offer(payee=replace(ANA_PARTY, tax_id_masked="***.111.222-**")),
            in_status(ANA, AccountStatus.BLOCKED),
            ReasonCode.BE01,
        ),
        (manual_offer(), in_status(ANA, AccountStatus.BLOCKED), ReasonCode.AC06),
        # The name is for people; accounts are not judged by it.
        (manual_offer(payee=replace(ANA_PARTY, name="Aninha")), ANA, None),
        # The directory has vouched for the holder of a key.
        (replace(offered(), payee=replace(ANA_PARTY, tax_id_masked="***.111.222-**")), ANA, None),
    ],
)
def test_the_payees_bank_checks_account_and_tax_id_of_a_typed_payee(
    offer: Any, account: Any, reason: ReasonCode | None
) -> None:
    assert answer_offer(offer, facts(account)).reason is reason


@pytest.mark.parametrize("offer", [manual_offer(), replace(offered(), initiation=Initiation.QRES, txid=TXID)])
def test_the_row_of_an_offer_has_how_it_was_initiated(offer: Any) -> None:
    decision = decide(None, offer, facts())
    assert decision.row is not None
    assert (decision.row.payee_key, decision.row.initiation, decision.row.txid) == (
        offer.payee_key,
        offer.initiation,
        offer.txid,
    )
    assert [type(message) for message in decision.messages] == [TransferAccepted]


@pytest.mark.parametrize(
    ("offer", "field"),
    [
        (replace(offered(), txid=TXID), "txid"),
        (replace(offered(), payee_key=None), "payee_key"),
        (manual_offer(payee_key=KEY), "payee_key"),
    ],
)
def test_a_malformed_offer_is_rejected_and_its_dead_letter_names_the_field(offer: Any, field: str) -> None:
    decision = decide(None, offer, facts())
    ((answer,), row) = decision.messages, decision.row
    assert isinstance(answer, TransferRejected) and answer.reason is ReasonCode.ED05
    assert row is None and decision.dead_letter.startswith(f"TransferOffered: {field}:")


def test_an_outcome_for_another_typed_account_is_ignored() -> None:
    row = row_of(TYPED)
    about = replace(confirmed(Side.PAYER), payee_key=None, initiation=Initiation.MANU)
    assert decide(row, about, facts()).row.status is TransferStatus.CONFIRMED  # type: ignore[union-attr]
    other = replace(about, payee=replace(STRANGER, account_number="000778-1"))
    decision = decide(row, other, facts())
    assert decision.row is not None and decision.row.status is TransferStatus.PENDING
    assert decision.steps[0].ignored == "another payee than the transfer has"


def test_a_hub_of_the_version_before_repeats_no_txid_and_decides_all_the_same() -> None:
    row = replace(outgoing(), initiation=Initiation.QRES, txid=TXID)
    decision = decide(row, confirmed(Side.PAYER), facts())
    assert decision.row is not None
    assert (decision.row.status, decision.row.txid) == (TransferStatus.CONFIRMED, TXID)
    other = replace(confirmed(Side.PAYER), initiation=Initiation.QRES, txid="Pedido43")
    assert decide(row, other, facts()).steps[0].ignored == "another initiation or txid than the transfer has"


def test_an_offer_of_the_version_before_and_the_outcome_of_this_one_are_one_transfer() -> None:
    decision = decide(incoming(), replace(confirmed(), initiation=Initiation.QRES, txid=TXID), facts())
    assert decision.row is not None and decision.row.status is TransferStatus.CONFIRMED


def restored(**changes: Any) -> Any:
    """The hub's record of a confirmed payment of Ana's, as its REST API shows it."""
    party = ("ispb", "branch", "account_number", "name", "tax_id_masked")
    row = {
        "end_to_end_id": END_TO_END_ID,
        "status": "completed",
        "reason": None,
        "amount_centavos": AMOUNT,
        "payer": {name: getattr(ANA_PARTY, name) for name in party},
        "payee": {name: getattr(STRANGER, name) for name in party},
        "key_kind": "EMAIL",
        "key": KEY.key,
        "description": "aluguel",
        "decided_at_ms": NOW_MS,
        **changes,
    }
    (outcome,) = outcomes_of(row, ISPB)
    return requested_before(outcome, NOW_MS)


def test_a_transfer_that_a_backup_lacks_comes_back_as_it_was_initiated() -> None:
    typed = restored(key_kind=None, key=None, initiation="MANU", txid="")
    assert (typed.payee_key, typed.payee, typed.initiation) == (None, STRANGER, Initiation.MANU)
    code = restored(initiation="QRES", txid=TXID)
    assert (code.payee_key, code.payee, code.initiation, code.txid) == (KEY, None, Initiation.QRES, TXID)
    older = restored()
    assert (older.payee_key, older.initiation, older.txid) == (KEY, Initiation.DICT, "")
