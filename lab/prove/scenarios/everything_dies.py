"""Every process dies at the same moment, and so may the broker's memory."""

from __future__ import annotations

from typing import Final

from lab.network.network import KafkaKind
from lab.network.supervisor import PartAction
from lab.prove.scenarios.context import ScenarioContext
from lab.prove.scenarios.scenario import Scenario
from pix.web.marks import translatable

PAYMENTS: Final = 30
PER_SECOND: Final = 20.0
BEFORE_SECONDS: Final = 0.6


def run(context: ScenarioContext) -> None:
    network = context.network
    services = [service.name for service in network.services]
    context.report_step("Customers of all banks make {} payments.", PAYMENTS)
    stream = context.send(context.payments(PAYMENTS), PER_SECOND)
    context.wait(BEFORE_SECONDS)
    context.kill(*services, network.postgres.name)
    context.kill_broker()
    if network.settings.kafka is KafkaKind.APACHE:
        context.report_step(
            "The hub, the banks, PostgreSQL and the broker are killed (SIGKILL). Only data on disk remains."
        )
    else:
        context.report_step(
            "The hub, the banks and PostgreSQL are killed (SIGKILL), and the broker loses its in-memory log."
        )
    context.numbers["answered_before"] = len(stream.sent)
    context.pause(4.0)
    context.report_step("PostgreSQL and the broker are restarted.")
    context.supervisor.act(network.postgres.name, PartAction.START)
    context.start_broker()
    context.report_step("The hub and the banks are restarted. Customers without an answer retry the same order.")
    context.start(*services)
    context.await_outcomes(stream)
    context.report_step("Every order exists exactly once and is completed.")


SCENARIO: Final = Scenario(
    "everything-dies",
    translatable("Everything goes down"),
    translatable("The hub, the banks and the database go down at once, as in a power cut. Then they restart."),
    run,
)
