"""The plan of a league: which customer pays whom and when, and what breaks meanwhile. Same seed, same plan."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from random import Random
from typing import Final

PER_SECOND: Final = 12.0
"""Orders to pay, both ways together."""
SECONDS_MIN: Final = 6.0
SECONDS_MAX: Final = 120.0
SECONDS_DEFAULT: Final = 12.0
TIMEOUT_SECONDS: Final = 3.0
"""The hub fails a transfer that is pending for longer (AB03)."""
FROZEN_SECONDS: Final = TIMEOUT_SECONDS + 1.0
"""Longer than the hub waits: what the bank answers when it thaws comes too late."""
ROUND_SECONDS: Final = 12.0
"""A longer league has more rounds of faults."""
ROUND_SECONDS_MIN: Final = 10.6
"""In a shorter round the bank is frozen for a shorter time, so that all faults find room."""
CUSTOMERS: Final = 6
"""Accounts of the entrant that pay and are paid; one more has no money."""
OPENING_CENTAVOS_MORE: Final = 100_00
"""What a customer has beyond all that they pay."""
AMOUNT_CENTAVOS_MIN: Final = 1_00
AMOUNTS_EACH: Final = 12
"""So many amounts to choose from for each order: no two orders have the same, so that each can be recognised."""
DOWN_SECONDS: Final = (0.5, 1.5)


class OrderKind(StrEnum):
    RECEIVE = "receive"
    """A customer of another bank pays a customer of the entrant."""
    PAY = "pay"
    """A customer of the entrant pays a customer of another bank."""
    PAY_TWICE = "pay-twice"
    """The same, and the customer's program sends the order again with the same idempotency key."""
    PAY_BLOCKED = "pay-blocked"
    """To a blocked account: the other bank rejects it (AC06)."""
    PAY_CLOSED = "pay-closed"
    """To a closed account: the other bank rejects it (AC07)."""
    PAY_LATE = "pay-late"
    """To a bank whose answer comes after the hub's time-out (AB03)."""
    PAY_UNKNOWN = "pay-unknown"
    """To a key that the directory does not have."""
    PAY_WITHOUT_MONEY = "pay-without-money"
    """From an account without money."""

    @property
    def is_receipt(self) -> bool:
        return self is OrderKind.RECEIVE

    @property
    def must_complete(self) -> bool:
        """Otherwise it must be refused, or fail, and no money may move."""
        return self in (OrderKind.RECEIVE, OrderKind.PAY, OrderKind.PAY_TWICE)


SHARES: Final = {
    OrderKind.RECEIVE: 46,
    OrderKind.PAY: 34,
    OrderKind.PAY_TWICE: 6,
    OrderKind.PAY_BLOCKED: 3,
    OrderKind.PAY_CLOSED: 3,
    OrderKind.PAY_LATE: 3,
    OrderKind.PAY_UNKNOWN: 3,
    OrderKind.PAY_WITHOUT_MONEY: 2,
}
"""Of a hundred orders."""


class FaultKind(StrEnum):
    KILL = "kill"
    """SIGKILL, and a new start when the fault is over."""
    FREEZE = "freeze"
    """SIGSTOP, and SIGCONT when the fault is over."""
    DUPLICATES = "duplicates"
    """Meanwhile each record of the hub to the bank comes a second time."""


@dataclass(frozen=True, slots=True)
class Order:
    number: int
    at_ms: int
    kind: OrderKind
    customer: int
    """Of the entrant: 0 to `CUSTOMERS` - 1."""
    amount_centavos: int


@dataclass(frozen=True, slots=True)
class Fault:
    at_ms: int
    kind: FaultKind
    for_ms: int

    @property
    def end_ms(self) -> int:
        return self.at_ms + self.for_ms


@dataclass(frozen=True, slots=True)
class Plan:
    seed: int
    seconds: float
    orders: Sequence[Order]
    """In the order of time."""
    faults: Sequence[Fault]
    """In the order of time; kills and freezes do not overlap."""

    def opening_centavos(self, customer: int) -> int:
        """What this customer of the entrant has at first: enough for all payments, whenever they are paid."""
        paid = sum(
            order.amount_centavos
            for order in self.orders
            if order.customer == customer
            and not order.kind.is_receipt
            and order.kind is not OrderKind.PAY_WITHOUT_MONEY
        )
        return paid + OPENING_CENTAVOS_MORE

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits: two plans with the same digest are the same."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def make_plan(seed: int, seconds: float = SECONDS_DEFAULT) -> Plan:
    """The plan of a seed. `seconds` is how long customers pay: `SECONDS_MIN` to `SECONDS_MAX`, else ValueError."""
    if not SECONDS_MIN <= seconds <= SECONDS_MAX:
        raise ValueError(f"must be {SECONDS_MIN:g} to {SECONDS_MAX:g}")
    return Plan(seed, seconds, _orders(seconds, Random(f"orders/{seed}")), _faults(seconds, Random(f"faults/{seed}")))


def _orders(seconds: float, random: Random) -> list[Order]:
    count = round(seconds * PER_SECOND)
    choices = range(AMOUNT_CENTAVOS_MIN, AMOUNT_CENTAVOS_MIN + count * AMOUNTS_EACH)
    amounts = random.sample(choices, count)
    kinds, weights = list(SHARES), list(SHARES.values())
    orders = []
    for number, amount in enumerate(amounts):
        kind = random.choices(kinds, weights)[0]
        at_ms = round((number + random.random()) * 1000 / PER_SECOND)
        orders.append(Order(number, at_ms, kind, random.randrange(CUSTOMERS), amount))
    return orders


def _faults(seconds: float, random: Random) -> list[Fault]:
    rounds = max(1, round(seconds / ROUND_SECONDS))
    length = seconds / rounds
    frozen = FROZEN_SECONDS if length >= ROUND_SECONDS_MIN else 0.3 * length
    faults = []
    for number in range(rounds):
        first = number * length

        def fault(kind: FaultKind, earliest: float, latest: float, lasts: float, first: float = first) -> Fault:
            at_seconds = first + random.uniform(earliest, latest) * length
            return Fault(round(at_seconds * 1000), kind, round(lasts * 1000))

        faults += [
            fault(FaultKind.KILL, 0.12, 0.2, min(random.uniform(*DOWN_SECONDS), 0.1 * length)),
            fault(FaultKind.DUPLICATES, 0.0, 0.3, 0.6 * length),
            fault(FaultKind.FREEZE, 0.4, 0.48, frozen),
            fault(FaultKind.KILL, 0.86, 0.9, min(random.uniform(*DOWN_SECONDS), 0.1 * length)),
        ]
    return sorted(faults, key=lambda each: each.at_ms)
