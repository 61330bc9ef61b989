"""A bank keeps working when a message has more than it knows."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from codepix.v1 import common_pb2, transfers_pb2
from lab.prove.conform.bench import AMOUNT_CENTAVOS, BALANCE_CENTAVOS, Bench
from lab.prove.conform.case import Group, Need, Profile
from lab.prove.conform.record_rules import ADDITIVE, DICT_BY_DEFAULT, HEADERS, JSON
from pix.scheme.messages import Message, Side, TransferOffered
from pix.scheme.messages.returns import ReturnAccepted, ReturnOffered
from pix.scheme.reasons import ReasonCode

GROUP: Final = Group("unknown-fields", "Unknown fields: newer messages are read as far as they are known")

# Fields 500 to 502, which no message has: a number, a text and a message.
NEW_NUMBER: Final = b"\xa0\x1f\x07"
NEW_TEXT: Final = b"\xaa\x1f\x04novo"
NEW_MESSAGE: Final = b"\xb2\x1f\x06\x0a\x04novo"
NEW_FIELDS: Final = NEW_NUMBER + NEW_TEXT + NEW_MESSAGE


@GROUP.add("in-an-offer", "an offer with fields of a newer version is accepted", ADDITIVE)
def in_an_offer(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.make_offer(account, AMOUNT_CENTAVOS)
    _send_newer(bench, offer)
    bench.decisions.await_acceptance(offer)
    bench.decisions.fail_offer(offer)


@GROUP.add("in-a-credit", "a confirmation with fields of a newer version credits the payee", ADDITIVE)
def in_a_credit(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.offer(account, AMOUNT_CENTAVOS)
    bench.decisions.await_acceptance(offer)
    _send_newer(bench, bench.decisions.make_payee_confirmation(offer))
    bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.check_balance(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS)


@GROUP.add("in-a-settlement", "a confirmation with fields of a newer version settles a payment", ADDITIVE)
def in_a_settlement(bench: Bench) -> None:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key)
    request = bench.decisions.await_request(transfer.id)
    _send_newer(bench, bench.decisions.make_confirmation(request))
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    bench.check_transfer(transfer.id, "confirmed")


@GROUP.add("in-a-failure", "a failure with fields of a newer version refunds the payer", ADDITIVE)
def in_a_failure(bench: Bench) -> None:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key)
    request = bench.decisions.await_request(transfer.id)
    _send_newer(bench, bench.decisions.make_failure(request, ReasonCode.AC03))
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    bench.check_balance(account, BALANCE_CENTAVOS)


@GROUP.add("within-a-party", "a party with fields of a newer version is read", ADDITIVE)
def within_a_party(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.make_offer(account, AMOUNT_CENTAVOS)
    value = transfers_pb2.TransferOffered.FromString(bench.bytes_of(offer))
    for party in (value.payer, value.payee):
        newer = common_pb2.Party.FromString(party.SerializeToString() + NEW_FIELDS)
        party.CopyFrom(newer)
    bench.send_record(bench.record(offer, value=value.SerializeToString()), "TransferOffered with newer parties")
    bench.decisions.await_acceptance(offer)
    bench.decisions.fail_offer(offer)


@GROUP.add("in-any-order", "the fields of a message may come in any order", ADDITIVE)
def in_any_order(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.make_offer(account, AMOUNT_CENTAVOS, description="fora de ordem")
    whole = transfers_pb2.TransferOffered.FromString(bench.bytes_of(offer))
    parts = []
    for field, _ in whole.ListFields():
        rest = transfers_pb2.TransferOffered()
        rest.CopyFrom(whole)
        for other, _ in whole.ListFields():
            if other.name != field.name:
                rest.ClearField(other.name)  # type: ignore[arg-type]  # a field's name
        parts.append(rest.SerializeToString())
    bench.send_record(bench.record(offer, value=b"".join(reversed(parts))), "TransferOffered, backwards")
    bench.decisions.await_acceptance(offer)
    bench.decisions.fail_offer(offer)


@GROUP.add("more-headers", "headers that the protocol does not have are ignored", HEADERS)
def more_headers(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.make_offer(account, AMOUNT_CENTAVOS)
    record = bench.record(offer)
    more = {"x-tool": b"\x00\xff", "codepix-clock": b"no clock", "traceparent": b"no trace", "codepix-novo": b"1"}
    bench.send_record(replace(record, headers={**record.headers, **more}), "TransferOffered with more headers")
    bench.decisions.await_acceptance(offer)
    bench.decisions.fail_offer(offer)


@GROUP.add("dict-by-default", "an offer without initiation and its confirmation with DICT are one", DICT_BY_DEFAULT)
def dict_by_default(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.offer(account, AMOUNT_CENTAVOS)
    bench.decisions.await_acceptance(offer)
    confirmation = bench.decisions.make_payee_confirmation(offer)
    value = transfers_pb2.TransferConfirmed.FromString(bench.bytes_of(confirmation))
    bench.check_equal(value.initiation, common_pb2.INITIATION_UNSPECIFIED, "The initiation of the offer")
    value.initiation = common_pb2.INITIATION_DICT
    bench.send_record(bench.record(confirmation, value=value.SerializeToString()), "TransferConfirmed with DICT")
    bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.check_balance(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS)


@GROUP.add("in-an-order", "fields of a newer version in a customer's order are ignored", JSON)
def in_an_order(bench: Bench) -> None:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key, campo_novo={"a": [1, 2]}, priority=3)
    bench.decisions.fail(bench.decisions.await_request(transfer.id))
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    bench.check_balance(account, BALANCE_CENTAVOS)


@GROUP.add(
    "in-a-return",
    "a return with fields of a newer version is accepted",
    ADDITIVE,
    profile=Profile.FULL,
    needs=(Need.RETURNS,),
)
def in_a_return(bench: Bench) -> None:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key)
    confirmed = bench.decisions.confirm(bench.decisions.await_request(transfer.id))
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    offer = ReturnOffered(
        bench.new_return_id(),
        transfer.id,
        AMOUNT_CENTAVOS,
        ReasonCode.MD06,
        "",
        confirmed.payer,
        confirmed.payee,
        confirmed.confirmed_at_ms,
    )
    _send_newer(bench, offer)
    bench.await_message(ReturnAccepted, offer.return_id)


def _send_newer(bench: Bench, message: Message) -> None:
    record = bench.record(message, value=bench.bytes_of(message) + NEW_FIELDS)
    what = f"{type(message).__name__} with newer fields"
    if isinstance(message, TransferOffered):
        bench.watch(message.record_key)
    bench.send_record(record, what)
