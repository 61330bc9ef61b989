"""A bank takes offers and never answers, until it does."""

from __future__ import annotations

from typing import Final

from lab.prove.scenarios.context import ScenarioContext
from lab.prove.scenarios.scenario import Scenario
from pix.web.marks import translatable

PAYMENTS: Final = 6
LISTENS_SECONDS: Final = 1.0


def run(context: ScenarioContext) -> None:
    """Switches a bank to silence, pays into it, shows that nothing is decided, and lets it speak again."""
    *others, bank = context.banks
    timeout = context.network.transfer_timeout_seconds
    if timeout is not None:
        context.report_step(
            "This network waits {} seconds for an answer at most: the payments will fail, with the money back.", timeout
        )
    with context.behaving(bank, mode="silent"):
        context.report_step("{} is switched to silence: it reads every offer, and answers none.", bank.spec.name)
        context.report_step("Customers pay {} times into it.", PAYMENTS)
        expected = "completed" if timeout is None else "AB03"
        stream = context.send(context.payments(PAYMENTS, payers=others, payees=[bank], expected=expected))
        context.await_sent(stream)
        if timeout is None:
            context.await_(lambda: context.pending(stream) == PAYMENTS, 15.0, "all payments to wait for the answer")
            context.wait(LISTENS_SECONDS)
            context.check(
                context.pending(stream) == PAYMENTS,
                translatable("A payment was decided without an answer of the payee's bank."),
            )
            context.report_step(
                "{} payments wait. The hub offers them again and again, and decides nothing by itself.", PAYMENTS
            )
            context.pause(4.0)
        else:
            context.await_outcomes(stream)
    context.report_step("{} answers again.", bank.spec.name)
    context.await_outcomes(stream)
    context.report_step("Every payment has the outcome that it must have.")


SCENARIO: Final = Scenario(
    "silent-bank",
    translatable("The bank that never answers"),
    translatable(
        "A payment waits for as long as the payee's bank says nothing. Without its promise the hub moves no money."
    ),
    run,
)
