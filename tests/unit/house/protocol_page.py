"""Writes what docs/protocol.md takes from the code: `python -m tests.unit.house.protocol_page`.

The state diagram from the hub's table, and the bounds of the messages' fields from the scheme's constants.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from hub.domain.flows.transfer.model import TRANSITIONS
from pix.scheme.ids import ACCOUNT_NUMBER_LENGTH_MAX, BRANCH_LENGTH_MAX, END_TO_END_ID_LENGTH
from pix.scheme.keys import KEY_LENGTH_MAX
from pix.scheme.messages import BankMessage, HubMessage, Party
from pix.scheme.money import AMOUNT_CENTAVOS_MAX, format_brl
from pix.scheme.people import PERSON_NAME_LENGTH_MAX
from pix.scheme.texts import BANK_NAME_LENGTH_MAX, DESCRIPTION_LENGTH_MAX
from pix.scheme.times import TIME_MS_MAX
from pix.wire.records import BANK_VALUE_BYTES_MAX, VALUE_BYTES_MAX

PAGE = Path(__file__).parents[3] / "docs" / "protocol.md"
BEGIN = "<!-- drawn from hub/domain/flows/transfer/model.py -->"
END = "<!-- end of the drawing -->"
BOUNDS_BEGIN = "<!-- written from the constants of pix/scheme -->"
BOUNDS_END = "<!-- end of the bounds -->"

_TIME = f"1 to {TIME_MS_MAX} (the year 9999)"
_BOUNDS: dict[str, tuple[str, str, str]] = {
    "end_to_end_id": (
        f"{END_TO_END_ID_LENGTH} characters: `E`, ISPB, yyyyMMddHHmm in UTC, 11 letters or digits",
        "`FF08`",
        "dead letter",
    ),
    "amount_centavos": (f"1 to {AMOUNT_CENTAVOS_MAX} ({format_brl(AMOUNT_CENTAVOS_MAX)})", "`AM09`, `AM02`", "`AM09`"),
    "ispb": ("8 digits or capital letters; the payer's is the sender's", "`RC09`", "`ED05`"),
    "branch": (f"1 to {BRANCH_LENGTH_MAX} digits", "`CH16`", "`ED05`"),
    "account_number": (
        f"1 to {ACCOUNT_NUMBER_LENGTH_MAX} digits or letters, with hyphens inside",
        "`CH16`",
        "`ED05`",
    ),
    "name": (f"a line of 1 to {PERSON_NAME_LENGTH_MAX} characters", "`CH16`", "`ED05`"),
    "tax_id_masked": ("`***.982.247-**` or `**.ABC.345/01DE-**`", "`CH16`", "`ED05`"),
    "payee_key": (f"a key of at most {KEY_LENGTH_MAX} characters, as the directory stores it", "`CH16`", "`ED05`"),
    "payee_tax_id_masked": ("empty, or like `tax_id_masked`", "`CH16`", ""),
    "description": (f"a line of 0 to {DESCRIPTION_LENGTH_MAX} characters", "`CH16`", "`ED05`"),
    "requested_at_ms": (_TIME, "`CH16`", ""),
    "offered_at_ms": (_TIME, "", "`ED05`"),
    "confirmed_at_ms": (_TIME, "", "dead letter"),
    "failed_at_ms": (_TIME, "", "taken note of"),
    "side": ("payer or payee", "dead letter", "dead letter"),
    "outcome": ("confirmed or failed", "dead letter", ""),
    "reason": ("a code of the table below; of a rejection one that a payee's bank gives", "dead letter", "dead letter"),
}
"""By field: its bound, what the hub does beyond it, and what a bank does with an offer, or the outcome that has it."""


def diagram() -> str:
    """The table as a Mermaid state diagram."""
    arrows = [
        f"    {'[*]' if before is None else before.value} --> {after.value}: {trigger.value}"
        for (before, trigger), after in TRANSITIONS.items()
    ]
    return "\n".join([BEGIN, "```mermaid", "stateDiagram-v2", *arrows, "```", END])


def bounds() -> str:
    """Every field of the messages with its bound."""
    rows = [
        f"| `{field}` | {bound} | {at_hub or '–'} | {at_bank or '–'} |"
        for field, (bound, at_hub, at_bank) in _BOUNDS.items()
    ]
    sizes = (
        f"A message of a bank has at most {BANK_VALUE_BYTES_MAX} bytes and one of the hub {VALUE_BYTES_MAX}:\n"
        f"a refusal repeats the request and must fit. The name of a bank has 1 to {BANK_NAME_LENGTH_MAX} characters."
    )
    head = ["| field | bound | beyond it, the hub | beyond it, a bank |", "|---|---|---|---|"]
    return "\n".join([BOUNDS_BEGIN, *head, *rows, "", sizes, BOUNDS_END])


def fields_with_bounds() -> frozenset[str]:
    """The fields that the table has."""
    return frozenset(_BOUNDS)


def fields_of_messages() -> frozenset[str]:
    """The fields that the messages have; of a party its own."""
    messages = [*BankMessage.__args__, *HubMessage.__args__, Party]
    names = {field.name for message in messages for field in dataclasses.fields(message)}
    return frozenset(names - {"payer", "payee"})


def with_code(page: str) -> str:
    """The page with the diagram and the bounds as the code has them."""
    before, rest = page.split(BEGIN)
    page = before + diagram() + rest.split(END)[1]
    before, rest = page.split(BOUNDS_BEGIN)
    return before + bounds() + rest.split(BOUNDS_END)[1]


if __name__ == "__main__":
    PAGE.write_text(with_code(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
