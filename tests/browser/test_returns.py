"""Returning a received Pix, and paying an account that is typed, on a telephone and a desktop, in both languages."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from bank_sim.domain.account import Account
from pix.scheme.keys import KeyKind
from tests.browser.addresses import arrive
from tests.browser.conftest import LOOKS, Look, Street, Watch
from tests.browser.test_paying import go_on
from tests.support.banks import ANAS_CPF
from tests.support.village import Village


def is_fully_visible(page: Page) -> bool:
    """Whether nothing of the page lies beside the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def payment_of(village: Village, payer: Account, payee: Account) -> str:
    """The end-to-end id of R$ 50,00 from Bruno at bank 002 to Ana at bank 001, once they have arrived."""
    payee_key = village.banks["001"].register_key(account_number=payee.number, kind=KeyKind.CPF, key=ANAS_CPF).key
    transfer = village.banks["002"].request_transfer(
        account_number=payer.number,
        payee_key=payee_key,
        amount_centavos=50_00,
        description="Mercado",
        idempotency_key="order",
        payee_tax_id_masked="",
    )
    village.deliver()
    return transfer.end_to_end_id


@LOOKS
def test_a_received_pix_is_returned_in_part_and_both_sides_see_it(
    look: Look, street: Street, watch: Watch, ana: Account, bruno: Account, size: dict[str, Any], language: str
) -> None:
    watch.expects_errors = True
    end_to_end_id = payment_of(street.village, bruno, ana)
    page = look("001", ana, size=size, language=language)
    page.goto(f"/transfers/{end_to_end_id}?direction=incoming")
    page.locator("#return").click()
    page.locator("#amount").fill("")
    page.locator("#amount").press_sequentially("6000")
    go_on(page)
    expect(page.locator("#amount-fault")).to_be_visible()
    page.locator("#amount").fill("")
    page.locator("#amount").press_sequentially("2000")
    assert is_fully_visible(page)
    go_on(page)
    expect(page.locator("[data-amount]")).to_contain_text("R$ 20,00")
    page.locator("#confirm").click()
    expect(page.locator("[data-status=confirmed]")).to_be_visible()
    assert is_fully_visible(page)
    page.locator("#receipt").click()
    arrive(page, "**/receipt**")
    expect(page.locator("#receipt-text")).to_contain_text(end_to_end_id)

    payers = look("002", bruno, size=size, language=language)
    payers.goto(f"/transfers/{end_to_end_id}?direction=outgoing")
    returned = payers.locator("#returns")
    for amount in ("R$ 20,00", "R$ 50,00"):
        expect(returned).to_contain_text(amount)


@LOOKS
def test_an_account_is_paid_by_bank_branch_and_number(
    look: Look, ana: Account, bruno: Account, size: dict[str, Any], language: str
) -> None:
    page = look("001", ana, size={**size, "viewport": {**size["viewport"], "width": 320}}, language=language)
    page.goto("/pay/bank")
    assert is_fully_visible(page), "also on the narrowest telephone"
    page.locator("#bank").select_option("002")
    page.locator("#branch").fill("0001")
    page.locator("#account_number").fill(bruno.number)
    page.locator("#name").fill("Bruno Lima")
    page.locator("#tax_id").fill("111.444.777-35")
    go_on(page)
    expect(page.locator("#tax_id")).to_have_count(0)
    page.locator("#amount").press_sequentially("1234")
    go_on(page)
    expect(page.locator("main")).to_contain_text(bruno.number)
    page.locator("#confirm").click()
    expect(page.locator("[data-status]")).to_be_visible()
