"""Course messages to and from JSON, byte for byte as the original hub and its banks write them.

The writer has the original's order of fields, writes an amount as a bare number without needless zeros, and escapes
`<`, `>` and `&` as Go's encoding/json does. The reader takes field names in any letter case, reads an amount as decimal
text and never through a float, and drops unknown fields.
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

from pix.scheme.course import CourseMessage, CourseStatus
from pix.scheme.deliveries import Rejected
from pix.scheme.keys import KEY_LENGTH_MAX
from pix.scheme.money import AMOUNT_CENTAVOS_MAX
from pix.scheme.values import value_object
from pix.wire.course_v1.topics import CONFIRMATIONS, TRANSACTIONS
from pix.wire.record import Record, too_long

VALUE_BYTES_MAX: Final = 8 * 1024
ID_LENGTH_MAX: Final = 36
KIND_LENGTH_MAX: Final = 10
STATUS_LENGTH_MAX: Final = 20
DECIMALS_MAX: Final = 2
DIGITS_MAX: Final = 20
"""Of an amount as it is written, within what a Decimal keeps without rounding."""
EXPONENT_MAX: Final = 12
"""No amount of the scheme has more digits before its point."""

SURROGATE_FIRST: Final = "\ud800"
SURROGATE_LAST: Final = "\udfff"
"""JSON may name a half of a pair, which UTF-8 has not."""

_ESCAPED_AS_IN_GO: Final = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


@value_object
class CourseArrival:
    """A course message that was read. Nothing in it proves who sent it."""

    message: CourseMessage
    envelope: Record


class CourseRecordError(Exception):
    """Why a record cannot be read; its text is the reason in the dead letters."""


class CourseV1Codec:
    """Reads records of the two topics of the banks, and writes those of the hub. Holds no state.

    It has the shape of `pix.wire.codec.Codec`, for another family of messages.
    """

    proves_sender = False

    def encode(self, topic: str, message: CourseMessage) -> Record:
        """A record without key and headers."""
        return Record(topic=topic, key=b"", value=write_message(message))

    def decode(self, record: Record) -> CourseArrival | Rejected:
        """Raises nothing, whatever the record contains."""
        try:
            if record.flaw is not None:
                raise CourseRecordError(record.flaw.reason)
            return CourseArrival(read_message(record.value, with_status=record.topic == CONFIRMATIONS), record)
        except CourseRecordError as error:
            return Rejected(record, "", str(error))
        except Exception as error:  # noqa: BLE001 - any fault of a stranger's bytes rejects the record
            return Rejected(record, "", f"cannot be read: {type(error).__name__}: {error}")


def write_message(message: CourseMessage) -> bytes:
    """Steps 2 and 4: what the hub sends to a bank."""
    return _write(
        {
            "id": message.transaction_id,
            "accountId": message.account_id,
            "amount": _Number(write_amount(message.amount_centavos)),
            "pixKeyTo": message.key,
            "pixKeyKindTo": message.key_kind,
            "description": message.description,
            "status": str(message.status),
            "error": "",
        }
    )


def write_amount(amount_centavos: int) -> str:
    """`25`, `10.1`, `0.05`: reais, without needless zeros."""
    reais, centavos = divmod(amount_centavos, 100)
    return f"{reais}.{centavos:02d}".rstrip("0").rstrip(".")


def read_amount(number: object) -> int:
    """Centavos of a JSON number that was read as a Decimal. Raises CourseRecordError."""
    if not isinstance(number, Decimal):
        raise CourseRecordError("amount: must be a number without quotes")
    if number.adjusted() > EXPONENT_MAX or len(number.as_tuple().digits) > DIGITS_MAX:
        raise CourseRecordError("amount: has too many digits")
    try:
        centavos = number.scaleb(DECIMALS_MAX)
        whole = centavos.to_integral_exact()
    except InvalidOperation:
        raise CourseRecordError("amount: is no amount of money") from None
    if whole != centavos:
        raise CourseRecordError(f"amount: has more than {DECIMALS_MAX} decimal places")
    if not 0 < whole <= AMOUNT_CENTAVOS_MAX:
        raise CourseRecordError("amount: must be more than zero and within the limit")
    return int(whole)


def read_message(value: bytes, *, with_status: bool) -> CourseMessage:
    """The message in a record of a bank. `with_status` is False for step 1, whose status counts for nothing.

    Raises CourseRecordError, which names the field and the rule.
    """
    if len(value) > VALUE_BYTES_MAX:
        raise CourseRecordError(too_long(value, VALUE_BYTES_MAX))
    fields = _read_fields(value)
    return CourseMessage(
        transaction_id=_text(fields, "id", ID_LENGTH_MAX),
        account_id=_text(fields, "accountId", ID_LENGTH_MAX),
        amount_centavos=read_amount(fields.get("amount")),
        key=_text(fields, "pixKeyTo", KEY_LENGTH_MAX),
        key_kind=_text(fields, "pixKeyKindTo", KIND_LENGTH_MAX),
        description=_description(fields),
        status=_text(fields, "status", STATUS_LENGTH_MAX) if with_status else CourseStatus.NONE,
    )


class _Number(str):
    """A text that is written as it is: an amount, which no float has touched."""

    __slots__ = ()


def _write(fields: dict[str, str]) -> bytes:
    parts = [
        f'"{name}":{value if isinstance(value, _Number) else json.dumps(value, ensure_ascii=False)}'
        for name, value in fields.items()
    ]
    return ("{" + ",".join(parts) + "}").translate(_ESCAPED_AS_IN_GO).encode()


def _read_fields(value: bytes) -> dict[str, Any]:
    try:
        document = json.loads(
            value.decode("utf-8"),
            parse_float=Decimal,
            parse_int=Decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_fold_names,
        )
    except (ValueError, RecursionError):
        raise CourseRecordError("value: is no JSON") from None
    if not isinstance(document, dict):
        raise CourseRecordError("value: is no JSON object")
    return document


def _fold_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Names in small letters; of a name that comes twice the last counts, as in Go."""
    return {name.lower(): value for name, value in pairs}


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError("no number of JSON")


def _description(fields: dict[str, Any]) -> str:
    """Any text that can be stored: the payee's bank gets it as it is, and the hub what the scheme allows of it."""
    value = fields.get("description") or ""
    if not isinstance(value, str):
        raise CourseRecordError("description: must be a text")
    if "\x00" in value or any(SURROGATE_FIRST <= character <= SURROGATE_LAST for character in value):
        raise CourseRecordError("description: holds a character that cannot be stored")
    return value


def _text(fields: dict[str, Any], name: str, length_max: int) -> str:
    value = fields.get(name.lower())
    if not isinstance(value, str) or not value:
        raise CourseRecordError(f"{name}: a text is required")
    if len(value) > length_max:
        raise CourseRecordError(f"{name}: at most {length_max} characters are allowed")
    if not value.isprintable():
        # Also lone halves of surrogate pairs, which no UTF-8 has.
        raise CourseRecordError(f"{name}: line breaks and control characters are not allowed")
    return value


COURSE_TOPICS_OF_BANKS: Final = frozenset({TRANSACTIONS, CONFIRMATIONS})
