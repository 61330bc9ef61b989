"""A customer's account page: test money, PIN, devices; and favourites, news and links to the others' pages."""

from __future__ import annotations

import re
from urllib.parse import quote

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.entrypoints.http.pages.account import HERE
from tests.integration.bank_http.conftest import PIN, Visit, Visitor, pay, pay_to_review
from tests.support.village import Village

PAGE_BYTES_MAX = 60_000
PAGES = ("/", "/pay", "/pay?way=picture", "/account", "/receive", "/keys", "/statement", "/limits", "/schedules")


def test_test_money_goes_in_and_out_once_per_form(visit: Visit, aurora: BankApplication, ana: Account) -> None:
    visitor = visit(aurora, ana)
    visitor.open(HERE)
    form = {"amount": "250,00", "operation_id": visitor.hidden("operation_id")}
    for _ in range(2):
        visitor.send("/account/deposit", **form)
    assert "R$ 250,00 of test money deposited." in visitor.text
    assert aurora.queries.find_account(ana.number).balance_centavos == 125_000
    visitor.send("/account/withdraw", amount="1.250,01", operation_id="w")
    assert visitor.page.status_code == 409 and "You don't have enough balance." in visitor.text
    visitor.send("/account/withdraw", amount="ten", operation_id="w")
    assert visitor.page.status_code == 422 and 'value="ten"' in visitor.page.text
    visitor.send("/account/withdraw", amount="1.250,00", operation_id="w")
    assert aurora.queries.find_account(ana.number).balance_centavos == 0
    assert aurora.queries.books().is_balanced
    assert "Withdrawal" in visitor.open("/statement").text


def test_a_new_pin_signs_the_other_devices_out(visit: Visit, aurora: BankApplication, ana: Account) -> None:
    here, other = visit(aurora, ana), visit(aurora, ana)
    here.open(HERE)
    here.send("/account/pin", pin="0000", new_pin="9999", new_pin_again="9999")
    assert here.page.status_code == 422 and "This isn't your current PIN." in here.text
    here.send("/account/pin", pin=PIN, new_pin="9999", new_pin_again="9998")
    assert "The two PINs differ." in here.text
    assert other.open("/").url.path == "/"
    here.send("/account/pin", pin=PIN, new_pin="9999", new_pin_again="9999")
    assert "PIN changed." in here.text and here.path == HERE
    assert other.open("/").url.path == "/sign-in"
    other.send("/sign-in", account_number=ana.number, pin=PIN)
    assert "Wrong account number or PIN." in other.text
    other.send("/sign-in", account_number=ana.number, pin="9999")
    assert other.path == "/"


def test_wrong_pins_are_counted_together_with_those_at_sign_in(
    visit: Visit, aurora: BankApplication, ana: Account
) -> None:
    visitor = visit(aurora, ana)
    visitor.open(HERE)
    for _ in range(30):
        visitor.send("/account/pin", pin="0000", new_pin="9999", new_pin_again="9999")
        if visitor.page.status_code == 429:
            break
    assert "Too many attempts." in visitor.text
    visitor.send("/account/pin", pin=PIN, new_pin="9999", new_pin_again="9999")
    assert visitor.page.status_code == 429


def test_devices_are_listed_and_signed_out(visit: Visit, aurora: BankApplication, ana: Account) -> None:
    here, phone, laptop = visit(aurora, ana), visit(aurora, ana), visit(aurora, ana)
    here.client.headers["user-agent"] = "x"
    assert here.open(HERE).text.count("data-device=") == 3
    marks = re.findall(r'action="/account/devices/([0-9a-f]+)/sign-out"', here.page.text)
    assert len(marks) == 2, "this device is not signed out from the list"
    here.send(f"/account/devices/{marks[0]}/sign-out")
    assert "The device is signed out." in here.text
    assert sorted(each.open("/").url.path for each in (phone, laptop)) == ["/", "/sign-in"]
    here.open(HERE)
    here.send("/account/devices/sign-out-others")
    assert [each.open("/").url.path for each in (phone, laptop)] == ["/sign-in", "/sign-in"]
    assert here.open(HERE).text.count("data-device=") == 1


def test_a_device_of_another_account_is_not_signed_out(visit: Visit, aurora: BankApplication, ana: Account) -> None:
    eva = aurora.open_account(name="Eva Paz", tax_id="39053344705", opening_deposit_centavos=0, pin=PIN)
    here, hers = visit(aurora, ana), visit(aurora, eva)
    visit(aurora, eva)
    mark = re.findall(r'action="/account/devices/([0-9a-f]+)/sign-out"', hers.open(HERE).text)[0]
    here.open(HERE)
    here.send(f"/account/devices/{mark}/sign-out")
    assert hers.open(HERE).text.count("data-device=") == 2


def test_a_payee_is_paid_again_kept_and_dropped(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    end_to_end_id = pay(visitor, "bruno@example.com", "12,00", "Almoço")
    village.deliver()
    assert f'href="/pay/contact/{end_to_end_id}"' in visitor.open("/").text
    visitor.open(f"/pay/contact/{end_to_end_id}")
    assert visitor.path == "/pay/amount" and "Almoço" not in visitor.page.text
    visitor.open(f"/transfers/{end_to_end_id}")
    visitor.send("/favorites", end_to_end_id=end_to_end_id, keep="yes")
    assert "Bruno Lima is a favorite now." in visitor.text and "Remove from favorites" in visitor.text
    assert 'aria-label="Favorite"' in visitor.open("/pay").text
    visitor.open(f"/transfers/{end_to_end_id}")
    visitor.send("/favorites", end_to_end_id=end_to_end_id, keep="no")
    assert "Add to favorites" in visitor.text
    visitor.send("/favorites", end_to_end_id="E" * 32, keep="yes")
    assert visitor.page.status_code == 404


def test_the_same_payment_again_within_minutes_is_warned_of(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    pay_to_review(visitor, "bruno@example.com", "12,00")
    assert "data-repeated" not in visitor.page.text
    pay(visitor, "bruno@example.com", "12,00")
    village.deliver()
    pay_to_review(visitor, "bruno@example.com", "12,00")
    assert "You already paid Bruno Lima R$ 12,00 at" in visitor.text
    pay_to_review(visitor, "bruno@example.com", "12,01")
    assert "data-repeated" not in visitor.page.text


def test_what_arrived_while_away_is_told_until_it_is_read(
    visit: Visit, village: Village, aurora: BankApplication, ipe: BankApplication, ana: Account, bruno: Account
) -> None:
    payer = visit(aurora, ana)
    for amount in ("1,00", "2,00"):
        pay(payer, "bruno@example.com", amount)
    village.deliver()
    payee = visit(ipe, bruno)
    assert "While you were away" in payee.text and "2 new transactions" in payee.text
    assert "2 new transactions" in payee.open("/keys").text or "2 new transactions" in payee.text
    payee.open("/")
    payee.send("/news/read", posting_id=payee.hidden("posting_id"))
    assert "While you were away" not in payee.text and "new transaction" not in payee.text


def test_first_steps_are_shown_until_they_are_put_away(visit: Visit, aurora: BankApplication, ana: Account) -> None:
    visitor = visit(aurora, ana)
    assert "Three things to try" in visitor.text
    visitor.send("/preferences", next="/", hints="hidden")
    assert visitor.path == "/" and "Three things to try" not in visitor.text
    assert "Three things to try" not in visit(aurora, ana, demo_mode=False).text


def test_the_camera_is_for_the_page_of_a_payment_alone(visit: Visit, aurora: BankApplication, ana: Account) -> None:
    visitor = visit(aurora, ana)
    policies = {path: visitor.open(path).headers["permissions-policy"] for path in ("/pay?way=picture", "/", "/keys")}
    assert policies["/pay?way=picture"].startswith("camera=(self),")
    assert policies["/"] == policies["/keys"] and policies["/"].startswith("camera=(),")


def test_icons_are_there_for_old_browsers_and_home_screens(visit: Visit, aurora: BankApplication) -> None:
    visitor = visit(aurora)
    assert visitor.open("/favicon.ico").content.startswith(b"\0\0\1\0")
    for path in ("/apple-touch-icon.png", "/icon-192.png", "/icon-512.png"):
        assert visitor.open(path).content.startswith(b"\x89PNG"), path
    assert visitor.open("/icon-99.png").status_code == 404
    icons = visitor.open("/site.webmanifest").json()["icons"]
    assert {"image/png", "image/svg+xml"} == {icon["type"] for icon in icons}


def test_every_bank_has_its_logo_and_strangers_have_none(visit: Visit, aurora: BankApplication) -> None:
    visitor = visit(aurora)
    aurora.meet_participants()
    logos = {ispb: visitor.open(f"/logos/{ispb}.svg").text for ispb in ("00000001", "00000002", "00000003")}
    assert len(set(logos.values())) == 3
    assert visitor.open("/logos/99999999.svg").status_code == 404


def test_a_key_of_somebody_else_is_not_shown_as_ones_own(visit: Visit, aurora: BankApplication, ana: Account) -> None:
    visitor = visit(aurora, ana)
    assert "That key isn't one of yours." in visitor.open("/receive?key=" + quote("bruno@example.com")).text.replace(
        "&#39;", "'"
    )
    assert "one of yours" not in visitor.open("/receive?key=ana@example.com").text


def test_an_account_number_may_lack_its_zeros(visit: Visit, aurora: BankApplication) -> None:
    aurora.open_account.with_number("000101-5", name="Ana", tax_id="39053344705", opening_deposit_centavos=0, pin=PIN)
    for typed in ("101-5", " 000101-5", "1015", "0001015"):
        visitor = visit(aurora)
        visitor.open("/sign-in")
        visitor.send("/sign-in", account_number=typed, pin=PIN)
        assert visitor.path == "/", typed


def test_a_long_name_is_refused_with_a_word_rather_than_cut(visit: Visit, aurora: BankApplication) -> None:
    visitor = visit(aurora)
    visitor.open("/open-account")
    field = re.search(r'<input[^>]* id="name"[^>]*>', visitor.page.text)
    assert field and 'maxlength="400"' in field[0]
    visitor.send("/open-account", name="N" * 81, tax_id="39053344705", pin=PIN)
    assert visitor.page.status_code == 422 and "80" in visitor.text


def test_no_page_weighs_more_than_it_may(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    visitor = visit(aurora, ana)
    for number in range(4):
        pay(visitor, "bruno@example.com", f"{number + 1},00", "Almoço de domingo")
    village.deliver()
    weights = {path: _weight(visitor, path) for path in PAGES}
    assert {path: weight for path, weight in weights.items() if weight > PAGE_BYTES_MAX} == {}


def _weight(visitor: Visitor, path: str) -> int:
    """The bytes of a page and all that it loads but pictures, as they go over the wire."""
    page = visitor.open(path)
    loaded = re.findall(r'<(?:script|link)[^>]* (?:src|href)="([^"]+\.(?:js|css)[^"]*)"', page.text)
    answers = [page, *(visitor.client.get(address) for address in loaded)]
    return sum(int(answer.headers["content-length"]) for answer in answers)


def test_pages_have_no_invented_attributes(visit: Visit, aurora: BankApplication, ana: Account) -> None:
    visitor = visit(aurora, ana)
    invented = {path: re.findall(r'\shx-[a-z-]+="', visitor.open(path).text) for path in PAGES}
    assert {path: found for path, found in invented.items() if found} == {}


def test_a_list_of_one_page_has_no_pager(visit: Visit, aurora: BankApplication, ana: Account) -> None:
    visitor = visit(aurora, ana)
    for path in ("/statement", "/backoffice/books", "/backoffice/transfers", "/backoffice/accounts"):
        assert 'class="pager' not in visitor.open(path).text, path
