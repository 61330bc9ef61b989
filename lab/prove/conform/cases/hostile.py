"""Records that cannot be read or must not be applied change nothing, and what comes after them is processed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from codepix.v1 import transfers_pb2
from lab.prove.conform.bench import AMOUNT_CENTAVOS, BALANCE_CENTAVOS, Bench
from lab.prove.conform.case import Group
from lab.prove.conform.contract import Account
from lab.prove.conform.record_rules import ADVANCES, BOUNDS, HOSTILE, JSON, LIMITS, RECORD_KEY
from pix.scheme.initiation import Initiation
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import (
    Outcome,
    OutcomeProcessed,
    Side,
    TransferAccepted,
    TransferOffered,
    TransferRejected,
)
from pix.scheme.money import AMOUNT_CENTAVOS_MAX
from pix.scheme.reasons import ReasonCode
from pix.wire.record import HEADER_TYPE, Record

GROUP: Final = Group("hostile", "Hostile records and orders: they change nothing, and the bank goes on")
VALUE_BYTES_MAX: Final = 16 * 1024
FLOOD: Final = 200
YEAR_9999_MS: Final = 253_402_300_799_999


def _send_and_fence(bench: Bench, record: Record, what: str) -> None:
    """Returns when the bank has read the record; fails when it is stuck at it."""
    row_id = record.key.decode("utf-8", "replace")
    bench.send_record(record, what)
    bench.fence(row_id)


def _check_silent(bench: Bench, row_id: str, what: str) -> None:
    came = [
        kind.__name__ for kind in (TransferAccepted, TransferRejected, OutcomeProcessed) if bench.received(kind, row_id)
    ]
    bench.check(not came, f"The bank answered {what} with {', '.join(came)}, and should have sent nothing.")


def _check_rejected(bench: Bench, offer: TransferOffered, reason: ReasonCode, what: str) -> None:
    answer = bench.await_answer(offer)
    if not isinstance(answer, TransferRejected):
        bench.decisions.fail_offer(offer)
        bench.check(False, f"The bank accepted {what}, and should have rejected it with {reason}.")
    else:
        bench.check_equal(answer.reason, reason, f"The reason of the rejection of {what}")


# What cannot be read


@GROUP.add("no-protobuf", "bytes that are no Protobuf get no answer", HOSTILE)
def no_protobuf(bench: Bench) -> None:
    offer = bench.decisions.make_offer(bench.open_account(), AMOUNT_CENTAVOS)
    for value in (b"\xff\xfe\x00\x01", bench.bytes_of(offer)[:-3], b'{"end_to_end_id": "E"}'):
        _send_and_fence(bench, bench.record(offer, value=value), "TransferOffered, not Protobuf")
    _check_silent(bench, offer.end_to_end_id, "bytes that are no Protobuf")


@GROUP.add("empty-value", "a record without a value gets no answer", HOSTILE)
def empty_value(bench: Bench) -> None:
    offer = bench.decisions.make_offer(bench.open_account(), AMOUNT_CENTAVOS)
    _send_and_fence(bench, bench.record(offer, value=b""), "TransferOffered without a value")
    _check_silent(bench, offer.end_to_end_id, "a record without a value")


@GROUP.add("no-utf8", "a text that is not UTF-8 gets no acceptance", HOSTILE)
def no_utf8(bench: Bench) -> None:
    offer = bench.decisions.make_offer(bench.open_account(), AMOUNT_CENTAVOS, description="almoco")
    value = bench.bytes_of(offer).replace(b"almoco", b"almo\xe7o")
    _send_and_fence(bench, bench.record(offer, value=value), "TransferOffered in Latin-1")
    bench.check(not bench.received(TransferAccepted, offer.end_to_end_id), "The bank accepted a text in Latin-1.")


@GROUP.add("unknown-type", "a message of an unknown type gets no answer", HOSTILE)
def unknown_type(bench: Bench) -> None:
    offer = bench.decisions.make_offer(bench.open_account(), AMOUNT_CENTAVOS)
    for name in ("TransferForgotten", "transferoffered", "x" * 500):
        record = bench.record(offer, message_type=name)
        _send_and_fence(bench, record, f"a message of the type {name[:40]}")
    _check_silent(bench, offer.end_to_end_id, "a message of an unknown type")


@GROUP.add("type-missing", "a record without a type gets no answer", HOSTILE)
def type_missing(bench: Bench) -> None:
    offer = bench.decisions.make_offer(bench.open_account(), AMOUNT_CENTAVOS)
    record = bench.record(offer)
    headers = {name: value for name, value in record.headers.items() if name != HEADER_TYPE}
    _send_and_fence(bench, replace(record, headers=headers), "TransferOffered without its type")
    _check_silent(bench, offer.end_to_end_id, "a record without a type")


@GROUP.add("no-headers", "a record without headers gets no answer", HOSTILE)
def no_headers(bench: Bench) -> None:
    offer = bench.decisions.make_offer(bench.open_account(), AMOUNT_CENTAVOS)
    _send_and_fence(bench, replace(bench.record(offer), headers={}), "TransferOffered without headers")
    _check_silent(bench, offer.end_to_end_id, "a record without headers")


@GROUP.add("message-of-a-bank", "a message that only banks send moves nothing", HOSTILE)
def message_of_a_bank(bench: Bench) -> None:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key)
    request = bench.decisions.await_request(transfer.id)
    for message in (
        request,
        TransferAccepted(transfer.id, AMOUNT_CENTAVOS),
        OutcomeProcessed(transfer.id, Side.PAYER, Outcome.FAILED, AMOUNT_CENTAVOS, ReasonCode.AB03),
    ):
        _send_and_fence(bench, bench.record(message), f"{type(message).__name__}, signed as the hub's")
    bench.check_transfer(transfer.id, "pending")
    bench.check_balance_now(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)
    bench.decisions.fail(request)
    bench.decisions.await_processed(transfer.id, Side.PAYER)


@GROUP.add("other-record-key", "a record whose key is not its id gets no answer", RECORD_KEY)
def other_record_key(bench: Bench) -> None:
    offer = bench.decisions.make_offer(bench.open_account(), AMOUNT_CENTAVOS)
    bench.watch(offer.end_to_end_id)
    for key in (bench.new_id(), "", offer.end_to_end_id.lower()):
        _send_and_fence(bench, bench.record(offer, key=key), f"TransferOffered with the key {key!r}")
    _check_silent(bench, offer.end_to_end_id, "a record with another key")


# Limits of a record


@GROUP.add("large-value", "a value of more than 16 KiB gets no acceptance", LIMITS)
def large_value(bench: Bench) -> None:
    offer = bench.decisions.make_offer(bench.open_account(), AMOUNT_CENTAVOS)
    filler = b"x" * VALUE_BYTES_MAX
    length = len(filler)
    new_text = b"\xaa\x1f" + bytes([length & 0x7F | 0x80, length >> 7 & 0x7F | 0x80, length >> 14]) + filler
    record = bench.record(offer, value=bench.bytes_of(offer) + new_text)
    _send_and_fence(bench, record, "TransferOffered of more than 16 KiB")
    bench.check(not bench.received(TransferAccepted, offer.end_to_end_id), "The bank accepted more than 16 KiB.")


@GROUP.add("many-headers", "a record with more than 64 headers gets no acceptance", LIMITS)
def many_headers(bench: Bench) -> None:
    offer = bench.decisions.make_offer(bench.open_account(), AMOUNT_CENTAVOS)
    record = bench.record(offer)
    more = {f"x-{number}": b"1" for number in range(70)}
    _send_and_fence(bench, replace(record, headers={**more, **record.headers}), "TransferOffered with 73 headers")
    bench.check(not bench.received(TransferAccepted, offer.end_to_end_id), "The bank accepted 73 headers.")


@GROUP.add("long-headers", "headers of more than 8 KiB get no acceptance", LIMITS)
def long_headers(bench: Bench) -> None:
    offer = bench.decisions.make_offer(bench.open_account(), AMOUNT_CENTAVOS)
    record = bench.record(offer)
    headers = {**record.headers, "x-long": b"x" * 9_000}
    _send_and_fence(bench, replace(record, headers=headers), "TransferOffered with a header of 9,000 bytes")
    bench.check(not bench.received(TransferAccepted, offer.end_to_end_id), "The bank accepted a header of 9,000 bytes.")


@GROUP.add("long-key", "a record key of more than 1 KiB does not stop the bank", LIMITS)
def long_key(bench: Bench) -> None:
    offer = bench.decisions.make_offer(bench.open_account(), AMOUNT_CENTAVOS)
    _send_and_fence(bench, bench.record(offer, key="k" * 2_000), "TransferOffered with a key of 2,000 bytes")
    _check_silent(bench, offer.end_to_end_id, "a record with a key of 2,000 bytes")


@GROUP.add("flood", "after two hundred unreadable records the next offer is answered", HOSTILE, slow=True)
def flood(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.make_offer(account, AMOUNT_CENTAVOS)
    for number in range(FLOOD):
        record = bench.record(offer, value=number.to_bytes(2, "big") + b"\xff\xff")
        bench.examiner.wire.send(record)
    bench.evidence.note(f"{FLOOD} unreadable records with the key of the offer were sent.")
    bench.decisions.send(offer)
    bench.decisions.await_acceptance(offer)
    bench.decisions.fail_offer(offer)


# Fields out of their bounds


@GROUP.add("end-to-end-id", "an offer whose id is no end-to-end id gets no acceptance", BOUNDS)
def end_to_end_id(bench: Bench) -> None:
    account = bench.open_account()
    good = bench.new_id()
    for bad in (good[:-1], good.lower(), "D" + good[1:], good[:9] + "999999999999" + good[21:]):
        offer = replace(bench.decisions.make_offer(account, AMOUNT_CENTAVOS), end_to_end_id=bad)
        _send_and_fence(bench, bench.record(offer), f"TransferOffered with the id {bad}")
        bench.check(not bench.received(TransferAccepted, bad), f"The bank accepted an offer with the id {bad}.")


@GROUP.add("amount", "an amount out of range is rejected with AM09", BOUNDS)
def amount(bench: Bench) -> None:
    account = bench.open_account()
    for centavos in (0, -AMOUNT_CENTAVOS, AMOUNT_CENTAVOS_MAX + 1):
        offer = bench.decisions.offer(account, centavos)
        _check_rejected(bench, offer, ReasonCode.AM09, f"an amount of {centavos} centavos")
        bench.decisions.fail_offer(offer, ReasonCode.AM09)
    bench.check_balance(account, BALANCE_CENTAVOS)


def _check_ed05(bench: Bench, account: Account, **wrong: Sequence[Any]) -> None:
    """Each of these values of a field makes an offer that the bank rejects with ED05."""
    for name, values in wrong.items():
        for value in values:
            offer = replace(bench.decisions.make_offer(account, AMOUNT_CENTAVOS), **{name: value})
            bench.decisions.send(offer)
            _check_rejected(bench, offer, ReasonCode.ED05, f"an offer whose {name} is {str(value)[:60]!r}")


@GROUP.add("payer", "an offer whose payer is malformed is rejected with ED05", BOUNDS)
def payer(bench: Bench) -> None:
    account = bench.open_account()
    party = bench.decisions.make_offer(account, AMOUNT_CENTAVOS).payer
    wrong = [
        replace(party, ispb="123"),
        replace(party, branch="12345"),
        replace(party, account_number="-1"),
        replace(party, name=""),
        replace(party, name="x" * 81),
        replace(party, tax_id_masked="52998224725"),
    ]
    _check_ed05(bench, account, payer=wrong)


@GROUP.add("description", "a description out of its bounds is rejected with ED05", BOUNDS)
def description(bench: Bench) -> None:
    wrong = ["x" * 141, "two\nlines", "nul\x00byte", " spaces ", "e\u0301 not composed", "zero\u200bwidth"]
    _check_ed05(bench, bench.open_account(), description=wrong)


@GROUP.add("payee-key", "a key that is not in stored form is rejected with ED05", BOUNDS)
def payee_key(bench: Bench) -> None:
    wrong = [
        PixKey(KeyKind.CPF, "11111111112"),
        PixKey(KeyKind.EMAIL, "Upper@Example.com"),
        PixKey(KeyKind.EMAIL, "a" * 70 + "@example.com"),
        PixKey(KeyKind.PHONE, "11987654321"),
        PixKey(KeyKind.EVP, "not-a-uuid"),
        None,
    ]
    _check_ed05(bench, bench.open_account(), payee_key=wrong)


@GROUP.add("txid", "a txid that does not fit the initiation is rejected with ED05", BOUNDS)
def txid(bench: Bench) -> None:
    account = bench.open_account()
    for initiation, text in (
        (Initiation.DICT, "ORDER42"),
        (Initiation.QRES, "x" * 26),
        (Initiation.QRES, "with space"),
        (Initiation.QRDN, "x" * 36),
    ):
        offer = bench.decisions.offer(account, AMOUNT_CENTAVOS, initiation=initiation, txid=text)
        _check_rejected(bench, offer, ReasonCode.ED05, f"the txid {text!r} with {initiation}")


@GROUP.add("offered-at", "an offer at an impossible time is rejected with ED05", BOUNDS)
def offered_at(bench: Bench) -> None:
    _check_ed05(bench, bench.open_account(), offered_at_ms=[0, -1, YEAR_9999_MS + 1])


@GROUP.add("initiation", "an offer with an unknown initiation gets no acceptance", BOUNDS)
def initiation(bench: Bench) -> None:
    offer = bench.decisions.make_offer(bench.open_account(), AMOUNT_CENTAVOS)
    value = bench.bytes_of(offer) + b"\x40\x63"
    bench.check_equal(transfers_pb2.TransferOffered.FromString(value).initiation, 99, "The initiation")
    _send_and_fence(bench, bench.record(offer, value=value), "TransferOffered with the initiation 99")
    bench.check(not bench.received(TransferAccepted, offer.end_to_end_id), "The bank accepted the initiation 99.")


@GROUP.add("side", "a confirmation without a side settles nothing", BOUNDS)
def side(bench: Bench) -> None:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key)
    request = bench.decisions.await_request(transfer.id)
    confirmation = bench.decisions.make_confirmation(request)
    value = transfers_pb2.TransferConfirmed.FromString(bench.bytes_of(confirmation))
    for number in (0, 9):
        value.side = number  # type: ignore[assignment]
        record = bench.record(confirmation, value=value.SerializeToString())
        _send_and_fence(bench, record, f"TransferConfirmed with the side {number}")
    bench.check_transfer(transfer.id, "pending")
    bench.decisions.fail(request)
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    bench.check_balance(account, BALANCE_CENTAVOS)


@GROUP.add("reason", "a failure with a reason that the scheme does not have refunds no payer", BOUNDS)
def reason(bench: Bench) -> None:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key)
    request = bench.decisions.await_request(transfer.id)
    failure = bench.decisions.make_failure(request, ReasonCode.AB03)
    value = transfers_pb2.TransferFailed.FromString(bench.bytes_of(failure))
    for code in ("", "ZZ99", "ab03"):
        value.reason_code = code
        record = bench.record(failure, value=value.SerializeToString())
        _send_and_fence(bench, record, f"TransferFailed with the reason {code!r}")
    bench.check_transfer(transfer.id, "pending")
    bench.check_balance_now(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)
    bench.decisions.confirm(request)
    bench.decisions.await_processed(transfer.id, Side.PAYER)


# What is not about a transfer of the bank


@GROUP.add("never-requested", "an outcome of a payment that the bank never made is not acknowledged", ADVANCES)
def never_requested(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.make_offer(account, AMOUNT_CENTAVOS, end_to_end_id=bench.new_id(bench.identity))
    own = bench.party_of(account)
    swapped = replace(offer, payer=own, payee=offer.payer)
    for made in (
        bench.decisions.make_payee_confirmation(swapped),
        bench.decisions.make_payee_failure(swapped, ReasonCode.AB03),
    ):
        message = replace(made, side=Side.PAYER)
        _send_and_fence(bench, bench.record(message), f"{type(message).__name__} of a payment that was never made")
    _check_silent(bench, offer.end_to_end_id, "the outcome of a payment that it never made")
    bench.check_balance_now(account, BALANCE_CENTAVOS)


@GROUP.add("payee-elsewhere", "an offer to an account of another bank is not accepted", ADVANCES)
def payee_elsewhere(bench: Bench) -> None:
    account = bench.open_account()
    elsewhere = replace(bench.party_of(account), ispb=bench.examiner.other.ispb)
    offer = bench.decisions.offer(elsewhere, AMOUNT_CENTAVOS)
    bench.fence(offer.end_to_end_id)
    accepted = bench.received(TransferAccepted, offer.end_to_end_id)
    bench.check(not accepted, "The bank accepted an offer to an account of another bank.")


@GROUP.add("credit-elsewhere", "a confirmation for an account that does not exist is not acknowledged", ADVANCES)
def credit_elsewhere(bench: Bench) -> None:
    account = bench.open_account()
    party = replace(bench.party_of(account), account_number="987654-3")
    offer = bench.decisions.make_offer(party, AMOUNT_CENTAVOS)
    confirmation = bench.decisions.make_payee_confirmation(offer)
    _send_and_fence(bench, bench.record(confirmation), "TransferConfirmed for an account that does not exist")
    processed = [
        each for each in bench.received(OutcomeProcessed, offer.end_to_end_id) if each.outcome is Outcome.CONFIRMED
    ]
    bench.check(not processed, "The bank acknowledged a credit to an account that does not exist.")


# Orders


@GROUP.add("broken-json", "an order that is no JSON object is refused", JSON)
def broken_json(bench: Bench) -> None:
    for raw in (b"", b"{", b"[]", b'"text"', b"\xff\xfe", b"[" * 20_000):
        answer = bench.api.call("POST", "/transfers", raw=raw)
        bench.check_refused(answer, f"An order that is {raw[:12]!r}")
    bench.check(bench.api.bank(), "The bank answers no more.")


@GROUP.add("large-body", "an order of more than 64 KiB is refused", JSON)
def large_body(bench: Bench) -> None:
    account = bench.open_account()
    answer = bench.try_to_pay(account, bench.counterpart().key, AMOUNT_CENTAVOS, filler="x" * 70_000)
    bench.check_refused(answer, "An order of 70,000 bytes")
    bench.check_balance_now(account, BALANCE_CENTAVOS)


@GROUP.add("amount-kinds", "an amount that is no integer is refused", JSON)
def amount_kinds(bench: Bench) -> None:
    account = bench.open_account()
    key = bench.counterpart().key
    for value in (15.5, "1500", True, None, [1500], {"centavos": 1500}, 1e30):
        bench.check_refused(bench.try_to_pay(account, key, value), f"An amount of {value!r}")
    bench.check_balance_now(account, BALANCE_CENTAVOS)
