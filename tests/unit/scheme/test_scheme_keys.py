"""Pix keys: stored form, refusals, and what a text may be as one types it."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pix.scheme.errors import SchemeError
from pix.scheme.keys import (
    KEY_LENGTH_MAX,
    KeyKind,
    PixKey,
    check_key_owner,
    explain_no_key,
    is_valid_key,
    keys_per_account_max,
    normalize_key,
    parse_stored_key,
    recognize_key,
)
from pix.scheme.people import HolderKind

EVP = "123e4567-e89b-42d3-a456-426614174000"


@pytest.mark.parametrize(
    ("kind", "text", "key"),
    [
        (KeyKind.CPF, "529.982.247-25", "52998224725"),
        (KeyKind.CPF, " 52998224725\n", "52998224725"),
        (KeyKind.CNPJ, "12.abc.345/01de-35", "12ABC34501DE35"),
        (KeyKind.CNPJ, "16727230000197", "16727230000197"),
        (KeyKind.PHONE, "+5511987654321", "+5511987654321"),
        (KeyKind.PHONE, "+55 (11) 98765-4321", "+5511987654321"),
        (KeyKind.PHONE, "(11) 98765-4321", "+5511987654321"),
        (KeyKind.PHONE, "11 98765 4321", "+5511987654321"),
        (KeyKind.PHONE, "55 11 98765-4321", "+5511987654321"),
        (KeyKind.PHONE, "(55) 99123-4567", "+5555991234567"),
        (KeyKind.PHONE, "(11) 3333-4444", "+551133334444"),
        (KeyKind.PHONE, "+1 212 555 0100", "+12125550100"),
        (KeyKind.PHONE, "+351 912 345 678", "+351912345678"),
        (KeyKind.EMAIL, " Ana.Souza+pix@Example.COM ", "ana.souza+pix@example.com"),
        (KeyKind.EMAIL, "a@b", "a@b"),
        (KeyKind.EMAIL, f"{'a' * (KEY_LENGTH_MAX - 6)}@ab.co", f"{'a' * (KEY_LENGTH_MAX - 6)}@ab.co"),
        (KeyKind.EVP, EVP.upper(), EVP),
        # The directory's own example, of version 1 and of no variant that RFC 9562 knows.
        (KeyKind.EVP, "123e4567-e12b-12d1-c456-426655440000", "123e4567-e12b-12d1-c456-426655440000"),
    ],
)
def test_a_key_is_stored_in_one_form_however_it_is_typed(kind: KeyKind, text: str, key: str) -> None:
    assert normalize_key(kind, text) == PixKey(kind, key)
    assert str(normalize_key(kind, text)) == key


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *((kind, text) for kind in KeyKind for text in ("", "  ", "x", "\x00", "\ud800", "9" * 1000)),
        (KeyKind.CPF, "52998224724"),
        (KeyKind.CPF, "11111111111"),
        (KeyKind.CPF, "16727230000197"),
        (KeyKind.CNPJ, "12ABC34501DE36"),
        (KeyKind.CNPJ, "52998224725"),
        (KeyKind.CNPJ, "\u01312ABC34501DE35"),
        (KeyKind.PHONE, "+"),
        (KeyKind.PHONE, "+0123456789"),
        (KeyKind.PHONE, "+55119876543210"),
        (KeyKind.PHONE, "+55119876543"),
        (KeyKind.PHONE, "+12345678901234567"),
        (KeyKind.PHONE, "(10) 98765-4321"),
        (KeyKind.PHONE, "(11) 8765-4321"),
        (KeyKind.PHONE, "(11) 88765-4321"),
        (KeyKind.PHONE, "98765-4321"),
        (KeyKind.PHONE, "+55 11 9876A-4321"),
        (KeyKind.PHONE, "+\u0665\u0665\u0661\u0661\u0669\u0668\u0667\u0666\u0665\u0664\u0663\u0662\u0661"),
        (KeyKind.EMAIL, "ana"),
        (KeyKind.EMAIL, "@example.com"),
        (KeyKind.EMAIL, "ana@"),
        (KeyKind.EMAIL, "ana @example.com"),
        (KeyKind.EMAIL, "ana@example..com"),
        (KeyKind.EMAIL, "ana@-example.com"),
        (KeyKind.EMAIL, "ana@@example.com"),
        (KeyKind.EMAIL, "aná@example.com"),
        (KeyKind.EMAIL, "ana@example.\u212aom"),  # the Kelvin sign, whose lower case is an ASCII k
        (KeyKind.EMAIL, f"{'a' * (KEY_LENGTH_MAX - 5)}@ab.co"),
        (KeyKind.EMAIL, "ana%souza@example.com"),
        (KeyKind.EVP, EVP.replace("-", "")),
        (KeyKind.EVP, f"{{{EVP}}}"),
    ],
)
def test_what_is_no_key_is_refused(kind: KeyKind, text: str) -> None:
    with pytest.raises(SchemeError) as caught:
        normalize_key(kind, text)
    assert caught.value.field == "key"
    assert not is_valid_key(kind, text)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("", ()),
        ("hello", ()),
        ("123", ()),
        ("529.982.247-25", (KeyKind.CPF,)),
        ("12ABC34501DE35", (KeyKind.CNPJ,)),
        ("16.727.230/0001-97", (KeyKind.CNPJ,)),
        ("(11) 98765-4321", (KeyKind.PHONE,)),
        ("11987654321", (KeyKind.PHONE,)),
        ("+5511987654321", (KeyKind.PHONE,)),
        ("Ana@example.com", (KeyKind.EMAIL,)),
        (EVP, (KeyKind.EVP,)),
        # A CPF whose digits are a mobile number of São Paulo, too.
        ("11900000083", (KeyKind.CPF, KeyKind.PHONE)),
    ],
)
def test_the_kinds_of_a_typed_text_are_recognized(text: str, kinds: tuple[KeyKind, ...]) -> None:
    assert recognize_key(text) == kinds


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("529.982.247-24", "CPF check digits do not match."),
        ("12.ABC.345/01DE-36", "CNPJ check digits do not match."),
        ("111.111.111-11", "That isn't a valid CPF."),
        ("ana@example..com", "That isn't a valid email address."),
        ("+55 11 9876-43", "A Brazilian phone number has +55, the area code and 8 or 9 digits."),
        ("hello", "That isn't a valid CPF, CNPJ, phone, email or random key."),
        ("  ", "Enter a key."),
    ],
)
def test_a_mistyped_key_is_told_the_rule_of_the_kind_that_it_resembles(text: str, rule: str) -> None:
    assert explain_no_key(text).rule == rule


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (KeyKind.CPF, "52998224725"),
        # The digits of a mobile number of São Paulo, too.
        (KeyKind.CPF, "11900000083"),
        (KeyKind.CNPJ, "12ABC34501DE35"),
        (KeyKind.PHONE, "+5511987654374"),
        (KeyKind.PHONE, "+123"),
        (KeyKind.EMAIL, "ana@example.com"),
        (KeyKind.EVP, "123e4567-e89b-12d3-a456-426655440000"),
    ],
)
def test_a_stored_key_is_read_as_the_one_kind_that_the_directory_gives_it(kind: KeyKind, text: str) -> None:
    assert parse_stored_key(text) == parse_stored_key(text, kind) == PixKey(kind, text)
    for other in set(KeyKind) - {kind}:
        with pytest.raises(SchemeError):
            parse_stored_key(text, other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "11987654321",  # a phone number without +, and no CPF by its check digits
        "5511987654321",
        "(11) 98765-4321",
        "529.982.247-25",
        "52998224724",
        "12abc34501de35",
        "12ABC34501DE36",
        "+0123456789",
        "+12345678901234567",
        "Ana@example.com",
        "ana%souza@example.com",
        f"{'a' * (KEY_LENGTH_MAX - 5)}@ab.co",
        EVP.upper(),
        EVP.replace("-", ""),
        f" {EVP}",
        f"{EVP}\n",
        "\u0665\u0662\u0669\u0669\u0668\u0662\u0662\u0664\u0667\u0662\u0665",
    ],
)
def test_what_the_directory_does_not_store_is_no_stored_key(text: str) -> None:
    with pytest.raises(SchemeError) as caught:
        parse_stored_key(text)
    assert caught.value.field == "key"


@pytest.mark.parametrize("kind", [KeyKind.CPF, KeyKind.CNPJ])
def test_a_tax_id_key_must_be_the_owners_own(kind: KeyKind) -> None:
    key = PixKey(kind, "52998224725")
    check_key_owner(key, "52998224725")
    with pytest.raises(SchemeError, match="own"):
        check_key_owner(key, "39053344705")


def test_other_keys_are_not_bound_to_the_owners_tax_id() -> None:
    check_key_owner(normalize_key(KeyKind.EMAIL, "ana@example.com"), "52998224725")


def test_a_company_may_have_more_keys_than_a_person() -> None:
    assert keys_per_account_max(HolderKind.PERSON) == 5
    assert keys_per_account_max(HolderKind.COMPANY) == 20


typed_keys = st.one_of(
    st.text(),
    st.text("0123456789 ()+-./@abcABCİ\u0131\u017f\u212a", max_size=40),
    st.emails(),
    st.uuids(version=4).map(str),
    st.from_regex(r"\A\+[1-9][0-9]{2,15}\Z"),
    st.from_regex(r"\A\(?[1-9][1-9]\)? ?9[0-9]{4}-?[0-9]{4}\Z"),
)


@given(st.sampled_from(KeyKind), typed_keys)
def test_garbage_is_refused_and_a_stored_key_stays_as_it_is(kind: KeyKind, text: str) -> None:
    try:
        key = normalize_key(kind, text)
    except SchemeError as error:
        assert error.field == "key"
        return
    assert normalize_key(kind, key.key) == key
    assert parse_stored_key(key.key) == key
    assert kind in recognize_key(text)
    assert 1 <= len(key.key) <= KEY_LENGTH_MAX
    assert key.key.isascii() and not any(character.isspace() for character in key.key)


@given(st.uuids(version=4))
def test_every_random_key_is_recognized(random_key: uuid.UUID) -> None:
    assert recognize_key(str(random_key)) == (KeyKind.EVP,)


@given(st.integers(0, 99_999_999))
def test_a_mobile_number_means_the_same_with_and_without_country(number: int) -> None:
    national = f"619{number:08d}"
    stored = normalize_key(KeyKind.PHONE, national)
    assert stored.key == f"+55{national}"
    assert normalize_key(KeyKind.PHONE, f"55{national}") == normalize_key(KeyKind.PHONE, f"+55{national}") == stored
