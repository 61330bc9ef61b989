"""Every payment goes back in many parts while the hub, a bank and the database die."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import replace
from typing import Final

from lab.drive.returns import ReturnDriver, SentReturn, orders_of, parts_of, read_return_outcomes
from lab.network.supervisor import PartAction
from lab.prove.scenarios.context import COMPLETE_SECONDS_MAX, RETRY_SECONDS_MAX, SENDERS, ScenarioContext
from lab.prove.scenarios.scenario import Scenario
from pix.scheme.money import format_brl
from pix.web.marks import translatable

PAYMENTS: Final = 12
PARTS_A_WAVE: Final = 2
WAVES: Final = 3
BEFORE_SECONDS: Final = 0.2
WITHOUT_DATABASE_SECONDS: Final = 0.5


def run(context: ScenarioContext) -> None:
    network, bank = context.network, context.banks[-1]
    hubs = [hub.name for hub in network.hubs]
    context.report_step("Customers of all banks make {} payments, and every payment is completed.", PAYMENTS)
    stream = context.send(context.payments(PAYMENTS))
    context.await_outcomes(stream)
    parts = PARTS_A_WAVE * WAVES
    orders = [
        orders_of(sent, parts_of(sent.payment.amount_centavos, parts), context.population) for sent in stream.sent
    ]
    waves = [
        [each for of_payment in orders for each in of_payment[first : first + PARTS_A_WAVE]]
        for first in range(0, parts, PARTS_A_WAVE)
    ]
    with closing(ReturnDriver(context.rest, context.hub, RETRY_SECONDS_MAX, SENDERS)) as driver:
        context.report_step("The customers who were paid begin to return every payment, in {} parts each.", parts)
        answers = driver.start(waves[0])
        context.wait(BEFORE_SECONDS)
        context.kill(*hubs)
        answers += driver.start(waves[1])
        _await_answers(context, answers)
        context.numbers["taken_while_the_hub_was_dead"] = len(waves[1])
        context.report_step("The hub is killed (SIGKILL). The banks still accept returns.")
        context.pause(3.0)
        context.kill(bank.service.name, network.postgres.name)
        answers += driver.start(waves[2])
        context.report_step("{} and PostgreSQL are killed too. Customers without an answer retry.", bank.spec.name)
        context.wait(WITHOUT_DATABASE_SECONDS)
        context.pause(3.0)
        context.report_step("PostgreSQL, the hub and {} are restarted.", bank.spec.name)
        context.supervisor.act(network.postgres.name, PartAction.START)
        context.start(*hubs, bank.service.name)
        _await_answers(context, answers)
        sent = [each.result() for each in answers]
        context.await_(lambda: driver.are_final(sent), COMPLETE_SECONDS_MAX, "every return to be final")
        _compare(context, sent)
        more = [
            driver.send(replace(each[0], amount_centavos=1, idempotency_key=f"{each[0].idempotency_key}-more"))
            for each in orders
        ]
    context.check(
        all(each.refusal == "amount_centavos" for each in more),
        translatable("A bank accepted more returns than the payment has."),
    )
    context.report_step(
        "Every payment went back exactly once, and not a centavo more: the banks refuse a further return."
    )


def _await_answers(context: ScenarioContext, answers: Sequence[Future[SentReturn]]) -> None:
    context.await_(lambda: all(each.done() for each in answers), RETRY_SECONDS_MAX, "every return to be answered")


def _compare(context: ScenarioContext, sent: Sequence[SentReturn]) -> None:
    found = read_return_outcomes(context.hub, sent)
    context.failures += [f"{each}." for each in found.unexpected]
    context.numbers |= {"returns": len(sent), **{f"returns_{name}": n for name, n in found.by_outcome.items()}}
    context.numbers["returned_centavos"] = found.returned_centavos
    context.numbers["returns_asked_again"] = sum(each.retries for each in sent)
    context.report_step(
        "{} of {} returns are completed: {} went back.",
        found.by_outcome.get("completed", 0),
        len(sent),
        format_brl(found.returned_centavos),
    )


SCENARIO: Final = Scenario(
    "returns-storm",
    translatable("Storm of returns"),
    translatable(
        "Every payment goes back in many parts while the hub, a bank and the database go down. Each part counts once, "
        "and never more goes back than was paid."
    ),
    run,
)
