"""A bank dies while it is being paid."""

from __future__ import annotations

from typing import Final

from lab.prove.scenarios.script import Scenario
from lab.prove.scenarios.stage import Stage
from pix.web.marks import translatable

PAYMENTS: Final = 24
PER_SECOND: Final = 20.0
BEFORE_SECONDS: Final = 0.4


def play(stage: Stage) -> None:
    """Kills the payees' bank in mid-transfer, keeps it down while payments wait, and starts it again."""
    *others, bank = stage.banks
    stage.say("Customers make {} payments to {}.", PAYMENTS, bank.spec.name)
    orders = stage.send(stage.payments(PAYMENTS, payers=others, payees=[bank]), PER_SECOND)
    stage.wait(BEFORE_SECONDS)
    stage.kill(bank.service.name)
    stage.say("{} is killed during the payments (SIGKILL). The payments continue.", bank.spec.name)
    stage.await_sent(orders)
    stage.await_(lambda: stage.pending(orders) > 0, 10.0, "payments to wait at the hub")
    waiting = stage.pending(orders)
    stage.numbers["waited_for_the_bank"] = waiting
    stage.say("{} payments are pending at the hub. The payers' banks hold the money in clearing.", waiting)
    stage.pause(4.0)
    stage.say("{} is restarted and reads the messages it missed.", bank.spec.name)
    stage.start(bank.service.name)
    stage.await_outcomes(orders)
    stage.say("Every payment is completed.")


SCENARIO: Final = Scenario(
    "payee-bank-dies",
    translatable("The payee's bank goes down mid-transfer"),
    translatable(
        "Payments to a bank continue while it is down. They stay pending at the hub and complete once the bank is back."
    ),
    play,
)
