"""A bank's yes comes after the hub has given up: it is written down, and refused."""

from __future__ import annotations

from typing import Final

from lab.network.supervisor import PartAction
from lab.prove.scenarios.script import Scenario
from lab.prove.scenarios.stage import Stage
from pix.web.marks import translatable

PAYMENTS: Final = 4
TIMEOUT_SECONDS: Final = 1.0
LATE_SECONDS_MAX: Final = 30.0


def play(stage: Stage) -> None:
    """Gives the hub a timeout, freezes a bank for longer than that, and takes the timeout away again."""
    *others, bank = stage.banks
    stage.say(
        "The hub is restarted with a timeout of {} second. The real scheme uses 40 seconds.", f"{TIMEOUT_SECONDS:g}"
    )
    with stage.timeout(TIMEOUT_SECONDS):
        stage.keeper.act(bank.service.name, PartAction.FREEZE)
        try:
            stage.say("{} is frozen (SIGSTOP), and customers make {} payments to it.", bank.spec.name, PAYMENTS)
            orders = stage.send(stage.payments(PAYMENTS, payers=others, payees=[bank], expected="AB03"))
            stage.await_sent(orders)
            stage.await_(lambda: _failed(stage, orders.ids) == PAYMENTS, LATE_SECONDS_MAX, "the hub to give up")
            stage.say("Timeout: every payment failed with AB03, and the payers are refunded.")
            stage.pause(3.0)
        finally:
            stage.keeper.act(bank.service.name, PartAction.THAW)
        stage.say("{} resumes (SIGCONT), reads the offers and accepts each one.", bank.spec.name)
        stage.await_(lambda: _refused(stage, orders.ids) == PAYMENTS, LATE_SECONDS_MAX, "the late answers")
        stage.numbers["late_answers_refused"] = _refused(stage, orders.ids)
        stage.say(
            "Too late: the hub recorded each acceptance in the transfer's history and ignored it. No money moved."
        )
        stage.await_outcomes(orders)
        stage.pause(3.0)
        stage.say("The hub is restarted with its original settings.")


def _failed(stage: Stage, ids: set[str]) -> int:
    rows = [stage.find(each) for each in ids]
    return sum(row["reason"] == "AB03" for row in rows if row is not None)


def _refused(stage: Stage, ids: set[str]) -> int:
    """How many of the transfers have an acceptance in their history that was refused."""
    rows = [stage.find(each) for each in ids]
    return sum(
        any(step["message"] == "TransferAccepted" and step["refused"] for step in row["history"])
        for row in rows
        if row is not None
    )


SCENARIO: Final = Scenario(
    "late-answer",
    translatable("The late answer"),
    translatable(
        "The hub's timeout passes before the payee's bank accepts. The failure is final: the late acceptance "
        "changes nothing."
    ),
    play,
)
