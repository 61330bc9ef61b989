"""Signing in, keys, receiving by code and picture, the statement, and the bank's own side, in a real browser."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urljoin

from playwright.sync_api import Page, expect

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from tests.browser.addresses import arrive
from tests.browser.conftest import PHONE, Look, Street, Watch
from tests.browser.test_paying import go_on, stage, to_review
from tests.integration.bank_http.conftest import PIN


def option(page: Page, kind: str) -> None:
    page.locator(f"label.option:has(input[value={kind}])").click()


def test_signing_in_with_a_pin_and_out_again(look: Look, watch: Watch, ana: Account) -> None:
    watch.expects_errors = True
    page = look("001")
    page.locator("#account_number").fill(ana.number)
    page.locator("#pin").fill("0000")
    go_on(page)
    expect(page.locator(".notice")).to_contain_text("Wrong account number or PIN")
    page.locator("#pin").fill(PIN)
    go_on(page)
    expect(page.locator("h1")).to_have_text("Hello, Ana")
    page.locator(".switcher > summary").click()
    page.get_by_role("button", name="Sign out").click()
    arrive(page, "**/sign-in")
    page.goto("/statement")
    arrive(page, re.compile(r"/sign-in\?next=%2Fstatement$"))


def test_opening_an_account(look: Look, watch: Watch) -> None:
    watch.expects_errors = True
    page = look("001", size=PHONE)
    page.get_by_role("link", name="Open an account").click()
    page.locator("#name").fill("Maria da Silva")
    page.locator("#tax_id").fill("529.982.247-26")
    page.locator("#opening_deposit").fill("")
    page.locator("#opening_deposit").press_sequentially("123456")
    page.locator("#pin").fill("2468")
    go_on(page)
    expect(page.locator("#tax_id-fault")).to_contain_text("CPF check digits do not match")
    page.locator("#tax_id").fill("529.982.247-25")
    page.locator("#pin").fill("2468")
    go_on(page)
    expect(page.locator("[data-balance]")).to_have_text(re.compile(r"R\$\s1\.234,56"))


def test_keys_are_registered_and_removed(look: Look, watch: Watch, ana: Account, bruno: Account) -> None:
    watch.expects_errors = True
    page = look("001", ana, size=PHONE)
    page.goto("/keys")
    option(page, "EVP")
    go_on(page)
    expect(page.locator("[data-key]")).to_have_count(2)
    option(page, "EMAIL")
    page.locator("#key").fill("bruno@example.com")
    go_on(page)
    expect(page.locator("#key-fault")).to_contain_text("is registered at Banco Ipê")
    # On a phone the actions are in a sheet, which a tap beside it closes.
    page.get_by_role("button", name="Actions for key ana@example.com").click()
    expect(page.get_by_role("button", name="Copy key")).to_have_count(1)
    page.mouse.click(10, 10)
    expect(page.get_by_role("button", name="Copy key")).to_have_count(0)
    page.get_by_role("button", name="Actions for key ana@example.com").click()
    page.get_by_role("link", name="Remove key ana@example.com").click()
    expect(page.locator("h1")).to_have_text("Remove this key?")
    page.get_by_role("button", name="Remove key").click()
    expect(page.locator("[data-key]")).to_have_count(1)


def test_receiving_by_a_pasted_code_celebrates(look: Look, ana: Account, bruno: Account) -> None:
    payee = look("002", bruno, size=PHONE)
    payee.goto("/receive")
    payee.locator("#amount").press_sequentially("2500")
    payee.get_by_text("Pix key, message and reference").click()
    payee.locator("#message").fill("Pizza")
    # The code follows what is entered.
    expect(payee.locator("#receive-code")).to_contain_text("Pizza")
    code = payee.locator("#code").input_value()

    payer = look("001", ana)
    payer.goto("/pay?way=code")
    payer.locator("#code").fill(code)
    go_on(payer)
    expect(payer.locator("[data-amount]")).to_have_text(re.compile(r"R\$\s25,00"))
    expect(payer.locator("#amount")).to_have_count(0)
    expect(payer.locator("main form")).to_contain_text("Pizza")
    go_on(payer)
    payer.locator("#confirm").click()
    stage(payer, "completed")
    expect(payee.locator("[data-arrived]")).to_contain_text("from Ana Souza")


def test_a_photographed_code_is_paid(look: Look, ana: Account, bruno: Account, tmp_path: Path) -> None:
    payee = look("002", bruno, color_scheme="dark")
    payee.goto("/receive?amount=9,90")
    picture = tmp_path / "qr.png"
    payee.locator("figure.qr").screenshot(path=picture)
    payer = look("001", ana)
    payer.goto("/pay?way=picture")
    # Choosing the file sends the form.
    payer.locator("#picture").set_input_files(picture)
    arrive(payer, "**/pay/amount?**")
    expect(payer.locator("[data-payee=name]")).to_have_text("Bruno Lima")
    expect(payer.locator("[data-amount]")).to_have_text(re.compile(r"R\$\s9,90"))


def test_the_code_is_copied(look: Look, bruno: Account) -> None:
    page = look("002", bruno, permissions=["clipboard-read", "clipboard-write"])
    page.goto("/receive")
    page.get_by_role("button", name="Copy code").click()
    expect(page.locator(".toast")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#code").input_value()


def test_the_balance_is_hidden_and_stays_so(look: Look, ana: Account) -> None:
    page = look("001", ana)
    page.get_by_role("button", name="Hide amounts").click()
    expect(page.locator("[data-balance]")).to_be_hidden()
    page.reload()
    expect(page.locator("[data-balance]")).to_be_hidden()
    page.get_by_role("button", name="Hide amounts").click()
    expect(page.locator("[data-balance]")).to_be_visible()


def test_the_statement_is_filtered_and_exported(look: Look, ana: Account, bruno: Account) -> None:
    page = look("001", ana)
    to_review(page, "bruno@example.com", "1000", "Rent")
    page.locator("#confirm").click()
    stage(page, "completed")
    page.goto("/statement")
    page.get_by_role("link", name="Received").click()
    expect(page.locator("#lines")).not_to_contain_text("Rent")
    page.get_by_role("link", name="All", exact=True).click()
    page.locator("#search").fill("rent")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#lines .item")).to_have_count(1)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert "Rent" in download.value.path().read_text(encoding="utf-8")
    page.get_by_role("link", name="Print or PDF").click()
    page.emulate_media(media="print")
    expect(page.locator(".foot")).to_be_hidden()
    expect(page.locator("table")).to_contain_text("Rent")


def test_the_filters_of_the_statement_are_a_sheet_on_a_phone(look: Look, ana: Account) -> None:
    page = look("001", ana, size=PHONE, java_script_enabled=False)
    page.goto("/statement")
    expect(page.locator("#search")).to_be_hidden()
    page.get_by_role("button", name="Search and dates").click()
    page.locator("#search").fill("no such words")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator("#lines")).to_contain_text("No transactions match")
    expect(page.get_by_role("button", name="Search and dates 1")).to_be_visible()


def test_the_switches_make_a_bank_refuse_on_demand(
    look: Look, ipe: BankApplication, ana: Account, bruno: Account
) -> None:
    office = look("002")
    office.goto("/backoffice/behaviour")
    option(office, "reject")
    office.locator("#reject_reason").select_option("AC03")
    go_on(office)
    expect(office.locator("main")).to_contain_text("AC03")
    payer = look("001", ana)
    to_review(payer, "bruno@example.com", "1000")
    payer.locator("#confirm").click()
    stage(payer, "failed")
    expect(payer.locator(".notice-bad")).to_contain_text("The payee's account or key does not exist")
    office.goto("/backoffice/transfers")
    expect(office.locator("table")).to_contain_text("AC03")


def test_the_overview_moves_by_itself(look: Look, ana: Account, bruno: Account) -> None:
    office = look("001")
    office.goto("/backoffice")
    expect(office.locator("main")).to_contain_text("No transfers yet")
    payer = look("001", ana)
    to_review(payer, "bruno@example.com", "1000")
    payer.locator("#confirm").click()
    expect(office.locator("main")).to_contain_text("Outgoing · Confirmed")


def test_language_and_brightness_are_kept(look: Look, ana: Account) -> None:
    page = look("001", ana)
    page.get_by_role("button", name="Português").click()
    expect(page.locator("h1")).to_have_text("Olá, Ana")
    page.get_by_role("button", name="Escuro").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Claro").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark


def test_two_banks_in_one_browser_keep_their_customers_apart(look: Look, street: Street, ana: Account) -> None:
    page = look("001", ana)
    other = page.context.new_page()
    other.goto(street.address("002"))
    arrive(other, "**/sign-in")
    page.reload()
    expect(page.locator("h1")).to_have_text("Hello, Ana")


def test_a_page_notices_that_another_tab_uses_another_account(
    look: Look, watch: Watch, aurora: BankApplication, ana: Account
) -> None:
    watch.expects_errors = True
    eva = aurora.open_account(name="Eva Paz", tax_id="39053344705", opening_deposit_centavos=0, pin="4321")
    page = look("001", ana)
    page.goto("/keys")
    # As in a browser whose tabs cannot tell each other of it.
    form: dict[str, str | float | bool] = {
        "csrf_token": page.locator("input[name=csrf_token]").first.input_value(),
        "account_number": eva.number,
        "pin": "4321",
    }
    assert page.context.request.post(urljoin(page.url, "/sign-in"), form=form).ok
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(page.locator(".account-changed")).to_contain_text("You can't pay from it")
    assert page.locator("main").evaluate("e => e.inert"), "nothing on the page can be pressed"
    page.get_by_role("link", name="Continue").click()
    expect(page.locator(".head-name")).to_contain_text("Eva")
