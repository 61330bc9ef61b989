"""The network's virtual clock in one process: jumps, stops, rest, rates, and what banks make of it."""

from __future__ import annotations

import pytest

from bank_sim.domain.account import Account
from hub.application.network_clock import STOP_MS_MAX, NetworkClockControl
from hub.domain.errors import ClockIsMoving
from pix.participant.clock.model import ClockReport, FollowClock, NetworkClock
from pix.scheme.clock import VirtualTime
from pix.scheme.days import day_of
from pix.scheme.errors import SchemeError
from pix.scheme.ids import parse_end_to_end_id
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.postings import Direction
from tests.support.banks import BANKS, CPFS
from tests.support.clock import NOON_MS, TurnedClock
from tests.support.village import Village
from tests.support.virtual_days import move_until

DAY_MS = 86_400_000
HOUR_MS = 3_600_000


class Schedule:
    """Due items of a bank, done as soon as its clock says so: see `pix.participant.clock.model.DueItems`."""

    def __init__(self) -> None:
        self.times: list[int] = []
        self.done: list[tuple[int, int]] = []

    def next_due_ms(self) -> int | None:
        return min(self.times, default=None)

    def act(self, now_ms: int) -> None:
        for due_ms in sorted(each for each in self.times if each <= now_ms):
            self.times.remove(due_ms)
            self.done.append((due_ms, now_ms))


class Network:
    """A village with a virtual clock, a customer at each bank, and a schedule at the first bank."""

    def __init__(self, seed: int = 7) -> None:
        self.schedule = Schedule()
        self.real = TurnedClock()
        self.village = Village(BANKS, self.real, is_virtual=True, seed=seed, due_items={BANKS[0].code: self.schedule})
        self.customers: list[Account] = []
        self.keys: list[PixKey] = []
        for cpf, bank in zip(CPFS, self.village.banks.values(), strict=False):
            account = bank.open_account(name="Ana Souza", tax_id=cpf, opening_deposit_centavos=1_000_00, pin="1234")
            key = bank.register_key(account_number=account.number, kind=KeyKind.CPF, key=cpf)
            self.customers.append(account)
            self.keys.append(key.key)
        self.village.report_clock()

    @property
    def control(self) -> NetworkClockControl:
        control = self.village.hub.network_clock
        assert control is not None
        return control

    def pay(self, payer: int, payee: int, amount_centavos: int, key: str) -> str:
        bank = list(self.village.banks.values())[payer]
        transfer = bank.request_transfer(
            account_number=self.customers[payer].number,
            payee_key=self.keys[payee],
            amount_centavos=amount_centavos,
            description="",
            idempotency_key=key,
            payee_tax_id_masked="",
        )
        return transfer.end_to_end_id

    def act(self) -> None:
        bank = next(iter(self.village.banks.values()))
        assert bank.follow_clock is not None
        self.schedule.act(bank.follow_clock.clock.now_ms())


@pytest.fixture
def network() -> Network:
    return Network()


def test_a_jump_stops_at_every_due_item_in_order(network: Network) -> None:
    network.schedule.times = [NOON_MS + 2 * DAY_MS, NOON_MS + HOUR_MS, NOON_MS + 9 * DAY_MS]
    network.village.report_clock()
    assert network.control.show().due[0].due_ms == NOON_MS + HOUR_MS
    move_until(network.village, NOON_MS + 5 * DAY_MS, network.act)
    assert [due for due, _ in network.schedule.done] == [NOON_MS + HOUR_MS, NOON_MS + 2 * DAY_MS]
    # Each at its time, and not at the end of the jump.
    assert all(0 <= at - due < 60_000 for due, at in network.schedule.done)
    assert NOON_MS + 5 * DAY_MS <= network.control.show().now_ms < NOON_MS + 5 * DAY_MS + 60_000


def test_a_stop_waits_until_the_network_is_at_rest(network: Network) -> None:
    network.pay(0, 1, 10_00, "order")
    network.village.report_clock()
    network.control.advance(DAY_MS)
    for _ in range(5):
        assert not network.control.step(), "the payer's bank waits for an answer"
        network.real.turn(1_000)
        network.village.report_clock()
    network.village.deliver()
    network.village.report_clock()
    assert network.control.step() and network.control.show().now_ms >= NOON_MS + DAY_MS


def test_a_stop_says_after_30_seconds_what_is_still_open(network: Network) -> None:
    end_to_end_id = network.pay(0, 1, 10_00, "order")
    network.control.advance(DAY_MS)
    network.real.turn(STOP_MS_MAX)
    network.village.report_clock()
    assert network.control.step()
    network.village.follow_clock()
    network.village.report_clock()
    # What was given up is not waited for once more.
    assert network.control.step()
    seen = network.control.show()
    assert not seen.is_moving
    assert seen.open == (f"{BANKS[0].code} {end_to_end_id} outgoing",)


def test_a_bank_that_has_not_moved_is_waited_for_and_one_that_is_gone_is_not(network: Network) -> None:
    network.control.advance(DAY_MS)
    assert network.control.step()
    network.village.report_clock()
    assert not network.control.step()
    assert any("not moved" in each for each in network.control.show().open)
    network.real.turn(5_000)
    assert network.control.step(), "no bank has reported for longer than a running one does"


def test_the_clock_never_goes_back_nor_begins_two_jumps(network: Network) -> None:
    with pytest.raises(SchemeError, match="never goes back"):
        network.control.until(NOON_MS - 1)
    with pytest.raises(SchemeError, match="more than nothing"):
        network.control.advance(0)
    network.control.advance(DAY_MS)
    with pytest.raises(ClockIsMoving):
        network.control.advance(DAY_MS)


def test_a_rate_holds_for_everybody_who_follows(network: Network) -> None:
    network.control.set_rate(60)
    network.village.follow_clock()
    network.real.turn(1_000)
    for bank in network.village.banks.values():
        assert bank.follow_clock is not None and bank.follow_clock.clock.now_ms() == NOON_MS + 60_000
    with pytest.raises(SchemeError, match="rate"):
        network.control.set_rate(61)


def test_a_bank_takes_the_revision_of_a_message_before_it_answers(network: Network) -> None:
    network.control.set_rate(1)
    move_until(network.village, NOON_MS + DAY_MS)
    network.control.advance(10 * DAY_MS)
    assert network.control.step()
    payer, payee, _ = network.village.banks.values()
    # The payer's bank has heard by the stream; the payee's has messages alone.
    assert payer.follow_clock is not None
    payer.follow_clock.take(network.control.network.time)
    end_to_end_id = network.pay(0, 1, 10_00, "order")
    network.village.deliver()
    row = payee.queries.find_transfer(end_to_end_id, Direction.INCOMING)
    assert row.requested_at_ms >= NOON_MS + 11 * DAY_MS


def test_stamps_and_ids_are_of_scheme_time(network: Network) -> None:
    move_until(network.village, NOON_MS + 40 * DAY_MS)
    end_to_end_id = network.pay(0, 1, 10_00, "order")
    network.village.deliver()
    transfer, _ = network.village.hub.queries.find_transfer(end_to_end_id)
    assert transfer.status.value == "completed"
    assert parse_end_to_end_id(end_to_end_id).minute.date() == day_of(NOON_MS + 40 * DAY_MS)
    assert transfer.received_at_ms >= NOON_MS + 40 * DAY_MS > transfer.waiting_since_ms


def test_after_a_restart_a_process_goes_on_from_what_is_stored(network: Network) -> None:
    move_until(network.village, NOON_MS + DAY_MS)
    before_ms = network.control.show().now_ms
    again = NetworkClockControl(network.control._units, NetworkClock(network.real), network.real, network.schedule)
    assert again.show().now_ms == before_ms
    again.refresh()
    assert again.network.now_ms() == before_ms


def test_when_the_machines_clock_goes_back_the_hub_goes_on_from_the_time_that_was_reached(network: Network) -> None:
    move_until(network.village, NOON_MS + DAY_MS)
    before_ms = network.control.network.now_ms()
    network.real.turn(-HOUR_MS)
    network.control.refresh()
    assert network.control.network.now_ms() == before_ms
    network.real.turn(1_000)
    network.village.follow_clock()
    clocks = [bank.follow_clock.clock for bank in network.village.banks.values() if bank.follow_clock is not None]
    assert {clock.now_ms() for clock in (network.control.network, *clocks)} == {before_ms + 1_000}


def test_a_process_that_has_just_started_is_not_behind(network: Network) -> None:
    move_until(network.village, NOON_MS + DAY_MS)
    before_ms = network.control.network.now_ms()
    for units in network.village.units.values():
        started = NetworkClock(network.real)
        FollowClock(units, started)
        assert started.now_ms() == before_ms


def test_within_a_process_it_never_goes_back_though_the_machines_clock_does() -> None:
    real = TurnedClock()
    clock = NetworkClock(real)
    clock.take(VirtualTime(1, NOON_MS, DAY_MS, 60))
    real.turn(10_000)
    before_ms = clock.now_ms()
    real.turn(-HOUR_MS)
    assert clock.now_ms() == before_ms
    assert not clock.take(VirtualTime(1, NOON_MS, 9 * DAY_MS, 1)), "only a higher revision counts"
    clock.take(VirtualTime(2, NOON_MS, 0, 1))
    assert clock.now_ms() == before_ms


def test_a_report_is_bounded(network: Network) -> None:
    ispb = BANKS[0].ispb
    for report_of in (
        ClockReport("", 0),
        ClockReport("x" * 41, 0),
        ClockReport("x", 0, ("y",) * 21),
        ClockReport("x", 0, ("y" * 61,)),
        ClockReport("x", 0, (), -1),
    ):
        with pytest.raises(SchemeError):
            network.control.report(ispb, report_of)


def test_a_sandbox_starts_over_at_an_earlier_time_and_in_real_time() -> None:
    network = Network()
    bank = next(iter(network.village.banks.values()))
    assert bank.follow_clock is not None
    network.control.advance(10 * DAY_MS)
    while network.control.step():
        network.village.report_clock()
    ahead_ms = network.control.show().now_ms
    revision = network.control.show().time.revision

    time = network.control.start_over(NOON_MS - DAY_MS)
    bank.sandbox.start_over(time.as_text())
    assert time.revision > revision
    assert network.control.show().now_ms == bank.follow_clock.clock.now_ms() == NOON_MS - DAY_MS
    network.control.refresh()
    assert network.control.show().now_ms < ahead_ms

    assert network.control.start_over(None).is_real
    assert network.control.show().now_ms == network.real.now_ms()
    with pytest.raises(SchemeError):
        network.control.start_over(-1)


def test_a_network_begins_with_the_revision_that_it_is_given() -> None:
    first = VirtualTime(1, NOON_MS, -DAY_MS)
    village = Village(BANKS, TurnedClock(), is_virtual=True)
    units = village.hub.network_clock._units  # type: ignore[union-attr]
    clock = NetworkClock(TurnedClock(), first)
    assert FollowClock(units, clock).clock.now_ms() == NOON_MS - DAY_MS
    with units() as unit:
        assert unit.clock.read() == first
