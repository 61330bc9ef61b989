"""A bank takes offers and never answers, until it does."""

from __future__ import annotations

from typing import Final

from lab.prove.scenarios.context import ScenarioContext
from lab.prove.scenarios.scenario import Scenario
from pix.web.marks import translatable

PAYMENTS: Final = 6
LISTENS_SECONDS: Final = 1.0


def run(context: ScenarioContext) -> None:
    *others, bank = context.banks
    timeout = context.network.transfer_timeout_seconds
    if timeout is not None:
        context.report_step(
            "This network waits at most {} seconds for an answer: the payments will fail and be refunded.", timeout
        )
    with context.behaving(bank, mode="silent"):
        context.report_step('{} is switched to "Never answer": it reads every offer and answers none.', bank.spec.name)
        context.report_step("Customers make {} payments to it.", PAYMENTS)
        expected = "completed" if timeout is None else "AB03"
        stream = context.send(context.payments(PAYMENTS, payers=others, payees=[bank], expected=expected))
        context.await_sent(stream)
        if timeout is None:
            context.await_(lambda: context.pending(stream) == PAYMENTS, 15.0, "all payments to wait for the answer")
            context.wait(LISTENS_SECONDS)
            context.check(
                context.pending(stream) == PAYMENTS,
                translatable("A payment was decided without an answer from the payee's bank."),
            )
            context.report_step(
                "{} payments are pending. The hub retransmits the offers and decides nothing without an answer.",
                PAYMENTS,
            )
            context.pause(4.0)
        else:
            context.await_outcomes(stream)
    context.report_step("{} answers again.", bank.spec.name)
    context.await_outcomes(stream)
    context.report_step("Every payment has the expected outcome.")


SCENARIO: Final = Scenario(
    "silent-bank",
    translatable("The bank that never answers"),
    translatable(
        "A payment stays pending until the payee's bank answers. The hub moves no money before the bank accepts."
    ),
    run,
)
