"""The page for integrators has the magic amounts as the bank has them, and commands whose bodies the API takes."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from bank_sim.domain.behaviour import AnswerStyle
from bank_sim.domain.flows.answers import MAGIC_ANSWERS, Answer
from bank_sim.domain.flows.returns.rules import played_reason
from bank_sim.entrypoints.http.api.documents import RequestTransferRequest
from bank_sim.entrypoints.http.api.returns import RequestReturnRequest
from bank_sim.entrypoints.http.api.switches import Behaviour
from pix.scheme.money import format_brl
from tests.unit.house.repository import ROOT

PAGE = (ROOT / "docs" / "integrating.md").read_text(encoding="utf-8")
ROWS = {row[0]: row[1:] for row in re.findall(r"^\| (R\$ [\d,]+) \| (.*) \| (.*) \|$", PAGE, re.MULTILINE)}


def what_it_does(answer: Answer) -> str:
    """How the row of an answer begins."""
    if answer.reason:
        return f"rejects with `{answer.reason}`"
    if answer.delay_ms is None:
        return "never answers"
    if answer.delay_ms:
        return f"accepts after {answer.delay_ms // 1000} seconds"
    return {AnswerStyle.TWICE: "accepts twice", AnswerStyle.YES_AND_NO: "accepts, and then rejects"}[answer.style]


def test_the_table_is_the_banks_own() -> None:
    assert set(ROWS) == {format_brl(amount) for amount in MAGIC_ANSWERS}


@pytest.mark.parametrize("amount_centavos", MAGIC_ANSWERS)
def test_each_amount_does_what_its_row_says(amount_centavos: int) -> None:
    answer = MAGIC_ANSWERS[amount_centavos]
    to_payment, to_return = ROWS[format_brl(amount_centavos)]
    assert to_payment.startswith(what_it_does(answer))
    assert to_return.startswith(what_it_does(replace(answer, reason=played_reason(answer.reason))))


def test_the_bodies_of_the_commands_are_what_the_api_takes() -> None:
    payments = re.findall(r"transfers \\\n.*\n +-d '(\{.*\})'", PAGE)
    returns = re.findall(r"returns \\\n.*\n +-d '(\{.*\})'", PAGE)
    switches = re.findall(r"behaviour [^']*'Content-Type: application/json' (?:\\\n +)?-d '(\{.*\})'", PAGE)
    assert len(payments) == len(returns) == 1 and len(switches) == 3
    for body in payments:
        RequestTransferRequest.model_validate(json.loads(body))
    for body in returns:
        RequestReturnRequest.model_validate(json.loads(body))
    for body in switches:
        Behaviour.model_validate(json.loads(body)).to_domain()
