"""The BR Code: the Central Bank's own examples, round trips, and damage."""

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pix.scheme.brcode import (
    BRCode,
    crc16_ccitt_false,
    decode,
    dynamic_code,
    encode,
    information_length_max,
    is_like_code,
    split_location,
)
from pix.scheme.errors import SchemeError
from pix.scheme.money import AMOUNT_CENTAVOS_MAX

# Examples of the Central Bank: static and dynamic (Manual de Padrões para Iniciação do Pix), and Manual do BR Code.
STATIC = (
    "00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-4266554400005204000053039865802BR"
    "5913Fulano de Tal6008BRASILIA62070503***63041D3D"
)
DYNAMIC = (
    "00020101021226700014br.gov.bcb.pix2548pix.example.com/8b3da2f39a4140d1a91abd93113bd4415204000053039865802BR"
    "5913Fulano de Tal6008BRASILIA62070503***630464E4"
)
MANY_SCHEMES = (
    "00020104141234567890123426580014BR.GOV.BCB.PIX0136123e4567-e12b-12d1-a456-42665544000027300012BR.COM.OUTRO"
    "011001234567895204000053039865406123.455802BR5917NOME DO RECEBEDOR6008BRASILIA61087007490062190515RP12345678-2019"
    "80390012BR.COM.OUTRO01190123.ABCD.3456.WXYZ6304AD38"
)
FULANO = BRCode("123e4567-e12b-12d1-a456-426655440000", "Fulano de Tal", "BRASILIA")


def field(tag: str, value: str) -> str:
    return f"{tag}{len(value):02d}{value}"


def signed(body: str) -> str:
    """Return the body with a CRC that is right, so that only another rule can refuse it."""
    return f"{body}6304{crc16_ccitt_false(f'{body}6304'.encode()):04X}"


def code_with(**changes: str) -> str:
    """Return a right code with some fields changed (tag26="...") or, if empty, left out."""
    fields = {
        "00": "01",
        "26": field("00", "br.gov.bcb.pix") + field("01", "ana@example.com"),
        "52": "0000",
        "53": "986",
        "58": "BR",
        "59": "Ana",
        "60": "SAO PAULO",
        "62": "0503***",
    }
    fields |= {tag.removeprefix("tag"): value for tag, value in changes.items()}
    return signed("".join(field(tag, value) for tag, value in sorted(fields.items()) if value))


def test_the_crc_is_the_one_of_the_standard() -> None:
    assert crc16_ccitt_false(b"123456789") == 0x29B1
    assert crc16_ccitt_false(b"") == 0xFFFF


def test_the_central_banks_static_code_is_read_and_written_to_the_letter() -> None:
    assert decode(STATIC) == FULANO
    assert encode(FULANO) == STATIC


def test_a_code_of_many_schemes_is_read_for_its_pix_account() -> None:
    assert decode(MANY_SCHEMES) == BRCode(
        "123e4567-e12b-12d1-a456-426655440000", "NOME DO RECEBEDOR", "BRASILIA", 12345, txid="RP12345678-2019"
    )


def test_the_central_banks_dynamic_code_is_read_and_written_to_the_letter() -> None:
    code = dynamic_code("pix.example.com/8b3da2f39a4140d1a91abd93113bd441", "Fulano de Tal", "BRASILIA")
    assert decode(DYNAMIC) == code
    assert encode(code) == DYNAMIC


@pytest.mark.parametrize(
    "location",
    [
        "127.0.0.1:8001/qr/v2/0123456789abcdefghijkl",
        "[::1]:8001/qr/v2/cobv/0123456789abcdefghijkl",
        "bank-001:8001/qr/v2/AbC~d-1_2.3",
        "a" * 43 + "/qr/v2/cobv/0123456789abcdefghijkl",
    ],
)
def test_a_location_is_written_and_read_back(location: str) -> None:
    code = encode(dynamic_code(location, "Loja", "Recife"))
    assert decode(code).location == location
    assert split_location(location) == (location.partition("/")[0], "/" + location.partition("/")[2])


def test_what_a_dynamic_code_says_beside_its_location_is_skipped() -> None:
    account = field("00", "br.gov.bcb.pix") + field("25", "pix.example.com/8b3da2f3")
    code = decode(code_with(tag26=account, tag54="10.00", tag62=field("05", "A" * 30)))
    assert (code.key, code.amount_centavos, code.txid) == ("", None, None)


@pytest.mark.parametrize(
    "location",
    [
        "",
        "pix.example.com",
        "pix.example.com/",
        "/qr/v2/token",
        "https://pix.example.com/token",
        "user@pix.example.com/token",
        "user:word@pix.example.com/token",
        "pix.example.com/token?redirect=1",
        "pix.example.com/token#part",
        "pix.example.com/../token",
        "pix.example.com/./token",
        "pix.example.com/a//b",
        "pix.example.com/%2e%2e/token",
        "pix.example.com\\token",
        "pix.example.com/to ken",
        "pix.exämple.com/token",
        "pix.example.com:port/token",
    ],
)
def test_a_location_that_is_no_plain_address_is_refused(location: str) -> None:
    account = field("00", "br.gov.bcb.pix") + field("25", location)
    with pytest.raises(SchemeError, match="location") as caught:
        decode(code_with(tag26=account))
    assert caught.value.field == "brcode"
    with pytest.raises(SchemeError, match="location"):
        encode(dynamic_code(location, "Loja", "Recife"))


def test_a_location_has_at_most_77_characters() -> None:
    assert decode(encode(dynamic_code("pix.example.com/" + "t" * 61, "Loja", "Recife"))).location
    with pytest.raises(SchemeError, match="location"):
        encode(dynamic_code("pix.example.com/" + "t" * 62, "Loja", "Recife"))


def test_a_code_with_both_a_key_and_a_location_is_refused() -> None:
    account = field("00", "br.gov.bcb.pix") + field("01", "ana@example.com") + field("25", "pix.example.com/token")
    with pytest.raises(SchemeError, match="both"):
        decode(code_with(tag26=account))


def test_a_full_code_is_laid_out_as_the_manual_says() -> None:
    code = encode(BRCode("+5511987654321", "Padaria", "Recife", 1050, "2 paes", "PED123", single_use=True))
    assert code[:-4] == (
        "000201"
        "010212"
        "26460014br.gov.bcb.pix0114+551198765432102062 paes"
        "52040000"
        "5303986"
        "540510.50"
        "5802BR"
        "5907Padaria"
        "6006Recife"
        "62100506PED123"
        "6304"
    )


def test_names_are_written_without_accents_and_cut() -> None:
    code = encode(
        BRCode(
            "a@b", " José  Antônio\u2019s Açaí e Sorveteria Ltda ", "São José dos Campos", information="Pão\u2013Café"
        )
    )
    assert decode(code) == BRCode("a@b", "Jose Antonio's Acai e Sor", "Sao Jose dos Ca", information="Pao-Cafe")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Łukasz Żółć", "Lukasz Zolc"),
        ("Straße Weiß Æsir", "Strasse Weiss Aesir"),
        ("Çağrı", "Cagri"),
        ("株式会社", "ZhuShiHuiShe"),
        ("あな", "ana"),
        ("\u2800", "RECEBEDOR"),
        ("", "RECEBEDOR"),
    ],
)
def test_letters_that_ascii_lacks_are_replaced_and_never_lost(text: str, written: str) -> None:
    assert decode(encode(BRCode("a@b", text, "Łódź"))) == BRCode("a@b", written, "Lodz")


@pytest.mark.parametrize(
    "text",
    [
        f"\n {STATIC}\r\n",
        "\r\n".join(STATIC[at : at + 72] for at in range(0, len(STATIC), 72)),
        "\t".join(STATIC),
        f"\ufeff\u200b{STATIC}\u2060",
        STATIC[:40] + "\u00ad\u2028" + STATIC[40:],
        STATIC[:-4] + "1d3d",
    ],
)
def test_a_code_survives_e_mails_and_chats(text: str) -> None:
    assert decode(text) == FULANO
    assert is_like_code(text)


def test_only_what_means_to_be_a_pix_code_is_like_one() -> None:
    assert is_like_code(DYNAMIC) and is_like_code(STATIC[:-8])
    for other in ("", "https://example.com", "52998224725", "000201", code_with(tag26=""), STATIC * 20):
        assert not is_like_code(other)


@pytest.mark.parametrize("amount", ["10.5", "10.50", "0010.50", "10", "10."])
def test_an_amount_may_be_written_in_emvs_ways(amount: str) -> None:
    assert decode(code_with(tag54=amount)).amount_centavos == (1050 if "5" in amount else 1000)


@pytest.mark.parametrize(
    ("changes", "information", "txid"),
    [
        ({"tag62": ""}, None, None),
        ({"tag62": "0500"}, None, None),
        ({"tag62": "0503ABC"}, None, "ABC"),
        ({"tag26": "0014Br.Gov.Bcb.Pix0115ana@example.com0200"}, None, None),
        ({"tag26": "0014BR.GOV.BCB.PIX0115ana@example.com0206almoço"}, "almoço", None),
        ({"tag26": "", "tag51": "0014br.gov.bcb.pix0115ana@example.com"}, None, None),
        ({"tag27": "not a row of fields"}, None, None),
        ({"tag64": "0002PT0103Ana", "tag80": "whatever"}, None, None),
        ({"tag01": "11"}, None, None),
        ({"tag52": "5812"}, None, None),
    ],
)
def test_what_emv_tolerates_is_tolerated(changes: dict[str, str], information: str | None, txid: str | None) -> None:
    assert decode(code_with(**changes)) == BRCode(
        "ana@example.com", "Ana", "SAO PAULO", information=information, txid=txid
    )


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "Paste"),
        ("  \n", "Paste"),
        ("hello", "isn't a Pix code"),
        ("https://example.com/00020126", "isn't a Pix code"),
        ("000201", "incomplete"),
        ("000201\ud8006304ABCD", "incomplete or was changed"),
        (STATIC[:-1], "incomplete"),
        (STATIC[:60], "incomplete"),
        (STATIC[:-4] + "0000", "incomplete or was changed"),
        (STATIC.replace("Fulano", "Beltra"), "incomplete or was changed"),
        (STATIC + "x" * 512, "512"),
        ("0" * 1_000_000, "512"),
        (code_with(tag53="840"), "currency"),
        (code_with(tag53=""), "currency"),
        (code_with(tag58="US"), "country"),
        (code_with(tag58="br"), "country"),
        (code_with(tag52=""), "category"),
        (code_with(tag01="13"), "initiation"),
        (code_with(tag26=""), "Pix account"),
        (code_with(tag26="0012br.com.outro0101x"), "Pix account"),
        (code_with(tag27="0014br.gov.bcb.pix0103a@b"), "Pix account"),
        (code_with(tag26="0014br.gov.bcb.pix"), "no Pix key"),
        (code_with(tag26="0014br.gov.bcb.pix0100"), "no Pix key"),
        (code_with(tag26="0014br.gov.bcb.pix0103a b"), "no Pix key"),
        (code_with(tag26="0014br.gov.bcb.pix0199a@b"), "shorter"),
        (code_with(tag26="0014br.gov.bcb.pix01"), "two digits"),
        (code_with(tag26="0014br.gov.bcb.pix0103a@b0103c@d"), "twice"),
        (code_with(tag26="0014br.gov.bcb.pix0103a@b0203\u202e12"), "incomplete or was changed"),
        (code_with(tag59=""), "name"),
        (code_with(tag59=" "), "name"),
        (code_with(tag59="A" * 26), "name"),
        (code_with(tag59="A\nB"), "incomplete or was changed"),
        (code_with(tag60=""), "city"),
        (code_with(tag60="A" * 16), "city"),
        (code_with(tag62="0526" + "A" * 26), "txid"),
        (code_with(tag62="05"), "two digits"),
        (code_with(tag54="0.00"), "zero"),
        (code_with(tag54="1000000000.00"), "limit"),
        *((code_with(tag54=amount), "amount") for amount in ("-1", "1,00", "1.000", "1e3", ".50", "1 0", "abc", "²")),
        (signed("000201" + "5303986" * 2), "twice"),
        (signed("0002015A02xx"), "two digits"),
        # The last field swallows the CRC's tag, so that the code has a right sum and yet no sum of its own.
        (signed("0002019908"), "not a separate field"),
    ],
)
def test_a_bad_code_is_refused_with_its_reason(text: str, rule: str) -> None:
    with pytest.raises(SchemeError, match=rule) as caught:
        decode(text)
    assert caught.value.field == "brcode"


@pytest.mark.parametrize(
    "brcode",
    [
        BRCode("", "Ana", "Recife"),
        BRCode("a b", "Ana", "Recife"),
        BRCode("á@b", "Ana", "Recife"),
        BRCode("a" * 78, "Ana", "Recife"),
        BRCode("a@b", "Ana\n", "Recife"),
        BRCode("a@b", "Ana", "Recife", 0),
        BRCode("a@b", "Ana", "Recife", -1),
        BRCode("a@b", "Ana", "Recife", AMOUNT_CENTAVOS_MAX + 1),
        BRCode("a@b", "Ana", "Recife", information="x" * 71),
        BRCode("a" * 77, "Ana", "Recife", information="x"),
        BRCode("a@b", "Ana", "Recife", txid=""),
        BRCode("a@b", "Ana", "Recife", txid="***"),
        BRCode("a@b", "Ana", "Recife", txid="A" * 26),
        BRCode("a@b", "Ana", "Recife", location="pix.example.com/token"),
        BRCode("", "Ana", "Recife", 100, location="pix.example.com/token"),
        BRCode("", "Ana", "Recife", txid="A", location="pix.example.com/token"),
    ],
)
def test_what_no_bank_could_read_is_not_written(brcode: BRCode) -> None:
    with pytest.raises(SchemeError) as caught:
        encode(brcode)
    assert caught.value.field == "brcode"


@pytest.mark.parametrize(
    ("key", "length_max"), [("a", 72), ("a@b", 70), ("52998224725", 62), ("a" * 73, 0), ("a" * 77, 0)]
)
def test_key_and_information_share_their_room(key: str, length_max: int) -> None:
    assert information_length_max(key) == length_max
    if length_max:
        full = BRCode(key, "Ana", "Recife", information="x" * length_max)
        assert decode(encode(full)) == full


def lines(length_max: int) -> st.SearchStrategy[str]:
    """Texts that are in their written form already: ASCII, one space at most between words."""
    return st.text(string.ascii_letters + string.digits + " .,&'*-@", min_size=1, max_size=length_max).filter(
        lambda text: text == " ".join(text.split())
    )


keys = st.one_of(
    st.from_regex(r"\A[0-9]{11}\Z"),
    st.uuids(version=4).map(str),
    st.from_regex(r"\A\+[1-9][0-9]{9,14}\Z"),
    st.text(string.ascii_lowercase + string.digits + "@.+-_", min_size=1, max_size=77),
)
brcodes = st.builds(
    BRCode,
    key=keys,
    merchant_name=lines(25),
    merchant_city=lines(15),
    amount_centavos=st.none() | st.integers(1, AMOUNT_CENTAVOS_MAX),
    information=st.none() | lines(72),
    txid=st.none() | st.text(string.ascii_letters + string.digits, min_size=1, max_size=25),
    single_use=st.booleans(),
).filter(lambda brcode: len(brcode.information or "") <= information_length_max(brcode.key))


@given(brcodes)
def test_what_is_written_is_read_back(brcode: BRCode) -> None:
    code = encode(brcode)
    assert decode(code) == brcode
    assert code.isascii() and len(code) <= 512


@given(brcodes, st.data())
def test_one_changed_character_is_always_noticed(brcode: BRCode, data: st.DataObject) -> None:
    code = encode(brcode)
    position = data.draw(st.integers(0, len(code) - 1))
    character = data.draw(st.sampled_from(string.printable))
    # The check's hexadecimal letters may be small.
    assume((character.upper() if position >= len(code) - 4 else character) != code[position])
    with pytest.raises(SchemeError):
        decode(code[:position] + character + code[position + 1 :])


@given(brcodes, st.data())
def test_a_code_cut_short_is_always_noticed(brcode: BRCode, data: st.DataObject) -> None:
    code = encode(brcode)
    with pytest.raises(SchemeError):
        decode(code[: data.draw(st.integers(0, len(code) - 1))])


@given(st.text() | st.text(max_size=200).map(lambda text: f"000201{text}6304"))
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(SchemeError):
        decode(text)


@given(st.lists(st.tuples(st.integers(0, 99), st.text(max_size=40)), max_size=8), st.text("0123456789", max_size=8))
def test_a_code_with_a_right_sum_is_read_or_refused(rows: list[tuple[int, str]], rest: str) -> None:
    body = "000201" + "".join(field(f"{tag:02d}", value) for tag, value in rows) + rest
    try:
        decode(signed(body))
    except SchemeError as error:
        assert error.field == "brcode"


@given(st.text(), st.text(), st.text(), st.none() | st.text(), st.none() | st.text())
def test_a_code_of_garbage_is_readable_or_not_written(
    key: str, name: str, city: str, information: str | None, txid: str | None
) -> None:
    try:
        code = encode(BRCode(key, name, city, None, information, txid))
    except SchemeError:
        return
    assert decode(code).key == key
