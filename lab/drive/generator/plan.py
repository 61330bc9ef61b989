"""The traffic plan, and the payments that follow from it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from lab.drive.customers import Key, Population
from lab.drive.payments import Payment, payment
from pix.web.marks import translatable

RATE_MAX: Final = 1_000.0
WEIGHT_MAX: Final = 100
AMOUNT_CENTAVOS_MIN: Final = 1_00
AMOUNT_CENTAVOS_MAX: Final = 20_00
"""Small, so that there is money for hours; it comes and goes between the banks."""

RATE_RULE: Final = translatable("The rate must be above 0 and at most {} payments per second.")
SHARE_RULE: Final = translatable("The share meant to fail must be 0 to 100 percent.")
BANK_RULE: Final = translatable("No bank has the code {}.")
WEIGHT_RULE: Final = translatable("The weight of a bank must be 0 to {}.")
SOMEBODY_RULE: Final = translatable("At least one bank must have a weight above 0.")


@dataclass(frozen=True, slots=True)
class TrafficPlan:
    rate_per_second: float = 10.0
    failing_percent: int = 5
    """Of the payments, those that must fail: to a blocked or closed account, to an unknown key, or without money."""
    payers: Mapping[str, int] = field(default_factory=dict)
    """By bank, how often it pays in proportion to the others, 0 to 100; a bank that is not named: 1."""
    payees: Mapping[str, int] = field(default_factory=dict)
    """The same for being paid."""


class PlanRefused(Exception):
    """A plan that cannot be: the field and the rule."""

    def __init__(self, field_name: str, rule: str) -> None:
        self.field = field_name
        self.rule = rule
        super().__init__(f"{field_name}: {rule}")


def check_plan(plan: TrafficPlan, codes: Sequence[str]) -> TrafficPlan:
    """The plan with a weight for every bank. Raises `PlanRefused`."""
    if not 0 < plan.rate_per_second <= RATE_MAX:
        raise PlanRefused("rate_per_second", RATE_RULE.format(f"{RATE_MAX:g}"))
    if not 0 <= plan.failing_percent <= 100:
        raise PlanRefused("failing_percent", SHARE_RULE)
    complete = {}
    for name, weights in (("payers", plan.payers), ("payees", plan.payees)):
        if unknown := sorted(set(weights) - set(codes)):
            raise PlanRefused(name, BANK_RULE.format(unknown[0]))
        complete[name] = {code: weights.get(code, 1) for code in codes}
        if any(not 0 <= weight <= WEIGHT_MAX for weight in complete[name].values()):
            raise PlanRefused(name, WEIGHT_RULE.format(WEIGHT_MAX))
        if not any(complete[name].values()):
            raise PlanRefused(name, SOMEBODY_RULE)
    return TrafficPlan(plan.rate_per_second, plan.failing_percent, complete["payers"], complete["payees"])


class Orders:
    def __init__(self, plan: TrafficPlan, people: Population, random: Random) -> None:
        self._people = people
        self._random = random
        self._failing_share = plan.failing_percent / 100
        self._payers = (list(plan.payers), list(plan.payers.values()))
        self._payees = (list(plan.payees), list(plan.payees.values()))
        self._run = secrets.token_hex(6)
        self._number = 0

    def make(self) -> Payment:
        people, random = self._people, self._random
        payer, payee = (random.choices(codes, weights)[0] for codes, weights in (self._payers, self._payees))
        self._number += 1
        name = f"{self._run}-{self._number}"
        amount = random.randint(AMOUNT_CENTAVOS_MIN, AMOUNT_CENTAVOS_MAX)
        if random.random() >= self._failing_share:
            return payment(people.rich(payer), random.choice(people.friends(payee)), amount, name)
        match random.randrange(4):
            case 0:
                return payment(people.rich(payer), people.blocked(payee), amount, name, "AC06")
            case 1:
                return payment(people.rich(payer), people.closed(payee), amount, name, "AC07")
            case 2:
                return payment(people.rich(payer), Key("EMAIL", f"{name}@unknown.example"), amount, name, "AC03")
            case _:
                return payment(people.broke(payer), people.friends(payee)[0], amount, name, "insufficient-balance")
