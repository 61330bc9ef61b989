"""The hub dies while everybody pays."""

from __future__ import annotations

from typing import Final

from lab.prove.scenarios.script import Scenario
from lab.prove.scenarios.stage import Stage
from pix.web.marks import translatable

PAYMENTS: Final = 30
PER_SECOND: Final = 20.0
BEFORE_SECONDS: Final = 0.4


def play(stage: Stage) -> None:
    """Kills every hub in the middle of payments between all banks, which go on taking orders."""
    hubs = [hub.name for hub in stage.network.hubs]
    stage.say("Customers of all banks make {} payments.", PAYMENTS)
    orders = stage.send(stage.payments(PAYMENTS), PER_SECOND)
    stage.wait(BEFORE_SECONDS)
    stage.kill(*hubs)
    before = len(orders.sent)
    stage.say("The hub is killed during the payments (SIGKILL). The banks still accept orders.")
    stage.await_sent(orders)
    taken = len(orders.sent) - before
    stage.check(taken > 0, translatable("No bank accepted an order while the hub was down."))
    stage.numbers["taken_while_the_hub_was_dead"] = taken
    stage.say(
        "{} orders were accepted while the hub was down. Each is saved at its bank and will be sent to the hub.", taken
    )
    stage.pause(4.0)
    stage.say("The hub is restarted. It reads unacknowledged messages again.")
    stage.start(*hubs)
    stage.await_outcomes(orders)
    stage.say("Every payment is completed.")


SCENARIO: Final = Scenario(
    "hub-dies",
    translatable("The hub goes down"),
    translatable("The hub goes down. Banks still accept payments, which complete later."),
    play,
)
