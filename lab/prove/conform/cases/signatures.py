"""The bank takes records of the hub alone, and signs its own."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from lab.prove.conform.bench import AMOUNT_CENTAVOS, BALANCE_CENTAVOS, Bench
from lab.prove.conform.case import Group, Need
from lab.prove.conform.contract import Account
from lab.prove.conform.record_rules import HEADERS, RECORD_KEY, SIGNATURE, SIGNED_BY_HUB
from pix.scheme.deliveries import HUB
from pix.scheme.messages import Message, Outcome, OutcomeProcessed, Side, TransferAccepted, TransferRejected
from pix.scheme.reasons import ReasonCode
from pix.wire.protobuf_v1.signatures import signing_key
from pix.wire.record import HEADER_SENDER, HEADER_SIGNATURE, HEADER_TYPE, Record
from pix.wire.topics import HUB_TOPIC, bank_topic

GROUP: Final = Group("signatures", "Signatures: the bank takes records of the hub alone")
STRANGER: Final = "a secret that the hub does not have"


@GROUP.add("forged-confirmation", "a forged confirmation settles no payment", SIGNED_BY_HUB)
def forged_confirmation(bench: Bench) -> None:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key)
    request = bench.decisions.await_request(transfer.id)
    confirmation = bench.decisions.make_confirmation(request)
    bench.send_record(bench.record(confirmation, secret=STRANGER), "TransferConfirmed, forged")
    bench.fence(transfer.id)
    bench.check_transfer(transfer.id, "pending")
    bench.decisions.fail(request)
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    bench.check_balance(account, BALANCE_CENTAVOS)


@GROUP.add("forged-credit", "a forged confirmation credits no payee", SIGNED_BY_HUB)
def forged_credit(bench: Bench) -> None:
    _check_moves_nothing(bench, lambda bench, message: bench.record(message, secret=STRANGER), "signed by a stranger")


@GROUP.add("forged-failure", "a forged failure refunds no payer", SIGNED_BY_HUB)
def forged_failure(bench: Bench) -> None:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key)
    request = bench.decisions.await_request(transfer.id)
    failure = bench.decisions.make_failure(request, ReasonCode.AB03)
    bench.send_record(bench.record(failure, secret=STRANGER), "TransferFailed, forged")
    bench.fence(transfer.id)
    bench.check_transfer(transfer.id, "pending")
    bench.check_balance_now(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)
    bench.decisions.confirm(request)
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    bench.check_balance(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)


@GROUP.add("forged-offer", "a forged offer gets no answer", SIGNED_BY_HUB)
def forged_offer(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.make_offer(account, AMOUNT_CENTAVOS)
    bench.send_record(bench.record(offer, secret=STRANGER), "TransferOffered, forged")
    bench.fence(offer.end_to_end_id)
    _check_unanswered(bench, offer.end_to_end_id)


@GROUP.add("real-after-forged", "a forged offer does not spoil the real one with its id", SIGNED_BY_HUB)
def real_after_forged(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.make_offer(account, AMOUNT_CENTAVOS)
    larger = replace(offer, amount_centavos=10 * AMOUNT_CENTAVOS)
    bench.send_record(bench.record(larger, secret=STRANGER), "TransferOffered, forged")
    bench.decisions.send(offer)
    bench.check_equal(bench.decisions.await_acceptance(offer).amount_centavos, AMOUNT_CENTAVOS, "The amount")
    bench.decisions.confirm_offer(offer)
    bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.check_balance(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS)


@GROUP.add("unsigned", "an unsigned confirmation credits no account", SIGNED_BY_HUB)
def unsigned(bench: Bench) -> None:
    _check_moves_nothing(
        bench, lambda bench, message: _with_header(bench.record(message), HEADER_SIGNATURE, None), "unsigned"
    )


@GROUP.add("empty-signature", "an empty signature is none", SIGNED_BY_HUB)
def empty_signature(bench: Bench) -> None:
    _check_moves_nothing(
        bench, lambda bench, message: _with_header(bench.record(message), HEADER_SIGNATURE, b""), "empty signature"
    )


@GROUP.add("short-signature", "the first bytes of a signature are no signature", SIGNATURE)
def short_signature(bench: Bench) -> None:
    def cut(bench: Bench, message: Message) -> Record:
        record = bench.record(message)
        return _with_header(record, HEADER_SIGNATURE, record.headers[HEADER_SIGNATURE][:8])

    _check_moves_nothing(bench, cut, "with 8 bytes of its signature")


@GROUP.add("other-topic", "a record that was signed for another topic credits no account", SIGNATURE)
def other_topic(bench: Bench) -> None:
    topic = bank_topic(bench.examiner.other.code)
    _check_moves_nothing(bench, lambda bench, message: bench.record(message, topic=topic), f"signed for {topic}")


@GROUP.add("other-type", "a record that was signed as another type credits no account", SIGNATURE)
def other_type(bench: Bench) -> None:
    def renamed(bench: Bench, message: Message) -> Record:
        record = bench.record(message, message_type="TransferFailed")
        return _with_header(record, HEADER_TYPE, b"TransferConfirmed")

    _check_moves_nothing(bench, renamed, "signed as TransferFailed")


@GROUP.add("other-value", "the signature of another amount credits no account", SIGNATURE)
def other_value(bench: Bench) -> None:
    def borrowed(bench: Bench, message: Message) -> Record:
        other = replace(message, amount_centavos=AMOUNT_CENTAVOS + 1)
        return replace(bench.record(other), value=bench.bytes_of(message))

    _check_moves_nothing(bench, borrowed, "with the signature of another amount")


@GROUP.add("raw-secret", "a signature with the secret in place of the derived key credits no account", SIGNATURE)
def raw_secret(bench: Bench) -> None:
    def signed(bench: Bench, message: Message) -> Record:
        record = bench.record(message)
        parts = (record.topic.encode(), record.headers[HEADER_TYPE], record.value)
        content = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        signature = hmac.digest(bench.identity.secret.encode(), content, "sha256")
        return _with_header(record, HEADER_SIGNATURE, signature)

    _check_moves_nothing(bench, signed, "signed with the secret itself")


@GROUP.add("without-lengths", "a signature over the parts without their lengths credits no account", SIGNATURE)
def without_lengths(bench: Bench) -> None:
    def signed(bench: Bench, message: Message) -> Record:
        record = bench.record(message)
        content = record.topic.encode() + record.headers[HEADER_TYPE] + record.value
        signature = hmac.digest(signing_key(bench.identity.secret), content, "sha256")
        return _with_header(record, HEADER_SIGNATURE, signature)

    _check_moves_nothing(bench, signed, "signed without lengths")


@GROUP.add("sender-is-a-bank", "a record whose sender is not the hub credits no account", SIGNED_BY_HUB)
def sender_is_a_bank(bench: Bench) -> None:
    for sender in (bench.examiner.other.ispb, bench.identity.ispb):
        _check_moves_nothing(
            bench,
            lambda bench, message, sender=sender: bench.record(message, sender=sender),  # type: ignore[misc]
            f"of the sender {sender}",
        )


@GROUP.add("sender-missing", "a record without a sender credits no account", HEADERS)
def sender_missing(bench: Bench) -> None:
    _check_moves_nothing(
        bench, lambda bench, message: _with_header(bench.record(message), HEADER_SENDER, None), "without a sender"
    )


@GROUP.add("signs-its-own", "the records of the bank carry its ISPB and a signature that the hub accepts", SIGNATURE)
def signs_its_own(bench: Bench) -> None:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key)
    request = bench.decisions.await_request(transfer.id)
    bench.decisions.confirm(request)
    bench.decisions.await_processed(transfer.id, Side.PAYER)
    offer = bench.decisions.receive(account, AMOUNT_CENTAVOS)
    for row_id in (transfer.id, offer.end_to_end_id):
        for received in bench.examiner.wire.received(row_id):
            bench.check(not received.fault, f"The hub does not take a record of the bank: {received.fault}.")
            sender = received.record.headers.get(HEADER_SENDER, b"").decode("ascii", "replace")
            bench.check_equal(sender, bench.identity.ispb, f"The header {HEADER_SENDER}")


@GROUP.add("names-its-key", "the key of each record of the bank is the id that it is about", RECORD_KEY)
def names_its_key(bench: Bench) -> None:
    account = bench.open_account()
    offer = bench.decisions.receive(account, AMOUNT_CENTAVOS)
    bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    about = [
        each.record.key.decode("utf-8", "replace")
        for each in bench.examiner.wire.all_received()
        if offer.end_to_end_id.encode() in each.record.value
    ]
    bench.check(len(about) >= 2, "The bank did not send an acceptance and an acknowledgement.")
    for key in about:
        bench.check_equal(key, offer.end_to_end_id, "The record key")


@GROUP.add("own-record-back", "a record of the bank that comes back to it moves nothing", SIGNATURE)
def own_record_back(bench: Bench) -> None:
    account = bench.open_account()
    transfer = bench.pay(account, bench.counterpart().key)
    request = bench.decisions.await_request(transfer.id)
    own = bench.examiner.wire.received(transfer.id)[0].record
    copy = replace(own, topic=bench.examiner.wire.topic, headers={**own.headers, HEADER_SENDER: HUB.encode()})
    bench.check_equal(own.topic, HUB_TOPIC, "The topic of the request")
    bench.send_record(copy, "TransferRequested, as the bank has sent it")
    bench.fence(transfer.id)
    bench.check_transfer(transfer.id, "pending")
    bench.check_balance_now(account, BALANCE_CENTAVOS - AMOUNT_CENTAVOS)
    bench.decisions.confirm(request)
    bench.check_equal(
        bench.decisions.await_processed(transfer.id, Side.PAYER).outcome, Outcome.CONFIRMED, "The outcome"
    )


Forge = Callable[[Bench, Message], Record]


def _check_moves_nothing(bench: Bench, forge: Forge, what: str) -> None:
    """A confirmation that `forge` has spoilt credits no account, and the real one after it does."""
    account = bench.open_account()
    offer = bench.decisions.make_offer(account, AMOUNT_CENTAVOS)
    bench.decisions.send(offer)
    bench.decisions.await_acceptance(offer)
    before = _balance(bench, account)
    confirmation = bench.decisions.make_payee_confirmation(offer)
    bench.send_record(forge(bench, confirmation), f"TransferConfirmed, {what}")
    bench.fence(offer.end_to_end_id)
    bench.check(not bench.received(OutcomeProcessed, offer.end_to_end_id), f"The bank processed a confirmation {what}.")
    bench.check_equal(_balance(bench, account), before, f"The balance after a confirmation {what}")
    bench.decisions.send(confirmation)
    bench.decisions.await_processed(offer.end_to_end_id, Side.PAYEE)
    bench.check_balance(account, BALANCE_CENTAVOS + AMOUNT_CENTAVOS)


def _balance(bench: Bench, account: Account) -> int | None:
    """None for a bank that does not show it."""
    return bench.api.account(account.number).balance_centavos if bench.has(Need.MONEY) else None


def _check_unanswered(bench: Bench, row_id: str) -> None:
    answers: Mapping[str, int] = {
        kind.__name__: len(bench.received(kind, row_id)) for kind in (TransferAccepted, TransferRejected)
    }
    came = ", ".join(name for name, count in answers.items() if count)
    bench.check(not came, f"The bank answered with {came}, and should have sent nothing.")


def _with_header(record: Record, name: str, value: bytes | None) -> Record:
    headers = {header: content for header, content in record.headers.items() if header != name}
    if value is not None:
        headers[name] = value
    return replace(record, headers=headers)
