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
            "This network waits {} seconds for an answer at most: the payments will fail, with the money back.", timeout
        )
    with stage.behaving(bank, mode="silent"):
        stage.say("{} is switched to silence: it reads every offer, and answers none.", bank.spec.name)
        stage.say("Customers pay {} times into it.", PAYMENTS)
        expected = "completed" if timeout is None else "AB03"
        orders = stage.send(stage.payments(PAYMENTS, payers=others, payees=[bank], expected=expected))
        stage.await_sent(orders)
        if timeout is None:
            stage.await_(lambda: stage.pending(orders) == PAYMENTS, 15.0, "all payments to wait for the answer")
            stage.wait(LISTENS_SECONDS)
            stage.check(
                stage.pending(orders) == PAYMENTS,
                translatable("A payment was decided without an answer of the payee's bank."),
            )
            stage.say("{} payments wait. The hub offers them again and again, and decides nothing by itself.", PAYMENTS)
            stage.pause(4.0)
        else:
            stage.await_outcomes(orders)
    stage.say("{} answers again.", bank.spec.name)
    stage.await_outcomes(orders)
    stage.say("Every payment has the outcome that it must have.")


SCENARIO: Final = Scenario(
    "silent-bank",
    translatable("The bank that never answers"),
    translatable(
        "A payment waits for as long as the payee's bank says nothing. Without its promise the hub moves no money."
    ),
    play,
)
