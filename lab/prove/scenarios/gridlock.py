"""No bank has settlement money, so nothing moves between banks, until somebody puts it back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import uuid4

from lab.prove.scenarios.script import Scenario
from lab.prove.scenarios.stage import Stage
from pix.scheme.money import format_brl
from pix.web.marks import translatable

PAYMENTS: Final = 9
MIRRORED_SECONDS_MAX: Final = 30.0
"""Banks ask the hub for the fundings of their account every few seconds."""


def play(stage: Stage) -> None:
    """Takes every bank's settlement money out, has everybody pay, puts it back, and has everybody pay again."""
    with _emptied(stage) as taken_centavos:
        amount = format_brl(taken_centavos)
        stage.say("The hub withdraws the settlement balance of every bank: {} in total.", amount)
        stage.pause(2.0)
        stage.say("Customers of all banks make {} payments.", PAYMENTS)
        failing = stage.send(stage.payments(PAYMENTS, expected="AM04"))
        stage.await_outcomes(failing)
        stage.say("Each payment failed with AM04: no bank can settle. The customers were refunded.")
        clearing = sum(bank.books()["clearing_centavos"] for bank in stage.rest.values())
        stage.check(clearing == 0, translatable("A clearing account is not empty."))
        stage.pause(4.0)
    stage.say("The settlement balances are restored.")
    orders = stage.send(stage.payments(PAYMENTS))
    stage.await_outcomes(orders)
    stage.say("The same customers pay again, and every payment is completed.")
    stage.await_(lambda: _is_mirrored(stage), MIRRORED_SECONDS_MAX, "the banks to book what went out and in")


@contextmanager
def _emptied(stage: Stage) -> Iterator[int]:
    """No bank has settlement money while the block runs; gives the centavos that were taken out."""
    taken: dict[str, int] = {}
    accounts = {str(each["ispb"]): each for each in stage.hub.settlement_accounts()}
    try:
        for bank in stage.banks:
            account = accounts[bank.ispb]
            free = account["balance_centavos"] - account["reserved_centavos"]
            if free > 0:
                stage.hub.fund(bank.code, -free, str(uuid4()))
                taken[bank.code] = free
        yield sum(taken.values())
    finally:
        for code, centavos in taken.items():
            stage.hub.fund(code, centavos, str(uuid4()))


def _is_mirrored(stage: Stage) -> bool:
    funded = {str(each["ispb"]): each["funded_centavos"] for each in stage.hub.settlement_accounts()}
    return all(stage.rest[bank.code].books()["capital_centavos"] == funded[bank.ispb] for bank in stage.banks)


SCENARIO: Final = Scenario(
    "gridlock",
    translatable("Gridlock: no settlement balance"),
    translatable(
        "No bank has settlement balance, so no payment can settle. Each payment fails, and the payer is refunded."
    ),
    play,
)
