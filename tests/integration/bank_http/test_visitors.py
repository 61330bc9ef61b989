"""Signing in and out, opening an account, and what guards the forms."""

from __future__ import annotations

import pytest

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from pix.web.attempts import ATTEMPTS_MAX
from tests.integration.bank_http.conftest import PIN, Visit
from tests.integration.bank_http.village import Village


def test_home_needs_a_customer(visit: Visit, aurora: BankApplication) -> None:
    visitor = visit(aurora)
    visitor.open("/")
    assert visitor.path == "/sign-in"
    assert "Banco Aurora" in visitor.text and "Bank 001" in visitor.text


def test_account_number_and_pin_sign_in_also_without_hyphen(
    visit: Visit, aurora: BankApplication, ana: Account
) -> None:
    visitor = visit(aurora)
    visitor.open("/sign-in")
    visitor.send("/sign-in", account_number=ana.number.replace("-", ""), pin=PIN)
    assert visitor.path == "/"
    assert "Hello, Ana" in visitor.text and "R$ 1.000,00" in visitor.text
    visitor.send("/sign-out")
    visitor.open("/")
    assert visitor.path == "/sign-in"


def test_wrong_pins_run_out(visit: Visit, aurora: BankApplication, ana: Account) -> None:
    visitor = visit(aurora)
    visitor.open("/sign-in")
    for _ in range(ATTEMPTS_MAX):
        visitor.send("/sign-in", account_number=ana.number, pin="0000")
        assert visitor.page.status_code == 401
        assert "Wrong account number or PIN" in visitor.text
    visitor.send("/sign-in", account_number=ana.number, pin=PIN)
    assert visitor.page.status_code == 429
    assert "Too many attempts" in visitor.text


def test_an_unknown_account_and_a_wrong_pin_are_told_alike(visit: Visit, aurora: BankApplication, ana: Account) -> None:
    visitor = visit(aurora, demo_mode=False)
    visitor.open("/sign-in")
    visitor.send("/sign-in", account_number=ana.number, pin="0000")
    wrong_pin = visitor.text.replace(ana.number, "")
    visitor.send("/sign-in", account_number="999999-9", pin="0000")
    assert visitor.text.replace("999999-9", "") == wrong_pin


def test_demo_people_sign_in_with_one_click_in_demo_mode_alone(
    visit: Visit, aurora: BankApplication, ana: Account
) -> None:
    visitor = visit(aurora)
    visitor.open("/sign-in")
    assert "Ana Souza" in visitor.text
    visitor.send("/sign-in/demo", account_number=ana.number)
    assert "Hello, Ana" in visitor.text

    stranger = visit(aurora, demo_mode=False)
    stranger.open("/sign-in")
    assert "Ana Souza" not in stranger.text
    stranger.send("/sign-in/demo", account_number=ana.number)
    assert stranger.path == "/sign-in"


def test_an_account_is_opened_with_its_deposit_as_a_posting(visit: Visit, aurora: BankApplication) -> None:
    visitor = visit(aurora)
    visitor.open("/open-account")
    visitor.send(
        "/open-account", name="Maria da Silva", tax_id="529.982.247-25", opening_deposit="1.234,56", pin="2468"
    )
    assert visitor.path == "/"
    assert "Hello, Maria" in visitor.text and "R$ 1.234,56" in visitor.text and "Deposit" in visitor.text
    assert aurora.queries.books().deposits_centavos == 123_456


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("tax_id", "529.982.247-26", "CPF check digits do not match"),
        ("tax_id", "1", "Enter a CPF (11 digits) or a CNPJ (14 characters)"),
        ("pin", "12", "Use 4 to 6 digits"),
        ("name", " ", "A value is required"),
        ("opening_deposit", "1,234.5", "Write the amount in reais"),
        ("name", "x" * 5_000, "Something went wrong"),
    ],
)
def test_what_is_wrong_with_a_new_account_stands_at_its_field(
    visit: Visit, aurora: BankApplication, field: str, value: str, sentence: str
) -> None:
    visitor = visit(aurora)
    visitor.open("/open-account")
    fields = {"name": "Maria", "tax_id": "52998224725", "opening_deposit": "", "pin": "2468", field: value}
    visitor.send("/open-account", **fields)
    assert visitor.page.status_code == 422
    assert sentence in visitor.text
    assert aurora.queries.list_accounts().accounts == ()


def test_a_form_without_its_token_changes_nothing(
    visit: Visit, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    for token in ("", "0" * 64):
        visitor.send("/keys", kind="EVP", csrf_token=token)
        assert visitor.page.status_code == 403
        assert "Your session has expired" in visitor.text and "Nothing was changed" in visitor.text
    assert len(aurora.queries.keys_of(ana.number)) == 1


def test_a_token_is_worth_nothing_in_another_session(visit: Visit, aurora: BankApplication, ana: Account) -> None:
    visitor, other = visit(aurora, ana), visit(aurora, ana)
    visitor.open("/keys")
    other.send("/keys", kind="EVP", csrf_token=visitor.hidden("csrf_token"))
    assert other.page.status_code == 403


def test_a_form_from_another_site_is_refused_even_with_a_token(
    visit: Visit, aurora: BankApplication, ana: Account
) -> None:
    visitor = visit(aurora, ana)
    visitor.open("/keys")
    answer = visitor.client.post(
        "/keys",
        data={"kind": "EVP", "csrf_token": visitor.hidden("csrf_token")},
        headers={"Origin": "http://evil.example"},
    )
    assert answer.status_code == 403


def test_every_answer_has_the_headers_that_guard_it(visit: Visit, aurora: BankApplication, ana: Account) -> None:
    visitor = visit(aurora, ana)
    for path in ("/", "/sign-in", "/keys", "/nothing", "/api/v1/accounts", "/static/app.css", "/health/live"):
        headers = visitor.open(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"


def test_pages_have_no_inline_script_or_style_and_load_nothing_from_elsewhere(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    for path in ("/", "/sign-in", "/pay", "/keys", "/receive?amount=1", "/statement", "/backoffice", "/api/docs"):
        html = visitor.open(path).text
        assert "<script>" not in html and "<style" not in html and " style=" not in html and " onclick=" not in html
        for attribute in ('src="', 'href="'):
            for piece in html.split(attribute)[1:]:
                assert piece.startswith(("/", "#")), piece[:60]


def test_cookies_are_for_http_alone_named_by_bank_and_secure_behind_https(
    visit: Visit, aurora: BankApplication, ipe: BankApplication, ana: Account
) -> None:
    visitor = visit(aurora)
    cookie = visitor.open("/sign-in").headers["set-cookie"]
    assert cookie.startswith("codepix_bank_001=") and "httponly" in cookie.lower() and "samesite=lax" in cookie.lower()
    assert visit(ipe).open("/sign-in").headers["set-cookie"].startswith("codepix_bank_002=")
    safe = visit(aurora, public_url="https://aurora.example").open("/sign-in").headers["set-cookie"]
    assert "secure" in safe.lower()


@pytest.mark.parametrize(("header", "greeting"), [("pt-BR,pt;q=0.9", "Olá, Ana"), ("en-GB", "Hello, Ana")])
def test_the_browsers_language_is_spoken(
    visit: Visit, aurora: BankApplication, ana: Account, header: str, greeting: str
) -> None:
    visitor = visit(aurora, ana)
    visitor.open("/", **{"Accept-Language": header})
    assert greeting in visitor.text
    assert "R$ 1.000,00" in visitor.text


def test_language_and_brightness_are_chosen_and_kept(visit: Visit, aurora: BankApplication, ana: Account) -> None:
    visitor = visit(aurora, ana)
    visitor.send("/preferences", language="pt-BR", next="/statement?direction=in")
    assert visitor.path == "/statement" and "Extrato" in visitor.text and 'lang="pt-BR"' in visitor.page.text
    visitor.send("/preferences", theme="dark", next="//evil.example/")
    assert visitor.path == "/" and 'data-theme="dark"' in visitor.page.text
    visitor.send("/preferences", amounts="hidden")
    assert "amounts-hidden" in visitor.page.text


def test_errors_speak_the_visitors_language_too(
    visit: Visit, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    visitor.send("/preferences", language="pt-BR", next="/pay")
    visitor.send("/pay", key="bruno@example.com")
    visitor.send("/pay/amount", payee=visitor.hidden("payee"), amount="5.000,00")
    assert "Saldo insuficiente." in visitor.text
    visitor.open("/nothing")
    assert "Ela não existe ou você não tem acesso" in visitor.text


def test_a_failure_of_ours_shows_no_traceback(visit: Visit, aurora: BankApplication, ana: Account) -> None:
    visitor = visit(aurora, ana)

    def broken(request: object) -> None:
        raise RuntimeError("a secret detail")

    visitor.client.app.add_route("/broken", broken)  # type: ignore[attr-defined]
    visitor.client.app.add_route("/api/v1/broken", broken)  # type: ignore[attr-defined]
    visitor.open("/broken")
    assert visitor.page.status_code == 500
    assert "The problem is on our side" in visitor.text and "secret detail" not in visitor.page.text
    problem = visitor.client.get("/api/v1/broken")
    assert problem.json()["title"] == "Something went wrong on our side" and "secret" not in problem.text


def test_static_files_have_fingerprints_and_are_kept(visit: Visit, aurora: BankApplication) -> None:
    visitor = visit(aurora)
    html = visitor.open("/sign-in").text
    for name in ("/static/foundation.css?v=", "/static/app.js?v=", "/vendor/htmx.min.js?v=", "/brand.css?v="):
        address = name + html.split(name)[1].split('"')[0]
        answer = visitor.open(address)
        assert answer.status_code == 200 and "immutable" in answer.headers["Cache-Control"]
    assert visitor.open("/brand.svg").headers["content-type"].startswith("image/svg+xml")
    assert visitor.open("/site.webmanifest").json()["theme_color"] == "#5b2a86"
