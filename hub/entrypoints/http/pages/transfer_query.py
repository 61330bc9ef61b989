"""The search of the list of transfers, as the form of its page sends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Final

from fastapi import Query

from hub.application.ports import TransferFilter
from hub.domain.flows.transfer.model import TransferStatus
from hub.entrypoints.http.api.paging import page_cursor
from hub.entrypoints.http.pages.filters import (
    UNKNOWN_STATUS,
    ReadFields,
    choice_of,
    ispb_of,
    read_fields,
    reason_of_text,
)
from hub.entrypoints.http.pages.views import BankView
from pix.scheme.days import instant_ms
from pix.scheme.errors import SchemeError
from pix.scheme.key_search import key_beginnings
from pix.scheme.money import parse_brl
from pix.scheme.searching import fold
from pix.web.formats import brl_plain
from pix.web.marks import translatable

ID_LENGTH_MAX: Final = 64
EXAMINED_MAX: Final = 50_000
"""No more of the newest transfers are looked at for a page of a search."""
FIELDS: Final = ("bank", "status", "reason", "id", "key", "txid", "name", "amount", "since", "until")

_BACKWARDS: Final = translatable("“To” must be after “From”.")


@dataclass(frozen=True, slots=True)
class TransferQuery:
    """The fields as they were sent."""

    sent: Mapping[str, str]
    before: str = ""

    def read(self, banks: Mapping[str, BankView]) -> ReadFields[TransferFilter]:
        """What they mean; a field that means nothing has a fault."""

        def apply(narrow: TransferFilter, name: str, text: str) -> TransferFilter:
            return _narrowed(narrow, name, text, banks)

        read = read_fields(self.sent, FIELDS, TransferFilter(examined_max=EXAMINED_MAX), apply)
        narrow, values, faults = read.narrow, dict(read.values), dict(read.faults)
        if narrow.amount_centavos is not None:
            values["amount"] = brl_plain(narrow.amount_centavos)
        from_ms, before_ms = narrow.received_from_ms, narrow.received_before_ms
        if from_ms is not None and before_ms is not None and from_ms >= before_ms:
            faults["until"] = _BACKWARDS
        return ReadFields(replace(narrow, before=cursor_or_start(self.before)), values, faults)


def cursor_or_start(before: str) -> tuple[int, str] | None:
    """The position of a page; a cut address begins at the beginning."""
    try:
        return page_cursor(before)
    except SchemeError:
        return None


def _narrowed(narrow: TransferFilter, name: str, text: str, banks: Mapping[str, BankView]) -> TransferFilter:
    match name:
        case "bank":
            return replace(narrow, ispb=ispb_of(text, banks))
        case "status":
            return replace(narrow, status=choice_of(TransferStatus, text, name, UNKNOWN_STATUS))
        case "reason":
            return replace(narrow, reason=reason_of_text(text, name))
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
