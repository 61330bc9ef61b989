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
    stage.say("Customers of all banks pay {} times.", PAYMENTS)
    orders = stage.send(stage.payments(PAYMENTS), PER_SECOND)
    stage.wait(BEFORE_SECONDS)
    stage.kill(*hubs)
    before = len(orders.sent)
    stage.say("The hub is killed in the middle of it (SIGKILL). Banks take orders all the same.")
    stage.await_sent(orders)
    taken = len(orders.sent) - before
    stage.check(taken > 0, translatable("No bank took an order while the hub was dead."))
    stage.numbers["taken_while_the_hub_was_dead"] = taken
    stage.say("{} orders were taken without a hub: each is durable at its bank, and owed to the hub.", taken)
    stage.pause(4.0)
    stage.say("The hub is started again. What it had not acknowledged it reads once more.")
    stage.start(*hubs)
    stage.await_outcomes(orders)
    stage.say("Every payment is complete.")


SCENARIO: Final = Scenario(
    "hub-dies",
    translatable("The hub dies"),
    translatable(
        "The centre of the network is dead, and customers notice little: banks take payments, which complete later."
    ),
    play,
)
