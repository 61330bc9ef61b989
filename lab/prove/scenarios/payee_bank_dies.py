"""A bank dies while it is being paid."""

from __future__ import annotations

from typing import Final

from lab.prove.scenarios.context import ScenarioContext
from lab.prove.scenarios.scenario import Scenario
from pix.web.marks import translatable

PAYMENTS: Final = 24
PER_SECOND: Final = 20.0
BEFORE_SECONDS: Final = 0.4


def run(context: ScenarioContext) -> None:
    *others, bank = context.banks
    context.report_step("Customers make {} payments to {}.", PAYMENTS, bank.spec.name)
    stream = context.send(context.payments(PAYMENTS, payers=others, payees=[bank]), PER_SECOND)
    context.wait(BEFORE_SECONDS)
    context.kill(bank.service.name)
    context.report_step("{} is killed during the payments (SIGKILL). The payments continue.", bank.spec.name)
    context.await_sent(stream)
    context.await_(lambda: context.pending(stream) > 0, 10.0, "payments to wait at the hub")
    waiting = context.pending(stream)
    context.numbers["waited_for_the_bank"] = waiting
    context.report_step("{} payments are pending at the hub. The payers' banks hold the money in clearing.", waiting)
    context.pause(4.0)
    context.report_step("{} is restarted and reads the messages it missed.", bank.spec.name)
    context.start(bank.service.name)
    context.await_outcomes(stream)
    context.report_step("Every payment is completed.")


SCENARIO: Final = Scenario(
    "payee-bank-dies",
    translatable("The payee's bank goes down mid-transfer"),
    translatable(
        "Payments to a bank continue while it is down. They stay pending at the hub and complete once the bank is back."
    ),
    run,
)
