"""Transfers without a key, and the txid, at the hub; also beside banks of the version before both."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from codepix.v1 import transfers_pb2 as wire
from hub.domain.flows import timeline
from hub.domain.flows.flow import Decision
from hub.domain.flows.transfer.decisions import decide
from hub.domain.flows.transfer.model import Transfer, TransferStatus
from hub.domain.flows.transfer.rules import Rule
from pix.scheme.flows import StatusChange
from pix.scheme.initiation import Initiation
from pix.scheme.messages import (
    MESSAGES_OF_BANKS,
    MESSAGES_OF_HUB,
    Side,
    TransferConfirmed,
    TransferFailed,
    TransferOffered,
)
from pix.scheme.reasons import ReasonCode
from pix.wire.protobuf_v1.codec import decode_message, encode_record
from tests.support.hub_builders import (
    AURORA,
    BANKS,
    BIA,
    BIAS_KEY,
    CAIO,
    IPE,
    accepted,
    e2e,
    facts,
    network,
    rejected,
    requested,
    transfer,
    typed,
)

TXID = "Pedido42"


def decided(before: Transfer | None, message: Any, sender: str = AURORA, **surroundings: Any) -> Decision[Transfer]:
    return decide(before, message, facts(sender, network(**surroundings)))


def made(message: Any) -> Transfer:
    row = decided(None, message).row
    assert row is not None and row.status is TransferStatus.PENDING
    return row


def test_a_typed_payee_is_offered_and_told_as_typed() -> None:
    decision = decided(None, typed(), keys={})
    ((receiver, offer),) = decision.messages
    assert receiver == IPE
    assert isinstance(offer, TransferOffered)
    assert (offer.payee, offer.payee_key, offer.initiation, offer.txid) == (BIA, None, Initiation.MANU, "")
    told: list[Any] = [message for _, message in decided(decision.row, accepted(), IPE).messages]
    assert [(message.payee, message.payee_key) for message in told] == [(BIA, None)] * 2
    assert all(isinstance(message, TransferConfirmed) and message.initiation is Initiation.MANU for message in told)


def test_the_txid_of_a_code_travels_to_both_banks() -> None:
    row = made(requested(initiation=Initiation.QRES, txid=TXID))
    messages: list[Any] = [
        message
        for _, message in (
            *decided(None, requested(initiation=Initiation.QRES, txid=TXID)).messages,
            *decided(row, rejected(), IPE).messages,
        )
    ]
    assert [type(message) for message in messages] == [TransferOffered, TransferFailed, TransferFailed]
    assert {(message.initiation, message.txid) for message in messages} == {(Initiation.QRES, TXID)}


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (requested(txid=TXID), "txid"),
        (typed(txid=TXID), "txid"),
        (requested(initiation=Initiation.QRES, txid="pedido-42"), "txid"),
        (requested(initiation=Initiation.QRES, txid="x" * 26), "txid"),
        (requested(initiation=Initiation.QRDN, txid=TXID), "txid"),
        (requested(payee_key=None), "payee_key"),
        (typed(payee_key=BIAS_KEY), "payee_key"),
        (requested(payee=BIA), "payee"),
        (requested(payee_key=None, initiation=Initiation.MANU), "payee"),
        (typed(replace(BIA, name="")), "payee.name"),
        (typed(replace(BIA, ispb="2")), "payee.ispb"),
        (typed(replace(BIA, account_number="2 0")), "payee.account_number"),
        (typed(replace(BIA, tax_id_masked="11144477735"), payee_tax_id_masked=""), "payee.tax_id_masked"),
    ],
)
def test_a_malformed_request_makes_no_row_and_its_dead_letter_names_the_field(message: Any, field: str) -> None:
    decision = decided(None, message)
    assert decision.row is None
    receiver: str
    told: Any
    ((receiver, told),) = decision.messages
    assert (receiver, told.reason) == (AURORA, ReasonCode.CH16)
    assert decision.dead_letter.startswith(f"TransferRequested: {field}:")
    # The payer's bank finds its request in the answer, and can refund.
    assert (told.payee, told.payee_key, told.txid) == (message.payee, message.payee_key, message.txid)


def test_the_timeline_names_the_rule_of_each_ag12() -> None:
    older = {**BANKS, IPE: replace(BANKS[IPE], features=frozenset())}
    for message, banks, rule in (
        (typed(), older, Rule.PAYEES_BANK_UNDERSTANDS),
        (typed(requested().payer), BANKS, Rule.NOT_TO_ONESELF),
    ):
        decision = decided(None, message, banks=banks)
        assert decision.row is not None and decision.row.reason is ReasonCode.AG12
        (change,) = (each for each in timeline(decision.row, decision.steps) if isinstance(each, StatusChange))
        assert change.rule is rule


@pytest.mark.parametrize("change", [{"payee": CAIO}, {"payee": replace(BIA, name="Bia L")}])
def test_another_typed_payee_is_another_content(change: dict[str, Any]) -> None:
    row = made(typed())
    assert row.has_content_of(typed())
    assert not row.has_content_of(typed(**change))


def test_the_same_id_with_another_txid_is_rejected() -> None:
    row = made(requested(initiation=Initiation.QRES, txid=TXID))
    decision = decided(row, requested(initiation=Initiation.QRES, txid="Pedido43"))
    ((_, told),) = decision.messages
    assert isinstance(told, TransferFailed) and told.reason is ReasonCode.DUPL
    assert decision.row is not None and decision.row.status is TransferStatus.PENDING


def test_a_row_of_the_version_before_is_the_request_that_carries_a_txid_by_now() -> None:
    """The bank is newer than the hub was: its retransmission must not be taken for another transfer, and fail it."""
    before = transfer()
    decision = decided(before, requested(initiation=Initiation.QRES, txid=TXID))
    assert decision.row is not None and decision.row.duplicates == 1
    assert decision.messages == decided(before, requested()).messages


# The wire of the version before.


def test_a_request_of_the_version_before_is_by_key_and_has_no_txid() -> None:
    value = encode_record(requested(), "t", AURORA, b"k").value
    assert decode_message("TransferRequested", value, MESSAGES_OF_BANKS) == requested()
    # Nothing on the wire tells it from that version's message.
    assert {field.name for field, _ in wire.TransferRequested.FromString(value).ListFields()} == {
        "end_to_end_id",
        "amount_centavos",
        "payer",
        "payee_key",
        "payee_tax_id_masked",
        "description",
        "requested_at_ms",
    }


@pytest.mark.parametrize("initiation", list(Initiation))
def test_each_initiation_survives_the_wire(initiation: Initiation) -> None:
    key, payee = (None, BIA) if initiation is Initiation.MANU else (BIAS_KEY, None)
    request = requested(payee_key=key, payee=payee, initiation=initiation, txid=TXID)
    value = encode_record(request, "t", AURORA, b"k").value
    assert decode_message("TransferRequested", value, MESSAGES_OF_BANKS) == request
    for message in (
        TransferOffered(e2e(), 1, BIA, BIA, key, "", 1, initiation, TXID),
        TransferConfirmed(e2e(), Side.PAYER, 1, BIA, BIA, key, "", 1, initiation, TXID),
        TransferFailed(e2e(), Side.PAYER, ReasonCode.AC03, 1, BIA, payee, key, "", 1, initiation, TXID),
    ):
        name = type(message).__name__
        assert decode_message(name, encode_record(message, "t", "hub", b"k").value, MESSAGES_OF_HUB) == message
