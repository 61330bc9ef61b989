"""The ports of `hub.application.ports`, each method, on every store."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hub.application.ports import (
    BankClock,
    ClockJump,
    Found,
    KeyFilter,
    Latency,
    RowChange,
    SettlementConflict,
    TransferFilter,
    UnitsOfWork,
)
from hub.domain.bank import BankSecret
from hub.domain.directory import KeyChange, KeyEvent
from hub.domain.errors import BankAlreadyAdded
from hub.domain.flows.transfer.model import HistoryStep, Transfer, TransferStatus, Trigger
from hub.domain.liveness import BankInstance
from hub.domain.settlement import AccountChange, Funding, SettlementAccount
from hub.domain.tallies import Tally, TallyKey
from pix.participant.clock.model import ClockReport
from pix.runtime.outages import DatabaseUnavailable
from pix.scheme.clock import VirtualTime
from pix.scheme.features import Feature
from pix.scheme.flows import Step
from pix.scheme.initiation import Initiation
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import Side
from pix.scheme.reasons import ReasonCode
from pix.scheme.searching import fold
from tests.support.hub_builders import (
    ANA,
    AURORA,
    BANKS,
    BIA,
    BIAS_KEY,
    CAIO,
    CAIOS_KEY,
    FUNDS,
    IPE,
    MARE,
    NOW_MS,
    completed,
    confirmed,
    e2e,
    failed,
    failed_at_once,
    key_entry,
    transfer,
)

STEP = Step(NOW_MS, AURORA, Trigger.REQUEST, None, TransferStatus.PENDING)
LATE_MS = NOW_MS + 100_000
WAIT_MS_MAX = 60_000
LATE_STEP = Step(
    NOW_MS + 9, IPE, Trigger.PROCESSING, Side.PAYEE, TransferStatus.FAILED, ReasonCode.AB03, "too late: “não”"
)


def add(units: UnitsOfWork, *transfers: Transfer, steps: tuple[HistoryStep, ...] = (STEP,)) -> None:
    with units() as unit:
        unit.transfers.save([RowChange(each, steps, is_new=True) for each in transfers])
        unit.commit()


def numbered(number: int, **changes: object) -> Transfer:
    return replace(transfer(), end_to_end_id=e2e(number), received_at_ms=NOW_MS + number, **changes)  # type: ignore[arg-type]


# Transactions.


def test_what_is_committed_stays(with_banks: UnitsOfWork) -> None:
    with with_banks() as unit:
        unit.banks.update(replace(BANKS[AURORA], name="Banco da Aurora"))
        unit.commit()
    with with_banks() as unit:
        assert unit.banks.all()[AURORA].name == "Banco da Aurora"


def test_what_is_not_committed_was_never_there(with_banks: UnitsOfWork) -> None:
    with with_banks() as unit:
        unit.transfers.save([RowChange(transfer(), (STEP,), is_new=True)])
        unit.settlement.save([SettlementAccount(AURORA, 1, 1)])
        unit.keys.add([key_entry(BIAS_KEY, BIA)])
        assert unit.transfers.find(e2e()) is not None, "a transaction sees its own changes"
    with with_banks() as unit:
        assert unit.transfers.find(e2e()) is None
        assert unit.settlement.all()[AURORA] == SettlementAccount(AURORA, FUNDS, 0)
        assert unit.keys.find_many([BIAS_KEY]) == {}


def test_an_exception_undoes_all_and_passes_on(with_banks: UnitsOfWork) -> None:
    def fail_in_the_middle() -> None:
        with with_banks() as unit:
            unit.banks.update(replace(BANKS[AURORA], name="no"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_in_the_middle()
    with with_banks() as unit:
        assert unit.banks.all() == BANKS


# Transfers.


@pytest.mark.parametrize(
    "subject",
    [
        transfer(),
        confirmed(initiation=Initiation.QRES, txid="Pedido42"),
        completed(),
        failed(),
        failed_at_once(),
        failed_at_once(ReasonCode.AC03, payee=None),
        transfer(payee_key=None, initiation=Initiation.MANU),
    ],
    ids=lambda subject: f"{subject.status}-{subject.reason}-{subject.initiation}",
)
def test_a_transfer_comes_back_as_it_was(with_banks: UnitsOfWork, subject: Transfer) -> None:
    subject = replace(subject, resends=3, resend_count=2, duplicates=4, refusals=5, traceparent="00-ab-cd-01")
    add(with_banks, subject, steps=(STEP, LATE_STEP))
    with with_banks() as unit:
        assert unit.transfers.find(subject.end_to_end_id) == (subject, [STEP, LATE_STEP])
        assert unit.transfers.find_many([subject.end_to_end_id, e2e(99)]) == [subject]
        assert unit.transfers.lock([subject.end_to_end_id, e2e(99)]) == {subject.end_to_end_id: subject}


def test_there_is_nothing_where_there_is_nothing(with_banks: UnitsOfWork) -> None:
    with with_banks() as unit:
        assert unit.transfers.find(e2e()) is None
        assert unit.transfers.find("E\x00") is None
        assert unit.transfers.find_many([]) == []
        assert unit.transfers.find_many([e2e(), "\x00"]) == []
        assert unit.transfers.lock([]) == {}
        assert unit.transfers.lock_due(NOW_MS, 10, WAIT_MS_MAX) == []
        assert unit.transfers.lock_expired(NOW_MS, 0, 10, WAIT_MS_MAX) == []
        assert unit.transfers.search(TransferFilter()) == Found([], None)
        assert unit.transfers.search(TransferFilter(ispb="\x00")) == Found([], None)
        assert unit.transfers.search(TransferFilter(id_part="\x00")) == Found([], None)
        assert unit.transfers.search(TransferFilter(txid="\x00")) == Found([], None)
        assert unit.transfers.oldest_offers(10) == {}
        unit.transfers.save([])


def test_a_change_replaces_the_row_and_adds_to_its_history(with_banks: UnitsOfWork) -> None:
    add(with_banks, transfer(), numbered(2))
    changed = failed(ReasonCode.AB03, refusals=1)
    with with_banks() as unit:
        unit.transfers.lock([e2e()])
        unit.transfers.save([RowChange(changed, (LATE_STEP,))])
        unit.commit()
    with with_banks() as unit:
        unit.transfers.save([RowChange(changed, ())])
        unit.commit()
    with with_banks() as unit:
        assert unit.transfers.find(e2e()) == (changed, [STEP, LATE_STEP])
        assert unit.transfers.find(e2e(2)) == (numbered(2), [STEP])


def test_what_a_transfer_is_of_never_changes(with_banks: UnitsOfWork) -> None:
    add(with_banks, transfer())
    with with_banks() as unit:
        unit.transfers.save([RowChange(confirmed(), ())])
        unit.commit()
    with with_banks() as unit:
        found = unit.transfers.find(e2e())
        assert found is not None
        assert (found[0].payer, found[0].payee, found[0].amount_centavos) == (ANA, BIA, transfer().amount_centavos)


def test_an_id_that_exists_by_now_is_for_reading_the_batch_again(with_banks: UnitsOfWork) -> None:
    add(with_banks, transfer())
    with pytest.raises(DatabaseUnavailable):
        add(with_banks, numbered(2), confirmed())
    with with_banks() as unit:
        assert unit.transfers.find(e2e(2)) is None
        assert unit.transfers.find(e2e()) == (transfer(), [STEP])


def test_new_and_changed_ones_are_saved_together(with_banks: UnitsOfWork) -> None:
    add(with_banks, transfer())
    with with_banks() as unit:
        unit.transfers.save([RowChange(confirmed(), ()), RowChange(numbered(2), (STEP,), is_new=True)])
        unit.commit()
    with with_banks() as unit:
        assert sorted(each.status for each in unit.transfers.search(TransferFilter()).rows) == ["confirmed", "pending"]


def test_due_are_those_whose_time_has_come_the_oldest_first(with_banks: UnitsOfWork) -> None:
    add(
        with_banks,
        numbered(1, resend_at_ms=NOW_MS + 1),
        numbered(2, resend_at_ms=NOW_MS),
        numbered(3, resend_at_ms=NOW_MS - 5),
        numbered(4, resend_at_ms=None, status=TransferStatus.COMPLETED),
    )
    with with_banks() as unit:
        assert [each.end_to_end_id for each in unit.transfers.lock_due(NOW_MS, 10, WAIT_MS_MAX)] == [e2e(3), e2e(2)]
        assert [each.end_to_end_id for each in unit.transfers.lock_due(NOW_MS, 1, WAIT_MS_MAX)] == [e2e(3)]


def test_due_is_also_what_the_clock_has_put_out_of_reach_by_going_back(with_banks: UnitsOfWork) -> None:
    add(
        with_banks,
        numbered(1, resend_at_ms=NOW_MS + WAIT_MS_MAX),
        numbered(2, resend_at_ms=NOW_MS + WAIT_MS_MAX + 1),
        numbered(3, resend_at_ms=NOW_MS - 5),
        numbered(4, resend_at_ms=None, status=TransferStatus.COMPLETED),
    )
    with with_banks() as unit:
        due = unit.transfers.lock_due(NOW_MS, 10, WAIT_MS_MAX)
        assert [each.end_to_end_id for each in due] == [e2e(3), e2e(2)]
        assert len(unit.transfers.lock_due(NOW_MS, 1, WAIT_MS_MAX)) == 1


def test_waiting_are_those_of_a_bank_that_are_due_later_the_last_first(with_banks: UnitsOfWork) -> None:
    add(
        with_banks,
        numbered(1, resend_at_ms=NOW_MS + 1),
        numbered(2, resend_at_ms=NOW_MS),
        numbered(3, resend_at_ms=NOW_MS + 5),
        numbered(4, resend_at_ms=None, status=TransferStatus.COMPLETED),
        numbered(5, resend_at_ms=NOW_MS + 9),
    )

    def waiting(before_ms: int, ispb: str, size: int) -> list[str]:
        with with_banks() as unit:
            return [each.end_to_end_id for each in unit.transfers.lock_waiting(NOW_MS, before_ms, ispb, size)]

    assert waiting(NOW_MS + 9, AURORA, 10) == waiting(NOW_MS + 9, IPE, 10) == [e2e(3), e2e(1)]
    assert waiting(NOW_MS + 10, AURORA, 2) == [e2e(5), e2e(3)]
    assert waiting(NOW_MS + 10, "00000099", 10) == []


def test_expired_is_also_what_was_received_more_than_the_timeout_from_now(with_banks: UnitsOfWork) -> None:
    timeout_ms = 40_000
    add(
        with_banks,
        replace(numbered(1), received_at_ms=NOW_MS + timeout_ms, resend_at_ms=NOW_MS),
        replace(numbered(2), received_at_ms=NOW_MS + timeout_ms + 1, resend_at_ms=NOW_MS),
        replace(numbered(3), received_at_ms=NOW_MS + timeout_ms + 1, resend_at_ms=NOW_MS + WAIT_MS_MAX + 1),
        replace(numbered(4), received_at_ms=NOW_MS + timeout_ms + 1, resend_at_ms=NOW_MS + 1),
    )
    with with_banks() as unit:
        expired = unit.transfers.lock_expired(NOW_MS, timeout_ms, 10, WAIT_MS_MAX)
        assert [each.end_to_end_id for each in expired] == [e2e(2), e2e(3)]


def test_expired_are_those_due_and_pending_that_came_before(with_banks: UnitsOfWork) -> None:
    add(
        with_banks,
        numbered(1),
        numbered(2),
        numbered(3),
        replace(confirmed(), end_to_end_id=e2e(4), received_at_ms=NOW_MS - 100, resend_at_ms=NOW_MS),
        replace(numbered(0), end_to_end_id=e2e(5), resend_at_ms=LATE_MS + 1),
    )
    with with_banks() as unit:
        expired = unit.transfers.lock_expired(LATE_MS, LATE_MS - NOW_MS - 3, 10, WAIT_MS_MAX)
        assert [each.end_to_end_id for each in expired] == [e2e(1), e2e(2)], "the others are later, decided, or not due"
        assert len(unit.transfers.lock_expired(LATE_MS, LATE_MS - NOW_MS - 3, 1, WAIT_MS_MAX)) == 1


def test_a_list_is_newest_first_and_pages_through_equal_times(with_banks: UnitsOfWork) -> None:
    add(with_banks, *(replace(numbered(number), received_at_ms=NOW_MS + number // 3) for number in range(8)))
    seen: list[str] = []
    before = None
    with with_banks() as unit:
        while page := unit.transfers.search(TransferFilter(before=before, size=3)).rows:
            seen += [each.end_to_end_id for each in page]
            before = (page[-1].received_at_ms, page[-1].end_to_end_id)
    assert seen == [e2e(number) for number in reversed(range(8))]


def test_a_list_is_narrowed(with_banks: UnitsOfWork) -> None:
    within = replace(numbered(2), payee=CAIO, payee_key=CAIOS_KEY, initiation=Initiation.QRES, txid="Pedido42")
    unresolved = replace(failed_at_once(ReasonCode.AC03), end_to_end_id=e2e(3), payee=None, received_at_ms=NOW_MS + 3)
    closed = replace(completed(), end_to_end_id=e2e(4), received_at_ms=NOW_MS + 4)
    add(with_banks, numbered(1), within, unresolved, closed)

    def ids(narrow: TransferFilter) -> list[str]:
        with with_banks() as unit:
            return [each.end_to_end_id for each in unit.transfers.search(narrow).rows]

    assert ids(TransferFilter(ispb=AURORA)) == [e2e(4), e2e(3), e2e(2), e2e(1)]
    assert ids(TransferFilter(ispb=IPE)) == [e2e(4), e2e(1)]
    assert ids(TransferFilter(ispb=MARE)) == []
    assert ids(TransferFilter(status=TransferStatus.PENDING)) == [e2e(2), e2e(1)]
    assert ids(TransferFilter(open_only=True)) == [e2e(3), e2e(2), e2e(1)]
    assert ids(TransferFilter(ispb=IPE, status=TransferStatus.COMPLETED)) == [e2e(4)]
    assert ids(TransferFilter(id_part=e2e(3))) == [e2e(3)]
    assert ids(TransferFilter(id_part=e2e(3)[-4:])) == [e2e(3)]
    assert ids(TransferFilter(id_part="e0000")) == [], "an end-to-end id has its case"
    assert ids(TransferFilter(id_part="%")) == []
    assert ids(TransferFilter(key=CAIOS_KEY.key)) == [e2e(2)]
    assert ids(TransferFilter(key_beginnings=("no such", CAIOS_KEY.key[:-2]))) == [e2e(2)]
    assert ids(TransferFilter(key_beginnings=("no such",))) == []
    assert ids(TransferFilter(txid="Pedido42")) == [e2e(2)]
    assert ids(TransferFilter(txid="pedido42")) == [], "a txid has its case"
    assert ids(TransferFilter(reason=ReasonCode.AC03)) == [e2e(3)]
    assert ids(TransferFilter(amount_centavos=transfer().amount_centavos, status=TransferStatus.COMPLETED)) == [e2e(4)]
    assert ids(TransferFilter(amount_centavos=0)) == []
    assert ids(TransferFilter(received_from_ms=NOW_MS + 2, received_before_ms=NOW_MS + 4)) == [e2e(3), e2e(2)]


def test_a_search_looks_at_so_many_and_says_where_it_ended(with_banks: UnitsOfWork) -> None:
    oldest = replace(completed(), end_to_end_id=e2e(90), received_at_ms=NOW_MS - 5)
    add(with_banks, *(numbered(number) for number in range(1, 7)), oldest)

    def search(**narrow: Any) -> tuple[list[str], tuple[int, str] | None]:
        with with_banks() as unit:
            found = unit.transfers.search(TransferFilter(**narrow))
            return [each.end_to_end_id for each in found.rows], found.cut_at

    looking_for = {"status": TransferStatus.COMPLETED, "examined_max": 3}
    assert search(**looking_for) == ([], (NOW_MS + 4, e2e(4)))
    assert search(**looking_for, before=(NOW_MS + 4, e2e(4))) == ([], (NOW_MS + 1, e2e(1)))
    assert search(status=TransferStatus.COMPLETED) == ([e2e(90)], None)
    assert search(status=TransferStatus.PENDING, examined_max=3, size=2) == ([e2e(6), e2e(5)], None), "the page is full"
    assert search(examined_max=3, size=9)[1] is None, "who looks for nothing finds all"


@pytest.mark.parametrize("name", ["kátia", "KATIA Conceição", "Katia", "Łucja Čapek", "ÁÉÍÓÚ ñ"])
def test_names_are_found_without_accents_and_case(with_banks: UnitsOfWork, name: str) -> None:
    named = replace(numbered(1), payer=replace(ANA, name=name))
    add(with_banks, named, numbered(2))
    with with_banks() as unit:
        unit.keys.add([key_entry(BIAS_KEY, replace(BIA, name=name)), key_entry(CAIOS_KEY, CAIO)])
        assert unit.transfers.search(TransferFilter(name_part=fold(name))).rows == [named]
        assert [each.holder_name for each in unit.keys.search(KeyFilter(holder_part=fold(name))).rows] == [name]
        assert unit.transfers.search(TransferFilter(name_part="nobody")).rows == []


def test_the_largest_funding_of_each_bank(with_banks: UnitsOfWork) -> None:
    with with_banks() as unit:
        before = unit.settlement.largest_fundings()
        for number, amount in enumerate((5, 900, -1_000_000)):
            unit.settlement.add_funding(Funding(f"f{number}", AURORA, amount, NOW_MS))
        unit.settlement.add_funding(Funding("out", MARE, -7, NOW_MS))
        assert unit.settlement.largest_fundings() == before | {AURORA: max(900, before.get(AURORA, 0))}


def test_latencies_are_told_by_steps_of_time(with_banks: UnitsOfWork) -> None:
    took = [(0, 50), (1, 10), (2, 30), (3, 20), (15, 900), (29, 40)]
    add(
        with_banks,
        *(
            replace(completed(), end_to_end_id=e2e(number), received_at_ms=NOW_MS + at, closed_at_ms=NOW_MS + at + ms)
            for number, (at, ms) in enumerate(took, start=10)
        ),
        numbered(4),
    )
    with with_banks() as unit:
        assert unit.transfers.latencies(NOW_MS, NOW_MS + 30, 10, 100) == [
            Latency(NOW_MS, 4, 20, 50),
            Latency(NOW_MS + 10, 1, 900, 900),
            Latency(NOW_MS + 20, 1, 40, 40),
        ]
        assert unit.transfers.latencies(NOW_MS, NOW_MS + 10, 10, 3) == [Latency(NOW_MS, 2, 20, 30)], "the newest three"
        assert unit.transfers.latencies(NOW_MS + 30, NOW_MS + 60, 10, 100) == []


def test_the_oldest_offers_tell_who_leaves_them_without_an_answer(with_banks: UnitsOfWork) -> None:
    to_aurora = replace(numbered(5), payee=CAIO, payee_key=CAIOS_KEY)
    add(with_banks, numbered(3), numbered(4), to_aurora, replace(confirmed(), end_to_end_id=e2e(1)))
    with with_banks() as unit:
        assert unit.transfers.oldest_offers(10) == {IPE: NOW_MS + 3, AURORA: NOW_MS + 5}
        assert unit.transfers.oldest_offers(2) == {IPE: NOW_MS + 3}


# Tallies.

PENDING = TallyKey(AURORA, IPE, TransferStatus.PENDING, None)
REFUSED = TallyKey(AURORA, "", TransferStatus.FAILED, ReasonCode.AC03)


def test_tallies_are_the_sum_of_their_changes(with_banks: UnitsOfWork) -> None:
    more_than_a_column_of_integers = 9 * 10**18
    for changes in (
        {PENDING: Tally(3, 700), REFUSED: Tally(1, more_than_a_column_of_integers)},
        {PENDING: Tally(-2, -300), REFUSED: Tally(1, more_than_a_column_of_integers)},
        {},
    ):
        with with_banks() as unit:
            unit.tallies.add(changes)
            unit.commit()
    with with_banks() as unit:
        unit.tallies.add({PENDING: Tally(1, 1)})
    with with_banks() as unit:
        assert unit.tallies.all() == {PENDING: Tally(1, 400), REFUSED: Tally(2, 2 * more_than_a_column_of_integers)}


def test_a_sort_of_which_there_are_none_any_more_is_gone(with_banks: UnitsOfWork) -> None:
    with with_banks() as unit:
        unit.tallies.add({PENDING: Tally(2, 700)})
        unit.tallies.add({PENDING: Tally(-2, -700)})
        assert unit.tallies.all() == {}


def test_a_recount_counts_what_is_there(with_banks: UnitsOfWork) -> None:
    unresolved = replace(failed_at_once(ReasonCode.AC03), end_to_end_id=e2e(3), payee=None)
    add(with_banks, numbered(1), numbered(2), unresolved)
    with with_banks() as unit:
        unit.tallies.add({TallyKey(IPE, IPE, TransferStatus.COMPLETED, None): Tally(7, 7)})
        unit.tallies.recount()
        unit.commit()
    with with_banks() as unit:
        amount = transfer().amount_centavos
        assert unit.tallies.all() == {PENDING: Tally(2, 2 * amount), REFUSED: Tally(1, amount)}


# Banks.


def test_a_code_and_an_ispb_are_given_once(with_banks: UnitsOfWork) -> None:
    for bank in (replace(BANKS[AURORA], code="009"), replace(BANKS[AURORA], ispb="00000009")):
        with pytest.raises(BankAlreadyAdded), with_banks() as unit:
            unit.banks.add(bank)
    with with_banks() as unit:
        assert unit.banks.all() == BANKS


def test_a_bank_comes_back_as_it_was_updated(with_banks: UnitsOfWork) -> None:
    joined = replace(
        BANKS[IPE],
        name="Ipê!",
        color="#000000",
        url="http://x",
        version="2",
        active=False,
        joined_at_ms=NOW_MS,
        features=frozenset({Feature.MANU}),
        payload_host="ipe.example:8002",
    )
    with with_banks() as unit:
        unit.banks.update(joined)
        unit.commit()
    with with_banks() as unit:
        assert unit.banks.all() == {**BANKS, IPE: replace(joined, active=True)}, "whether it is active it does not say"
        unit.banks.set_active(IPE, active=False)
        assert unit.banks.all() == {**BANKS, IPE: joined}
        unit.banks.set_active(IPE, active=True)
        assert unit.banks.all()[IPE].active


def secret(number: int, ispb: str = AURORA, added_at_ms: int | None = None) -> BankSecret:
    return BankSecret(ispb, bytes([number]) * 32, bytes([number + 100]) * 32, added_at_ms or NOW_MS + number)


def test_secrets_are_newest_first_and_the_old_ones_are_retired(with_banks: UnitsOfWork) -> None:
    with with_banks() as unit:
        for number in (2, 1, 3):
            unit.banks.add_secret(secret(number))
        unit.banks.add_secret(secret(7, IPE))
        assert unit.banks.secrets() == {AURORA: [secret(3), secret(2), secret(1)], IPE: [secret(7, IPE)]}
        unit.banks.retire_secrets(AURORA, keep=2)
        unit.commit()
    with with_banks() as unit:
        assert unit.banks.secrets() == {AURORA: [secret(3), secret(2)], IPE: [secret(7, IPE)]}


def test_a_secret_that_is_there_becomes_the_newest(with_banks: UnitsOfWork) -> None:
    with with_banks() as unit:
        unit.banks.add_secret(secret(1))
        unit.banks.add_secret(secret(2))
        unit.banks.add_secret(secret(1, added_at_ms=NOW_MS + 50))
        assert unit.banks.secrets() == {AURORA: [secret(1, added_at_ms=NOW_MS + 50), secret(2)]}


# Presence.


def test_a_banks_process_is_known_by_its_last_word(with_banks: UnitsOfWork) -> None:
    first = BankInstance(AURORA, "a", "1", 7, NOW_MS)
    later = BankInstance(AURORA, "a", "2", None, NOW_MS + 5, NOW_MS + 5)
    with with_banks() as unit:
        for instance in (
            first,
            later,
            first,
            BankInstance(AURORA, "b", "1", 0, NOW_MS),
            BankInstance(IPE, "a", "1", 0, 9),
        ):
            unit.heartbeats.put(instance)
        unit.commit()
    with with_banks() as unit:
        assert sorted(unit.heartbeats.all(), key=lambda each: (each.ispb, each.instance)) == [
            later,
            BankInstance(AURORA, "b", "1", 0, NOW_MS),
            BankInstance(IPE, "a", "1", 0, 9),
        ]
        unit.heartbeats.forget(NOW_MS, NOW_MS + 1_000)
        assert len(unit.heartbeats.all()) == 2


def test_a_process_is_seen_again_after_the_clock_has_gone_back(with_banks: UnitsOfWork) -> None:
    an_hour_ahead = BankInstance(AURORA, "a", "1", 0, NOW_MS + 3_600_000)
    now = BankInstance(AURORA, "a", "2", 0, NOW_MS)
    gone = BankInstance(AURORA, "b", "1", 0, NOW_MS + 3_600_000)
    with with_banks() as unit:
        unit.heartbeats.put(an_hour_ahead)
        unit.heartbeats.put(now)
        unit.heartbeats.put(gone)
        unit.heartbeats.forget(NOW_MS - 1_000, NOW_MS + 1_000)
        assert unit.heartbeats.all() == [now]


# Settlement.


def test_accounts_are_locked_read_and_saved(with_banks: UnitsOfWork) -> None:
    with with_banks() as unit:
        assert unit.settlement.lock([IPE, AURORA, "00000099"]) == {
            AURORA: SettlementAccount(AURORA, FUNDS, 0),
            IPE: SettlementAccount(IPE, FUNDS, 0),
        }
        unit.settlement.save([])
        unit.settlement.save([SettlementAccount(AURORA, 10, 10), SettlementAccount(IPE, 2 * FUNDS - 10, 0)])
        unit.commit()
    with with_banks() as unit:
        assert list(unit.settlement.all()) == [AURORA, IPE, MARE]
        assert unit.settlement.all()[AURORA] == SettlementAccount(AURORA, 10, 10)
        assert unit.settlement.all()[MARE] == SettlementAccount(MARE, FUNDS, 0)


@pytest.mark.parametrize(("balance", "reserved"), [(5, 6), (5, -1), (-1, 0)])
def test_no_store_takes_an_account_that_is_overdrawn(with_banks: UnitsOfWork, balance: int, reserved: int) -> None:
    with pytest.raises(Exception, match=r"reserve|check"), with_banks() as unit:
        unit.settlement.save([SettlementAccount(AURORA, balance, reserved)])
    with with_banks() as unit:
        assert unit.settlement.all()[AURORA] == SettlementAccount(AURORA, FUNDS, 0)


def test_changes_are_added_to_whatever_the_accounts_hold(with_banks: UnitsOfWork) -> None:
    with with_banks() as unit:
        unit.settlement.add([])
        unit.settlement.add([AccountChange(AURORA, -10, 7), AccountChange(IPE, 10, 0)])
        unit.settlement.add([AccountChange(AURORA, 0, -2)])
        unit.commit()
    with with_banks() as unit:
        assert unit.settlement.all()[AURORA] == SettlementAccount(AURORA, FUNDS - 10, 5)
        assert unit.settlement.all()[IPE] == SettlementAccount(IPE, FUNDS + 10, 0)


@pytest.mark.parametrize(("balance", "reserved"), [(0, FUNDS + 1), (-1, FUNDS), (0, -1), (-FUNDS - 1, 0)])
def test_changes_that_would_overdraw_an_account_say_that_money_has_moved(
    with_banks: UnitsOfWork, balance: int, reserved: int
) -> None:
    def overdraw() -> None:
        with with_banks() as unit:
            unit.settlement.add([AccountChange(AURORA, balance, reserved), AccountChange(IPE, 1, 1)])
            unit.commit()

    with pytest.raises(SettlementConflict):
        overdraw()
    with with_banks() as unit:
        assert unit.settlement.all()[AURORA] == SettlementAccount(AURORA, FUNDS, 0)
        assert unit.settlement.all()[IPE] == SettlementAccount(IPE, FUNDS, 0)


def test_fundings_are_kept_oldest_first(with_banks: UnitsOfWork) -> None:
    fundings = [Funding("b", AURORA, 5, NOW_MS), Funding("a", AURORA, -2, NOW_MS), Funding("c", AURORA, 1, NOW_MS - 1)]
    with with_banks() as unit:
        for funding in (*fundings, Funding("d", IPE, 9, NOW_MS)):
            assert unit.settlement.add_funding(funding)
        unit.commit()
    with with_banks() as unit:
        assert not unit.settlement.add_funding(Funding("d", AURORA, 1, NOW_MS))
        assert unit.settlement.find_funding("d") == Funding("d", IPE, 9, NOW_MS)
        assert unit.settlement.find_funding("e") is None
        assert [funding.funding_id for funding in unit.settlement.fundings(AURORA)] == ["c", "a", "b"]
        assert unit.settlement.fundings(IPE) == [Funding("d", IPE, 9, NOW_MS)]
        assert unit.settlement.fundings(MARE) == []


# Keys.


def test_a_key_is_added_once_found_and_removed_by_its_bank(with_banks: UnitsOfWork) -> None:
    entry = key_entry(BIAS_KEY, BIA)
    with with_banks() as unit:
        assert unit.keys.find_many([]) == {}
        assert unit.keys.add([entry])
        assert not unit.keys.add([key_entry(BIAS_KEY, CAIO)])
        assert unit.keys.find_many([BIAS_KEY, CAIOS_KEY]) == {BIAS_KEY: entry}
        assert not unit.keys.remove(BIAS_KEY, AURORA, NOW_MS)
        assert unit.keys.remove(BIAS_KEY, IPE, NOW_MS)
        assert not unit.keys.remove(BIAS_KEY, IPE, NOW_MS)
        assert unit.keys.find_many([BIAS_KEY]) == {}


def test_a_key_is_removed_from_the_account_that_is_named_alone(with_banks: UnitsOfWork) -> None:
    with with_banks() as unit:
        assert unit.keys.add([key_entry(BIAS_KEY, BIA)])
        for account in ((BIA.branch, CAIO.account_number), ("0002", BIA.account_number)):
            assert not unit.keys.remove(BIAS_KEY, IPE, NOW_MS, account)
        assert not unit.keys.remove(BIAS_KEY, AURORA, NOW_MS, (BIA.branch, BIA.account_number))
        assert unit.keys.remove(BIAS_KEY, IPE, NOW_MS, (BIA.branch, BIA.account_number))
        assert unit.keys.find_many([BIAS_KEY]) == {}


def test_the_kind_is_a_part_of_the_key(with_banks: UnitsOfWork) -> None:
    as_cpf, as_phone = PixKey(KeyKind.CPF, "11987654321"), PixKey(KeyKind.PHONE, "11987654321")
    with with_banks() as unit:
        assert unit.keys.add([key_entry(as_cpf, BIA)])
        assert unit.keys.find_many([as_phone]) == {}
        assert unit.keys.add([key_entry(as_phone, CAIO)])
        assert unit.keys.find_many([as_cpf])[as_cpf].ispb == IPE


def test_many_keys_are_added_at_once_but_for_those_that_exist(with_banks: UnitsOfWork) -> None:
    texts = ["comma,brace}", 'quote"s', "back\\slash", "NULL", "ação", "tab\tline\n", "'); DROP TABLE pix_keys; --"]
    entries = [replace(key_entry(PixKey(KeyKind.EMAIL, text), BIA), holder_name=text) for text in texts]
    with with_banks() as unit:
        assert unit.keys.add([]) == 0
        assert unit.keys.add(entries[:2]) == 2
        assert unit.keys.add(entries) == len(entries) - 2
        assert unit.keys.find_many({entry.key for entry in entries}) == {entry.key: entry for entry in entries}
        assert [len(unit.keys.history(entry.key)) for entry in entries] == [1] * len(entries)


def test_a_request_makes_one_random_key(with_banks: UnitsOfWork) -> None:
    first, second = PixKey(KeyKind.EVP, "first"), PixKey(KeyKind.EVP, "second")
    with with_banks() as unit:
        assert unit.keys.find_by_requests({(IPE, "r"), (IPE, "")}) == {}
        assert unit.keys.find_by_requests([]) == {}
        assert unit.keys.add([key_entry(first, BIA, request_id="r")])
        assert not unit.keys.add([key_entry(second, BIA, request_id="r")])
        assert unit.keys.add([key_entry(second, CAIO, request_id="r")]), "another bank's ids are its own"
        assert unit.keys.add([key_entry(BIAS_KEY, BIA)])
        assert unit.keys.add([key_entry(CAIOS_KEY, CAIO)])
        found = unit.keys.find_by_requests({(IPE, "r"), (IPE, "other"), (IPE, "")})
        assert {request: entry.key for request, entry in found.items()} == {(IPE, "r"): first}


def test_keys_of_an_account_are_counted(with_banks: UnitsOfWork) -> None:
    with with_banks() as unit:
        unit.keys.add([key_entry(BIAS_KEY, BIA)])
        unit.keys.add([key_entry(CAIOS_KEY, replace(BIA, account_number="other"))])
        one, none = (IPE, BIA.branch, BIA.account_number), (AURORA, BIA.branch, BIA.account_number)
        assert unit.keys.lock_accounts({one, none}) == {one: 1, none: 0}
        assert dict(unit.keys.count_by_kind()) == {(IPE, KeyKind.EMAIL): 2}


def test_keys_are_listed_in_the_order_of_registration(with_banks: UnitsOfWork) -> None:
    keys = [PixKey(KeyKind.EMAIL, f"{letter}@example.com") for letter in "cabd"]
    other = PixKey(KeyKind.EMAIL, "other@example.com")
    with with_banks() as unit:
        for number, key in enumerate(keys):
            unit.keys.add([key_entry(key, BIA, NOW_MS + number // 2)])
        unit.keys.add([key_entry(other, replace(BIA, account_number="9"), NOW_MS + 9)])
        unit.keys.add([key_entry(CAIOS_KEY, CAIO)])
        unit.commit()
    with with_banks() as unit:
        listed = unit.keys.list_of_bank(IPE, "", "", None, 10)
        assert [entry.key for entry in listed] == [keys[1], keys[0], keys[2], keys[3], other]
        assert [entry.key for entry in unit.keys.list_of_bank(IPE, "0001", "9", None, 10)] == [other]
        after = (listed[1].registered_at_ms, listed[1].key.key)
        assert unit.keys.list_of_bank(IPE, "", "", after, 2) == listed[2:4]
        assert unit.keys.list_of_bank(MARE, "", "", None, 10) == []
        assert unit.keys.list_of_bank(IPE, "\x00", "\x00", None, 10) == []


def test_a_key_has_a_history_that_outlives_it(with_banks: UnitsOfWork) -> None:
    with with_banks() as unit:
        assert unit.keys.add([key_entry(BIAS_KEY, BIA, NOW_MS)])
        assert not unit.keys.add([key_entry(BIAS_KEY, CAIO, NOW_MS + 1)])
        assert not unit.keys.remove(BIAS_KEY, AURORA, NOW_MS + 2)
        assert unit.keys.remove(BIAS_KEY, IPE, NOW_MS + 3)
        assert unit.keys.add([key_entry(BIAS_KEY, CAIO, NOW_MS + 4)])
        unit.commit()
    with with_banks() as unit:
        assert unit.keys.history(BIAS_KEY) == [
            KeyEvent(BIAS_KEY, IPE, KeyChange.REGISTERED, NOW_MS),
            KeyEvent(BIAS_KEY, IPE, KeyChange.REMOVED, NOW_MS + 3),
            KeyEvent(BIAS_KEY, AURORA, KeyChange.REGISTERED, NOW_MS + 4),
        ]
        assert unit.keys.history(CAIOS_KEY) == []
        assert unit.keys.history(PixKey(KeyKind.EMAIL, "\x00")) == []


def test_keys_are_searched_by_their_beginning_bank_and_kind(with_banks: UnitsOfWork) -> None:
    keys = [
        PixKey(KeyKind.EMAIL, name) for name in ("ana@x.com", "anabel@x.com", "anã@x.com", "b_a@x.com", "bia@x.com")
    ]
    phone = PixKey(KeyKind.PHONE, "ana")
    with with_banks() as unit:
        for key in keys:
            unit.keys.add([key_entry(key, BIA if key.key < "b" else CAIO)])
        unit.keys.add([key_entry(phone, BIA)])
        unit.commit()

    def search(**narrow: Any) -> list[str]:
        with with_banks() as unit:
            return [entry.key.key for entry in unit.keys.search(KeyFilter(**narrow)).rows]

    assert search() == ["ana", "ana@x.com", "anabel@x.com", "anã@x.com", "b_a@x.com", "bia@x.com"]
    assert search(beginnings=("ana",)) == ["ana", "ana@x.com", "anabel@x.com"]
    assert search(beginnings=("an", "bia"), after=("anabel@x.com", "EMAIL")) == ["anã@x.com", "bia@x.com"]
    assert search(beginnings=("b_",)) == ["b_a@x.com"], "nothing in a key is a wildcard"
    assert search(kind=KeyKind.PHONE) == ["ana"]
    assert search(ispb=AURORA) == ["b_a@x.com", "bia@x.com"]
    assert search(after=("anabel@x.com", "EMAIL"), size=2) == ["anã@x.com", "b_a@x.com"]
    assert search(beginnings=("\x00",)) == []
    with with_banks() as unit:
        cut = unit.keys.search(KeyFilter(ispb=AURORA, examined_max=5))
        assert [entry.key.key for entry in cut.rows] == ["b_a@x.com"]
        assert cut.cut_at == ("b_a@x.com", "EMAIL"), "there may be more behind what was looked at"
        assert unit.keys.search(KeyFilter(ispb=AURORA, examined_max=5, size=1)).cut_at is None
        assert unit.keys.search(KeyFilter(ispb=AURORA)).cut_at is None


# The clock.


def test_only_a_higher_revision_of_the_clock_is_stored(units: UnitsOfWork) -> None:
    with units() as unit:
        assert unit.clock.read().is_real
        assert unit.clock.save(VirtualTime(2, NOW_MS, 5, 60))
        assert not unit.clock.save(VirtualTime(2, NOW_MS, 9, 1)) and not unit.clock.save(VirtualTime(1, NOW_MS, 9, 1))
        unit.commit()
    with units() as unit:
        assert unit.clock.read() == VirtualTime(2, NOW_MS, 5, 60)


def test_a_jump_and_the_reports_of_banks_come_back_as_they_were(with_banks: UnitsOfWork) -> None:
    jumps = [ClockJump(NOW_MS, NOW_MS), ClockJump(NOW_MS + 1, NOW_MS + 2, ("001 E1 outgoing",), is_done=True)]
    said = [
        BankClock(AURORA, ClockReport("one", 3, ("E1 outgoing", "E2 incoming"), NOW_MS), NOW_MS),
        BankClock(AURORA, ClockReport("two", 3), NOW_MS + 9),
    ]
    with with_banks() as unit:
        assert unit.clock_jump.find() is None and unit.clock_jump.reports() == []
        for jump in jumps:
            unit.clock_jump.save(jump)
            assert unit.clock_jump.find() == jump
        for each in (*said, said[0]):
            unit.clock_jump.put_report(each)
        assert unit.clock_jump.reports() == said
        unit.clock_jump.forget_reports(NOW_MS + 1, NOW_MS + 10)
        assert unit.clock_jump.reports() == said[1:]
        unit.commit()


def test_open_rows_are_named_and_a_time_out_counts_real_time(with_banks: UnitsOfWork) -> None:
    # Scheme time is far ahead of real time.
    young = numbered(1, received_real_at_ms=NOW_MS - 10, resend_at_ms=NOW_MS)
    old = numbered(2, received_real_at_ms=NOW_MS - 100, resend_at_ms=NOW_MS - 1)
    closed = numbered(3, resend_at_ms=None)
    with with_banks() as unit:
        unit.transfers.save([RowChange(each, (), is_new=True) for each in (young, old, closed)])
        unit.commit()
    with with_banks() as unit:
        assert unit.transfers.open_ids(10) == [e2e(2), e2e(1)] and unit.transfers.open_ids(1) == [e2e(2)]
        assert unit.transfers.lock_expired(NOW_MS, 50, 10, WAIT_MS_MAX) == [old]
