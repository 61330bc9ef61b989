"""The bank's app in a browser: switching persons, pictures by camera, paste and drop, and updates for all senses."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from tests.browser.addresses import arrive
from tests.browser.boxes import boxes
from tests.browser.conftest import DESKTOP, PHONE, Look, Street, Watch
from tests.browser.test_accessibility import faults_of
from tests.browser.test_paying import stage, to_review
from tests.integration.bank_http.conftest import PIN

SIZES = ((360, 740), (390, 844), (768, 1024), (1440, 900), (1920, 1080))
SWEPT = ("/", "/account", "/pay", "/pay?way=picture", "/statement", "/backoffice/transfers", "/backoffice/accounts")

CAMERA = """source => {
  navigator.mediaDevices.getUserMedia = async () => {
    const picture = new Image();
    picture.src = source;
    await picture.decode();
    const canvas = document.createElement("canvas");
    canvas.width = 640; canvas.height = 640;
    const draw = () => {
      const pen = canvas.getContext("2d");
      pen.fillStyle = "#fff"; pen.fillRect(0, 0, 640, 640);
      pen.drawImage(picture, 60, 60, 520, 520);
      requestAnimationFrame(draw);
    };
    draw();
    return canvas.captureStream(10);
  };
}"""
"""A camera that looks at a picture."""
HAND_OVER = """([source, kind]) => {
  const bytes = Uint8Array.from(atob(source), (letter) => letter.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], "qr.png", { type: "image/png" }));
  const options = { bubbles: true, cancelable: true };
  document.body.dispatchEvent(kind === "paste"
    ? new ClipboardEvent("paste", { ...options, clipboardData: data })
    : new DragEvent("drop", { ...options, dataTransfer: data }));
}"""


@pytest.fixture
def picture(look: Look, bruno: Account, tmp_path: Path) -> str:
    """A QR code of Bruno's for R$ 9,90, as base64."""
    payee = look("002", bruno)
    payee.goto("/receive?amount=9,90")
    path = tmp_path / "qr.png"
    payee.locator("figure.qr").screenshot(path=path)
    payee.context.close()
    return base64.b64encode(path.read_bytes()).decode()


def test_a_code_is_read_by_camera_by_paste_and_by_drop(look: Look, ana: Account, picture: str) -> None:
    page = look("001", ana, language="pt-BR")
    page.goto("/pay?way=picture")
    page.evaluate(CAMERA, f"data:image/png;base64,{picture}")
    page.locator("#scanner-start").click()
    expect(page.locator("#scanner-words")).to_have_text("Aponte a câmera para o QR code.")
    arrive(page, "**/pay/amount?**")
    expect(page.locator("[data-payee=name]")).to_have_text("Bruno Lima")
    for kind, way in (("paste", "key"), ("drop", "picture")):
        page.goto(f"/pay?way={way}")
        page.evaluate(HAND_OVER, [picture, kind])
        arrive(page, "**/pay/amount?**")
        expect(page.locator("[data-amount]")).to_have_text(re.compile(r"R\$\s9,90"))


@pytest.mark.parametrize(
    ("language", "after", "missing"),
    [
        ("en-GB", "Balance after", "Not enough balance. Missing"),
        ("pt-BR", "Saldo após o Pix", "Saldo insuficiente. Valor que falta"),
    ],
)
def test_the_balance_after_a_payment_follows_the_amount(
    look: Look, ana: Account, bruno: Account, language: str, after: str, missing: str
) -> None:
    page = look("001", ana, language=language)
    page.goto("/pay")
    page.locator("#key").fill("bruno@example.com")
    page.keyboard.press("Enter")
    arrive(page, "**/pay/amount?**")
    line = page.locator("#after")
    page.locator("#description").fill("Almoço")
    page.locator("[data-quick][value='50,00']").click()
    expect(line).to_have_text(re.compile(rf"{after}: R\$\s950,00"))
    page.locator("#amount").fill("1.000,50")
    expect(line).to_have_text(re.compile(rf"{missing}: R\$\s0,50"))
    page.locator("input[name=when][value=weekly]").check()
    expect(line).to_have_text("")
    page.locator("input[name=when][value=today]").check()
    page.locator("[data-quick][value='20,00']").click()
    page.locator("#amount").press("Enter")
    arrive(page, "**/pay/review?**")
    expect(page.locator("[data-amount]")).to_have_text(re.compile(r"R\$\s20,00"))
    expect(page.locator("main")).to_contain_text("Almoço")


def test_the_code_follows_the_amount_and_is_shared_as_text(look: Look, ana: Account) -> None:
    page = look("001", ana, size=PHONE, language="pt-BR")
    page.goto("/receive")
    before = page.locator("#code").input_value()
    page.locator("#amount").press_sequentially("1234")
    expect(page.locator("#receive-code .review-amount")).to_have_text(re.compile(r"R\$\s12,34"))
    code = page.locator("#code").input_value()
    assert code != before
    page.evaluate("() => { navigator.share = ({ text }) => { window.shared = text; return Promise.resolve(); }; }")
    page.locator("[data-share=code]").click()
    assert page.evaluate("() => window.shared") == code
    with page.expect_download() as started:
        page.locator("#picture").click()
    assert started.value.suggested_filename == "pix-banco-aurora-ana@example.com-12,34.png"
    # The address follows too: a reload shows the same.
    page.reload()
    assert page.locator("#code").input_value() == code


def test_a_camera_that_is_refused_is_said_and_the_form_stays(look: Look, ana: Account) -> None:
    page = look("001", ana)
    page.goto("/pay?way=picture")
    page.evaluate("() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new Error('no')); }")
    page.locator("#scanner-start").click()
    expect(page.locator("#scanner-words")).to_contain_text("The camera can't be used")
    expect(page.locator("#scanner-start")).to_be_visible()
    expect(page.locator("#picture")).to_be_enabled()


def test_the_person_is_switched_from_any_page_by_keyboard(look: Look, aurora: BankApplication, ana: Account) -> None:
    eva = aurora.open_account(name="Eva Paz", tax_id="39053344705", opening_deposit_centavos=0, pin=PIN)
    page = look("001", ana)
    page.goto("/keys")
    page.locator(".switcher > summary").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_visible()
    people = page.locator(".switcher-people button")
    expect(people).to_have_count(1)
    expect(people).to_contain_text(eva.number)
    people.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".head-name")).to_contain_text("Eva")
    arrive(page, "**/keys")


def test_an_update_keeps_the_focus_and_is_announced(look: Look, ana: Account, bruno: Account) -> None:
    payer, payee = look("001", ana), look("002", bruno)
    for amount in ("100", "200"):
        to_review(payer, "bruno@example.com", amount)
        payer.locator("#confirm").click()
        stage(payer, "completed")
        expect(payee.locator("#said")).to_have_text(re.compile(rf"You received R\$\s{amount[0]},00 from Ana Souza"))
        if amount == "100":
            held = payee.locator("a.item[id^=line-]").first
            held.focus()
            name = held.get_attribute("id")
    assert payee.evaluate("document.activeElement.id") == name


def test_test_money_pin_and_favourites_without_a_script(look: Look, ana: Account, bruno: Account) -> None:
    page = look("001", ana, java_script_enabled=False)
    page.goto("/account")
    page.locator("#deposit").fill("50,00")
    page.get_by_role("button", name="Deposit").click()
    expect(page.locator(".done-notice")).to_contain_text("deposited")
    page.locator("#pin").fill(PIN)
    page.locator("#new_pin").fill("2468")
    page.locator("#new_pin_again").fill("2468")
    page.get_by_role("button", name="Change PIN").click()
    expect(page.locator(".done-notice")).to_contain_text("PIN changed")
    to_review(page, "bruno@example.com", "10,00")
    page.locator("#confirm").click()
    # The page comes again until the payment is at rest.
    expect(page.locator("#receipt")).to_be_visible()
    page.locator("#favorite").click()
    expect(page.locator("#favorite")).to_have_text("Remove from favorites")
    page.goto("/")
    expect(page.locator(".contact")).to_contain_text("Bruno")


def test_a_rest_call_is_tried_and_copied_as_curl(look: Look, watch: Watch, street: Street, ana: Account) -> None:
    watch.expects_errors = True
    page = look("001", permissions=["clipboard-read", "clipboard-write"])
    page.goto("/api/docs")
    calls = page.get_by_role("navigation", name="Groups of calls")
    page.get_by_label("Find a call").fill("no such call")
    expect(calls.get_by_role("status")).to_have_text("No call has these words.")
    page.get_by_label("Find a call").fill("get accounts with its balance")
    calls.get_by_role("link", name="/accounts/{number}").click()
    operation = page.locator(".operation", has_text="/api/v1/accounts/{number}").filter(has_text="with its balance")
    operation.get_by_label("number").fill(ana.number)
    operation.get_by_role("button", name="Copy as curl").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"curl '{street.address('001')}/api/v1/accounts/{ana.number}'"
    operation.get_by_role("button", name="Try it").click()
    expect(operation.locator("[data-answer]")).to_contain_text('"holder_name": "Ana Souza"')
    expect(operation.locator("[data-answer] .badge")).to_contain_text("200")
    operation.get_by_label("number").fill("1")
    operation.get_by_role("button", name="Try it").click()
    expect(operation.locator("[data-answer] .badge")).to_contain_text("404")


def test_the_current_tab_of_the_back_office_is_in_sight_on_a_phone(look: Look) -> None:
    page = look("001", size=PHONE)
    page.goto("/backoffice/behaviour")
    (tab,) = boxes(page, ".office-nav [aria-current]")
    assert tab.x >= 0 and tab.x + tab.width <= PHONE["viewport"]["width"] + 1


def test_tables_are_cards_on_a_phone(look: Look, ana: Account) -> None:
    page = look("001", size=PHONE)
    page.goto("/backoffice/accounts")
    row = page.locator("tbody tr").first
    shown = row.locator("td[data-label]").evaluate_all(
        "cells => cells.map((cell) => [cell.dataset.label, getComputedStyle(cell, '::before').content])"
    )
    assert ["Balance", '"Balance"'] in shown
    frame = page.locator(".table-frame").first
    assert frame.evaluate("e => e.scrollWidth <= e.clientWidth + 1"), "nothing is cut at the card's edge"


def test_a_long_message_takes_two_lines_of_a_list(look: Look, ana: Account, bruno: Account) -> None:
    page = look("001", ana, size=PHONE)
    to_review(page, "bruno@example.com", "1000", "Uma mensagem bem comprida. " * 5)
    shield = page.locator(".hint.row", has_text="charged once")
    box, words = shield.locator(".icon").bounding_box(), shield.bounding_box()
    assert box is not None and words is not None and words["height"] < 4 * box["height"]
    assert shield.evaluate("e => getComputedStyle(e).flexWrap") == "nowrap", "the shield stands beside its words"
    page.locator("#confirm").click()
    stage(page, "completed")
    page.goto("/statement")
    detail = page.locator(".item-detail-long", has_text="Uma mensagem").first
    lines = detail.evaluate("e => e.getBoundingClientRect().height / parseFloat(getComputedStyle(e).lineHeight)")
    assert lines <= 2.1


def test_the_confirmation_is_two_tabs_away(look: Look, ana: Account, bruno: Account) -> None:
    page = look("001", ana)
    to_review(page, "bruno@example.com", "1000")
    assert page.evaluate("document.activeElement.tagName") == "H1"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "confirm"


@pytest.fixture
def busy_page(look: Look, watch: Watch, ana: Account, bruno: Account) -> Any:
    """Makes a page of Ana's, who has paid Bruno."""
    watch.expects_errors = True

    def make(**options: Any) -> Page:
        page = look("001", ana, **options)
        to_review(page, "bruno@example.com", "1000", "Lunch")
        page.locator("#confirm").click()
        stage(page, "completed")
        return page

    return make


def check_sizes(page: Page, paths: tuple[str, ...]) -> list[str]:
    faults = []
    for path in paths:
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            page.goto(path)
            reached = page.evaluate("document.documentElement.scrollWidth")
            if reached > width:
                faults.append(f"{path} is {reached} px wide on {width} px")
            if page.locator("h1").count() != 1:
                faults.append(f"{path} has {page.locator('h1').count()} first headings")
    return faults


@pytest.mark.parametrize(
    ("language", "scheme", "paths"),
    [
        pytest.param("en-GB", "light", ("/", "/account"), id="some"),
        pytest.param("en-GB", "dark", SWEPT, id="every page in English", marks=pytest.mark.prove),
        pytest.param("pt-BR", "light", SWEPT, id="every page in Portuguese", marks=pytest.mark.prove),
    ],
)
def test_the_app_fits_every_screen(busy_page: Any, language: str, scheme: str, paths: tuple[str, ...]) -> None:
    page = busy_page(language=language, color_scheme=scheme, size=DESKTOP)
    assert check_sizes(page, paths) == []
    page.goto(paths[1])
    assert faults_of(page) == []
