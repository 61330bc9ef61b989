"""The fields of a list's form: what they mean, and a fault for each that means nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Generic, TypeVar
from urllib.parse import urlencode

from hub.entrypoints.http.pages.views import BankView
from pix.scheme.errors import SchemeError
from pix.scheme.reasons import ReasonCode
from pix.web.marks import translatable

TEXT_LENGTH_MAX: Final = 80

_UNKNOWN_BANK: Final = translatable("No bank has this code.")
_UNKNOWN_REASON: Final = translatable("This reason code does not exist.")
UNKNOWN_STATUS: Final = translatable("This status does not exist.")
UNKNOWN_KIND: Final = translatable("This type of key does not exist.")

Narrow = TypeVar("Narrow")
Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class ReadFields(Generic[Narrow]):
    narrow: Narrow
    values: Mapping[str, str]
    """The fields as the form shows them again."""
    faults: Mapping[str, str] = field(default_factory=dict)
    """A sentence for each field that means nothing."""

    @property
    def text(self) -> str:
        """The fields that are filled in, as a query string."""
        return urlencode({name: value for name, value in self.values.items() if value})


def read_fields(
    sent: Mapping[str, str],
    names: Sequence[str],
    narrow: Narrow,
    apply: Callable[[Narrow, str, str], Narrow],
) -> ReadFields[Narrow]:
    """Narrows by each field that is filled in; `apply` gets name and text, and raises SchemeError for a fault."""
    values = {name: sent.get(name, "").strip()[:TEXT_LENGTH_MAX] for name in names}
    faults: dict[str, str] = {}
    for name, text in values.items():
        if not text:
            continue
        try:
            narrow = apply(narrow, name, text)
        except SchemeError as error:
            faults[name] = error.rule
    return ReadFields(narrow, values, faults)


def ispb_of(code: str, banks: Mapping[str, BankView]) -> str:
    """The ISPB of the bank with this code. Raises SchemeError."""
    for view in banks.values():
        if view.code == code:
            return view.ispb
    raise SchemeError("bank", _UNKNOWN_BANK)


def choice_of(kind: type[Choice], text: str, name: str, sentence: str) -> Choice:
    """The member of `kind`. Raises SchemeError with the sentence."""
    if text not in set(kind):
        raise SchemeError(name, sentence)
    return kind(text)


def reason_of_text(text: str, name: str) -> ReasonCode:
    """Raises SchemeError."""
    return choice_of(ReasonCode, text, name, _UNKNOWN_REASON)
