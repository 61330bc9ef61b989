"""Months of a network in one process: payments, schedules and returns while its clock jumps over the days."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from random import Random

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.domain.schedules.calendar import PlanOrder, Rhythm
from hub.domain.flows.returns.model import NAME as RETURN
from hub.domain.flows.transfer.model import TransferStatus
from pix.scheme.days import DAY_MS, day_of, start_of_day_ms
from pix.scheme.errors import SchemeError
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.reasons import ReasonCode
from tests.support.banks import BANKS, CPFS
from tests.support.clock import NOON_MS, TurnedClock
from tests.support.village import Village
from tests.support.virtual_days import faults, move_until, pass_days

DAYS = 30


class Network:
    """A village with a virtual clock, and a customer with a key at each bank."""

    def __init__(self, seed: int) -> None:
        self.real = TurnedClock()
        self.village = Village(BANKS, self.real, is_virtual=True, seed=seed)
        self.people: list[tuple[BankApplication, Account, PixKey]] = []
        for cpf, bank in zip(CPFS, self.village.banks.values(), strict=False):
            account = bank.open_account(name="Ana Souza", tax_id=cpf, opening_deposit_centavos=10_000_00, pin="1234")
            key = bank.register_key(account_number=account.number, kind=KeyKind.CPF, key=cpf)
            self.people.append((bank, account, key.key))
        self.village.report_clock()

    @property
    def today_ms(self) -> int:
        assert self.village.hub.network_clock is not None
        return self.village.hub.network_clock.network.now_ms()

    def pay(self, payer: int, payee: int, amount_centavos: int, order: str) -> str:
        bank, account, _ = self.people[payer]
        transfer = bank.request_transfer(
            account_number=account.number,
            payee_key=self.people[payee][2],
            amount_centavos=amount_centavos,
            description="",
            idempotency_key=order,
            payee_tax_id_masked="",
        )
        return transfer.end_to_end_id

    def give_back(self, payee: int, end_to_end_id: str, amount_centavos: int, order: str) -> str:
        bank, account, _ = self.people[payee]
        row = bank.returns.request(
            account_number=account.number,
            original_end_to_end_id=end_to_end_id,
            amount_centavos=amount_centavos,
            description="",
            idempotency_key=order,
        )
        return row.return_id

    def schedule(self, payer: int, payee: int, rhythm: Rhythm, payments: int, amount_centavos: int) -> None:
        bank, account, _ = self.people[payer]
        bank.schedule_payment(
            account_number=account.number,
            payee_key=self.people[payee][2],
            amount_centavos=amount_centavos,
            description="",
            plan=PlanOrder(rhythm, day_of(self.today_ms) + timedelta(days=1 + payer), payments),
            idempotency_key=f"{payer} {payee} {rhythm}",
        )

    def act(self) -> None:
        """What banks do by time."""
        for bank in self.village.banks.values():
            bank.run_due_schedules()


def play(seed: int) -> tuple[Network, str]:
    """A month: weekly and monthly schedules, three payments a day, and returns of some of them days later."""
    network = Network(seed)
    for payer in range(len(network.people)):
        network.schedule(payer, (payer + 1) % len(network.people), Rhythm.WEEKLY, 4, 10_00 + payer)
        network.schedule(payer, (payer + 2) % len(network.people), Rhythm.MONTHLY, 2, 20_00 + payer)
    paid: list[tuple[int, str, int]] = []

    def traffic(_village: Village, day: int, random: Random) -> None:
        for number in range(3):
            payer, payee = random.sample(range(len(network.people)), 2)
            amount_centavos = random.randrange(3, 20_00)
            paid.append((payee, network.pay(payer, payee, amount_centavos, f"{day} {number}"), amount_centavos))
            network.real.turn(random.randrange(60_000))
        network.village.deliver()
        for number in range(2):
            payee, end_to_end_id, amount_centavos = random.choice(paid)
            try:
                network.give_back(payee, end_to_end_id, random.randrange(1, amount_centavos), f"{day} back {number}")
            except SchemeError as refusal:
                assert refusal.field == "amount_centavos", "more than is left of it"

    return network, pass_days(network.village, DAYS, traffic, seed, network.act)


def test_a_month_with_schedules_and_returns_keeps_the_books_and_repeats_with_the_seed() -> None:
    network, digest = play(11)
    assert play(11)[1] == digest
    assert play(12)[1] != digest
    executed = Counter(
        execution.outcome for units in network.village.units.values() for execution in units.store.executions.values()
    )
    # Of each of the three banks four weekly payments and one monthly.
    assert executed == {"requested": 15}
    transfers = Counter(row.status for row in network.village.hub_store.transfers.values())
    assert transfers == {TransferStatus.COMPLETED: 3 * DAYS + 15}
    assert len(list(network.village.hub_store.rows[RETURN].values())) > DAYS


def test_a_payment_is_returned_on_day_90_and_not_on_day_91() -> None:
    network = Network(7)
    end_to_end_id = network.pay(0, 1, 10_00, "order")
    network.village.deliver()
    confirmed_on = day_of(network.today_ms)
    outcomes = {}
    for day in (90, 91):
        move_until(network.village, start_of_day_ms(confirmed_on + timedelta(days=day + 1)) - DAY_MS // 24)
        return_id = network.give_back(1, end_to_end_id, 1_00, f"day {day}")
        network.village.deliver()
        row = network.village.hub_store.rows[RETURN].get(return_id)
        assert row is not None
        outcomes[day] = (row.status.value, row.reason)
        assert not list(faults(network.village))
    assert network.today_ms > NOON_MS
    assert outcomes == {90: ("completed", None), 91: ("failed", ReasonCode.DT05)}
