"""A merchant's charges: made, changed, paid by one payer, and freed when the payment fails."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bank_sim.application.charges.ports import ChargeFilter, LocationFilter
from bank_sim.application.ports import RowExists, UnitsOfWork
from bank_sim.domain.account import Account
from bank_sim.domain.charges.errors import (
    ChargeNotActive,
    ChargeNotFound,
    KeyNotOfAccount,
    LocationNotFound,
    LocationOfOtherKind,
    LocationTaken,
    PayloadExpired,
    PayloadNotFound,
    PaymentDayInPast,
    PaymentDayTooLate,
    RemovalWithChanges,
    RevisionNotFound,
    TermsRefused,
    TxidTaken,
)
from bank_sim.domain.charges.model import Charge, ChargeKind, ChargeStatus, Detail, DueDate, Immediate, Modality
from bank_sim.domain.charges.offers import UnknownCharges
from bank_sim.domain.charges.orders import ChargeChange
from bank_sim.domain.errors import AccountBlocked, AccountHasTransfers
from pix.scheme.days import day_of
from pix.scheme.errors import SchemeError
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import TransferAccepted, TransferRejected
from pix.scheme.reasons import ReasonCode
from tests.support.bank import World
from tests.support.charges import DUE_DAY, HOUR_SECONDS, cob, cobv, confirm, fail, made, merchant, now, of_charge, offer
from tests.support.clock import at_time_ms

ALWAYS = (0, 2**62)


@pytest.fixture
def ana(world: World) -> Account:
    return world.open_account(0)


@pytest.fixture
def key(world: World, ana: Account) -> PixKey:
    return merchant(world.bank, ana)


def reason_of(answers: list[Any]) -> ReasonCode | None:
    """Of the only answer; None: it accepts."""
    (answer,) = answers
    assert isinstance(answer, TransferAccepted | TransferRejected)
    return answer.reason if isinstance(answer, TransferRejected) else None


def test_a_charge_is_found_as_it_was_made_with_a_location_of_its_own(world: World, ana: Account, key: PixKey) -> None:
    details = (Detail("pedido", "nº 42 — “azul”"),)
    charge, location = world.bank.charges.create(cob(ana, key, payer_request="Pague logo", details=details))
    assert 26 <= len(charge.txid) <= 35
    assert (charge.tax_id, charge.amount_centavos, charge.status) == (ana.tax_id, 20_00, ChargeStatus.ACTIVE)
    assert (location.txid, location.kind, len(location.token)) == (charge.txid, ChargeKind.IMMEDIATE, 22)
    assert world.bank.charges.find(ana.tax_id, charge.txid, ChargeKind.IMMEDIATE) == (charge, location)
    with pytest.raises(ChargeNotFound):
        world.bank.charges.find(ana.tax_id, charge.txid, ChargeKind.DUE_DATE)
    with pytest.raises(ChargeNotFound):
        world.bank.charges.find(ana.tax_id, "\0" * 26, ChargeKind.IMMEDIATE)


def test_all_terms_of_a_due_date_are_kept(world: World, ana: Account, key: PixKey) -> None:
    terms = DueDate(DUE_DAY, 5, fine=Modality(2, 200), interest=Modality(3, 100), rebate=Modality(1, 1_00))
    charge, _ = world.bank.charges.create(cobv(ana, key, terms=terms))
    assert now(world, charge).terms == terms
    later = DUE_DAY + timedelta(days=7)
    charge, _ = world.bank.charges.change(ana.tax_id, charge.txid, charge.kind, ChargeChange(due_day=later))
    assert charge.terms == replace(terms, due_day=later)
    first, _ = world.bank.charges.find(ana.tax_id, charge.txid, charge.kind, revision=0)
    assert (first.revision, first.terms) == (0, terms)


def test_the_same_order_again_changes_nothing_and_another_one_makes_a_revision(
    world: World, ana: Account, key: PixKey
) -> None:
    order = cob(ana, key, txid="a" * 26)
    charge, location = world.bank.charges.create(order)
    world.clock.turn(60_000)
    assert world.bank.charges.create(order) == (charge, location)
    dearer, same = world.bank.charges.create(replace(order, amount_centavos=25_00))
    assert (dearer.revision, dearer.amount_centavos, dearer.created_at_ms) == (1, 25_00, charge.created_at_ms)
    assert same == location
    assert world.bank.charges.find(ana.tax_id, charge.txid, charge.kind, 0)[0].amount_centavos == 20_00
    for unknown in (-1, 2, 2**40):
        with pytest.raises(RevisionNotFound):
            world.bank.charges.find(ana.tax_id, charge.txid, charge.kind, unknown)


def test_a_txid_is_unique_for_both_kinds_of_one_payee_and_free_for_another(
    world: World, ana: Account, key: PixKey
) -> None:
    charge, _ = made(world, ana, key)
    with pytest.raises(TxidTaken):
        world.bank.charges.create(cobv(ana, key, txid=charge.txid))
    bruno = world.open_account(0)
    other, _ = world.bank.charges.create(
        cob(bruno, merchant(world.bank, bruno, "bruno@aurora.example"), txid=charge.txid)
    )
    assert other.tax_id != charge.tax_id
    assert now(world, charge) == charge


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"txid": "curto"}, "txid"),
        ({"amount_centavos": 0}, "amount_centavos"),
        ({"terms": Immediate(0)}, "expiry_seconds"),
        ({"payer_request": "x" * 141}, "payer_request"),
        ({"details": (Detail("a", "b"),) * 51}, "details"),
        ({"details": (Detail("a\0", "b"),)}, "details"),
    ],
)
def test_what_no_charge_may_have_is_refused(
    world: World, ana: Account, key: PixKey, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(SchemeError) as refused:
        world.bank.charges.create(cob(ana, key, **changes))
    assert refused.value.field == field
    assert world.bank.charges.locations.list(LocationFilter(ana.tax_id, *ALWAYS), 0, 10) == ([], 0)


def test_a_charge_names_a_key_of_its_own_account(world: World, ana: Account, key: PixKey) -> None:
    bruno = world.open_account(0)
    with pytest.raises(KeyNotOfAccount):
        world.bank.charges.create(cob(bruno, key))
    charge, _ = made(world, ana, key)
    change = ChargeChange(key=PixKey(KeyKind.EMAIL, "zelia@ipe.example"))
    with pytest.raises(KeyNotOfAccount):
        world.bank.charges.change(ana.tax_id, charge.txid, charge.kind, change)
    world.bank.block_account(account_number=ana.number)
    with pytest.raises(AccountBlocked):
        made(world, ana, key)


def test_a_merchant_changes_and_removes_only_an_active_charge(world: World, ana: Account, key: PixKey) -> None:
    charge, location = made(world, ana, key)
    place = (ana.tax_id, charge.txid, charge.kind)
    changed, _ = world.bank.charges.change(*place, ChargeChange(expiry_seconds=60, payer_request="até já"))
    assert (changed.revision, changed.terms, changed.amount_centavos) == (1, Immediate(60), 20_00)
    with pytest.raises(TermsRefused):
        world.bank.charges.change(*place, ChargeChange(amount_centavos=0))
    with pytest.raises(SchemeError, match="other kind"):
        world.bank.charges.change(*place, ChargeChange(valid_days_after=3))
    with pytest.raises(RemovalWithChanges):
        world.bank.charges.change(*place, ChargeChange(is_removed=True, amount_centavos=5_00))
    removed, shown = world.bank.charges.change(*place, ChargeChange(is_removed=True))
    assert (removed.status, removed.revision, shown) == (ChargeStatus.REMOVED_BY_PAYEE, 2, location)
    with pytest.raises(ChargeNotActive):
        world.bank.charges.change(*place, ChargeChange(amount_centavos=5_00))
    with pytest.raises(ChargeNotActive):
        world.bank.charges.create(cob(ana, key, txid=charge.txid))
    stranger = world.open_account(0)
    with pytest.raises(ChargeNotFound):
        world.bank.charges.change(stranger.tax_id, charge.txid, charge.kind, ChargeChange(is_removed=True))


def test_a_location_serves_one_charge_at_a_time(world: World, ana: Account, key: PixKey) -> None:
    charges = world.bank.charges
    location = charges.locations.create(ana.number, ChargeKind.IMMEDIATE)
    assert location.txid == ""
    first, _ = made(world, ana, key, location_id=location.location_id)
    assert charges.locations.find(ana.tax_id, location.location_id).txid == first.txid
    with pytest.raises(LocationTaken):
        made(world, ana, key, location_id=location.location_id)
    assert charges.locations.unbind(ana.tax_id, location.location_id) == location
    assert charges.locations.unbind(ana.tax_id, location.location_id) == location
    assert charges.find(ana.tax_id, first.txid, first.kind) == (replace(first, location_id=None), None)
    second, bound = made(world, ana, key, location_id=location.location_id)
    assert (bound.location_id, bound.txid) == (location.location_id, second.txid)

    moved, own = charges.create(cob(ana, key, txid=first.txid))
    assert (moved.revision, own.txid) == (0, first.txid), "a location alone makes no revision"
    with pytest.raises(LocationTaken):
        charges.change(ana.tax_id, first.txid, first.kind, ChargeChange(location_id=location.location_id))


def test_a_location_is_of_one_kind_and_one_merchant(world: World, ana: Account, key: PixKey) -> None:
    dated = world.bank.charges.locations.create(ana.number, ChargeKind.DUE_DATE)
    with pytest.raises(LocationOfOtherKind):
        made(world, ana, key, location_id=dated.location_id)
    bruno = world.open_account(0)
    for location_id in (dated.location_id, 0, -1, 2**70):
        with pytest.raises(LocationNotFound):
            world.bank.charges.locations.unbind(bruno.tax_id, location_id)


def test_two_charges_cannot_be_stored_with_one_location(
    world: World, units: UnitsOfWork, ana: Account, key: PixKey
) -> None:
    charge, _ = made(world, ana, key)
    for twin in (replace(charge, txid="b" * 26), replace(charge, location_id=None)):
        with pytest.raises(RowExists):
            store(units, twin)


def store(units: UnitsOfWork, charge: Charge) -> None:
    with units() as unit:
        unit.charges.add([charge])
        unit.commit()


def test_lists_are_narrowed_and_cut(world: World, ana: Account, key: PixKey) -> None:
    charges = world.bank.charges
    made_ones = []
    for number in range(5):
        world.clock.turn(1_000)
        made_ones.append(made(world, ana, key, amount_centavos=1_00 + number))
    unbound, location = made_ones[1]
    charges.locations.unbind(ana.tax_id, location.location_id)
    charges.change(ana.tax_id, made_ones[0][0].txid, ChargeKind.IMMEDIATE, ChargeChange(is_removed=True))
    world.clock.turn(1_000)
    charges.create(cobv(ana, key))

    def listed(skip: int = 0, size: int = 10, **narrow: Any) -> tuple[list[int], int]:
        wanted: dict[str, Any] = {"kind": ChargeKind.IMMEDIATE, "from_ms": 0, "to_ms": 2**62} | narrow
        found, total = charges.list(ChargeFilter(ana.tax_id, **wanted), skip, size)
        return [charge.amount_centavos for charge, _ in found], total

    assert listed() == ([1_00, 1_01, 1_02, 1_03, 1_04], 5)
    assert listed(2, 2) == ([1_02, 1_03], 5)
    assert listed(2**80) == ([], 5)
    assert listed(debtor_tax_id="\0") == ([], 0)
    assert listed(from_ms=unbound.created_at_ms, to_ms=unbound.created_at_ms) == ([1_01], 1)
    assert listed(has_location=False) == ([1_01], 1)
    assert listed(status=ChargeStatus.REMOVED_BY_PAYEE) == ([1_00], 1)
    assert listed(kind=ChargeKind.DUE_DATE, debtor_tax_id="39053344705") == ([20_00], 1)
    assert listed(debtor_tax_id="39053344705") == ([], 0)
    assert listed(kind=None, newest_first=True, size=2) == ([20_00, 1_04], 6)
    found, _ = charges.list(ChargeFilter(ana.tax_id, ChargeKind.IMMEDIATE, *ALWAYS), 0, 10)
    assert [place for _, place in found] == [made_ones[0][1], None, *(place for _, place in made_ones[2:])]
    free = LocationFilter(ana.tax_id, *ALWAYS, has_charge=False)
    assert [each.location_id for each in charges.locations.list(free, 0, 10)[0]] == [location.location_id]
    assert charges.locations.list(LocationFilter(ana.tax_id, *ALWAYS, kind=ChargeKind.IMMEDIATE), 0, 1)[1] == 5


def test_one_payer_of_two_is_accepted_and_the_charge_is_concluded_with_the_credit(
    world: World, ana: Account, key: PixKey
) -> None:
    charge, _ = made(world, ana, key)
    mine, other = offer(world, ana, charge), offer(world, ana, charge)
    assert reason_of(world.hear(mine)) is None
    assert now(world, charge).reserved_by == mine.end_to_end_id
    assert reason_of(world.hear(mine)) is None, "the same offer again is answered as before"
    assert reason_of(world.hear(other)) is ReasonCode.BE17
    confirm(world, mine)
    paid = now(world, charge)
    assert (paid.status, paid.reserved_by, paid.paid_by) == (ChargeStatus.COMPLETED, "", mine.end_to_end_id)
    assert paid.revision == 0
    assert world.balance(ana) == 20_00
    assert reason_of(world.hear(offer(world, ana, charge))) is ReasonCode.BE17
    (received,) = world.bank.charges.payments([paid])[paid.charge_id]
    assert (received.transfer.end_to_end_id, received.returns) == (mine.end_to_end_id, ())


def test_two_payers_in_one_batch_are_decided_one_after_the_other(world: World, ana: Account, key: PixKey) -> None:
    charge, _ = made(world, ana, key)
    mine, other = offer(world, ana, charge), offer(world, ana, charge)
    answers = world.hear(mine, of_charge(world.failed(mine), charge), other)
    assert [type(answer) for answer in answers if isinstance(answer, TransferAccepted | TransferRejected)] == [
        TransferAccepted,
        TransferAccepted,
    ]
    assert now(world, charge).reserved_by == other.end_to_end_id


def test_a_failed_payment_frees_the_charge(world: World, ana: Account, key: PixKey) -> None:
    charge, _ = made(world, ana, key)
    first, second = offer(world, ana, charge), offer(world, ana, charge)
    world.hear(first)
    fail(world, first)
    assert now(world, charge) == charge
    assert reason_of(world.hear(second)) is None
    fail(world, first)
    assert now(world, charge).reserved_by == second.end_to_end_id, "a failure told again frees nobody else's"


@pytest.mark.parametrize("amount_centavos", [19_99, 20_01])
def test_another_amount_is_refused_unless_the_payer_may_choose_it(
    world: World, ana: Account, key: PixKey, amount_centavos: int
) -> None:
    charge, _ = made(world, ana, key)
    assert reason_of(world.hear(offer(world, ana, charge, amount_centavos))) is ReasonCode.AM09
    assert now(world, charge) == charge
    free, _ = made(world, ana, key, terms=Immediate(HOUR_SECONDS, payer_may_change_amount=True))
    assert reason_of(world.hear(offer(world, ana, free, amount_centavos))) is None


def test_what_cannot_be_paid_is_refused(world: World, ana: Account, key: PixKey) -> None:
    charge, _ = made(world, ana, key)
    unknown = replace(charge, txid="c" * 26)
    assert reason_of(world.hear(offer(world, ana, unknown))) is ReasonCode.BE17
    world.bank.charges.change(ana.tax_id, charge.txid, charge.kind, ChargeChange(is_removed=True))
    assert reason_of(world.hear(offer(world, ana, charge))) is ReasonCode.BE17
    brief, _ = made(world, ana, key, terms=Immediate(60))
    world.clock.turn(59_999)
    assert reason_of(world.hear(offer(world, ana, brief))) is None
    late, _ = made(world, ana, key, terms=Immediate(60))
    world.clock.turn(60_000)
    assert reason_of(world.hear(offer(world, ana, late))) is ReasonCode.BE17


def test_a_payment_without_a_dynamic_code_touches_no_charge(world: World, ana: Account, key: PixKey) -> None:
    charge, _ = made(world, ana, key)
    plain = world.offer(ana, charge.amount_centavos)
    world.hear(plain)
    world.hear(world.confirmed(plain))
    assert now(world, charge) == charge
    assert world.balance(ana) == 20_00


@pytest.mark.parametrize("removed", [True, False])
def test_a_charge_removed_or_expired_after_the_acceptance_is_paid_all_the_same(
    world: World, ana: Account, key: PixKey, removed: bool
) -> None:
    charge, _ = made(world, ana, key)
    accepted = offer(world, ana, charge)
    world.hear(accepted)
    if removed:
        world.bank.charges.change(ana.tax_id, charge.txid, charge.kind, ChargeChange(is_removed=True))
    else:
        world.clock.turn(2 * HOUR_SECONDS * 1_000)
    confirm(world, accepted)
    assert now(world, charge).status is ChargeStatus.COMPLETED
    assert world.balance(ana) == 20_00


def test_a_charge_changed_after_the_acceptance_keeps_its_payer(world: World, ana: Account, key: PixKey) -> None:
    charge, _ = made(world, ana, key)
    accepted = offer(world, ana, charge)
    world.hear(accepted)
    dearer, _ = world.bank.charges.create(cob(ana, key, 30_00, txid=charge.txid))
    assert dearer.reserved_by == accepted.end_to_end_id
    assert reason_of(world.hear(offer(world, ana, dearer))) is ReasonCode.BE17
    confirm(world, accepted)
    assert (now(world, charge).status, now(world, charge).revision) == (ChargeStatus.COMPLETED, 1)


def on_day(message: Any, day: Any) -> Any:
    """The same with an end-to-end id that was made at noon of a day."""
    given = message.end_to_end_id
    return replace(message, end_to_end_id=f"{given[:9]}{day:%Y%m%d}1500{given[21:]}")


def test_the_sum_is_that_of_the_day_inside_the_end_to_end_id(world: World, ana: Account, key: PixKey) -> None:
    terms = DueDate(DUE_DAY, 2, fine=Modality(2, 10_00))
    charge, _ = world.bank.charges.create(cobv(ana, key, terms=terms))
    late = DUE_DAY + timedelta(days=1)
    assert reason_of(world.hear(on_day(offer(world, ana, charge), late))) is ReasonCode.AM09
    assert reason_of(world.hear(on_day(offer(world, ana, charge, 22_00), DUE_DAY))) is ReasonCode.AM09
    too_late = DUE_DAY + timedelta(days=3)
    assert reason_of(world.hear(on_day(offer(world, ana, charge, 22_00), too_late))) is ReasonCode.BE17
    assert reason_of(world.hear(on_day(offer(world, ana, charge, 22_00), late))) is None


def test_a_bank_that_accepts_what_no_charge_wants_shows_every_payment(units: UnitsOfWork) -> None:
    world = World(units, unknown_charges=UnknownCharges.ACCEPT)
    ana = world.open_account(0)
    charge, _ = made(world, ana, merchant(world.bank, ana))
    first, second = offer(world, ana, charge), offer(world, ana, charge, 7_00)
    assert [reason_of(world.hear(each)) for each in (first, second)] == [None, None]
    confirm(world, second)
    confirm(world, first)
    assert (now(world, charge).status, now(world, charge).paid_by) == (ChargeStatus.COMPLETED, second.end_to_end_id)
    assert now(world, charge).reserved_by == ""
    received = world.bank.charges.payments([charge])[charge.charge_id]
    assert sorted(each.transfer.amount_centavos for each in received) == [7_00, 20_00]
    assert world.balance(ana) == 27_00
    unknown = replace(charge, txid="u" * 26)
    assert reason_of(world.hear(offer(world, ana, unknown))) is None


def test_a_restored_backup_concludes_what_was_paid_since(world: World, ana: Account, key: PixKey) -> None:
    charge, _ = made(world, ana, key)
    outcome = of_charge(world.confirmed(world.offer(ana, 20_00)), charge)
    assert len(world.bank.restore_transfers([outcome]).booked) == 1
    assert (now(world, charge).status, now(world, charge).paid_by) == (ChargeStatus.COMPLETED, outcome.end_to_end_id)
    assert world.bank.restore_transfers([outcome]).booked == []


def test_a_location_shows_its_charge_with_the_sum_of_the_day(world: World, ana: Account, key: PixKey) -> None:
    terms = DueDate(DUE_DAY, 2, fine=Modality(2, 10_00))
    charge, location = world.bank.charges.create(cobv(ana, key, terms=terms))
    shown = world.bank.charges.payload(location.token, ChargeKind.DUE_DATE)
    assert (shown.txid, shown.key, shown.amount.final_centavos) == (charge.txid, key, 20_00)
    assert shown.payee is not None
    assert (shown.payee.name, shown.payee.tax_id) == (ana.holder_name, ana.tax_id)
    late = DUE_DAY + timedelta(days=1)
    amount = world.bank.charges.payload(location.token, ChargeKind.DUE_DATE, late).amount
    assert (amount.original_centavos, amount.fine_centavos, amount.final_centavos) == (20_00, 2_00, 22_00)
    with pytest.raises(PaymentDayInPast):
        world.bank.charges.payload(
            location.token, ChargeKind.DUE_DATE, day_of(world.clock.now_ms()) - timedelta(days=1)
        )
    with pytest.raises(PaymentDayTooLate):
        world.bank.charges.payload(location.token, ChargeKind.DUE_DATE, DUE_DAY + timedelta(days=3))
    world.clock.at_ms = at_time_ms(DUE_DAY + timedelta(days=3))
    with pytest.raises(PayloadExpired):
        world.bank.charges.payload(location.token, ChargeKind.DUE_DATE)


def test_a_location_without_a_charge_shows_nothing(world: World, ana: Account, key: PixKey) -> None:
    free = world.bank.charges.locations.create(ana.number, ChargeKind.IMMEDIATE)
    _, location = made(world, ana, key)
    for token, kind in (
        (free.token, ChargeKind.IMMEDIATE),
        (location.token, ChargeKind.DUE_DATE),
        ("unknown", ChargeKind.IMMEDIATE),
        ("\0", ChargeKind.IMMEDIATE),
        ("x" * 10_000, ChargeKind.IMMEDIATE),
    ):
        with pytest.raises(PayloadNotFound):
            world.bank.charges.payload(token, kind)
    world.bank.charges.locations.unbind(ana.tax_id, location.location_id)
    with pytest.raises(PayloadNotFound):
        world.bank.charges.payload(location.token, ChargeKind.IMMEDIATE)


def test_a_charge_that_is_paid_or_removed_is_shown_as_such(world: World, ana: Account, key: PixKey) -> None:
    paid, location = made(world, ana, key, terms=Immediate(60, payer_may_change_amount=True), amount_centavos=0)
    shown = world.bank.charges.payload(location.token, ChargeKind.IMMEDIATE)
    assert (shown.status, shown.amount.final_centavos, shown.payer_may_change_amount) == (ChargeStatus.ACTIVE, 0, True)
    assert (shown.expires_at_ms, shown.payee) == (paid.created_at_ms + 60_000, None)
    mine = offer(world, ana, paid, 3_00)
    world.hear(mine)
    confirm(world, mine)
    assert world.bank.charges.payload(location.token, ChargeKind.IMMEDIATE).status is ChargeStatus.COMPLETED
    removed, location = world.bank.charges.create(cobv(ana, key))
    world.bank.charges.change(ana.tax_id, removed.txid, removed.kind, ChargeChange(is_removed=True))
    assert world.bank.charges.payload(location.token, ChargeKind.DUE_DATE).status is ChargeStatus.REMOVED_BY_PAYEE


def test_the_confirmation_of_a_transfer_that_was_never_offered_concludes_its_charge(
    world: World, ana: Account, key: PixKey
) -> None:
    charge, _ = made(world, ana, key)
    world.hear(of_charge(world.confirmed(world.offer(ana, 20_00)), charge))
    assert now(world, charge).status is ChargeStatus.COMPLETED


def test_an_account_with_an_accepted_charge_stays_open_and_a_closed_one_takes_its_charges_along(
    world: World, ana: Account, key: PixKey
) -> None:
    waiting, _ = made(world, ana, key)
    accepted_charge, _ = made(world, ana, key)
    accepted = offer(world, ana, accepted_charge)
    world.hear(accepted)
    with pytest.raises(AccountHasTransfers):
        world.bank.close_account(account_number=ana.number)
    assert now(world, waiting) == waiting
    fail(world, accepted)
    world.bank.close_account(account_number=ana.number)
    assert {now(world, charge).status for charge in (waiting, accepted_charge)} == {ChargeStatus.REMOVED_BY_BANK}
    assert reason_of(world.hear(offer(world, ana, waiting))) is ReasonCode.AC07


def test_charges_that_a_crash_left_to_a_closed_account_are_removed_later(
    world: World, units: UnitsOfWork, ana: Account, key: PixKey
) -> None:
    charge, _ = made(world, ana, key)
    bruno = world.open_account(0)
    other, _ = made(world, bruno, merchant(world.bank, bruno, "bruno@aurora.example"))
    with units() as unit:
        unit.accounts.save([ana.closed(has_unfinished_transfers=False)])
        unit.commit()
    assert world.bank.charges.remove_of_closed_accounts() == 1
    assert now(world, charge).status is ChargeStatus.REMOVED_BY_BANK
    assert now(world, other) == other
    assert world.bank.charges.remove_of_closed_accounts() == 0
