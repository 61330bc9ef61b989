"""The JSON of the course's wire: what is read, what is refused, and how it is written."""

from __future__ import annotations

import json

import pytest
from confluent_kafka.admin import AclOperation  # type: ignore[attr-defined]
from hypothesis import given
from hypothesis import strategies as st

from pix.messaging.kafka.acls import rights_of_course_banks
from pix.scheme.course import CourseMessage
from pix.scheme.deliveries import Rejected
from pix.wire.course_v1.codec import (
    VALUE_BYTES_MAX,
    CourseArrival,
    CourseV1Codec,
    read_message,
    write_amount,
    write_message,
)
from pix.wire.course_v1.topics import CONFIRMATIONS, TRANSACTIONS
from pix.wire.record import Record

REQUEST = (
    '{"id":"00000000-0000-4000-8000-000000000001","accountId":"6e4635ce-88d1-4e58-9597-d13fc446ee47",'
    '"amount":%s,"pixkeyto":"ana@example.com","pixKeyKindTo":"email","description":"coffee"}'
)
CODEC = CourseV1Codec()


def _read(value: str | bytes, topic: str = TRANSACTIONS) -> CourseArrival | Rejected:
    return CODEC.decode(Record(topic, b"", value.encode() if isinstance(value, str) else value))


@pytest.mark.parametrize(
    ("text", "centavos"),
    [("25", 2_500), ("10.1", 1_010), ("5.00", 500), ("0.05", 5), ("1e2", 10_000), ("1234567.89", 123_456_789)],
)
def test_an_amount_is_read_as_decimal_text(text: str, centavos: int) -> None:
    read = _read(REQUEST % text)
    assert isinstance(read, CourseArrival)
    assert read.message.amount_centavos == centavos


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0", "amount: must be more than zero and within the limit"),
        ("-5", "amount: must be more than zero and within the limit"),
        ("0.001", "amount: has more than 2 decimal places"),
        ("1.005", "amount: has more than 2 decimal places"),
        ('"25"', "amount: must be a number without quotes"),
        ("true", "amount: must be a number without quotes"),
        ("null", "amount: must be a number without quotes"),
        ("1000000000", "amount: must be more than zero and within the limit"),
        ("1e400", "amount: has too many digits"),
        ("1." + "0" * 40 + "1", "amount: has too many digits"),
        ("NaN", "value: is no JSON"),
        ("Infinity", "value: is no JSON"),
    ],
)
def test_what_is_no_amount_is_refused_with_the_field_and_the_rule(text: str, reason: str) -> None:
    read = _read(REQUEST % text)
    assert isinstance(read, Rejected) and read.reason == reason


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("hello", "value: is no JSON"),
        ("{}", "id: a text is required"),
        ("[1]", "value: is no JSON object"),
        (b"\xff\xfe", "value: is no JSON"),
        ("[" * 5_000, "value: is no JSON"),
        ("{" + " " * VALUE_BYTES_MAX + "}", f"value: {VALUE_BYTES_MAX + 2} bytes, more than the 8192 that a message"),
        (REQUEST.replace("coffee", "\\u0000") % "25", "description: holds a character that cannot be stored"),
        (REQUEST.replace("coffee", "\\ud800") % "25", "description: holds a character that cannot be stored"),
        (REQUEST.replace("ana@", "a\\u0000@") % "25", "pixKeyTo: line breaks and control characters"),
        (REQUEST.replace("ana@", "a" * 80) % "25", "pixKeyTo: at most 77 characters are allowed"),
    ],
)
def test_a_record_that_is_no_message_is_refused_and_raises_nothing(value: str | bytes, reason: str) -> None:
    read = _read(value)
    assert isinstance(read, Rejected) and read.reason.startswith(reason)


def test_a_confirmation_needs_a_status_and_a_request_has_none() -> None:
    with_status = (REQUEST % "25").replace("{", '{"status":"confirmed",')

    confirmed, request = _read(with_status, CONFIRMATIONS), _read(with_status)

    assert isinstance(confirmed, CourseArrival) and confirmed.message.status == "confirmed"
    assert isinstance(request, CourseArrival) and request.message.status == ""
    assert isinstance(_read(REQUEST % "25", CONFIRMATIONS), Rejected)


def test_nothing_on_this_wire_proves_its_sender() -> None:
    assert CODEC.proves_sender is False


@given(st.integers(1, 99_999_999_999))
def test_an_amount_survives_the_wire(centavos: int) -> None:
    text = write_amount(centavos)
    assert not (text.endswith(("0", ".")) and "." in text)
    read = _read(REQUEST % text)
    assert isinstance(read, CourseArrival) and read.message.amount_centavos == centavos


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=60))
def test_a_description_survives_the_wire_with_the_escapes_of_go(description: str) -> None:
    message = CourseMessage("id", "account", 2_500, "key", "email", description, "pending")

    written = write_message(message)

    assert json.loads(written)["description"] == description
    assert not {ord("<"), ord(">"), ord("&")} & set(written)
    assert read_message(written, with_status=True) == message


def test_clients_without_a_password_may_do_what_course_banks_need_and_no_more() -> None:
    rights = {
        (binding.name, binding.operation, binding.principal)
        for binding in rights_of_course_banks(["nest_bank_001-server"])
    }

    assert rights == {
        ("bank001", AclOperation.READ, "User:ANONYMOUS"),
        ("bank002", AclOperation.READ, "User:ANONYMOUS"),
        ("transactions", AclOperation.WRITE, "User:ANONYMOUS"),
        ("transaction_confirmation", AclOperation.WRITE, "User:ANONYMOUS"),
        ("nest_bank_001-server", AclOperation.READ, "User:ANONYMOUS"),
        ("nestjs-group-client", AclOperation.READ, "User:ANONYMOUS"),
    }
