"""What every store of the bank promises."""

from __future__ import annotations

from dataclasses import astuple, replace
from typing import Any

import pytest

from bank_sim.adapters.memory.hub import MemoryHub
from bank_sim.application.mirror_progress import MirrorProgress
from bank_sim.application.ports import BooksViolated, RowExists, UnitsOfWork
from bank_sim.application.statement_lines import statement_lines
from bank_sim.application.views import RowFilter, StatementDirection, StatementFilter
from bank_sim.domain import books
from bank_sim.domain.account import Account, AccountKey, AccountStatus, account_number
from bank_sim.domain.bank import Participant
from bank_sim.domain.behaviour import ANSWER_DELAY_MS_MAX, AnswerMode, AnswerStyle, Behaviour
from bank_sim.domain.flows.flow import WITHHELD
from bank_sim.domain.flows.postings import posting
from bank_sim.domain.flows.transfer.model import Progress, Transfer, TransferStatus, Trigger
from bank_sim.domain.payable_codes.model import SigningKey
from pix.participant.dead_letters.model import DeadLetterState
from pix.scheme.deliveries import HUB, Rejected
from pix.scheme.features import FEATURES
from pix.scheme.flows import Step
from pix.scheme.initiation import Initiation
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.people import HolderKind
from pix.scheme.postings import Direction, PostingKind
from pix.scheme.reasons import ReasonCode
from pix.wire.record import Record
from tests.support.bank_builders import ANA, END_TO_END_ID, NOW_MS, STRANGER, incoming, outgoing
from tests.support.banks import AURORA
from tests.support.clock import TurnedClock

EMPTY = replace(ANA, balance_centavos=0)
WAIT_MS_MAX = 60_000


class Change(Exception):
    """Something goes wrong in the middle of a transaction."""


def add_account(units: UnitsOfWork, account: Account = EMPTY) -> None:
    with units() as unit:
        unit.accounts.add(account, "salt:hash")
        unit.commit()


def add_transfers(units: UnitsOfWork, *transfers: Transfer) -> None:
    with units() as unit:
        unit.transfers.add(transfers)
        unit.commit()


def test_what_is_not_committed_was_never_there(units: UnitsOfWork) -> None:
    with units() as unit:
        unit.accounts.add(EMPTY, "salt:hash")
        unit.transfers.add([outgoing()])
        unit.switches.set_behaviour(Behaviour(magic_amounts=True))
        assert unit.accounts.find(EMPTY.number) == EMPTY
    with units() as unit:
        assert unit.accounts.find(EMPTY.number) is None
        assert unit.accounts.pin_hash(EMPTY.number) is None
        assert unit.transfers.find(END_TO_END_ID, Direction.OUTGOING) is None
        assert unit.switches.behaviour() == Behaviour()


def test_an_exception_undoes_the_transaction(units: UnitsOfWork) -> None:
    add_account(units)

    def fail_in_the_middle() -> None:
        with units() as unit:
            unit.accounts.lock([EMPTY.number])
            unit.accounts.save([replace(EMPTY, balance_centavos=5)])
            unit.postings.add([booked(EMPTY, 5, "d-1")])
            raise Change

    with pytest.raises(Change):
        fail_in_the_middle()
    with units() as unit:
        assert unit.accounts.find(EMPTY.number) == EMPTY
        assert unit.postings.known_operations({"d-1"}) == set()
        assert unit.postings.summary().postings == 0


def booked(account: Account, amount_centavos: int, operation_id: str) -> books.Posting:
    return books.book(account, books.deposit(account.number, operation_id, amount_centavos, NOW_MS))[1]


def test_a_balance_below_zero_is_refused(units: UnitsOfWork) -> None:
    add_account(units)

    def overdraw() -> None:
        with units() as unit:
            unit.accounts.lock([EMPTY.number])
            unit.accounts.save([replace(EMPTY, balance_centavos=-1)])
            unit.commit()

    with pytest.raises(BooksViolated):
        overdraw()
    with units() as unit:
        assert unit.accounts.find(EMPTY.number) == EMPTY


def test_no_two_accounts_have_a_number_and_serials_never_come_again(units: UnitsOfWork) -> None:
    add_account(units)
    with pytest.raises(RowExists):
        add_account(units)
    with units() as unit:
        first = unit.accounts.next_serial()
    with units() as unit:
        assert unit.accounts.next_serial() == first + 1
    assert first == 100_001


def test_locking_gives_those_that_exist(units: UnitsOfWork) -> None:
    add_account(units)
    with units() as unit:
        assert unit.accounts.lock([]) == {}
        assert unit.accounts.lock(["nobody", EMPTY.number]) == {EMPTY.number: EMPTY}
        assert unit.transfers.lock([]) == {}
        assert unit.transfers.lock([(END_TO_END_ID, Direction.INCOMING)]) == {}


def test_accounts_are_listed_by_number(units: UnitsOfWork) -> None:
    numbers = [account_number(serial) for serial in (3, 1, 2)]
    for number in numbers:
        add_account(units, replace(EMPTY, number=number, status=AccountStatus.BLOCKED, holder_kind=HolderKind.COMPANY))
    with units() as unit:
        first = unit.accounts.list("", 2)
        assert [account.number for account in first] == sorted(numbers)[:2]
        assert [account.number for account in unit.accounts.list(first[-1].number, 2)] == sorted(numbers)[2:]
        assert first[0].status is AccountStatus.BLOCKED
        assert first[0].holder_kind is HolderKind.COMPANY


TYPED = replace(outgoing(), payee_key=None, payee=STRANGER, initiation=Initiation.MANU)
OF_A_CODE = replace(incoming(), initiation=Initiation.QRES, txid="Pedido42")


@pytest.mark.parametrize(
    "row", [outgoing(), TYPED, OF_A_CODE, *(incoming(status) for status in TransferStatus if status != "pending")]
)
def test_a_transfer_comes_back_as_it_was_stored(units: UnitsOfWork, row: Transfer) -> None:
    stored = replace(
        row,
        answer_style=AnswerStyle.YES_AND_NO,
        traceparent="00-trace-01",
        resend_count=3,
        duplicates=2,
        refusals=1,
        history=(
            *row.history,
            Step(NOW_MS, HUB, Trigger.FAILURE, row.direction.side, row.status, ReasonCode.AB03, 'says "no" – ação'),
        ),
    )
    add_transfers(units, stored)
    with units() as unit:
        assert unit.transfers.find(stored.end_to_end_id, stored.direction) == stored
        place = (stored.end_to_end_id, stored.direction)
        assert unit.transfers.lock([place]) == {place: stored}


def test_a_changed_transfer_is_saved(units: UnitsOfWork) -> None:
    add_transfers(units, outgoing())
    after = replace(
        outgoing(TransferStatus.FAILED),
        payee=incoming().payee,
        resend_at_ms=None,
        completed_at_ms=NOW_MS + 5,
        refusals=1,
    )
    with units() as unit:
        unit.transfers.lock([(END_TO_END_ID, Direction.OUTGOING)])
        unit.transfers.save([after])
        unit.commit()
    with units() as unit:
        assert unit.transfers.find(END_TO_END_ID, Direction.OUTGOING) == after


def test_a_bank_may_be_both_sides_and_no_side_twice(units: UnitsOfWork) -> None:
    add_transfers(units, outgoing(), incoming())
    with units() as unit:
        places = [(END_TO_END_ID, direction) for direction in Direction]
        assert set(unit.transfers.lock(places)) == set(places)
    with pytest.raises(RowExists):
        add_transfers(units, replace(incoming(), amount_centavos=1))


def test_an_idempotency_key_makes_one_transfer_per_account(units: UnitsOfWork) -> None:
    add_transfers(units, outgoing())
    other_id = END_TO_END_ID[:-1] + "2"
    with pytest.raises(RowExists):
        add_transfers(units, replace(outgoing(), end_to_end_id=other_id))
    add_transfers(units, replace(outgoing(), end_to_end_id=other_id, account_number="100002-0"))
    place = (ANA.number, "order-1")
    with units() as unit:
        assert unit.transfers.find_by_idempotency_keys([place, (ANA.number, "order-2")]) == {place: outgoing()}
        assert unit.transfers.find_by_idempotency_keys([]) == {}


def test_due_transfers_come_in_the_order_of_their_time_and_bounded(units: UnitsOfWork) -> None:
    rows = [
        replace(
            outgoing(),
            end_to_end_id=f"{END_TO_END_ID[:-1]}{number}",
            idempotency_key=f"order-{number}",
            resend_at_ms=None if number == 0 else NOW_MS + number,
        )
        for number in range(5)
    ]
    add_transfers(units, *reversed(rows))
    with units() as unit:
        assert unit.transfers.lock_due(NOW_MS, 10, WAIT_MS_MAX) == []
        assert unit.transfers.lock_due(NOW_MS + 3, 10, WAIT_MS_MAX) == rows[1:4]
        assert unit.transfers.lock_due(NOW_MS + 100, 2, WAIT_MS_MAX) == rows[1:3]
        assert unit.transfers.lock_waiting(NOW_MS + 1, NOW_MS + 4, 10) == [rows[3], rows[2]]
        assert unit.transfers.lock_waiting(NOW_MS + 1, NOW_MS + 100, 1) == [rows[4]]


def test_due_is_also_what_the_clock_has_put_out_of_reach_by_going_back(units: UnitsOfWork) -> None:
    def row(number: int, **changes: Any) -> Transfer:
        end_to_end_id = f"{END_TO_END_ID[:-1]}{number}"
        return replace(outgoing(), end_to_end_id=end_to_end_id, idempotency_key=f"order-{number}", **changes)

    at_most, later = NOW_MS + WAIT_MS_MAX, NOW_MS + WAIT_MS_MAX + 1
    much_later = NOW_MS + ANSWER_DELAY_MS_MAX + 1
    rows = [
        row(0, resend_at_ms=at_most),
        row(1, resend_at_ms=later),
        row(2, resend_at_ms=later, resend_count=WITHHELD),
        row(3, resend_at_ms=later, answered_at_ms=later),
        row(4, resend_at_ms=much_later, resend_count=WITHHELD),
    ]
    add_transfers(units, *rows)
    with units() as unit:
        due = unit.transfers.lock_due(NOW_MS, 10, WAIT_MS_MAX)
        assert sorted(each.idempotency_key for each in due) == ["order-1", "order-3", "order-4"]
        assert len(unit.transfers.lock_due(NOW_MS, 1, WAIT_MS_MAX)) == 1


def test_completion_is_noted_once_on_confirmed_sides(units: UnitsOfWork) -> None:
    other_id = END_TO_END_ID[:-1] + "2"
    failed_row = replace(outgoing(TransferStatus.FAILED), end_to_end_id=other_id, idempotency_key="")
    add_transfers(units, outgoing(TransferStatus.CONFIRMED), incoming(TransferStatus.CONFIRMED), failed_row)
    hub = MemoryHub(AURORA, TurnedClock())
    mirror_progress = MirrorProgress(units, hub)

    def mirror(*rows: Transfer) -> None:
        with units() as unit:
            found = unit.transfers.find_many([row.row_id for row in rows])
        mirror_progress(list(found.values()))

    for progress in (Progress(3, None), Progress(4, 7), Progress(None, 8)):
        hub.progress = {END_TO_END_ID: progress, other_id: Progress(None, 7), "unknown": Progress(3, 7)}
        mirror(outgoing(), failed_row)
    with units() as unit:
        for direction in Direction:
            row = unit.transfers.find(END_TO_END_ID, direction)
            assert row is not None and row.progress == Progress(3, 7)
        assert unit.transfers.find(other_id, Direction.OUTGOING) == failed_row


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (outgoing(), True),
        (incoming(), True),
        (incoming(TransferStatus.REJECTED), False),
        (outgoing(TransferStatus.FAILED), False),
        (incoming(TransferStatus.CONFIRMED), False),
    ],
)
def test_money_may_still_come_while_a_transfer_is_undecided(units: UnitsOfWork, row: Transfer, expected: bool) -> None:
    add_transfers(units, row)
    with units() as unit:
        assert unit.transfers.has_undecided(ANA.number) is expected
        assert unit.transfers.has_undecided("000000-0") is False


def test_transfers_are_listed_as_narrowed_and_paged(units: UnitsOfWork) -> None:
    rows = [
        replace(
            outgoing(),
            end_to_end_id=f"{END_TO_END_ID[:-1]}{number}",
            idempotency_key=f"order-{number}",
            requested_at_ms=NOW_MS + number // 2,
            description=f"order number {number}",
        )
        for number in range(4)
    ]
    add_transfers(units, *rows, incoming(TransferStatus.CONFIRMED))
    with units() as unit:
        oldest_first = unit.transfers.list(RowFilter(direction=Direction.OUTGOING, newest_first=False))
        assert oldest_first == rows
        newest_first = unit.transfers.list(RowFilter(direction=Direction.OUTGOING))
        assert newest_first == rows[::-1]
        last = rows[2]
        after = (last.requested_at_ms, last.end_to_end_id, last.direction.value)
        assert unit.transfers.list(RowFilter(direction=Direction.OUTGOING, after=after)) == rows[1::-1]
        forward = RowFilter(direction=Direction.OUTGOING, after=after, newest_first=False, size=1)
        assert unit.transfers.list(forward) == rows[3:4]
        assert len(unit.transfers.list(RowFilter(undecided=True))) == 4
        assert len(unit.transfers.list(RowFilter(status=TransferStatus.CONFIRMED))) == 1
        assert unit.transfers.list(RowFilter(account_number="000000-0")) == []
        assert unit.transfers.count() == {
            (Direction.OUTGOING, TransferStatus.PENDING): 4,
            (Direction.INCOMING, TransferStatus.CONFIRMED): 1,
        }


def test_nothing_is_booked_twice(units: UnitsOfWork) -> None:
    payment = books.book(ANA, posting(outgoing(), PostingKind.PAYMENT, NOW_MS))[1]

    def add(*postings: books.Posting) -> None:
        with units() as unit:
            unit.postings.add(postings)
            unit.commit()

    add(booked(ANA, 5, "d-1"), payment, books.settlement_funding("f-1", 10, NOW_MS))
    for again in (
        payment,
        replace(payment, amount_centavos=1),
        booked(ANA, 6, "d-1"),
        books.settlement_funding("f-1", 10, NOW_MS),
    ):
        with pytest.raises(RowExists):
            add(again)
    with units() as unit:
        assert unit.postings.known_operations({"d-1", "f-1", "f-2"}) == {"d-1", "f-1"}
        assert [posting for _, posting in unit.postings.list(None, 10)] == [
            books.settlement_funding("f-1", 10, NOW_MS),
            payment,
            booked(ANA, 5, "d-1"),
        ]
        assert [posting for _, posting in unit.postings.of_transfer(payment.end_to_end_id or "")] == [payment]
        assert unit.postings.of_transfer("E0") == unit.postings.of_transfer("\x00") == []


def test_postings_are_paged_by_id(units: UnitsOfWork) -> None:
    with units() as unit:
        unit.postings.add([booked(ANA, amount, f"d-{amount}") for amount in (1, 2, 3)])
        unit.commit()
    with units() as unit:
        newest = unit.postings.list(None, 2)
        assert [posting.amount_centavos for _, posting in newest] == [3, 2]
        assert [posting.amount_centavos for _, posting in unit.postings.list(newest[-1][0], 2)] == [1]


def test_books_that_do_not_hold_are_named(units: UnitsOfWork) -> None:
    add_account(units, replace(ANA, balance_centavos=99))
    add_transfers(units, outgoing(), incoming(TransferStatus.CONFIRMED))
    with units() as unit:
        unit.postings.add([booked(EMPTY, 100, "d-1")])
        unit.postings.add([books.book(ANA, posting(outgoing(), PostingKind.PAYMENT, NOW_MS))[1]])
        unit.commit()
    with units() as unit:
        summary = unit.postings.summary()
    assert summary.unbalanced_accounts == (ANA.number,)
    assert summary.unbalanced_transfers == (END_TO_END_ID,)
    assert not summary.is_balanced


def test_sums_are_those_of_the_postings_after_each_change(units: UnitsOfWork) -> None:
    add_account(units, replace(ANA, balance_centavos=70))
    payment = books.book(ANA, posting(outgoing(), PostingKind.PAYMENT, NOW_MS))[1]
    steps = (
        [books.settlement_funding("f-1", 500, NOW_MS), books.settlement_funding("f-2", -80, NOW_MS)],
        [booked(EMPTY, 100, "d-1"), books.book(ANA, books.withdrawal(ANA.number, "w-1", 30, NOW_MS))[1]],
        [payment],
        [posting(outgoing(), PostingKind.SETTLEMENT_OUT, NOW_MS)],
    )
    for number, step in enumerate(steps):
        with units() as unit:
            unit.postings.add(step)
            if number == 1:
                account = unit.accounts.lock([ANA.number])[ANA.number]
                unit.accounts.save([replace(account, balance_centavos=account.balance_centavos + 25)])
            unit.commit()
        with units() as unit:
            # What is not committed is in no sum.
            unit.postings.add([books.settlement_funding(f"u-{number}", 9, NOW_MS)])
        with units() as unit:
            sums, summary = unit.postings.sums(), unit.postings.summary()
        assert astuple(sums) == astuple(summary)[: len(astuple(sums))]
    assert sums.customers_centavos == 95
    assert sums.capital_centavos == 420
    assert sums.deposits_centavos == 70
    assert sums.clearing_centavos == 0
    assert sums.postings == 6


def test_counts_follow_each_change_of_a_status(units: UnitsOfWork) -> None:
    add_account(units)
    add_transfers(units, outgoing(), incoming())
    with units() as unit:
        row = unit.transfers.lock([outgoing().row_id])[outgoing().row_id]
        unit.transfers.save([replace(row, status=TransferStatus.CONFIRMED, decided_at_ms=NOW_MS, resend_at_ms=None)])
        unit.commit()
    with units() as unit:
        row = unit.transfers.lock([outgoing().row_id])[outgoing().row_id]
        unit.transfers.save([replace(row, resend_at_ms=None)])
        assert unit.transfers.count() == {
            (Direction.OUTGOING, TransferStatus.CONFIRMED): 1,
            (Direction.INCOMING, incoming().status): 1,
        }


def test_a_posting_without_its_transfer_is_named(units: UnitsOfWork) -> None:
    with units() as unit:
        unit.postings.add([posting(outgoing(), PostingKind.SETTLEMENT_OUT, NOW_MS)])
        unit.commit()
    with units() as unit:
        assert unit.postings.summary().unbalanced_transfers == (END_TO_END_ID,)


def test_statement_lines_are_narrowed(units: UnitsOfWork) -> None:
    account = EMPTY
    postings = []
    for each in (
        books.deposit(ANA.number, "d-1", 100_00, NOW_MS),
        posting(outgoing(), PostingKind.PAYMENT, NOW_MS + 1),
        posting(outgoing(), PostingKind.REFUND, NOW_MS + 2),
        posting(incoming(), PostingKind.CREDIT, NOW_MS + 3),
    ):
        account, written = books.book(account, each)
        postings.append(written)
    with units() as unit:
        unit.accounts.add(account, "salt:hash")
        unit.transfers.add([outgoing(TransferStatus.FAILED), incoming(TransferStatus.CONFIRMED)])
        unit.postings.add(postings)
        unit.postings.add([books.settlement_funding("f-1", 10, NOW_MS)])
        unit.commit()

    def amounts(narrow: StatementFilter, before: int | None = None, size: int = 10) -> list[int]:
        with units() as unit:
            return [line.amount_centavos for line in statement_lines(unit, ANA.number, narrow, before, size)]

    assert amounts(StatementFilter()) == [20_00, 20_00, -20_00, 100_00]
    assert amounts(StatementFilter(), size=1) == [20_00]
    assert amounts(StatementFilter(StatementDirection.IN)) == [20_00, 100_00]
    assert amounts(StatementFilter(StatementDirection.OUT)) == [-20_00]
    assert amounts(StatementFilter(StatementDirection.REFUNDS)) == [20_00]
    assert amounts(StatementFilter(from_ms=NOW_MS + 1, to_ms=NOW_MS + 3)) == [20_00, -20_00]
    with units() as unit:
        newest, *_, oldest = statement_lines(unit, ANA.number, StatementFilter(), None, 10)
        assert newest.balance_after_centavos == 120_00
        assert newest.counterpart_bank == "00000002"
        assert (newest.flow, oldest.flow) == ("transfer", "")
        assert (oldest.counterpart_name, oldest.counterpart_bank, oldest.end_to_end_id) == ("", "", "")
        assert statement_lines(unit, "000000-0", StatementFilter(), None, 10) == []
    assert amounts(StatementFilter(), before=newest.posting_id) == [20_00, -20_00, 100_00]


@pytest.mark.parametrize(
    ("narrow", "expected"),
    [
        (StatementFilter(), [6, 5, 4, 3, 2, 1]),
        (StatementFilter(StatementDirection.IN), [5, 4, 6, 3, 1]),
        (StatementFilter(StatementDirection.OUT), [2]),
        (StatementFilter(to_ms=NOW_MS + 500), [6, 3, 2, 1]),
        (StatementFilter(StatementDirection.IN, from_ms=NOW_MS + 2, to_ms=NOW_MS + 901), [4, 6, 3]),
        (StatementFilter(StatementDirection.REFUNDS), []),
    ],
)
def test_a_narrowed_statement_is_paged_by_time_also_when_the_clock_was_put_back(
    units: UnitsOfWork, narrow: StatementFilter, expected: list[int]
) -> None:
    account, written = replace(EMPTY, balance_centavos=0), []
    for amount, after_ms in ((1, 0), (2, 1), (3, 2), (4, 900), (5, 901), (6, 450)):
        act = books.withdrawal if amount == 2 else books.deposit
        each = act(ANA.number, f"d-{amount}", amount, NOW_MS + after_ms)
        account, done = books.book(replace(account, balance_centavos=100), each)
        written.append(done)
    with units() as unit:
        unit.accounts.add(account, "salt:hash")
        unit.postings.add(written)
        unit.commit()
    for size in (1, 2, 10):
        seen: list[int] = []
        before = None
        while True:
            with units() as unit:
                page = unit.postings.statement(ANA.number, narrow, before, size)
            seen += [posting.amount_centavos for _, posting in page]
            if len(page) < size:
                break
            before = page[-1][0]
        assert seen == expected


def test_keys_are_kept_by_kind_and_text(units: UnitsOfWork) -> None:
    phone = AccountKey(ANA.number, PixKey(KeyKind.PHONE, "+5511987654321"), 5)
    email = AccountKey(ANA.number, PixKey(KeyKind.EMAIL, "ana@aurora.example"), 4)
    with units() as unit:
        unit.keys.put([phone, email], 10)
        unit.keys.put([], 10)
        unit.commit()
    with units() as unit:
        assert unit.keys.of_account(ANA.number) == [email, phone]
        assert unit.keys.owners([phone.key, PixKey(KeyKind.CPF, "+5511987654321")]) == {phone.key: ANA.number}
        assert unit.keys.owners([]) == {}
        assert unit.keys.all() == {phone: 10, email: 10}
        unit.keys.put([replace(phone, account_number="100002-0")], 11)
        unit.keys.remove([email.key, PixKey(KeyKind.EMAIL, "nobody@aurora.example")])
        unit.keys.remove([])
        unit.commit()
    with units() as unit:
        assert unit.keys.all() == {replace(phone, account_number="100002-0"): 11}


def test_keys_of_closed_accounts_are_found_in_order_and_removed_from_their_account_alone(units: UnitsOfWork) -> None:
    closed = replace(ANA, number="100008-8", status=AccountStatus.CLOSED)
    texts = ("B@aurora.example", "a@aurora.example", "c@aurora.example")
    keys = [AccountKey(closed.number, PixKey(KeyKind.EMAIL, text), 5) for text in texts]
    with units() as unit:
        unit.accounts.add(ANA, "hash")
        unit.accounts.add(closed, "hash")
        unit.keys.put([*keys, AccountKey(ANA.number, PixKey(KeyKind.EMAIL, "ana@aurora.example"), 4)], 10)
        unit.commit()
    with units() as unit:
        assert unit.keys.of_closed_accounts(None, 2) == keys[:2]
        assert unit.keys.of_closed_accounts(keys[1].key, 2) == keys[2:]
        unit.keys.remove([key.key for key in keys[:2]], ANA.number)
        assert unit.keys.of_closed_accounts(None, 9) == keys
        unit.keys.remove([key.key for key in keys[:2]], closed.number)
        assert unit.keys.of_closed_accounts(None, 9) == keys[2:]


def test_switches_are_kept(units: UnitsOfWork) -> None:
    behaviour = Behaviour(
        mode=AnswerMode.REJECT,
        reject_reason=ReasonCode.RR04,
        answer_delay_ms=3,
        answer_style=AnswerStyle.TWICE,
        magic_amounts=True,
        consuming=False,
    )
    banks = [
        Participant("00000002", "002", "Banco Ipê", "#c98a00", "http://two", True, FEATURES, "two:8002"),
        Participant("00000001", "001", "Banco Aurora", "#5b2a86", "", False),
    ]
    with units() as unit:
        unit.switches.set_behaviour(Behaviour())
        unit.switches.set_behaviour(behaviour)
        unit.switches.set_participants([Participant("00000009", "009", "Gone", "#000000", "", True)])
        unit.switches.set_participants(banks)
        unit.switches.add_seeded_story("rich", "000102-3")
        unit.switches.add_seeded_story("broke", "000101-5")
        unit.switches.add_seeded_story("rich", "000999-9")
        unit.commit()
    with units() as unit:
        assert unit.switches.behaviour() == behaviour
        assert unit.switches.participants() == {bank.ispb: bank for bank in banks}
        assert list(unit.switches.seeded_stories().items()) == [("broke", "000101-5"), ("rich", "000102-3")]


def test_signing_keys_are_newest_first(units: UnitsOfWork) -> None:
    keys = [SigningKey(f"key {number}", "private", "certificate", NOW_MS + number) for number in range(3)]
    with units() as unit:
        assert unit.signing_keys.newest(2) == []
        unit.signing_keys.lock()
        for key in keys:
            unit.signing_keys.add(key)
        unit.commit()
    with units() as unit:
        assert unit.signing_keys.newest(2) == [keys[2], keys[1]]


def test_a_dead_letter_counts_up(units: UnitsOfWork) -> None:
    record = Record("codepix.bank.001.v1", b"key", b"\x00raw", {"codepix-type": b"\xff"}, 3, 9)
    with units() as unit:
        unit.dead_letters.add([Rejected(record, "hub", "unreadable")], NOW_MS)
        unit.dead_letters.add([Rejected(replace(record, offset=11), "hub", "still unreadable")], NOW_MS + 1)
        unit.commit()
    with units() as unit:
        (letter,) = unit.dead_letters.list(None, 10)
        assert letter.times == 2
        assert letter.reason == "still unreadable"
        assert (letter.first_seen_at_ms, letter.last_seen_at_ms) == (NOW_MS, NOW_MS + 1)
        assert letter.value_bytes == 4
        assert letter.state is DeadLetterState.DEAD
