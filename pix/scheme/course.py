"""The message of the original CodePix course, as a pure value: one shape for all five steps of a payment.

Its wire is `pix.wire.course_v1`. Steps: 1 the payer's bank asks (no status), 2 the hub tells the payee's bank
(`pending`), 3 the payee's bank has credited (`confirmed`), 4 the hub tells the payer's bank (`confirmed`), 5 the
payer's bank has closed its row (`completed`).
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from pix.scheme.keys import KeyKind
from pix.scheme.values import value_object

COURSE_CODES: Final = ("001", "002")
"""A course bank subscribes to the topics of both and to no other, so that it can have no other code."""

KEY_KINDS: Final = {
    "email": KeyKind.EMAIL,
    "cpf": KeyKind.CPF,
    "cnpj": KeyKind.CNPJ,
    "phone": KeyKind.PHONE,
    "evp": KeyKind.EVP,
}
"""The kinds by their names on the course's wire. The course itself registers `email` and `cpf` alone."""
KIND_NAMES: Final = {kind: name for name, kind in KEY_KINDS.items()}
REGISTRABLE_KINDS: Final = ("email", "cpf")

_UUID_V4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def is_course_id(text: str) -> bool:
    """Whether it is a UUID of version 4 in small letters, as the ids of transactions and accounts must be."""
    return _UUID_V4.fullmatch(text) is not None


class CourseStatus(StrEnum):
    NONE = ""
    """Step 1 has none."""
    PENDING = "pending"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"


@value_object
class CourseMessage:
    transaction_id: str
    """The id of the payer's bank's row; the same in all steps."""
    account_id: str
    """The payer's account in all steps."""
    amount_centavos: int
    key: str
    key_kind: str
    description: str
    """Empty where the record has none or null."""
    status: str = CourseStatus.NONE
    """As it came: a `CourseStatus`, or a text that no step has."""
