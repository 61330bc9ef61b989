"""The reason codes of the real scheme (ISO 20022), who gives one, and its sentence for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class ReasonCode(StrEnum):
    """The codes in use, a subset of those of the Central Bank's message `pacs.002`."""

    AB03 = "AB03"
    AB11 = "AB11"
    AG12 = "AG12"
    AG13 = "AG13"
    AM02 = "AM02"
    AM04 = "AM04"
    BE01 = "BE01"
    BE08 = "BE08"
    CH16 = "CH16"
    DS27 = "DS27"
    DT05 = "DT05"
    DUPL = "DUPL"
    FF08 = "FF08"
    FR01 = "FR01"
    MD06 = "MD06"
    RC09 = "RC09"
    RC10 = "RC10"
    AC03 = "AC03"
    AC06 = "AC06"
    AC07 = "AC07"
    AC14 = "AC14"
    AM09 = "AM09"
    BE17 = "BE17"
    ED05 = "ED05"
    RR04 = "RR04"
    SL02 = "SL02"


class Giver(StrEnum):
    """Who gives a reason code."""

    HUB = "hub"
    PAYEE_BANK = "payee_bank"
    PAYER_BANK = "payer_bank"


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason code, who gives it, and its sentence for people in English and in Portuguese."""

    code: ReasonCode
    given_by: frozenset[Giver]
    """Empty for a code that none of our participants gives yet."""
    sentence_en: str
    sentence_pt: str


def by_code(reasons: Iterable[Reason]) -> Mapping[ReasonCode, Reason]:
    """A table of reasons."""
    return MappingProxyType({reason.code: reason for reason in reasons})


def given_by(giver: Giver, reasons: Mapping[ReasonCode, Reason]) -> frozenset[ReasonCode]:
    """The codes of a table that somebody gives."""
    return frozenset(reason.code for reason in reasons.values() if giver in reason.given_by)
