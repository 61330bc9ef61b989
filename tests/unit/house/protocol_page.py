"""Writes what docs/protocol.md and its Portuguese page take from the code: `python -m tests.unit.house.protocol_page`.

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
from pix.web.languages import Language
from pix.wire.record import BANK_VALUE_BYTES_MAX, VALUE_BYTES_MAX

DOCS = Path(__file__).parents[3] / "docs"
PAGE = DOCS / "protocol.md"
PAGES = {Language.ENGLISH: PAGE, Language.PORTUGUESE: DOCS / "pt-BR" / "protocol.md"}
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


_TIME_PT = f"1 a {TIME_MS_MAX} (o ano 9999)"
_BOUNDS_PT: dict[str, str] = {
    "end_to_end_id": f"{END_TO_END_ID_LENGTH} caracteres: `E`, ISPB, yyyyMMddHHmm em UTC, 11 letras ou dígitos",
    "amount_centavos": f"1 a {AMOUNT_CENTAVOS_MAX} ({format_brl(AMOUNT_CENTAVOS_MAX)})",
    "ispb": "8 dígitos ou letras maiúsculas; o do pagador é o do remetente",
    "branch": f"1 a {BRANCH_LENGTH_MAX} dígitos",
    "account_number": f"1 a {ACCOUNT_NUMBER_LENGTH_MAX} dígitos ou letras, com hífens no meio",
    "name": f"uma linha de 1 a {PERSON_NAME_LENGTH_MAX} caracteres",
    "tax_id_masked": "`***.982.247-**` ou `**.ABC.345/01DE-**`",
    "payee_key": f"uma chave de até {KEY_LENGTH_MAX} caracteres, como o diretório a guarda; ausente com MANU",
    "initiation": "MANU, DICT, QRES ou QRDN; ausente significa DICT",
    "txid": f"QRES: até {STATIC_TXID_LENGTH_MAX} letras ou dígitos; QRDN: até {TXID_LENGTH_MAX}; ausente nos demais",
    "payee_tax_id_masked": "vazio, ou como `tax_id_masked`",
    "description": f"uma linha de 0 a {DESCRIPTION_LENGTH_MAX} caracteres",
    "requested_at_ms": _TIME_PT,
    "offered_at_ms": _TIME_PT,
    "confirmed_at_ms": _TIME_PT,
    "failed_at_ms": _TIME_PT,
    "side": "pagador ou recebedor",
    "outcome": "confirmada ou falhou",
    "return_id": (
        f"{END_TO_END_ID_LENGTH} caracteres: `D`, ISPB do banco do recebedor, yyyyMMddHHmm em UTC, 11 letras ou dígitos"
    ),
    "original_end_to_end_id": "um ID de transação (EndToEndId); o remetente recebeu essa transferência",
    "return_reason": "`MD06`, `BE08` ou `FR01`",
    "reason": "um código da tabela abaixo; numa rejeição, um código do banco do recebedor",
}
_PORTUGUESE = {
    "| order | rule | reason code | makes a failed transfer |": (
        "| ordem | regra | código do motivo | cria uma transferência que falhou |"
    ),
    "| order | rule | reason code | makes a failed return |": (
        "| ordem | regra | código do motivo | cria uma devolução que falhou |"
    ),
    "| code | given by | sentence shown to people |": "| código | quem dá | frase mostrada às pessoas |",
    "| message | ISO 20022 in Pix |": "| mensagem | ISO 20022 no Pix |",
    "| field | bound | outside it, at the hub | outside it, at a bank |": (
        "| campo | limite | fora dele, no hub | fora dele, num banco |"
    ),
    "yes": "sim",
    "no": "não",
    "later": "depois",
    "none": "nenhuma",
    "the hub": "o hub",
    "the payee's bank": "o banco do recebedor",
    "the payer's bank": "o banco do pagador",
    "not given yet": "ainda não é dado",
    " and ": " e ",
    "pacs.002, status ACSP": "pacs.002, status ACSP",
    "pacs.002, status RJCT": "pacs.002, status RJCT",
    "pacs.002, status ACSC to the payer's bank and ACCC to the payee's": (
        "pacs.002, status ACSC para o banco do pagador e ACCC para o do recebedor"
    ),
    "pacs.002, status ACSC to the payee's bank and ACCC to the payer's": (
        "pacs.002, status ACSC para o banco do recebedor e ACCC para o do pagador"
    ),
    "dead letter": "mensagem morta",
    "`OutcomeProcessed` all the same": "`OutcomeProcessed` mesmo assim",
}
"""The words of the tables; what has no entry, such as a code, is the same in both languages."""


def _say(text: str, language: Language) -> str:
    return _PORTUGUESE.get(text, text) if language is Language.PORTUGUESE else text


def diagram(flow: str) -> tuple[str, str]:
    """Where it begins, and the table as a Mermaid state diagram."""
    begin = f"<!-- drawn from hub/domain/flows/{FOLDERS[flow]}/model.py -->"
    arrows = [
        f"    {'[*]' if before is None else before.value} --> {after.value}: {trigger.value}"
        for (before, trigger), after in BY_NAME[flow].transitions.items()
    ]
    return begin, "\n".join([begin, "```mermaid", "stateDiagram-v2", *arrows, "```", END])


def rules(flow: str, language: Language) -> tuple[str, str]:
    """Where they begin, and the hub's rules in the order in which it checks them, each with its reason code."""
    begin = f"<!-- written from hub/domain/flows/{FOLDERS[flow]}/rules.py -->"
    makes_row = {True: _say("yes", language), False: _say("no", language)}
    rows = [
        f"| {number} | {each.rule.value} | `{each.reason.value}` | {makes_row[each.makes_row]} |"
        for number, each in enumerate(BY_NAME[flow].request_rules, 1)
    ]
    later = _say("later", language)
    rows += [f"| {later} | {rule.value} | `{reason.value}` | – |" for rule, reason in BY_NAME[flow].later_rules.items()]
    head = [_say(f"| order | rule | reason code | makes a failed {flow} |", language), "|---|---|---|---|"]
    return begin, "\n".join([begin, *head, *rows, RULES_END])


_GIVERS = {Giver.HUB: "the hub", Giver.PAYEE_BANK: "the payee's bank", Giver.PAYER_BANK: "the payer's bank"}


def reasons(flow: str, language: Language) -> tuple[str, str]:
    """Where they begin, and every reason code of a flow with those who give it."""
    begin = f"<!-- written from pix/scheme/reasons/{flow}s.py -->"
    rows = []
    for code, reason in REASONS_OF_FLOWS[flow].items():
        givers = [_say(name, language) for giver, name in _GIVERS.items() if giver in reason.given_by]
        given_by = _say(" and ", language).join(givers) or _say("not given yet", language)
        sentence = reason.sentence_pt if language is Language.PORTUGUESE else reason.sentence_en
        rows.append(f"| `{code.value}` | {given_by} | {sentence} |")
    head = [_say("| code | given by | sentence shown to people |", language), "|---|---|---|"]
    return begin, "\n".join([begin, *head, *rows, REASONS_END])


def counterparts(language: Language) -> str:
    """Every message with its ISO 20022 counterpart, in the order of the steps."""
    without = [message for message in (*BankMessage.__args__, *HubMessage.__args__) if message not in ISO_20022]
    rows = [
        f"| `{message.__name__}` | {_say(ISO_20022.get(message, 'none'), language)} |"
        for message in (*ISO_20022, *without)
    ]
    return "\n".join([ISO_BEGIN, _say("| message | ISO 20022 in Pix |", language), "|---|---|", *rows, ISO_END])


def bounds(language: Language) -> str:
    """Every field of the messages with its bound."""
    rows = []
    for field, (bound, at_hub, at_bank) in _BOUNDS.items():
        said = _BOUNDS_PT[field] if language is Language.PORTUGUESE else bound
        rows.append(f"| `{field}` | {said} | {_say(at_hub, language) or '–'} | {_say(at_bank, language) or '–'} |")
    sizes = {
        Language.ENGLISH: (
            f"A bank's message has at most {BANK_VALUE_BYTES_MAX} bytes and the hub's {VALUE_BYTES_MAX}, because\n"
            f"`TransferFailed` repeats the request. A bank's name has 1 to {BANK_NAME_LENGTH_MAX} characters."
        ),
        Language.PORTUGUESE: (
            f"A mensagem de um banco tem até {BANK_VALUE_BYTES_MAX} bytes e a do hub, {VALUE_BYTES_MAX}, porque\n"
            f"`TransferFailed` repete a solicitação. O nome de um banco tem de 1 a {BANK_NAME_LENGTH_MAX} caracteres."
        ),
    }
    head = [_say("| field | bound | outside it, at the hub | outside it, at a bank |", language), "|---|---|---|---|"]
    return "\n".join([BOUNDS_BEGIN, *head, *rows, "", sizes[language], BOUNDS_END])


def fields_with_bounds() -> frozenset[str]:
    """The fields that the table has."""
    return frozenset(_BOUNDS)


def fields_of_messages() -> frozenset[str]:
    """The fields that the messages have; of a party its own."""
    messages = [*BankMessage.__args__, *HubMessage.__args__, Party]
    names = {field.name for message in messages for field in dataclasses.fields(message)}
    return frozenset(names - {"payer", "payee"})


def with_code(page: str, language: Language) -> str:
    """The page with everything that it takes from the code."""
    for begin, end, text in (
        (ISO_BEGIN, ISO_END, counterparts(language)),
        (BOUNDS_BEGIN, BOUNDS_END, bounds(language)),
        *((begin, END, text) for begin, text in map(diagram, BY_NAME)),
        *((begin, RULES_END, text) for begin, text in (rules(flow, language) for flow in BY_NAME)),
        *((begin, REASONS_END, text) for begin, text in (reasons(flow, language) for flow in BY_NAME)),
    ):
        before, rest = page.split(begin)
        page = before + text + rest.split(end, 1)[1]
    return page


if __name__ == "__main__":
    for language, path in PAGES.items():
        path.write_text(with_code(path.read_text(encoding="utf-8"), language), encoding="utf-8")
