"""The protocol page shows the states, messages and reasons as the code has them."""

from __future__ import annotations

import pytest

from pix.scheme.messages import BankMessage, HubMessage
from pix.scheme.reasons import ReasonCode
from tests.unit.house.protocol_page import PAGE, with_diagram


def test_the_diagram_is_the_transition_table() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert page == with_diagram(page), "run: python -m tests.unit.house.protocol_page"


@pytest.mark.parametrize("message", [*BankMessage.__args__, *HubMessage.__args__], ids=lambda each: each.__name__)
def test_the_page_names_every_message(message: type) -> None:
    assert f"`{message.__name__}`" in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("code", list(ReasonCode))
def test_the_page_explains_every_reason(code: ReasonCode) -> None:
    assert f"| `{code.value}` |" in PAGE.read_text(encoding="utf-8")
