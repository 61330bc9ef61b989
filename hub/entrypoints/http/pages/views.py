"""What the pages show, ready for the templates: banks with their colours, transfers with their banks, histories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from hub.application.queries import Queries
from hub.domain.bank import Bank
from hub.domain.flows.transfer.model import Transfer, TransferStatus
from hub.domain.settlement import SettlementAccount
from pix.participant.dead_letters.model import DeadLetter
from pix.participant.dead_letters.records import record_of
from pix.scheme.features import Feature
from pix.scheme.flows import Mark, MessageEvent, StatusChange, TimelineEntry
from pix.scheme.messages import MESSAGES_OF_BANKS, MESSAGES_OF_HUB, Role
from pix.web.palette import derive_palette
from pix.wire.protobuf_v1.codec import RecordError, decode_message, encode_record
from pix.wire.record import HEADER_TYPE

UNKNOWN_COLOR: Final = "#6b7280"
HEX_BYTES_PER_LINE: Final = 16
HEX_BYTES_MAX: Final = 4_096
"""No more of a dead letter's value is shown; the REST API has what was kept of it."""
HEADER_TEXT_MAX: Final = 200
BAR_WIDTH: Final = 100
"""Units of the drawing in which a bar shows a share."""


@dataclass(frozen=True, slots=True)
class BankView:
    ispb: str
    code: str
    name: str
    fill: str
    on_fill: str
    is_known: bool = True
    active: bool = True
    url: str = ""
    version: str = ""
    joined_at_ms: int | None = None
    features: frozenset[Feature] = frozenset()
    balance_centavos: int = 0
    reserved_centavos: int = 0

    @property
    def available_centavos(self) -> int:
        return self.balance_centavos - self.reserved_centavos

    @property
    def reserved_width(self) -> int:
        """How much of the balance is promised, in units of the bar; a little is never drawn as nothing."""
        if self.reserved_centavos <= 0 or self.balance_centavos <= 0:
            return 0
        return max(2, BAR_WIDTH * self.reserved_centavos // self.balance_centavos)


def bank_view(bank: Bank, account: SettlementAccount | None) -> BankView:
    palette = derive_palette(bank.color, "light")
    return BankView(
        ispb=bank.ispb,
        code=bank.code,
        name=bank.name,
        fill=palette["brand"],
        on_fill=palette["on-brand"],
        active=bank.active,
        url=bank.url,
        version=bank.version,
        joined_at_ms=bank.joined_at_ms,
        features=bank.features,
        balance_centavos=0 if account is None else account.balance_centavos,
        reserved_centavos=0 if account is None else account.reserved_centavos,
    )


def bank_views(queries: Queries) -> dict[str, BankView]:
    """Every bank, by ISPB, in the order of the codes."""
    accounts = queries.settlement_accounts()
    return {bank.ispb: bank_view(bank, accounts.get(bank.ispb)) for bank in queries.list_banks()}


def stranger(ispb: str) -> BankView:
    """A bank that the hub does not know."""
    palette = derive_palette(UNKNOWN_COLOR, "light")
    return BankView(ispb, "", ispb, palette["brand"], palette["on-brand"], is_known=False)


@dataclass(frozen=True, slots=True)
class TransferLine:
    transfer: Transfer
    payer_bank: BankView
    payee_bank: BankView | None
    """None when the key is not registered."""


def transfer_lines(transfers: Sequence[Transfer], banks: Mapping[str, BankView]) -> list[TransferLine]:
    return [transfer_line(transfer, banks) for transfer in transfers]


def transfer_line(transfer: Transfer, banks: Mapping[str, BankView]) -> TransferLine:
    payer, payee = transfer.payer.ispb, transfer.payee.ispb if transfer.payee is not None else ""
    return TransferLine(
        transfer,
        banks.get(payer) or stranger(payer),
        (banks.get(payee) or stranger(payee)) if payee else None,
    )


@dataclass(frozen=True, slots=True)
class Milestone:
    """A step of the protocol that a transfer has taken, is at, or will take."""

    name: str
    at_ms: int | None
    state: str
    """`done`, `failed`, `now` or `next`: the classes of the design system's timeline."""


def milestones(transfer: Transfer) -> list[Milestone]:
    failed = transfer.status is TransferStatus.FAILED
    reached: list[tuple[str, int | None, str]] = [
        ("requested", transfer.requested_at_ms, "done"),
        ("received", transfer.received_at_ms, "done"),
    ]
    if transfer.offered_at_ms is not None or not failed:
        reached.append(("offered", transfer.offered_at_ms, "done"))
    reached.append(("failed" if failed else "confirmed", transfer.decided_at_ms, "failed" if failed else "done"))
    reached.append(("payer_processed", transfer.payer_processed_at_ms, "done"))
    if transfer.offered_at_ms is not None:
        reached.append(("payee_processed", transfer.payee_processed_at_ms, "done"))
    reached.append(("closed" if failed else "completed", transfer.closed_at_ms, "done"))
    # After the decision both banks work at once, so whatever is open before the last step is what happens now.
    last = len(reached) - 1
    decided = transfer.decided_at_ms is not None
    views, waiting = [], False
    for number, (name, at_ms, state) in enumerate(reached):
        if at_ms is None:
            state = "next" if number == last or (waiting and not decided) else "now"  # noqa: PLW2901 - not reached yet
            waiting = True
        views.append(Milestone(name, at_ms, state))
    return views


@dataclass(frozen=True, slots=True)
class MessageView:
    event: MessageEvent
    fields: Sequence[tuple[str, str]]
    value_lines: Sequence[HexLine]
    size: int
    change: StatusChange[Any, Any] | None
    """The change of state that it caused at the hub, or for which the hub sent it."""


def message_views(entries: Sequence[TimelineEntry]) -> list[MessageView]:
    """Each message that was sent, once. The encoding has one form, so the bytes are those that were sent."""
    views = []
    for number, each in enumerate(entries):
        if isinstance(each, MessageEvent) and each.message is not None and each.mark is Mark.NONE:
            value = encode_record(each.message, "", "", b"").value
            # A message to the hub stands before the change that it causes, one from the hub behind its change.
            near = entries[number + 1 : number + 2] if each.receiver is Role.HUB else reversed(entries[:number])
            change = next((other for other in near if isinstance(other, StatusChange)), None)
            fields = flatten("", asdict(each.message))
            views.append(MessageView(each, fields, hex_lines(value), len(value), change))
    return views


@dataclass(frozen=True, slots=True)
class HexLine:
    offset: str
    digits: str
    text: str


@dataclass(frozen=True, slots=True)
class LetterView:
    letter: DeadLetter
    sender: BankView | None
    """As the record claims; None when it claims no bank that the hub knows."""
    message_type: str
    fields: Sequence[tuple[str, str]]
    """The decoded message, a field each; empty when it cannot be decoded."""
    why_unreadable: str
    headers: Sequence[tuple[str, str]]
    key: str
    value_lines: Sequence[HexLine]
    hidden_bytes: int


def letter_view(letter: DeadLetter, banks: Mapping[str, BankView]) -> LetterView:
    record = record_of(letter)
    message_type = readable(record.headers.get(HEADER_TYPE, b""))
    fields: list[tuple[str, str]] = []
    why_unreadable = ""
    try:
        if record.flaw is not None:
            raise RecordError(record.flaw.reason)
        message = decode_message(message_type, record.value, MESSAGES_OF_BANKS | MESSAGES_OF_HUB)
        fields = list(flatten("", asdict(message)))
    except RecordError as error:
        why_unreadable = str(error)
    return LetterView(
        letter=letter,
        sender=banks.get(letter.sender),
        message_type=message_type,
        fields=fields,
        why_unreadable=why_unreadable,
        headers=[(name, readable(value)) for name, value in record.headers.items()],
        key=readable(record.key),
        value_lines=hex_lines(record.value[:HEX_BYTES_MAX]),
        hidden_bytes=max(0, len(record.value) - HEX_BYTES_MAX),
    )


def hex_lines(value: bytes) -> list[HexLine]:
    """Bytes as a dump: where, in hexadecimal, and as text where they are."""
    lines = []
    for start in range(0, len(value), HEX_BYTES_PER_LINE):
        part = value[start : start + HEX_BYTES_PER_LINE]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "·" for byte in part)
        lines.append(HexLine(f"{start:04x}", part.hex(" "), text))
    return lines


def readable(value: bytes) -> str:
    """Text as text, and anything else in hexadecimal."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = value.hex()
    return (text if text.isprintable() else value.hex())[:HEADER_TEXT_MAX]


def flatten(prefix: str, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    fields: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            fields += flatten(f"{prefix}{name}.", value)
        else:
            fields.append((f"{prefix}{name}", "" if value is None else str(value)))
    return fields
