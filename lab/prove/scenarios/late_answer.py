"""A bank's yes comes after the hub has given up: it is written down, and refused."""

from __future__ import annotations

from typing import Final

from lab.network.supervisor import PartAction
from lab.prove.scenarios.context import ScenarioContext
from lab.prove.scenarios.scenario import Scenario
from pix.web.marks import translatable

PAYMENTS: Final = 4
TIMEOUT_SECONDS: Final = 1.0
LATE_SECONDS_MAX: Final = 30.0


def run(context: ScenarioContext) -> None:
    *others, bank = context.banks
    context.report_step(
        "The hub is restarted with a timeout of {} second. The real scheme uses 40 seconds.", f"{TIMEOUT_SECONDS:g}"
    )
    with context.timeout(TIMEOUT_SECONDS):
        context.supervisor.act(bank.service.name, PartAction.FREEZE)
        try:
            context.report_step(
                "{} is frozen (SIGSTOP), and customers make {} payments to it.", bank.spec.name, PAYMENTS
            )
            stream = context.send(context.payments(PAYMENTS, payers=others, payees=[bank], expected="AB03"))
            context.await_sent(stream)
            context.await_(lambda: _failed(context, stream.ids) == PAYMENTS, LATE_SECONDS_MAX, "the hub to give up")
            context.report_step("Timeout: every payment failed with AB03, and the payers are refunded.")
            context.pause(3.0)
        finally:
            context.supervisor.act(bank.service.name, PartAction.THAW)
        context.report_step("{} resumes (SIGCONT), reads the offers and accepts each one.", bank.spec.name)
        context.await_(lambda: _refused(context, stream.ids) == PAYMENTS, LATE_SECONDS_MAX, "the late answers")
        context.numbers["late_answers_refused"] = _refused(context, stream.ids)
        context.report_step(
            "Too late: the hub recorded each acceptance in the transfer's history and ignored it. No money moved."
        )
        context.await_outcomes(stream)
        context.pause(3.0)
        context.report_step("The hub is restarted with its original settings.")


def _failed(context: ScenarioContext, ids: set[str]) -> int:
    rows = [context.find(each) for each in ids]
    return sum(row["reason"] == "AB03" for row in rows if row is not None)


def _refused(context: ScenarioContext, ids: set[str]) -> int:
    """The number of transfers whose history has a late acceptance that was not applied."""
    rows = [context.find(each) for each in ids]
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
    run,
)
