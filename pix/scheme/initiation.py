"""How a payer began a transfer, and the payee's own number for it.

Source: the initiation forms of pacs.008 in Pix (MANU, DICT, QRES, QRDN) and its TransactionIdentification, the txid.
Both fields came after the first version of the protocol: a message or a row without them is DICT with no txid.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from pix.scheme.errors import SchemeError

TXID_LENGTH_MAX: Final = 35
STATIC_TXID_LENGTH_MAX: Final = 25
"""The txid of a static code; a dynamic charge's is longer, so no text is of both."""

_STATIC_TXID: Final = re.compile(r"[a-zA-Z0-9]{1,25}")
_DYNAMIC_TXID: Final = re.compile(r"[a-zA-Z0-9]{26,35}")


class Initiation(StrEnum):
    """How the payer named the payee."""

    MANU = "MANU"
    """Bank, branch and account, typed."""
    DICT = "DICT"
    """A key, looked up in the directory."""
    QRES = "QRES"
    """A static QR code."""
    QRDN = "QRDN"
    """A dynamic QR code."""


def check_txid(txid: str, initiation: Initiation) -> str:
    """Return the txid if it fits the initiation: a static code may have one, a dynamic one must, others have none.

    Letters and digits: at most 25 of a static code, 26 to 35 of a dynamic one. Raises SchemeError(field="txid").
    """
    if not txid and initiation is not Initiation.QRDN:
        return txid
    match initiation:
        case Initiation.QRES:
            if _STATIC_TXID.fullmatch(txid) is None:
                raise SchemeError("txid", "The txid of a static code has 1 to 25 letters or digits.")
        case Initiation.QRDN:
            if _DYNAMIC_TXID.fullmatch(txid) is None:
                raise SchemeError("txid", "The txid of a dynamic code has 26 to 35 letters or digits.")
        case Initiation.MANU | Initiation.DICT:
            raise SchemeError("txid", "Only a payment by QR code has a txid.")
    return txid


def is_dynamic_txid(text: str) -> bool:
    """Whether the text may be the txid of a dynamic code, which is that of a charge."""
    return _DYNAMIC_TXID.fullmatch(text) is not None


def static_txid(text: str | None) -> str:
    """Return the txid that travels with the payment of a static code; empty where the code's is none of the scheme."""
    return text if text and _STATIC_TXID.fullmatch(text) else ""


def is_same_initiation(initiation: Initiation, txid: str, other: Initiation, other_txid: str) -> bool:
    """Whether two may be of one transfer.

    A participant of an older version has DICT and no txid for every transfer, in its rows and in what it sends, so that
    these two differ from nothing.
    """
    if initiation is other and txid == other_txid:
        return True
    unknown = (Initiation.DICT, "")
    return (initiation, txid) == unknown or (other, other_txid) == unknown
