"""The protocol page shows the states, messages and reasons as the code has them."""

from __future__ import annotations

import pytest

from pix.scheme.messages import ISO_20022, BankMessage, HubMessage, OutcomeProcessed
from pix.scheme.messages.returns import ReturnProcessed
from pix.scheme.reasons import ReasonCode
from pix.web.languages import Language
from tests.unit.house.protocol_page import PAGE, PAGES, fields_of_messages, fields_with_bounds, with_code


@pytest.mark.parametrize("language", PAGES)
def test_the_counterparts_the_diagram_and_the_bounds_are_those_of_the_code(language: Language) -> None:
    page = PAGES[language].read_text(encoding="utf-8")

    assert page == with_code(page, language), "run: python -m tests.unit.house.protocol_page"


def test_every_field_of_every_message_has_a_bound() -> None:
    assert fields_with_bounds() == fields_of_messages()


@pytest.mark.parametrize("message", [*BankMessage.__args__, *HubMessage.__args__], ids=lambda each: each.__name__)
def test_the_page_names_every_message(message: type) -> None:
    assert f"`{message.__name__}`" in PAGE.read_text(encoding="utf-8")


def test_every_message_but_the_last_of_a_flow_has_an_iso_20022_counterpart() -> None:
    messages = {*BankMessage.__args__, *HubMessage.__args__}

    assert set(ISO_20022) == messages - {OutcomeProcessed, ReturnProcessed}
    assert {name.split(",")[0] for name in ISO_20022.values()} == {"pacs.002", "pacs.004", "pacs.008"}


@pytest.mark.parametrize("code", list(ReasonCode))
def test_the_page_explains_every_reason(code: ReasonCode) -> None:
    assert f"| `{code.value}` |" in PAGE.read_text(encoding="utf-8")
