"""The search of the list of returns, as the form of its page sends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Final

from fastapi import Query

from hub.application.ports.returns import ReturnFilter
from hub.domain.flows.returns.model import ReturnStatus
from hub.entrypoints.http.pages.filters import (
    UNKNOWN_STATUS,
    ReadFields,
    choice_of,
    ispb_of,
    read_fields,
    reason_of_text,
)
from hub.entrypoints.http.pages.transfer_query import cursor_or_start
from hub.entrypoints.http.pages.views import BankView
from pix.scheme.money import parse_brl
from pix.web.formats import brl_plain

FIELDS: Final = ("bank", "status", "id", "original", "why", "reason", "amount")


@dataclass(frozen=True, slots=True)
class ReturnQuery:
    """The fields as they were sent."""

    sent: Mapping[str, str]
    before: str = ""

    def read(self, banks: Mapping[str, BankView]) -> ReadFields[ReturnFilter]:
        """What they mean; a field that means nothing has a fault."""

        def apply(narrow: ReturnFilter, name: str, text: str) -> ReturnFilter:
            return _narrowed(narrow, name, text, banks)

        read = read_fields(self.sent, FIELDS, ReturnFilter(before=cursor_or_start(self.before)), apply)
        values = dict(read.values)
        if read.narrow.amount_centavos is not None:
            values["amount"] = brl_plain(read.narrow.amount_centavos)
        return ReadFields(read.narrow, values, read.faults)


def _narrowed(narrow: ReturnFilter, name: str, text: str, banks: Mapping[str, BankView]) -> ReturnFilter:
    match name:
        case "bank":
            return replace(narrow, ispb=ispb_of(text, banks))
        case "status":
            return replace(narrow, status=choice_of(ReturnStatus, text, name, UNKNOWN_STATUS))
        case "id":
            return replace(narrow, id_part=text)
        case "original":
            return replace(narrow, original_end_to_end_id=text)
        case "why":
            return replace(narrow, return_reason=reason_of_text(text, name))
        case "reason":
            return replace(narrow, reason=reason_of_text(text, name))
        case _:
            return replace(narrow, amount_centavos=parse_brl(text))


def return_query(
    bank: str = "",
    status: str = "",
    return_id: Annotated[str, Query(alias="id")] = "",
    original: str = "",
    why: str = "",
    reason: str = "",
    amount: str = "",
    before: str = "",
) -> ReturnQuery:
    values = (bank, status, return_id, original, why, reason, amount)
    return ReturnQuery(dict(zip(FIELDS, values, strict=True)), before)
