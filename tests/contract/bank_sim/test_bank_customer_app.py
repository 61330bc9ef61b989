"""Cash, PIN, devices, contacts and news of customers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bank_sim.application.customer_app.cash import BalanceTooHigh
from bank_sim.application.customer_app.contacts import REPEATED_WITHIN_MS
from bank_sim.application.customer_app.devices import DeviceSignedOut
from bank_sim.application.customer_app.pin import WrongPin
from bank_sim.domain.account import Account
from bank_sim.domain.customer_app.contacts import FAVOURITES_MAX, Contact, TooManyFavourites
from bank_sim.domain.customer_app.devices import DEVICES_PER_ACCOUNT_MAX, SEEN_STEP_MS
from bank_sim.domain.errors import AccountBlocked, InsufficientBalance, TransferNotFound, WrongCredentials
from pix.scheme.errors import SchemeError
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.money import AMOUNT_CENTAVOS_MAX
from tests.support.bank import STRANGERS_KEY, World

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def begin(world: World, account: Account, device_id: str) -> None:
    world.bank.customer_app.devices.begin(
        device_id=device_id, account_number=account.number, user_agent="Firefox\n", session_ms_max=12 * HOUR_MS
    )


def test_cash_goes_in_and_out_once_and_the_books_hold(world: World) -> None:
    ana, app = world.open_account(10_00), world.bank.customer_app
    for _ in range(2):
        app.deposit(account_number=ana.number, amount_centavos=5_00, operation_id="a")
        app.withdraw(account_number=ana.number, amount_centavos=12_00, operation_id="b")
    assert world.balance(ana) == 3_00
    with pytest.raises(InsufficientBalance):
        app.withdraw(account_number=ana.number, amount_centavos=3_01, operation_id="c")
    books = world.bank.queries.books()
    assert books.is_balanced
    assert (books.deposits_centavos, books.cash_centavos, books.customers_centavos) == (3_00, 3_00, 3_00)
    kinds = [line.kind for line in world.bank.queries.statement(ana.number).lines]
    assert kinds == ["withdrawal", "deposit", "deposit"]
    # The same operation of another account is another one.
    bia = world.open_account(0, "Bia")
    assert app.deposit(account_number=bia.number, amount_centavos=1, operation_id="a").balance_centavos == 1


@pytest.mark.parametrize("amount", [0, -1, AMOUNT_CENTAVOS_MAX + 1])
def test_cash_against_a_rule_is_not_booked(world: World, amount: int) -> None:
    ana = world.open_account(1)
    with pytest.raises(SchemeError) as refusal:
        world.bank.customer_app.deposit(account_number=ana.number, amount_centavos=amount, operation_id="a")
    assert refusal.value.field == "amount_centavos"
    with pytest.raises(BalanceTooHigh):
        world.bank.customer_app.deposit(
            account_number=ana.number, amount_centavos=AMOUNT_CENTAVOS_MAX, operation_id="b"
        )
    world.bank.block_account(account_number=ana.number)
    with pytest.raises(AccountBlocked):
        world.bank.customer_app.deposit(account_number=ana.number, amount_centavos=1, operation_id="c")
    assert world.balance(ana) == 1


def test_a_changed_pin_counts_alone(world: World) -> None:
    ana, change = world.open_account(), world.bank.customer_app.change_pin
    with pytest.raises(WrongPin):
        change(account_number=ana.number, pin="0000", new_pin="9876")
    for bad in ("12", "abcd", "1234"):
        with pytest.raises(SchemeError) as refusal:
            change(account_number=ana.number, pin="1234", new_pin=bad)
        assert refusal.value.field == "new_pin"
    change(account_number=ana.number, pin="1234", new_pin="987654")
    assert world.bank.sign_in(account_number=ana.number, pin="987654").number == ana.number
    with pytest.raises(WrongCredentials):
        world.bank.sign_in(account_number=ana.number, pin="1234")


def test_a_device_is_signed_in_until_it_is_signed_out(world: World) -> None:
    ana, bia, devices = world.open_account(), world.open_account(0, "Bia"), world.bank.customer_app.devices
    begin(world, ana, "phone")
    world.clock.turn(SEEN_STEP_MS)
    begin(world, ana, "laptop")
    assert devices.visit(device_id="phone", account_number=ana.number).account.number == ana.number
    phone, laptop = sorted(devices.of_account(ana.number, HOUR_MS), key=lambda each: each.device_id, reverse=True)
    assert (phone.user_agent, phone.seen_at_ms - phone.signed_in_at_ms) == ("Firefox", SEEN_STEP_MS)
    assert laptop.device_id == "laptop"
    with pytest.raises(DeviceSignedOut):
        devices.visit(device_id="phone", account_number=bia.number)
    ended = devices.end_others(account_number=ana.number, except_device_id="laptop")
    assert [each.device_id for each in ended] == ["phone"]
    with pytest.raises(DeviceSignedOut):
        devices.visit(device_id="phone", account_number=ana.number)
    devices.end("laptop")
    devices.end("laptop")
    assert devices.of_account(ana.number, HOUR_MS) == []


def test_the_devices_of_an_account_are_bounded_and_old_ones_are_forgotten(world: World) -> None:
    ana, devices = world.open_account(), world.bank.customer_app.devices
    for number in range(DEVICES_PER_ACCOUNT_MAX + 2):
        world.clock.turn(1)
        begin(world, ana, f"device {number}")
    kept = [each.device_id for each in devices.of_account(ana.number, HOUR_MS)]
    assert len(kept) == DEVICES_PER_ACCOUNT_MAX and kept[-1] == "device 2"
    world.clock.turn(HOUR_MS + SEEN_STEP_MS + 1)
    assert devices.of_account(ana.number, HOUR_MS) == []
    world.clock.turn(12 * HOUR_MS)
    begin(world, ana, "new")
    with world.units() as unit:
        assert [each.device_id for each in unit.devices.of_account(ana.number)] == ["new"]


def test_contacts_are_favourites_and_then_recent_payees_each_once(world: World) -> None:
    ana, contacts = world.open_account(), world.bank.customer_app.contacts
    other = PixKey(KeyKind.EMAIL, "outra@ipe.example")
    world.hub.payees[other] = replace(world.hub.payees[STRANGERS_KEY], key=other)
    first = world.pay(ana, 1, "1")
    world.clock.turn(1)
    world.pay(ana, 2, "2", payee_key=other)
    world.clock.turn(1)
    again = world.pay(ana, 3, "3")
    assert contacts.list(ana.number, 1)[0].end_to_end_id == again.end_to_end_id
    assert [each.contact_id for each in contacts.list(ana.number, 9)] == [
        "EMAIL zelia@ipe.example",
        "EMAIL outra@ipe.example",
    ]
    world.clock.turn(1)
    world.pay(ana, 4, "4", payee_key=other)
    contacts.keep(account_number=ana.number, end_to_end_id=first.end_to_end_id)
    contacts.keep(account_number=ana.number, end_to_end_id=again.end_to_end_id)
    found = contacts.list(ana.number, 9)
    assert [(each.contact_id, each.is_favourite) for each in found] == [
        ("EMAIL zelia@ipe.example", True),
        ("EMAIL outra@ipe.example", False),
    ]
    assert contacts.is_favourite(ana.number, again)
    assert len(contacts.list(ana.number, 1)) == 1
    contacts.drop(account_number=ana.number, contact_id=found[0].contact_id)
    contacts.drop(account_number=ana.number, contact_id=found[0].contact_id)
    assert not any(each.is_favourite for each in contacts.list(ana.number, 9))


def test_favourites_are_ones_own_payees_and_not_too_many(world: World) -> None:
    ana, bia, contacts = world.open_account(), world.open_account(0, "Bia"), world.bank.customer_app.contacts
    paid = world.pay(ana, 1, "1")
    with pytest.raises(TransferNotFound):
        contacts.keep(account_number=bia.number, end_to_end_id=paid.end_to_end_id)
    with world.units() as unit:
        for number in range(FAVOURITES_MAX):
            unit.favourites.put(ana.number, Contact(f"EMAIL {number}@ipe.example", "X", "Ipê", "E1"))
        unit.commit()
    with pytest.raises(TooManyFavourites):
        contacts.keep(account_number=ana.number, end_to_end_id=paid.end_to_end_id)


def test_the_same_payment_within_minutes_is_noticed(world: World) -> None:
    ana, contacts = world.open_account(), world.bank.customer_app.contacts
    paid = world.pay(ana, 30_00)

    def repeated(amount: int = 30_00, key: PixKey = STRANGERS_KEY) -> str:
        found = contacts.find_repeated(account_number=ana.number, payee_key=key, payee=None, amount_centavos=amount)
        return "" if found is None else found.end_to_end_id

    assert repeated() == paid.end_to_end_id
    assert repeated(amount=30_01) == repeated(key=PixKey(KeyKind.EMAIL, "x@y.example")) == ""
    world.clock.turn(REPEATED_WITHIN_MS + 1)
    assert repeated() == ""


def test_what_arrived_is_news_until_it_is_read(world: World) -> None:
    ana, news = world.open_account(0), world.bank.customer_app.news
    for amount in (10_00, 20_00):
        offer = world.offer(ana, amount)
        world.hear(offer)
        world.hear(world.confirmed(offer))
    begin(world, ana, "phone")
    found = news(ana.number)
    assert (found.count, [line.amount_centavos for line in found.lines]) == (2, [20_00, 10_00])
    assert world.bank.customer_app.devices.visit(device_id="phone", account_number=ana.number).unread == 2
    news.mark(account_number=ana.number, posting_id=found.lines[1].posting_id)
    assert news(ana.number).count == 1
    news.mark(account_number=ana.number, posting_id=found.lines[0].posting_id)
    news.mark(account_number=ana.number, posting_id=0)
    assert news(ana.number).count == 0


def test_months_are_summed_in_and_out(world: World) -> None:
    ana = world.open_account(100_00)
    before = world.bank.customer_app.sum_months(ana.number)
    assert len(before.months) == 6 and not before.is_cut
    assert before.months[-1].first_day.day == 1
    assert (before.months[-1].in_centavos, before.months[-1].out_centavos) == (100_00, 0)
    world.clock.turn(40 * DAY_MS)
    world.pay(ana, 30_00)
    world.bank.customer_app.withdraw(account_number=ana.number, amount_centavos=1_00, operation_id="w")
    months = world.bank.customer_app.sum_months(ana.number).months
    assert months[-1].out_centavos == 31_00
    assert sum(month.in_centavos for month in months) == 100_00
