"""No bank has settlement money, so no payment settles until it is put back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import uuid4

from lab.prove.scenarios.context import ScenarioContext
from lab.prove.scenarios.scenario import Scenario
from pix.scheme.money import format_brl
from pix.web.marks import translatable

PAYMENTS: Final = 9
MIRRORED_SECONDS_MAX: Final = 30.0
"""Banks ask the hub for the fundings of their account every few seconds."""


def run(context: ScenarioContext) -> None:
    with _emptied(context) as taken_centavos:
        amount = format_brl(taken_centavos)
        context.report_step("The hub withdraws the settlement balance of every bank: {} in total.", amount)
        context.pause(2.0)
        context.report_step("Customers of all banks make {} payments.", PAYMENTS)
        failing = context.send(context.payments(PAYMENTS, expected="AM04"))
        context.await_outcomes(failing)
        context.report_step("Each payment failed with AM04: no bank can settle. The customers were refunded.")
        clearing = sum(bank.books()["clearing_centavos"] for bank in context.rest.values())
        context.check(clearing == 0, translatable("A clearing account is not empty."))
        context.pause(4.0)
    context.report_step("The settlement balances are restored.")
    stream = context.send(context.payments(PAYMENTS))
    context.await_outcomes(stream)
    context.report_step("The same customers pay again, and every payment is completed.")
    context.await_(lambda: _is_mirrored(context), MIRRORED_SECONDS_MAX, "the banks to book what went out and in")


@contextmanager
def _emptied(context: ScenarioContext) -> Iterator[int]:
    """No bank has settlement money while the block runs; gives the centavos that were taken out."""
    taken: dict[str, int] = {}
    accounts = {str(each["ispb"]): each for each in context.hub.settlement_accounts()}
    try:
        for bank in context.banks:
            account = accounts[bank.ispb]
            free = account["balance_centavos"] - account["reserved_centavos"]
            if free > 0:
                context.hub.fund(bank.code, -free, str(uuid4()))
                taken[bank.code] = free
        yield sum(taken.values())
    finally:
        for code, centavos in taken.items():
            context.hub.fund(code, centavos, str(uuid4()))


def _is_mirrored(context: ScenarioContext) -> bool:
    funded = {str(each["ispb"]): each["funded_centavos"] for each in context.hub.settlement_accounts()}
    return all(context.rest[bank.code].books()["capital_centavos"] == funded[bank.ispb] for bank in context.banks)


SCENARIO: Final = Scenario(
    "gridlock",
    translatable("Gridlock: no settlement balance"),
    translatable(
        "No bank has settlement balance, so no payment can settle. Each payment fails, and the payer is refunded."
    ),
    run,
)
