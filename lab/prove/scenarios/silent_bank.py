"""A bank takes offers and never answers, until it does."""

from __future__ import annotations

from typing import Final

from lab.prove.scenarios.script import Scenario
from lab.prove.scenarios.stage import Stage
from pix.web.marks import translatable

PAYMENTS: Final = 6
LISTENS_SECONDS: Final = 1.0


def play(stage: Stage) -> None:
    """Switches a bank to silence, pays into it, shows that nothing is decided, and lets it speak again."""
    *others, bank = stage.banks
    timeout = stage.network.transfer_timeout_seconds
    if timeout is not None:
        stage.say(
            "This network waits at most {} seconds for an answer: the payments will fail and be refunded.", timeout
        )
    with stage.behaving(bank, mode="silent"):
        stage.say('{} is switched to "Never answer": it reads every offer and answers none.', bank.spec.name)
        stage.say("Customers make {} payments to it.", PAYMENTS)
        expected = "completed" if timeout is None else "AB03"
        orders = stage.send(stage.payments(PAYMENTS, payers=others, payees=[bank], expected=expected))
        stage.await_sent(orders)
        if timeout is None:
            stage.await_(lambda: stage.pending(orders) == PAYMENTS, 15.0, "all payments to wait for the answer")
            stage.wait(LISTENS_SECONDS)
            stage.check(
                stage.pending(orders) == PAYMENTS,
                translatable("A payment was decided without an answer from the payee's bank."),
            )
            stage.say(
                "{} payments are pending. The hub retransmits the offers and decides nothing without an answer.",
                PAYMENTS,
            )
            stage.pause(4.0)
        else:
            stage.await_outcomes(orders)
    stage.say("{} answers again.", bank.spec.name)
    stage.await_outcomes(orders)
    stage.say("Every payment has the expected outcome.")


SCENARIO: Final = Scenario(
    "silent-bank",
    translatable("The bank that never answers"),
    translatable(
        "A payment stays pending until the payee's bank answers. The hub moves no money before the bank accepts."
    ),
    play,
)
