"""Keys: registering, removing, limits, and who has a key that is taken; receiving by QR code; codes made elsewhere."""

from __future__ import annotations

import io
import re
from html import unescape
from typing import Any

import pytest
import segno
import zxingcpp
from PIL import Image

from bank_sim.application.demo_people import cpf_of
from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.entrypoints.http.qr import UPLOAD_BYTES_MAX, draw_qr, read_picture
from pix.scheme import brcode
from pix.scheme.errors import SchemeError
from pix.scheme.keys import KeyKind
from tests.integration.bank_http.conftest import PIN, Visit, Visitor
from tests.support.banks import BRUNOS_CPF
from tests.support.village import Village


def picture_of(text: str, kind: str = "png", **options: object) -> bytes:
    target = io.BytesIO()
    segno.make(text, micro=False).save(target, kind="png", scale=6, border=4)
    if kind != "png" or options:
        image = Image.open(target).convert("RGB")
        target = io.BytesIO()
        image.save(target, kind, **options)
    return target.getvalue()


def test_keys_of_each_kind_are_registered_in_stored_form(visit: Visit, aurora: BankApplication, ana: Account) -> None:
    visitor = visit(aurora, ana)
    visitor.open("/keys")
    visitor.send("/keys", kind="CPF")
    visitor.send("/keys", kind="PHONE", key="(11) 98765-4321")
    visitor.send("/keys", kind="EVP")
    assert visitor.path == "/keys"
    keys = {entry.key.kind: entry.key.key for entry in aurora.queries.keys_of(ana.number)}
    assert keys[KeyKind.CPF] == ana.tax_id
    assert keys[KeyKind.PHONE] == "+5511987654321"
    assert (
        "529.982.247-25" in visitor.text and "+55 (11) 98765-4321" in visitor.text and keys[KeyKind.EVP] in visitor.text
    )
    assert "4 of 5 keys used" in visitor.text


def test_a_key_that_is_taken_names_the_bank_and_not_the_person(
    visit: Visit, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    visitor.open("/keys")
    visitor.send("/keys", kind="EMAIL", key="bruno@example.com")
    assert "This key is registered at Banco Ipê." in visitor.text
    assert "Bruno" not in visitor.text


@pytest.mark.parametrize(
    ("kind", "key", "sentence"),
    [
        ("EMAIL", "no address", "valid email address"),
        ("PHONE", "123", "A phone number"),
        ("PHONE", "", "Enter a key"),
    ],
)
def test_a_malformed_key_is_explained_at_its_field(
    visit: Visit, aurora: BankApplication, ana: Account, kind: str, key: str, sentence: str
) -> None:
    visitor = visit(aurora, ana)
    visitor.open("/keys")
    visitor.send("/keys", kind=kind, key=key)
    assert visitor.page.status_code == 422 and sentence in visitor.text


def test_a_full_account_offers_no_form(visit: Visit, aurora: BankApplication, ana: Account) -> None:
    for _ in range(4):
        aurora.register_key(account_number=ana.number, kind=KeyKind.EVP, key="")
    visitor = visit(aurora, ana)
    visitor.open("/keys")
    assert "the limit of 5 keys" in visitor.text
    assert 'action="/keys"' not in visitor.page.text


def test_a_key_is_removed_after_a_question(visit: Visit, aurora: BankApplication, ana: Account) -> None:
    visitor = visit(aurora, ana)
    visitor.open("/keys/remove?kind=EMAIL&key=ana@example.com")
    assert "Remove this key?" in visitor.text and "ana@example.com" in visitor.text
    visitor.send("/keys/remove", kind="EMAIL", key="ana@example.com")
    assert visitor.path == "/keys" and aurora.queries.keys_of(ana.number) == []
    visitor.open("/keys/remove?kind=EMAIL&key=ana@example.com")
    assert visitor.page.status_code == 404


def test_with_the_hub_down_keys_are_listed_and_registering_says_why_not(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account
) -> None:
    visitor = visit(aurora, ana)
    village.switches.answers = False
    visitor.open("/keys")
    assert "ana@example.com" in visitor.text
    visitor.send("/keys", kind="EVP")
    assert visitor.page.status_code == 503 and "responding right now" in visitor.text
    visitor.open("/keys/remove?kind=EMAIL&key=ana@example.com")
    visitor.send("/keys/remove", kind="EMAIL", key="ana@example.com")
    assert visitor.page.status_code == 503


def code_on(visitor: Visitor) -> str:
    found = re.search(r'id="code"[^>]*>([^<]*)<', visitor.page.text)
    assert found
    return unescape(found[1])


def test_the_code_says_whom_how_much_and_what_for(visit: Visit, aurora: BankApplication, ana: Account) -> None:
    visitor = visit(aurora, ana)
    visitor.open("/receive?amount=25,00&message=Pizza")
    read = brcode.decode(code_on(visitor))
    assert (read.key, read.amount_centavos, read.information) == ("ana@example.com", 2_500, "Pizza")
    assert read.merchant_name == "Ana Souza"
    assert "<svg" in visitor.page.text
    visitor.open("/receive")
    assert brcode.decode(code_on(visitor)).amount_centavos is None


def test_the_picture_of_the_code_is_a_file_that_says_what_it_is_for(
    visit: Visit, ipe: BankApplication, bruno: Account
) -> None:
    visitor = visit(ipe, bruno)
    visitor.open("/receive?amount=1.234,50&message=Pizza")
    found = re.search(r'id="picture" href="([^"]*)"', visitor.page.text)
    assert found
    code, answer = code_on(visitor), visitor.client.get(unescape(found[1]))
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == (
        'attachment; filename="pix-banco-ipe-bruno@example.com-1.234,50.png"'
    )
    assert read_picture(answer.content) == code
    visitor.open("/receive")
    found = re.search(r'id="picture" href="([^"]*)"', visitor.page.text)
    assert found
    assert "bruno@example.com.png" in visitor.client.get(unescape(found[1])).headers["content-disposition"]


def test_a_picture_that_cannot_be_leads_to_the_form_that_says_why(
    visit: Visit, aurora: BankApplication, ana: Account
) -> None:
    visitor = visit(aurora, ana)
    visitor.open("/receive/code.png?key=ana@example.com&amount=x")
    assert visitor.path == "/receive" and "Write the amount" in visitor.text
    visitor.open("/receive/code.png?key=bruno@example.com")
    assert visitor.path == "/receive" and "isn't one of yours" in visitor.text


@pytest.mark.parametrize(
    ("query", "sentence"), [("amount=x", "Write the amount"), (f"message={'m' * 150}", "too long")]
)
def test_a_code_that_cannot_be_is_explained(
    visit: Visit, aurora: BankApplication, ana: Account, query: str, sentence: str
) -> None:
    visitor = visit(aurora, ana)
    visitor.open(f"/receive?{query}")
    assert visitor.page.status_code == 422 and sentence in visitor.text and '<svg class="qr' not in visitor.page.text


def test_a_message_that_nobody_can_see_is_refused_at_the_message(
    visit: Visit, aurora: BankApplication, ana: Account
) -> None:
    visitor = visit(aurora, ana)
    visitor.open("/receive?message=a%E2%80%8Bb")
    assert visitor.page.status_code == 422
    assert 'id="message-fault"' in visitor.page.text and "invisible characters are not allowed" in visitor.text


def test_receiving_without_a_key_leads_to_the_keys(
    visit: Visit, ipe: BankApplication, bruno: Account, aurora: BankApplication
) -> None:
    account = aurora.open_account(name="Eva Paz", tax_id="39053344705", opening_deposit_centavos=0, pin="4321")
    visitor = visit(aurora, account)
    visitor.open("/receive")
    assert "register a Pix key" in visitor.text


def test_a_pasted_code_is_paid_with_its_amount_and_message(
    visit: Visit, village: Village, aurora: BankApplication, ipe: BankApplication, ana: Account, bruno: Account
) -> None:
    payee = visit(ipe, bruno)
    payee.open("/receive?amount=12,34&message=Cinema")
    code = code_on(payee)
    payer = visit(aurora, ana)
    payer.open("/pay?way=code")
    payer.send("/pay/code", code=f"  {code}\n")
    assert payer.path == "/pay/amount" and "Bruno Lima" in payer.text
    assert "R$ 12,34" in payer.text and "Cinema" in payer.text
    assert "Amount set by the code" in payer.text and "Message set by the code" in payer.text
    assert 'name="amount"' not in payer.page.text and 'id="description"' not in payer.page.text
    payer.send("/pay/amount", payee=payer.hidden("payee"))
    assert payer.path == "/pay/review" and "Amount set by the code" in payer.text
    payer.send("/pay/confirm", order=payer.hidden("order"))
    (transfer,) = aurora.queries.list_transfers().transfers
    assert (transfer.amount_centavos, transfer.description) == (1_234, "Cinema")


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"amount": "1,00"}, "The code sets the amount. You can't change it."),
        ({"amount": "12,35", "description": "Cinema"}, "The code sets the amount. You can't change it."),
        ({"amount": "12,34", "description": "Theatre"}, "The code sets the message. You can't change it."),
    ],
)
def test_a_forged_form_does_not_change_what_a_code_has_fixed(
    visit: Visit, aurora: BankApplication, ana: Account, bruno: Account, form: dict[str, str], sentence: str
) -> None:
    code = brcode.encode(brcode.BRCode("bruno@example.com", "Bruno Lima", "Recife", 1_234, "Cinema"))
    visitor = visit(aurora, ana)
    visitor.open("/pay?way=code")
    visitor.send("/pay/code", code=code)
    visitor.send("/pay/amount", payee=visitor.hidden("payee"), **form)
    assert visitor.page.status_code == 422 and sentence in visitor.text
    assert "R$ 12,34" in visitor.text and "Cinema" in visitor.text
    visitor.send("/pay/amount", payee=visitor.hidden("payee"), amount="12,34", description=" Cinema ")
    assert visitor.path == "/pay/review" and "R$ 12,34" in visitor.text


def test_what_a_code_leaves_out_is_the_payers_to_say(
    visit: Visit, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    visitor.open("/pay?way=code")
    visitor.send("/pay/code", code=brcode.encode(brcode.BRCode("bruno@example.com", "Bruno Lima", "Recife")))
    assert "set by the code" not in visitor.text
    visitor.send("/pay/amount", payee=visitor.hidden("payee"), amount="7,00", description="Lunch")
    assert visitor.path == "/pay/review" and "R$ 7,00" in visitor.text and "Lunch" in visitor.text


def test_a_cpf_in_a_code_is_never_taken_for_a_phone_number(
    visit: Visit, aurora: BankApplication, ipe: BankApplication, ana: Account
) -> None:
    both = cpf_of("119876543")
    owner = ipe.open_account(name="Davi Reis", tax_id=BRUNOS_CPF, opening_deposit_centavos=0, pin=PIN)
    ipe.register_key(account_number=owner.number, kind=KeyKind.PHONE, key=f"+55{both}")
    payer = visit(aurora, ana)
    payer.open("/pay?way=code")
    code = brcode.encode(brcode.BRCode(both, "Cecilia Dona do CPF", "Salvador", 5_000))
    payer.send("/pay/code", code=code)
    assert payer.page.status_code == 422 and "No account uses this key. Check it and try again" in payer.text
    assert "Davi Reis" not in payer.text

    holder = ipe.open_account(name="Cecilia Nunes", tax_id=both, opening_deposit_centavos=0, pin=PIN)
    ipe.register_key(account_number=holder.number, kind=KeyKind.CPF, key=both)
    payee = visit(ipe, holder)
    payee.open("/receive?amount=50,00")
    for paid, code_shown in (("code", code_on(payee)), ("picture", code)):
        if paid == "code":
            payer.send("/pay/code", code=code_shown)
        else:
            payer.send("/pay/picture", files={"picture": ("qr.png", picture_of(code_shown), "image/png")})
        assert payer.path == "/pay/amount" and "Cecilia Nunes" in payer.text and "R$ 50,00" in payer.text


@pytest.mark.parametrize("key", ["71987650301", "5571987650301", "KATIA@mare.example", "529.982.247-25"])
def test_a_key_in_a_code_that_the_directory_would_not_store_is_refused(
    visit: Visit, aurora: BankApplication, ana: Account, key: str
) -> None:
    visitor = visit(aurora, ana)
    visitor.open("/pay?way=code")
    visitor.send("/pay/code", code=brcode.encode(brcode.BRCode(key, "Katia", "Salvador")))
    assert visitor.page.status_code == 422 and 'id="code-fault"' in visitor.page.text


def test_a_random_key_of_any_version_may_be_unknown_but_is_a_key(
    visit: Visit, aurora: BankApplication, ana: Account
) -> None:
    evp = "123e4567-e89b-12d3-a456-426655440000"
    visitor = visit(aurora, ana)
    visitor.open("/pay?way=code")
    visitor.send("/pay/code", code=brcode.encode(brcode.BRCode(evp, "Nome Ficticio", "Salvador")))
    assert "No account uses this key. Check it and try again" in visitor.text
    visitor.send("/pay", key=evp.upper())
    assert "No account uses this key. Check it and try again" in visitor.text
    assert visitor.client.get(f"/api/v1/payees/EVP/{evp}").status_code == 404


def test_either_field_takes_a_code_and_a_key(
    visit: Visit, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    code = brcode.encode(brcode.BRCode("bruno@example.com", "Bruno Lima", "Recife", 1_234))
    visitor = visit(aurora, ana)
    visitor.open("/pay")
    recognized = visitor.client.get("/pay/recognize", params={"key": code}, headers={"HX-Request": "true"})
    assert "Pix code" in recognized.text
    visitor.send("/pay", key=code)
    assert visitor.path == "/pay/amount" and "R$ 12,34" in visitor.text
    visitor.open("/pay?way=code")
    visitor.send("/pay/code", code=" bruno@example.com\n")
    assert visitor.path == "/pay/amount" and "Bruno Lima" in visitor.text
    # A wrong code is explained as a code, wherever it was pasted.
    visitor.send("/pay", key=code[:-1])
    assert visitor.page.status_code == 422 and 'id="code-fault"' in visitor.page.text


def test_a_payee_whose_name_ascii_cannot_write_receives_by_code(
    visit: Visit, aurora: BankApplication, ipe: BankApplication, ana: Account
) -> None:
    holder = ipe.open_account(name="株式会社", tax_id=BRUNOS_CPF, opening_deposit_centavos=0, pin=PIN)
    ipe.register_key(account_number=holder.number, kind=KeyKind.EMAIL, key="kk@example.com")
    payee = visit(ipe, holder)
    payee.open("/receive")
    assert brcode.decode(code_on(payee)).merchant_name == "ZhuShiHuiShe"


@pytest.mark.parametrize("code", ["", "hello", "00020126", "x" * 1_500])
def test_a_code_that_is_none_is_explained(visit: Visit, aurora: BankApplication, ana: Account, code: str) -> None:
    visitor = visit(aurora, ana)
    visitor.open("/pay?way=code")
    visitor.send("/pay/code", code=code)
    assert visitor.page.status_code == 422 and 'id="code-fault"' in visitor.page.text


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "gif"])
def test_a_picture_of_a_code_is_read(
    visit: Visit, aurora: BankApplication, ana: Account, bruno: Account, kind: str
) -> None:
    code = brcode.encode(brcode.BRCode("bruno@example.com", "Bruno Lima", "Recife", 990))
    visitor = visit(aurora, ana)
    visitor.open("/pay?way=picture")
    visitor.send("/pay/picture", files={"picture": (f"qr.{kind}", picture_of(code, kind), f"image/{kind}")})
    assert visitor.path == "/pay/amount", visitor.text
    assert "Bruno Lima" in visitor.text and "R$ 9,90" in visitor.text


def test_a_code_of_another_generator_is_read() -> None:
    # The example of the Central Bank's manual of the BR Code, section "QR Code estático".
    code = (
        "00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-4266554400005204000053039865802BR5913Fulano de Tal"
        "6008BRASILIA62070503***63041D3D"
    )
    assert read_picture(picture_of(code)) == code
    assert brcode.decode(code).merchant_name == "Fulano de Tal"


def test_our_code_is_decoded_by_an_independent_reader() -> None:
    code = brcode.encode(brcode.BRCode("+5511987654321", "José da Conceição", "São Paulo", 123_456, "Olá"))
    read = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture_of(code))))
    assert [each.text for each in read] == [code]
    assert "<svg" in draw_qr(code, "Pix <QR>") and "Pix <QR>" not in draw_qr(code, "Pix <QR>")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "Choose an image"),
        (b"GIF89a nonsense", "as an image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "as an image"),
        (b"\x89PNG\r\n\x1a\n" + b"0" * 100, "as an image"),
        (b"0" * (UPLOAD_BYTES_MAX + 1), "at most 15 MB"),
    ],
)
def test_a_picture_that_is_none_is_refused(content: bytes, sentence: str) -> None:
    with pytest.raises(SchemeError, match=sentence):
        read_picture(content)


def picture_of_two(left: str, right: str) -> bytes:
    one, two = (Image.open(io.BytesIO(picture_of(text))).convert("L") for text in (left, right))
    both = Image.new("L", (one.width + two.width, max(one.height, two.height)), 255)
    both.paste(one, (0, 0))
    both.paste(two, (one.width, 0))
    target = io.BytesIO()
    both.save(target, "png")
    return target.getvalue()


def test_a_picture_without_a_code_is_refused() -> None:
    blank = io.BytesIO()
    Image.new("L", (200, 200), 255).save(blank, "png")
    with pytest.raises(SchemeError, match="find a QR code"):
        read_picture(blank.getvalue())


def test_of_two_qr_codes_in_a_picture_the_pix_code_counts() -> None:
    code, other = (brcode.encode(brcode.BRCode(key, "Ana", "Recife")) for key in ("ana@example.com", "b@example.com"))
    assert read_picture(picture_of_two(code, "https://www.example.com/receipt")) == code
    with pytest.raises(SchemeError, match="more than one Pix code"):
        read_picture(picture_of_two(code, other))
    with pytest.raises(SchemeError, match="None of the QR codes"):
        read_picture(picture_of_two("one", "two"))


def test_a_picture_that_unpacks_to_too_much_is_refused_unread() -> None:
    bomb = io.BytesIO()
    Image.new("1", (9_000, 9_000)).save(bomb, "png")
    assert len(bomb.getvalue()) < 100_000
    with pytest.raises(SchemeError, match="too large"):
        read_picture(bomb.getvalue())


@pytest.mark.parametrize(("language", "sentence"), [("en", "at most 15 MB"), ("pt-BR", "no máximo 15 MB")])
def test_a_picture_that_is_too_large_gets_a_page_with_a_way_back(
    visit: Visit, aurora: BankApplication, ana: Account, language: str, sentence: str
) -> None:
    visitor = visit(aurora, ana)
    visitor.client.cookies.set("codepix_language", language)
    visitor.open("/pay?way=picture")
    visitor.send("/pay/picture", files={"picture": ("qr.png", b"0" * (UPLOAD_BYTES_MAX + 2**20), "image/png")})
    assert visitor.page.status_code == 413
    assert sentence in visitor.text and 'href="/pay/picture"' in visitor.page.text
    assert "Content-Security-Policy" in visitor.page.headers
    visitor.open("/pay/picture")
    assert 'id="picture"' in visitor.page.text
    # Programs are told in their own way.
    answer = visitor.client.post("/api/v1/accounts", content=b"0" * (UPLOAD_BYTES_MAX + 2**20 + 1))
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")


def test_who_closes_an_account_registers_its_key_at_another_bank(aurora: BankApplication, ipe: BankApplication) -> None:
    holder: dict[str, Any] = {
        "name": "Rita Prado",
        "tax_id": "11144477735",
        "opening_deposit_centavos": 0,
        "pin": "1234",
    }
    before, after = aurora.open_account(**holder), ipe.open_account(**holder)
    aurora.register_key(account_number=before.number, kind=KeyKind.CPF, key="11144477735")
    aurora.close_account(account_number=before.number)
    ipe.register_key(account_number=after.number, kind=KeyKind.CPF, key="11144477735")
    assert aurora.find_payee(key="11144477735", kind=KeyKind.CPF).bank_name == ipe.identity.name
    # What the bank does from time to time takes nothing away from the new account.
    aurora.remove_keys_of_closed_accounts()
    assert aurora.find_payee(key="11144477735", kind=KeyKind.CPF).bank_name == ipe.identity.name
