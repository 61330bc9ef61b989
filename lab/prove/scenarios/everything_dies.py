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
    stage.say("Customers of all banks pay {} times.", PAYMENTS)
    orders = stage.send(stage.payments(PAYMENTS), PER_SECOND)
    stage.wait(BEFORE_SECONDS)
    stage.kill(*services, network.postgres.name)
    stage.kill_broker()
    if network.settings.kafka is KafkaKind.APACHE:
        stage.say("Hub, banks, PostgreSQL and broker are killed (SIGKILL). Nothing is left but what is on the disk.")
    else:
        stage.say("Hub, banks and PostgreSQL are killed (SIGKILL), and the broker loses its log, which was in memory.")
    stage.numbers["answered_before"] = len(orders.sent)
    stage.pause(4.0)
    stage.say("PostgreSQL is started again, and the broker.")
    stage.keeper.act(network.postgres.name, PartAction.START)
    stage.start_broker()
    stage.say("The hub and the banks are started again. Customers who got no answer ask again, with the same order.")
    stage.start(*services)
    stage.await_outcomes(orders)
    stage.say("Every order exists exactly once, and is complete.")


SCENARIO: Final = Scenario(
    "everything-dies",
    translatable("Everything dies"),
    translatable(
        "Hub, banks and database are dead at the same moment, as after a power cut. Then all of it comes back."
    ),
    play,
)
