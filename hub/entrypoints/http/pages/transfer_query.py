"""The search of the list of transfers, as the form of its page sends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import Query

from hub.application.ports import TransferFilter
from hub.domain.flows.transfer.model import TransferStatus
from hub.entrypoints.http.api.paging import page_cursor
from hub.entrypoints.http.pages.views import BankView
from pix.scheme.days import instant_ms
from pix.scheme.errors import SchemeError
from pix.scheme.key_search import key_beginnings
from pix.scheme.money import parse_brl
from pix.scheme.reasons import ReasonCode
from pix.scheme.searching import fold
from pix.web.formats import brl_plain
from pix.web.marks import translatable

ID_LENGTH_MAX: Final = 64
TEXT_LENGTH_MAX: Final = 80
EXAMINED_MAX: Final = 50_000
"""No more of the newest transfers are looked at for a page of a search."""
FIELDS: Final = ("bank", "status", "reason", "id", "key", "txid", "name", "amount", "since", "until")

_UNKNOWN_BANK: Final = translatable("No bank has this code.")
_UNKNOWN_STATUS: Final = translatable("This status does not exist.")
_UNKNOWN_REASON: Final = translatable("This reason code does not exist.")
_BACKWARDS: Final = translatable("“To” must be after “From”.")


@dataclass(frozen=True, slots=True)
class TransferQuery:
    """The fields as they were sent."""

    sent: Mapping[str, str]
    before: str = ""

    def read(self, banks: Mapping[str, BankView]) -> ReadQuery:
        """What they mean; a field that means nothing has a fault."""
        narrow = TransferFilter(examined_max=EXAMINED_MAX)
        values = {name: self.sent.get(name, "").strip()[:TEXT_LENGTH_MAX] for name in FIELDS}
        faults: dict[str, str] = {}
        for name, text in values.items():
            if not text:
                continue
            try:
                narrow = _narrowed(narrow, name, text, banks)
            except SchemeError as error:
                faults[name] = error.rule
        if narrow.amount_centavos is not None:
            values["amount"] = brl_plain(narrow.amount_centavos)
        from_ms, before_ms = narrow.received_from_ms, narrow.received_before_ms
        if from_ms is not None and before_ms is not None and from_ms >= before_ms:
            faults["until"] = _BACKWARDS
        try:
            narrow = replace(narrow, before=page_cursor(self.before))
        except SchemeError:
            # A cut address: begin at the beginning.
            narrow = replace(narrow, before=None)
        return ReadQuery(narrow, values, faults)


@dataclass(frozen=True, slots=True)
class ReadQuery:
    narrow: TransferFilter
    values: Mapping[str, str]
    faults: Mapping[str, str] = field(default_factory=dict)
    """A sentence for each field that means nothing."""

    @property
    def text(self) -> str:
        """The fields that are filled in, as a query string."""
        return urlencode({name: value for name, value in self.values.items() if value})


def _narrowed(narrow: TransferFilter, name: str, text: str, banks: Mapping[str, BankView]) -> TransferFilter:
    match name:
        case "bank":
            chosen = next((view for view in banks.values() if view.code == text), None)
            if chosen is None:
                raise SchemeError(name, _UNKNOWN_BANK)
            return replace(narrow, ispb=chosen.ispb)
        case "status":
            if text not in set(TransferStatus):
                raise SchemeError(name, _UNKNOWN_STATUS)
            return replace(narrow, status=TransferStatus(text))
        case "reason":
            if text not in set(ReasonCode):
                raise SchemeError(name, _UNKNOWN_REASON)
            return replace(narrow, reason=ReasonCode(text))
        case "id":
            return replace(narrow, id_part=text[:ID_LENGTH_MAX])
        case "key":
            return replace(narrow, key_beginnings=key_beginnings(text))
        case "txid":
            return replace(narrow, txid=text)
        case "name":
            return replace(narrow, name_part=fold(text))
        case "amount":
            return replace(narrow, amount_centavos=parse_brl(text))
        case "since":
            return replace(narrow, received_from_ms=_time(text, name))
        case _:
            return replace(narrow, received_before_ms=_time(text, name))


def _time(text: str, name: str) -> int:
    """What a browser's field for a date and a time gives, on Brasília's clock. Raises SchemeError."""
    try:
        return instant_ms(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise SchemeError(name, "Write the time as year-month-dayThours:minutes.") from None


def transfer_query(
    bank: str = "",
    status: str = "",
    reason: str = "",
    end_to_end_id: Annotated[str, Query(alias="id")] = "",
    key: str = "",
    txid: str = "",
    name: str = "",
    amount: str = "",
    since: str = "",
    until: str = "",
    before: str = "",
) -> TransferQuery:
    values = (bank, status, reason, end_to_end_id, key, txid, name, amount, since, until)
    return TransferQuery(dict(zip(FIELDS, values, strict=True)), before)
