"""Paying a dynamic code as people do it: who asks, for what, how much today, and why not."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from playwright.sync_api import Page, expect

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.domain.charges.model import (
    ChargeKind,
    ChargeStatus,
    DatedDiscount,
    Debtor,
    Detail,
    Discount,
    DueDate,
    Immediate,
    Location,
    Modality,
)
from bank_sim.domain.charges.orders import ChargeOrder
from pix.scheme.days import day_of
from pix.scheme.keys import KeyKind, PixKey
from tests.browser.addresses import arrive
from tests.browser.conftest import LOOKS, PHONE, Look, Street, Watch
from tests.browser.test_accessibility import faults_of
from tests.browser.test_long_texts import wide
from tests.browser.test_paying import go_on, stage

KEY = PixKey(KeyKind.EMAIL, "bruno@example.com")
WORDS = {
    "en-GB": {
        "charge": "Charge",
        "discount": "Discount",
        "today": "Amount today",
        "due": "Due date",
        "paid": "This charge has been paid already.",
        "done": "Pix sent",
    },
    "pt-BR": {
        "charge": "Cobrança",
        "discount": "Desconto",
        "today": "Valor hoje",
        "due": "Vencimento",
        "paid": "Esta cobrança já foi paga.",
        "done": "Pix enviado",
    },
}


def code_of(bank: BankApplication, location: Location) -> str:
    return bank.payable_codes.write(bank.payable_codes.location(location.kind, location.token), "Bruno Lima")


def paste(page: Page, code: str) -> None:
    page.goto("/pay?way=code")
    page.locator("#code").fill(code)
    go_on(page)


@LOOKS
def test_a_charge_with_a_due_date_is_paid_and_then_is_paid(
    look: Look, street: Street, watch: Watch, ipe: BankApplication, ana: Account, bruno: Account,
    size: dict[str, Any], language: str,
) -> None:  # fmt: skip
    watch.expects_errors = True
    words = WORDS[language]
    today = day_of(street.village.clock.now_ms())
    order = ChargeOrder(
        account_number=bruno.number,
        kind=ChargeKind.DUE_DATE,
        key=KEY,
        amount_centavos=20_000,
        terms=DueDate(
            today + timedelta(days=20),
            valid_days_after=30,
            fine=Modality(1, 500),
            discount=Discount(1, dated=(DatedDiscount(today + timedelta(days=10), 1_500),)),
        ),
        txid="mensalidade2026escolaazul00001",
        debtor=Debtor("52998224725", "Ana Souza"),
        payer_request="Nome do aluno",
        details=(Detail("Turma", "3º ano B"), Detail("Referência", "Mensalidade de dezembro, com material")),
    )
    charge, location = ipe.charges.create(order)
    payer = look("001", ana, size=size, language=language)

    paste(payer, code_of(ipe, location))
    arrive(payer, "**/pay/amount?**")
    expect(payer.locator("[data-payee=name]")).to_have_text("Bruno Lima")
    shown = payer.locator("[data-charge]")
    for text in (words["discount"], words["today"], words["due"], "3º ano B", "Mensalidade de dezembro"):
        expect(shown).to_contain_text(text)
    expect(payer.locator("[data-amount]")).to_have_text(re.compile(r"R\$\s185,00"))
    assert faults_of(payer) == []
    payer.set_viewport_size(size["viewport"])
    payer.get_by_label("Nome do aluno").fill("Lia Souza")
    go_on(payer)
    arrive(payer, "**/pay/review?**")
    expect(payer.locator("main")).to_contain_text("Lia Souza")
    payer.locator("#confirm").click()
    arrive(payer, "**/transfers/**")
    stage(payer, "completed")
    expect(payer.locator("h1")).to_have_text(words["done"])
    expect(payer.locator("main")).to_contain_text(charge.txid)
    found, _ = ipe.charges.find(charge.tax_id, charge.txid, ChargeKind.DUE_DATE)
    assert found.status is ChargeStatus.COMPLETED

    paste(payer, code_of(ipe, location))
    expect(payer.locator("#code-fault")).to_have_text(words["paid"])


def test_a_charge_of_long_words_makes_no_page_wide(
    look: Look, ipe: BankApplication, ana: Account, bruno: Account
) -> None:
    order = ChargeOrder(
        bruno.number,
        ChargeKind.IMMEDIATE,
        KEY,
        12_345,
        Immediate(3_600),
        debtor=Debtor("52998224725", "Z" * 200),
        details=(Detail("x" * 50, "y" * 200),),
        payer_request="W" * 140,
    )
    _, location = ipe.charges.create(order)
    payer = look("001", ana, size=PHONE, language="pt-BR")
    paste(payer, code_of(ipe, location))
    arrive(payer, "**/pay/amount?**")
    assert wide(payer, [payer.url]) == []
    go_on(payer)
    arrive(payer, "**/pay/review?**")
    assert wide(payer, [payer.url]) == []


def test_the_amount_may_be_left_to_the_payer(look: Look, ipe: BankApplication, ana: Account, bruno: Account) -> None:
    terms = Immediate(3_600, payer_may_change_amount=True)
    _, location = ipe.charges.create(ChargeOrder(bruno.number, ChargeKind.IMMEDIATE, KEY, 0, terms))
    payer = look("001", ana, size=PHONE)
    paste(payer, code_of(ipe, location))
    arrive(payer, "**/pay/amount?**")
    payer.locator("#amount").press_sequentially("750")
    go_on(payer)
    payer.locator("#confirm").click()
    arrive(payer, "**/transfers/**")
    stage(payer, "completed")
