"""Two stand-ins, the hub, its adapter and a bank of ours: payments in all directions, and histories with faults."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from random import Random
from typing import Final
from uuid import UUID

import pytest

from hub.application.course.process import ANSWER_MS_DEFAULT, KEY_AGE_MS_MIN
from hub.domain.course.model import LegState
from hub.domain.errors import KeyNotFound
from lab.course_bank.bank import Answer, CourseBank, HubError
from lab.course_bank.fixtures import ACCOUNTS, accounts_of
from lab.course_bank.store import Store
from pix.scheme.errors import SchemeError
from pix.scheme.keys import KeyKind, PixKey
from tests.support.course import (
    ANA,
    BIA,
    CAIOS_KEY,
    COURSE_001,
    COURSE_002,
    FUNDS,
    PAULO,
    CourseWorld,
    make_course_world,
)
from tests.support.hub_builders import MARE

BALANCE: Final = 1_000
SEEDS: Final = 12
SEEDS_OF_PROOF: Final = 400
STEPS: Final = 60
CALM_ROUNDS: Final = 16
KEYS: Final = {
    "6e4635ce-88d1-4e58-9597-d13fc446ee47": ("email", "paulo@example.com"),
    "103cc632-78e7-4476-ab63-d5ad3a562d26": ("email", "ana@example.com"),
    "463b1b2a-b5fa-4b88-9c31-e5c894a20ae3": ("cpf", "52998224725"),
}
"""The account 2222 of 001 has none, so that its money cannot be given back."""


class _HubOfStandIn:
    """The gRPC service, without a network."""

    def __init__(self, world: CourseWorld) -> None:
        self._course = world.course

    def find(self, kind: str, key: str) -> None:
        try:
            self._course.find_key(kind, key)
        except KeyNotFound:
            raise HubError("no key was found") from None

    def register(self, kind: str, key: str, account_id: str) -> None:
        try:
            self._course.register_key(kind, key, account_id)
        except SchemeError as error:
            raise HubError(str(error)) from None


class Town:
    """Everything that takes part, and what lies in the topics of the course banks."""

    def __init__(self, random: Random | None = None) -> None:
        self.world = make_course_world(with_keys=False)
        self.random = random or Random(1)
        self.stores = {code: Store() for code in ("001", "002")}
        self.banks: dict[str, CourseBank] = {}
        for code, store in self.stores.items():
            store.seed(accounts_of(code), BALANCE)
            self.banks[code] = CourseBank(code, store, _HubOfStandIn(self.world), self._new_id)
        for account in ACCOUNTS:
            if account.account_id in KEYS:
                self.banks[account.code].register_key(account.account_id, *KEYS[account.account_id])
        self.world.clock.at_ms += KEY_AGE_MS_MIN
        self.waiting: dict[str, deque[Answer]] = {"bank001": deque(), "bank002": deque()}
        self.down: set[str] = set()
        """Codes of banks that read nothing now. What is sent to them waits in their topic."""
        self._payments = 0

    def _new_id(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def carry(self, records: Sequence[Answer]) -> None:
        """Puts records into the topics of the course banks."""
        for topic, value in records:
            self.waiting[topic].append((topic, value))

    def run(self) -> None:
        """Until nobody has anything to do, but for those that are down."""
        while True:
            self.carry(self.world.answer_as_mare())
            topic = next((t for t, queue in self.waiting.items() if queue and t[-3:] not in self.down), None)
            if topic is None:
                return
            record = self.waiting[topic].popleft()
            for bank in self.banks.values():
                for answer in bank.take(*record):
                    self.carry(self.world.say(*answer))

    def pay(self, account_id: str, key: PixKey, amount: int) -> None:
        code = next(account.code for account in ACCOUNTS if account.account_id == account_id)
        _, request = self.banks[code].pay(account_id, key.kind.lower(), key.key, amount, "coffee")
        self.carry(self.world.say(*request))

    def pay_from_mare(self, key: PixKey, amount_centavos: int) -> None:
        self._payments += 1
        self.carry(self.world.pay_from_mare(self._payments, key, amount_centavos)[1])

    def gains(self, code: str) -> int:
        """What the customers of a course bank have gained, in centavos."""
        accounts = self.stores[code].accounts()
        return 100 * sum(account.balance - BALANCE for account in accounts)

    def calm_down(self) -> None:
        """Faults end, time passes, and everything that waits for a message gets it."""
        self.world.lost = False
        self.down.clear()
        self.world.readiness.away.clear()
        for _ in range(CALM_ROUNDS):
            self.run()
            self.carry(self.world.sweep(ANSWER_MS_DEFAULT // 4))
            self.carry(self.world.pump(self.world.due_at_hub()))
        self.run()

    def close(self) -> None:
        for store in self.stores.values():
            store.close()


def test_payments_in_all_directions_move_the_money_of_customers_and_banks_alike() -> None:
    town = Town()

    town.pay(PAULO, PixKey(KeyKind.EMAIL, "ana@example.com"), 30)
    town.pay(ANA, PixKey(KeyKind.CPF, "52998224725"), 4)
    town.pay(BIA, CAIOS_KEY, 7)
    town.pay_from_mare(PixKey(KeyKind.EMAIL, "paulo@example.com"), 1_100)
    town.run()

    assert (town.gains("001"), town.gains("002")) == (-1_900, 2_300)
    assert town.world.settlement() == {COURSE_001: FUNDS - 1_900, COURSE_002: FUNDS + 2_300, MARE: FUNDS - 400}
    assert {each.status for store in town.stores.values() for each in store.transactions()} == {"completed"}
    assert not town.world.dead_letters()
    town.close()


def test_a_bank_that_was_killed_in_the_middle_gets_its_records_and_is_credited_once() -> None:
    town = Town()
    town.down.add("002")
    town.pay_from_mare(PixKey(KeyKind.EMAIL, "ana@example.com"), 5_000)
    town.run()
    assert (town.gains("002"), len(town.waiting["bank002"])) == (0, 1)

    town.calm_down()

    assert town.gains("002") == 5_000
    assert town.world.settlement()[COURSE_002] == FUNDS + 5_000
    town.close()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_after_any_faults_the_money_is_right_or_listed_as_owed(seed: int) -> None:
    _play(seed)


@pytest.mark.prove
def test_after_many_more_histories_as_well() -> None:
    for seed in range(SEEDS, SEEDS_OF_PROOF):
        _play(seed)


def _play(seed: int) -> None:
    """What a course bank's customers have gained is what its settlement account has, but for what is listed."""
    random = Random(seed)
    town = Town(random)
    keys = [PixKey(KeyKind(kind.upper()), key) for kind, key in KEYS.values()]
    keys += [CAIOS_KEY, PixKey(KeyKind.EMAIL, "nobody@example.com")]
    for _ in range(STEPS):
        _step(town, random, keys)
    town.calm_down()

    overview = town.world.course.queries.overview()
    settlement = town.world.settlement()
    for ispb, code in ((COURSE_001, "001"), (COURSE_002, "002")):
        sums = overview.sums[ispb]
        moved = settlement[ispb] - FUNDS
        assert moved == sums.came_centavos - sums.went_centavos
        listed = sums.uncovered_centavos - sums.owed_to_customers_centavos
        assert town.gains(code) == moved + listed, [leg for leg in overview.owed if leg.ispb == ispb]
    waiting = {leg.state for leg in overview.latest} - {
        LegState.COMPLETED, LegState.SETTLED, LegState.FAILED, LegState.CREDITED, LegState.PARKED, LegState.UNCOVERED,
        LegState.SENT, LegState.CONFIRMED,
    }  # fmt: skip
    assert waiting == set()
    assert sum(settlement.values()) == 3 * FUNDS
    town.close()


def _step(town: Town, random: Random, keys: Sequence[PixKey]) -> None:
    """One thing happens, good or bad."""
    match random.randrange(9):
        case 0 | 1 | 2:
            town.pay(random.choice(ACCOUNTS).account_id, random.choice(keys), random.randint(1, 40))
        case 3 | 4:
            town.pay_from_mare(random.choice(keys[:3]), random.choice([100, 250, 1_000, 3_300]))
        case 5:
            # The adapter's process ends between its transaction and its send, for a while.
            town.world.lost = not town.world.lost
        case 6:
            town.down ^= {random.choice(("001", "002"))}
        case 7:
            town.world.readiness.away ^= {random.choice((COURSE_001, COURSE_002))}
        case _:
            town.carry(town.world.sweep(random.choice((100, 2_000, ANSWER_MS_DEFAULT + 1))))
            town.carry(town.world.pump(town.world.due_at_hub()))
    if random.random() < 0.6:
        town.run()
