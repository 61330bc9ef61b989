"""The parts of messages to and from Protobuf (`codepix.v1`): keys, parties, sides, outcomes, reason codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, TypeVar, cast

from google.protobuf.message import Message as Protobuf

from codepix.v1 import common_pb2 as common
from pix.scheme.errors import SchemeError
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import Message, Outcome, Party, Side
from pix.scheme.reasons import ReasonCode

Encoders = Mapping[type, Callable[[Any], Protobuf]]
"""By the message's class."""

Decoders = Mapping[str, tuple[type, type[Protobuf], Callable[[Any], Message]]]
"""By the message's type: its class, its Protobuf class, and what makes the one of the other."""

PARTIES_KEPT_MAX: Final = 10_000

# The enums' numbers are looked up once.

_KIND_TO_WIRE: Final = {kind: common.KeyKind.Value(f"KEY_KIND_{kind.value}") for kind in KeyKind}
_KIND_FROM_WIRE: Final = {number: kind for kind, number in _KIND_TO_WIRE.items()}
SIDE_TO_WIRE: Final = {Side.PAYER: common.SIDE_PAYER, Side.PAYEE: common.SIDE_PAYEE}
SIDE_FROM_WIRE: Final = {number: side for side, number in SIDE_TO_WIRE.items()}
OUTCOME_TO_WIRE: Final = {Outcome.CONFIRMED: common.OUTCOME_CONFIRMED, Outcome.FAILED: common.OUTCOME_FAILED}
OUTCOME_FROM_WIRE: Final = {number: outcome for outcome, number in OUTCOME_TO_WIRE.items()}


def key_to_wire(key: PixKey) -> common.PixKey:
    """The Protobuf form of a key."""
    return common.PixKey(kind=_KIND_TO_WIRE[key.kind], key=key.key)


def key_from_wire(key: common.PixKey) -> PixKey:
    """A key as it came; it is not normalised here. Raises SchemeError for an unknown kind."""
    return PixKey(key_kind_from_wire(key.kind), key.key)


def key_kind_from_wire(number: int) -> KeyKind:
    """Raises SchemeError for an unspecified or unknown kind."""
    try:
        return _KIND_FROM_WIRE[cast(Any, number)]
    except KeyError:
        raise SchemeError("key.kind", "must be CPF, CNPJ, PHONE, EMAIL or EVP") from None


@lru_cache(maxsize=PARTIES_KEPT_MAX)
def party_to_wire(party: Party) -> common.Party:
    """The Protobuf form of a party, for a message to copy: callers share it.

    The hub sends the two parties of a transfer three times.
    """
    return common.Party(
        ispb=party.ispb,
        branch=party.branch,
        account_number=party.account_number,
        name=party.name,
        tax_id_masked=party.tax_id_masked,
    )


def party_from_wire(party: common.Party) -> Party:
    """A party as it came."""
    return Party(party.ispb, party.branch, party.account_number, party.name, party.tax_id_masked)


_Value = TypeVar("_Value")


def from_wire(table: Mapping[Any, _Value], number: int, field_name: str) -> _Value:
    """The value of an enum's number. Raises SchemeError(field_name)."""
    try:
        return table[number]
    except KeyError:
        raise SchemeError(field_name, "is not specified") from None


def reason_from_wire(text: str, field_name: str = "reason_code") -> ReasonCode:
    """Raises SchemeError for a code that the scheme does not know."""
    try:
        return ReasonCode(text)
    except ValueError:
        raise SchemeError(field_name, f"{text[:10]!r} is not a reason code of the scheme") from None
