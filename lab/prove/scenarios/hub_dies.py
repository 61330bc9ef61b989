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
    """Kills every hub in the middle of payments between all banks, which go on taking orders."""
    hubs = [hub.name for hub in context.network.hubs]
    context.report_step("Customers of all banks pay {} times.", PAYMENTS)
    stream = context.send(context.payments(PAYMENTS), PER_SECOND)
    context.wait(BEFORE_SECONDS)
    context.kill(*hubs)
    before = len(stream.sent)
    context.report_step("The hub is killed in the middle of it (SIGKILL). Banks take orders all the same.")
    context.await_sent(stream)
    taken = len(stream.sent) - before
    context.check(taken > 0, translatable("No bank took an order while the hub was dead."))
    context.numbers["taken_while_the_hub_was_dead"] = taken
    context.report_step("{} orders were taken without a hub: each is durable at its bank, and owed to the hub.", taken)
    context.pause(4.0)
    context.report_step("The hub is started again. What it had not acknowledged it reads once more.")
    context.start(*hubs)
    context.await_outcomes(stream)
    context.report_step("Every payment is complete.")


SCENARIO: Final = Scenario(
    "hub-dies",
    translatable("The hub dies"),
    translatable(
        "The centre of the network is dead, and customers notice little: banks take payments, which complete later."
    ),
    run,
)
