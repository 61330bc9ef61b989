"""Every process dies at the same moment, and so may the broker's memory."""

from __future__ import annotations

from typing import Final

from lab.network.network import KafkaKind
from lab.network.supervisor import PartAction
from lab.prove.scenarios.script import Scenario
from lab.prove.scenarios.stage import Stage
from pix.web.marks import translatable

PAYMENTS: Final = 30
PER_SECOND: Final = 20.0
BEFORE_SECONDS: Final = 0.6


def play(stage: Stage) -> None:
    """Kills hub, banks, database and broker amid payments; starts all of it again."""
    network = stage.network
    services = [service.name for service in network.services]
    stage.say("Customers of all banks make {} payments.", PAYMENTS)
    orders = stage.send(stage.payments(PAYMENTS), PER_SECOND)
    stage.wait(BEFORE_SECONDS)
    stage.kill(*services, network.postgres.name)
    stage.kill_broker()
    if network.settings.kafka is KafkaKind.APACHE:
        stage.say("The hub, the banks, PostgreSQL and the broker are killed (SIGKILL). Only data on disk remains.")
    else:
        stage.say("The hub, the banks and PostgreSQL are killed (SIGKILL), and the broker loses its in-memory log.")
    stage.numbers["answered_before"] = len(orders.sent)
    stage.pause(4.0)
    stage.say("PostgreSQL and the broker are restarted.")
    stage.keeper.act(network.postgres.name, PartAction.START)
    stage.start_broker()
    stage.say("The hub and the banks are restarted. Customers without an answer retry the same order.")
    stage.start(*services)
    stage.await_outcomes(orders)
    stage.say("Every order exists exactly once and is completed.")


SCENARIO: Final = Scenario(
    "everything-dies",
    translatable("Everything goes down"),
    translatable("The hub, the banks and the database go down at once, as in a power cut. Then they restart."),
    play,
)
