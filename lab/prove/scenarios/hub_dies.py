"""The hub dies amid payments."""

from __future__ import annotations

from typing import Final

from lab.prove.scenarios.context import ScenarioContext
from lab.prove.scenarios.scenario import Scenario
from pix.web.marks import translatable

PAYMENTS: Final = 30
PER_SECOND: Final = 20.0
BEFORE_SECONDS: Final = 0.4


def run(context: ScenarioContext) -> None:
    hubs = [hub.name for hub in context.network.hubs]
    context.report_step("Customers of all banks make {} payments.", PAYMENTS)
    stream = context.send(context.payments(PAYMENTS), PER_SECOND)
    context.wait(BEFORE_SECONDS)
    context.kill(*hubs)
    before = len(stream.sent)
    context.report_step("The hub is killed during the payments (SIGKILL). The banks still accept orders.")
    context.await_sent(stream)
    taken = len(stream.sent) - before
    context.check(taken > 0, translatable("No bank accepted an order while the hub was down."))
    context.numbers["taken_while_the_hub_was_dead"] = taken
    context.report_step(
        "{} orders were accepted while the hub was down. Each is saved at its bank and will be sent to the hub.", taken
    )
    context.pause(4.0)
    context.report_step("The hub is restarted. It reads unacknowledged messages again.")
    context.start(*hubs)
    context.await_outcomes(stream)
    context.report_step("Every payment is completed.")


SCENARIO: Final = Scenario(
    "hub-dies",
    translatable("The hub goes down"),
    translatable("The hub goes down. Banks still accept payments, which complete later."),
    run,
)
