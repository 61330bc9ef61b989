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
    """Kills the payees' bank in mid-transfer, keeps it down while payments wait, and starts it again."""
    *others, bank = context.banks
    context.report_step("Customers pay {} times into {}.", PAYMENTS, bank.spec.name)
    stream = context.send(context.payments(PAYMENTS, payers=others, payees=[bank]), PER_SECOND)
    context.wait(BEFORE_SECONDS)
    context.kill(bank.service.name)
    context.report_step("{} is killed in the middle of it (SIGKILL). The payments go on.", bank.spec.name)
    context.await_sent(stream)
    context.await_(lambda: context.pending(stream) > 0, 10.0, "payments to wait at the hub")
    waiting = context.pending(stream)
    context.numbers["waited_for_the_bank"] = waiting
    context.report_step(
        "{} payments wait at the hub: the payers' banks hold the money in clearing, and none is lost.", waiting
    )
    context.pause(4.0)
    context.report_step("{} is started again, and reads what it has missed.", bank.spec.name)
    context.start(bank.service.name)
    context.await_outcomes(stream)
    context.report_step("Every payment is complete.")


SCENARIO: Final = Scenario(
    "payee-bank-dies",
    translatable("The payee's bank dies in mid-transfer"),
    translatable(
        "Payments to one bank go on while it is dead. They wait at the hub, and all of them complete once it is back."
    ),
    run,
)
