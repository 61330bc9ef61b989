"""The small bank is right, and each planted mistake shows where its programmer made it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lab.broken_banks.defects import Defect
from lab.broken_banks.ledger import Row
from lab.broken_banks.refusals import Refused
from pix.scheme.errors import SchemeError
from pix.scheme.keys import KeyKind
from pix.scheme.messages import (
    Outcome,
    OutcomeProcessed,
    Side,
    TransferAccepted,
    TransferConfirmed,
    TransferFailed,
    TransferRejected,
    TransferRequested,
)
from pix.scheme.messages.returns import ReturnAccepted, ReturnConfirmed, ReturnOffered, ReturnProcessed, ReturnRequested
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from tests.support.small_bank import (
    CPF,
    NOW_MS,
    OTHER,
    OTHER_KEY,
    OWN_KEY,
    SmallBank,
    confirmation,
    failure,
)

MakeBank = Callable[..., SmallBank]


@pytest.fixture
def make_bank(tmp_path: Path) -> MakeBank:
    def make(*defects: Defect) -> SmallBank:
        return SmallBank(tmp_path / "data", frozenset(defects))

    return make


def pay(bank: SmallBank, number: str, centavos: int = 700, order: str = "order-1") -> Row:
    return bank.bank.pay(number, OTHER_KEY.key, centavos, "Almoço", order)


def outcome(row: Row, reason: ReasonCode | None = None) -> TransferConfirmed | TransferFailed:
    request: TransferRequested = row.message
    if reason is None:
        return TransferConfirmed(
            row.id, Side.PAYER, row.amount_centavos, request.payer, OTHER, OTHER_KEY, request.description, NOW_MS
        )
    return TransferFailed(
        row.id, Side.PAYER, reason, row.amount_centavos, request.payer, None, OTHER_KEY, request.description, NOW_MS
    )


def is_sound(bank: SmallBank) -> bool:
    """Whether each balance is the sum of its postings, and debits equal credits."""
    with bank.bank.reading() as ledger:
        for account in ledger.accounts():
            signs = [
                (1 if each.credit_account.startswith("customer:") else -1) * each.amount_centavos
                for each in ledger.postings(account_number=account.number)
            ]
            if sum(signs) != account.balance_centavos:
                return False
        return sum(ledger.balances().values()) == 0


def test_a_payment_received(make_bank: MakeBank) -> None:
    bank = make_bank()
    account = bank.open_account()
    offer = bank.offer(account)
    assert bank.receive(offer) == [TransferAccepted(offer.end_to_end_id, 1_500)]
    assert bank.balance(account) == 0
    processed = OutcomeProcessed(offer.end_to_end_id, Side.PAYEE, Outcome.CONFIRMED, 1_500, None)
    assert bank.receive(confirmation(offer)) == [processed]
    assert bank.receive(confirmation(offer), confirmation(offer)) == [processed, processed]
    assert bank.balance(account) == 1_500
    assert is_sound(bank)


def test_a_payment_made_and_one_that_fails(make_bank: MakeBank) -> None:
    bank = make_bank()
    account = bank.open_account(1_000)
    row = pay(bank, account.number)
    assert bank.published == [row.message]
    assert bank.balance(account) == 300
    assert pay(bank, account.number) == row
    with pytest.raises(Refused, match="another order"):
        pay(bank, account.number, 100)
    with pytest.raises(Refused, match="balance"):
        pay(bank, account.number, 301, "order-2")
    bank.receive(outcome(row), outcome(row))
    failed = pay(bank, account.number, 300, "order-3")
    bank.receive(outcome(failed, ReasonCode.AC03))
    bank.receive(outcome(failed, ReasonCode.AC03))
    assert bank.balance(account) == 300
    assert is_sound(bank)
    with bank.bank.reading() as ledger:
        assert ledger.balances()["clearing"] == 0


@pytest.mark.parametrize(
    ("status", "reason"), [("blocked", ReasonCode.AC06), ("closed", ReasonCode.AC07)], ids=["blocked", "closed"]
)
def test_an_offer_to_an_account_that_takes_none(make_bank: MakeBank, status: str, reason: ReasonCode) -> None:
    bank = make_bank()
    account = bank.open_account()
    bank.bank.set_account_status(account.number, status)
    offer = bank.offer(account)
    assert bank.receive(offer) == [TransferRejected(offer.end_to_end_id, 1_500, reason)]
    bank.receive(failure(offer, reason))
    assert bank.balance(account) == 0


def test_an_unanswered_message_is_repeated_after_a_restart(make_bank: MakeBank) -> None:
    bank = make_bank()
    account = bank.open_account(1_000)
    row = pay(bank, account.number)
    offer = bank.offer(account)
    bank.receive(offer)
    bank.restart()
    bank.published.clear()
    while len(bank.published) < 2:
        bank.bank.retransmit()
    assert set(bank.published[:2]) == {row.message, TransferAccepted(offer.end_to_end_id, 1_500)}


def test_a_return_in_both_directions(make_bank: MakeBank) -> None:
    bank = make_bank()
    account = bank.open_account(1_000)
    offer = bank.offer(account)
    bank.receive(offer, confirmation(offer))
    returned = bank.bank.give_back(offer.end_to_end_id, 600, "MD06", "return-1")
    assert isinstance(returned.message, ReturnRequested)
    assert bank.bank.give_back(offer.end_to_end_id, 600, "MD06", "return-1") == returned
    with pytest.raises(Refused, match="left to return"):
        bank.bank.give_back(offer.end_to_end_id, 901, "MD06", "return-2")
    bank.receive(
        ReturnConfirmed(
            returned.id,
            offer.end_to_end_id,
            Side.PAYEE,
            600,
            ReasonCode.MD06,
            OTHER,
            offer.payee,
            "",
            NOW_MS,
        )
    )
    assert bank.balance(account) == 1_900

    paid = pay(bank, account.number)
    bank.receive(outcome(paid))
    return_id = f"D{OTHER.ispb}20251129120000000000001"
    payer = paid.message.payer
    offered = ReturnOffered(return_id, paid.id, 700, ReasonCode.BE08, "", payer, OTHER, NOW_MS)
    assert bank.receive(offered) == [ReturnAccepted(return_id, paid.id, 700)]
    confirmed = ReturnConfirmed(return_id, paid.id, Side.PAYER, 700, ReasonCode.BE08, payer, OTHER, "", NOW_MS)
    processed = ReturnProcessed(return_id, paid.id, Side.PAYER, Outcome.CONFIRMED, 700, None)
    assert bank.receive(confirmed, confirmed) == [processed, processed]
    assert bank.balance(account) == 1_900
    assert is_sound(bank)


def test_a_forged_or_hostile_record_changes_nothing(make_bank: MakeBank) -> None:
    bank = make_bank()
    account = bank.open_account()
    offer = bank.offer(account)
    forged = bank.record(confirmation(offer), secret="the-secret-of-a-stranger")
    signed = bank.record(offer)
    records = [
        forged,
        replace(signed, value=b"\xff\xff"),
        replace(signed, key=b"another"),
        replace(signed, headers={**signed.headers, "codepix-type": b"Nonsense"}),
        replace(signed, headers={}),
    ]
    assert bank.receive_records(records) == []
    assert bank.balance(account) == 0
    assert len(bank.reasons()) == len(records)
    assert bank.receive(offer) == [TransferAccepted(offer.end_to_end_id, 1_500)]


# Each mistake: what a right bank keeps, and the broken one does not.


def credited_twice(bank: SmallBank) -> bool:
    account = bank.open_account()
    offer = bank.offer(account)
    bank.receive(offer)
    bank.receive(confirmation(offer), confirmation(offer))
    return bank.balance(account) == 3_000


def credited_at_the_offer(bank: SmallBank) -> bool:
    account = bank.open_account()
    offer = bank.offer(account)
    bank.receive(offer)
    bank.receive(failure(offer))
    return bank.balance(account) == 1_500


def never_completed(bank: SmallBank) -> bool:
    offer = bank.offer(bank.open_account())
    bank.receive(offer)
    return bank.receive(confirmation(offer)) == []


def refunds(bank: SmallBank) -> int:
    account = bank.open_account(1_000)
    row = pay(bank, account.number)
    failed = outcome(row, ReasonCode.AC03)
    bank.receive(failed)
    bank.receive(failed)
    return (bank.balance(account) - 300) // 700


def paid_more_than_there_was(bank: SmallBank) -> bool:
    account = bank.open_account(100)
    try:
        pay(bank, account.number)
    except Refused:
        return False
    return bank.balance(account) == -600


def lost_a_centavo_in_the_float(bank: SmallBank) -> bool:
    return bank.balance(bank.open_account(29)) == 28


def rounded_a_credit(bank: SmallBank) -> bool:
    account = bank.open_account()
    offer = bank.offer(account, 1_503)
    bank.receive(offer, confirmation(offer))
    return bank.balance(account) == 1_505


def paid_twice(bank: SmallBank) -> bool:
    account = bank.open_account(2_000)
    return pay(bank, account.number).id != pay(bank, account.number).id


def believed_a_forgery(bank: SmallBank) -> bool:
    account = bank.open_account()
    forged = bank.record(confirmation(bank.offer(account)), secret="the-secret-of-a-stranger")
    bank.receive_records([forged])
    return bank.balance(account) == 1_500


def took_another_amount(bank: SmallBank) -> bool:
    account = bank.open_account()
    offer = bank.offer(account)
    bank.receive(offer)
    bank.receive(confirmation(offer, 9_999))
    return bank.balance(account) == 9_999


def changed_its_mind(bank: SmallBank) -> bool:
    account = bank.open_account()
    offer = bank.offer(account)
    bank.receive(offer)
    bank.restart()
    bank.bank.set_account_status(account.number, "blocked")
    return bank.receive(offer) != [TransferAccepted(offer.end_to_end_id, 1_500)]


def forgot_what_it_owed(bank: SmallBank) -> bool:
    account = bank.open_account(1_000)
    row = pay(bank, account.number)
    bank.restart()
    bank.published.clear()
    with bank.bank.reading() as ledger:
        while ledger.row(row.id, Direction.OUTGOING).resend_count == 0:  # type: ignore[union-attr]
            bank.bank.retransmit()
    return not bank.published


def registered_the_key_of_another(bank: SmallBank) -> bool:
    account = bank.open_account()
    bank.bank.register_key(account.number, KeyKind.CPF, "11144477735")
    return bank.directory.registered[0][2] != CPF


MISTAKES: dict[Defect, Callable[[SmallBank], bool]] = {
    Defect.CREDITS_TWICE: credited_twice,
    Defect.CREDITS_OFFERS: credited_at_the_offer,
    Defect.NEVER_COMPLETES: never_completed,
    Defect.KEEPS_THE_MONEY: lambda bank: refunds(bank) == 0,
    Defect.REFUNDS_TWICE: lambda bank: refunds(bank) == 2,
    Defect.NO_FUNDS_CHECK: paid_more_than_there_was,
    Defect.FLOAT_MONEY: lost_a_centavo_in_the_float,
    Defect.ROUNDS_COINS: rounded_a_credit,
    Defect.PAYS_TWICE: paid_twice,
    Defect.BELIEVES_STRANGERS: believed_a_forgery,
    Defect.TAKES_ANY_AMOUNT: took_another_amount,
    Defect.CHANGES_ITS_MIND: changed_its_mind,
    Defect.MEMORY_OUTBOX: forgot_what_it_owed,
    Defect.KEYS_OF_ANOTHER: registered_the_key_of_another,
}
OF_THE_BROKER = {Defect.OFFSETS_FIRST, Defect.STARTS_AT_THE_END, Defect.PUBLISHES_FIRST}
"""Mistakes in the order of a consumer, which the kit shows on a real process."""


@pytest.mark.parametrize("defect", MISTAKES, ids=lambda defect: defect.value)
def test_the_mistake_shows_in_the_broken_bank_and_not_in_the_right_one(make_bank: MakeBank, defect: Defect) -> None:
    has_gone_wrong = MISTAKES[defect]
    assert has_gone_wrong(make_bank(defect))


@pytest.mark.parametrize("defect", MISTAKES, ids=lambda defect: defect.value)
def test_the_right_bank_makes_no_mistake(make_bank: MakeBank, defect: Defect) -> None:
    has_gone_wrong = MISTAKES[defect]
    assert not has_gone_wrong(make_bank())


def test_every_mistake_is_shown_somewhere() -> None:
    assert set(Defect) == set(MISTAKES) | OF_THE_BROKER


def test_orders_that_break_a_rule_are_refused(make_bank: MakeBank) -> None:
    bank = make_bank()
    account = bank.open_account(1_000)
    for number, key, centavos in (
        (account.number, OTHER_KEY.key, 0),
        (account.number, "no key", 100),
        ("999999-9", OTHER_KEY.key, 100),
    ):
        with pytest.raises((Refused, SchemeError)):
            bank.bank.pay(number, key, centavos, "", "order-1")
    bank.bank.register_key(account.number, KeyKind.EMAIL, OWN_KEY.key)
    with pytest.raises(Refused, match="account that pays"):
        bank.bank.pay(account.number, OWN_KEY.key, 100, "", "order-1")
    assert bank.balance(account) == 1_000
