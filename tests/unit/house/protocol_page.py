"""Writes what docs/protocol.md takes from the code: `python -m tests.unit.house.protocol_page`.

The messages' ISO 20022 counterparts, the bounds of their fields and the reason codes from the scheme, the state diagram
and the rules from the hub's flows.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from hub.domain.flows import BY_NAME
from pix.scheme.ids import ACCOUNT_NUMBER_LENGTH_MAX, BRANCH_LENGTH_MAX, END_TO_END_ID_LENGTH
from pix.scheme.initiation import STATIC_TXID_LENGTH_MAX, TXID_LENGTH_MAX
from pix.scheme.keys import KEY_LENGTH_MAX
from pix.scheme.messages import ISO_20022, BankMessage, HubMessage, Party
from pix.scheme.money import AMOUNT_CENTAVOS_MAX, format_brl
from pix.scheme.people import PERSON_NAME_LENGTH_MAX
from pix.scheme.reasons import REASONS_OF_FLOWS, Giver
from pix.scheme.texts import BANK_NAME_LENGTH_MAX, DESCRIPTION_LENGTH_MAX
from pix.scheme.times import TIME_MS_MAX
from pix.wire.record import BANK_VALUE_BYTES_MAX, VALUE_BYTES_MAX

PAGE = Path(__file__).parents[3] / "docs" / "protocol.md"
FOLDERS = {"transfer": "transfer", "return": "returns"}
"""Of each flow, in `hub/domain/flows`."""
END = "<!-- end of the drawing -->"
ISO_BEGIN = "<!-- written from ISO_20022 of pix/scheme/messages -->"
ISO_END = "<!-- end of the counterparts -->"
RULES_END = "<!-- end of the rules -->"
REASONS_END = "<!-- end of the reason codes -->"
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
    "payee_key": (
        f"a key of at most {KEY_LENGTH_MAX} characters, as the directory stores it; absent with MANU",
        "`CH16`",
        "`ED05`",
    ),
    "initiation": ("MANU, DICT, QRES or QRDN; absent means DICT", "dead letter", "dead letter"),
    "txid": (
        f"QRES: at most {STATIC_TXID_LENGTH_MAX} letters or digits; QRDN: up to {TXID_LENGTH_MAX}; otherwise absent",
        "`CH16`",
        "`ED05`",
    ),
    "payee_tax_id_masked": ("empty, or like `tax_id_masked`", "`CH16`", ""),
    "description": (f"a line of 0 to {DESCRIPTION_LENGTH_MAX} characters", "`CH16`", "`ED05`"),
    "requested_at_ms": (_TIME, "`CH16`", ""),
    "offered_at_ms": (_TIME, "", "`ED05`"),
    "confirmed_at_ms": (_TIME, "", "dead letter"),
    "failed_at_ms": (_TIME, "", "`OutcomeProcessed` all the same"),
    "side": ("payer or payee", "dead letter", "dead letter"),
    "outcome": ("confirmed or failed", "dead letter", ""),
    "return_id": (
        f"{END_TO_END_ID_LENGTH} characters: `D`, ISPB of the payee's bank, yyyyMMddHHmm in UTC, 11 letters or digits",
        "`FF08`",
        "dead letter",
    ),
    "original_end_to_end_id": ("an end-to-end id; the sender has received that transfer", "`CH16`, `FF08`", "`ED05`"),
    "return_reason": ("`MD06`, `BE08` or `FR01`", "", "dead letter"),
    "reason": ("a code of the table below; in a rejection, one of a payee's bank", "dead letter", "dead letter"),
}
"""By field: its bound, and outside of it the reason code or action of the hub and of a bank."""


def diagram(flow: str) -> tuple[str, str]:
    """Where it begins, and the table as a Mermaid state diagram."""
    begin = f"<!-- drawn from hub/domain/flows/{FOLDERS[flow]}/model.py -->"
    arrows = [
        f"    {'[*]' if before is None else before.value} --> {after.value}: {trigger.value}"
        for (before, trigger), after in BY_NAME[flow].transitions.items()
    ]
    return begin, "\n".join([begin, "```mermaid", "stateDiagram-v2", *arrows, "```", END])


def rules(flow: str) -> tuple[str, str]:
    """Where they begin, and the hub's rules in the order in which it checks them, each with its reason code."""
    begin = f"<!-- written from hub/domain/flows/{FOLDERS[flow]}/rules.py -->"
    rows = [
        f"| {number} | {each.rule.value} | `{each.reason.value}` | {'yes' if each.makes_row else 'no'} |"
        for number, each in enumerate(BY_NAME[flow].request_rules, 1)
    ]
    rows += [f"| later | {rule.value} | `{reason.value}` | – |" for rule, reason in BY_NAME[flow].later_rules.items()]
    head = [f"| order | rule | reason code | makes a failed {flow} |", "|---|---|---|---|"]
    return begin, "\n".join([begin, *head, *rows, RULES_END])


_GIVERS = {Giver.HUB: "the hub", Giver.PAYEE_BANK: "the payee's bank", Giver.PAYER_BANK: "the payer's bank"}


def reasons(flow: str) -> tuple[str, str]:
    """Where they begin, and every reason code of a flow with those who give it."""
    begin = f"<!-- written from pix/scheme/reasons/{flow}s.py -->"
    rows = []
    for code, reason in REASONS_OF_FLOWS[flow].items():
        givers = " and ".join(name for giver, name in _GIVERS.items() if giver in reason.given_by)
        rows.append(f"| `{code.value}` | {givers or 'not given yet'} | {reason.sentence_en} |")
    head = ["| code | given by | sentence shown to people |", "|---|---|---|"]
    return begin, "\n".join([begin, *head, *rows, REASONS_END])


def counterparts() -> str:
    """Every message with its ISO 20022 counterpart, in the order of the steps."""
    without = [message for message in (*BankMessage.__args__, *HubMessage.__args__) if message not in ISO_20022]
    rows = [f"| `{message.__name__}` | {ISO_20022.get(message, 'none')} |" for message in (*ISO_20022, *without)]
    return "\n".join([ISO_BEGIN, "| message | ISO 20022 in Pix |", "|---|---|", *rows, ISO_END])


def bounds() -> str:
    """Every field of the messages with its bound."""
    rows = [
        f"| `{field}` | {bound} | {at_hub or '–'} | {at_bank or '–'} |"
        for field, (bound, at_hub, at_bank) in _BOUNDS.items()
    ]
    sizes = (
        f"A bank's message has at most {BANK_VALUE_BYTES_MAX} bytes and the hub's {VALUE_BYTES_MAX}, because\n"
        f"`TransferFailed` repeats the request. A bank's name has 1 to {BANK_NAME_LENGTH_MAX} characters."
    )
    head = ["| field | bound | outside it, at the hub | outside it, at a bank |", "|---|---|---|---|"]
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
    """The page with everything that it takes from the code."""
    for begin, end, text in (
        (ISO_BEGIN, ISO_END, counterparts()),
        (BOUNDS_BEGIN, BOUNDS_END, bounds()),
        *((begin, END, text) for begin, text in map(diagram, BY_NAME)),
        *((begin, RULES_END, text) for begin, text in map(rules, BY_NAME)),
        *((begin, REASONS_END, text) for begin, text in map(reasons, BY_NAME)),
    ):
        before, rest = page.split(begin)
        page = before + text + rest.split(end, 1)[1]
    return page


if __name__ == "__main__":
    PAGE.write_text(with_code(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
