"""The bank's own side: accounts, transfers, books, dead letters, health, and the behaviour switches."""

from __future__ import annotations

import re
from dataclasses import replace
from hashlib import sha256
from html import unescape
from typing import Any

import pytest

from bank_sim.application import searching
from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.domain.behaviour import AnswerMode, Behaviour
from bank_sim.domain.flows.transfer.model import TransferStatus
from bank_sim.entrypoints.http.pages.backoffice.accounts import ENTRIES_SHOWN_MAX, OPEN_SHOWN_MAX
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.postings import Direction
from pix.scheme.reasons import ReasonCode
from pix.wire.record import VALUE_KEPT_BYTES_MAX, Record
from pix.wire.topics import bank_topic
from tests.integration.bank_http.conftest import Visit, pay
from tests.support.participants import bank_handler
from tests.support.village import Village


def test_it_is_open_in_demo_mode_and_else_wants_the_operators_password(
    visit: Visit, aurora: BankApplication, ana: Account
) -> None:
    assert visit(aurora).open("/backoffice").status_code == 200
    stranger = visit(aurora, demo_mode=False)
    for path in ("", "/accounts", "/transfers", "/books", "/dead-letters", "/behaviour", "/live"):
        stranger.open(f"/backoffice{path}")
        assert stranger.path == "/backoffice/sign-in"
    stranger.send("/backoffice/behaviour", mode="reject")
    assert stranger.path == "/backoffice/sign-in" and aurora.queries.behaviour() == Behaviour()
    stranger.send("/backoffice/sign-in", password="wrong")
    assert "Wrong password" in stranger.text
    stranger.send("/backoffice/sign-in", password="the operator of the tests")
    assert stranger.path == "/backoffice" and "Books balance" in stranger.text


def test_a_customer_is_no_operator(visit: Visit, aurora: BankApplication, ana: Account) -> None:
    visitor = visit(aurora, ana, demo_mode=False)
    visitor.open("/backoffice/accounts")
    assert visitor.path == "/backoffice/sign-in"


def test_the_overview_shows_the_money_and_the_hubs_account(
    visit: Visit, village: Village, aurora: BankApplication, ipe: BankApplication, ana: Account, bruno: Account
) -> None:
    pay(visit(aurora, ana), "bruno@example.com", "10,00")
    village.deliver()
    aurora.health.ok("schema")
    visitor = visit(aurora)
    visitor.open("/backoffice")
    for piece in (
        "every centavo is accounted for",
        "R$ 990,00",
        "R$ 999.990,00",
        "Outgoing · Confirmed",
        "Database schema",
    ):
        assert piece in visitor.text, piece
    village.switches.answers = False
    visitor.open("/backoffice")
    assert "not responding" in visitor.text


def test_accounts_are_blocked_unblocked_and_closed(visit: Visit, aurora: BankApplication, ana: Account) -> None:
    visitor = visit(aurora)
    visitor.open("/backoffice/accounts")
    visitor.send(f"/backoffice/accounts/{ana.number}", act="block")
    assert "Blocked" in visitor.text
    visitor.send(f"/backoffice/accounts/{ana.number}", act="unblock")
    assert aurora.queries.find_account(ana.number).status == "active"
    visitor.send(f"/backoffice/accounts/{ana.number}", act="close")
    assert visitor.page.status_code == 409 and "Only an empty account can be closed" in visitor.text


@pytest.mark.parametrize(
    ("language", "pieces"),
    [
        ("en", ("Open transfers", "Latest entries", "No limit", "Signed-in devices", "Pix sent", "Processing")),
        ("pt-BR", ("Transferências em aberto", "Últimos lançamentos", "Sem limite", "Chaves Pix", "Em processamento")),
    ],
)
def test_an_account_has_a_page_with_all_about_it(
    visit: Visit,
    village: Village,
    aurora: BankApplication,
    ana: Account,
    bruno: Account,
    language: str,
    pieces: tuple[str, ...],
) -> None:
    customer = visit(aurora, ana)
    pay(customer, "bruno@example.com", "10,00", "Lunch")
    village.deliver()
    waiting = pay(customer, "bruno@example.com", "2,00", "Coffee")
    visitor = visit(aurora)
    visitor.client.cookies.set("codepix_language", language)
    visitor.open("/backoffice/accounts")
    assert f'href="/backoffice/accounts/{ana.number}"' in visitor.page.text
    visitor.open(f"/backoffice/accounts/{ana.number}")
    for piece in (*pieces, "Ana Souza", "R$ 988,00", "ana@example.com", "***.982.247-**", "Bruno Lima", "−R$ 10,00"):
        assert piece in visitor.text, piece
    assert ana.tax_id not in visitor.page.text and "529.982" not in visitor.text
    shown = visitor.page.text
    undecided = shown[shown.index('id="open"') : shown.index('id="entries"')]
    assert waiting in undecided and undecided.count('data-label="') == 5, "no more than the one that waits"
    assert shown.count("data-device=") == 1
    visitor.open(f"/backoffice/transfers/{waiting}")
    assert f'href="/backoffice/accounts/{ana.number}"' in visitor.page.text
    visitor.open("/backoffice/accounts/000000-0")
    assert visitor.page.status_code == 404


def test_an_account_is_blocked_on_its_own_page(visit: Visit, aurora: BankApplication, ana: Account) -> None:
    path = f"/backoffice/accounts/{ana.number}"
    visitor = visit(aurora)
    visitor.open(path)
    visitor.send(path, act="block", page=visitor.hidden("page"))
    assert visitor.path == path and "blocked." in visitor.text and 'value="unblock"' in visitor.page.text
    visitor.send(path, act="close", page="account")
    assert visitor.page.status_code == 409 and "Only an empty account can be closed" in visitor.text
    assert "Latest entries" in visitor.text


def test_the_page_of_a_busy_account_is_bounded(
    visit: Visit, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    for number in range(15):
        aurora.request_transfer(
            account_number=ana.number,
            payee_key=PixKey(KeyKind.EMAIL, "bruno@example.com"),
            amount_centavos=100 + number,
            description="",
            idempotency_key=str(number),
            payee_tax_id_masked=bruno.tax_id_masked,
        )
    visitor = visit(aurora)
    visitor.open(f"/backoffice/accounts/{ana.number}")
    assert visitor.page.text.count('data-label="When"') == OPEN_SHOWN_MAX + ENTRIES_SHOWN_MAX
    assert f"Showing the latest {OPEN_SHOWN_MAX}." in visitor.text


def test_transfers_are_filtered_and_show_their_history(
    visit: Visit, village: Village, aurora: BankApplication, ipe: BankApplication, ana: Account, bruno: Account
) -> None:
    end_to_end_id = pay(visit(aurora, ana), "bruno@example.com", "10,00", "Lunch")
    village.deliver()
    visitor = visit(ipe)
    visitor.open("/backoffice/transfers?direction=incoming&status=confirmed&search=ana")
    assert "Ana Souza" in visitor.text and "R$ 10,00" in visitor.text
    visitor.open("/backoffice/transfers?direction=outgoing")
    assert "No transfers found" in visitor.text
    visitor.open(f"/backoffice/transfers/{end_to_end_id}?direction=incoming")
    for piece in ("TransferAccepted", "TransferConfirmed", "Banco Aurora", "Lunch"):
        assert piece in visitor.text, piece
    visitor.open("/backoffice/transfers/E00000001202601311832aB3dE6gH9jK")
    assert visitor.page.status_code == 404


def test_the_back_office_has_one_word_for_a_state(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    customer = visit(aurora, ana)
    first, second = (pay(customer, "bruno@example.com", amount) for amount in ("1,00", "2,00"))
    village.deliver()
    # The customer looks at one of the two, so the bank asks the hub what has become of it.
    customer.open(f"/transfers/{first}")
    visitor = visit(aurora)
    visitor.open("/backoffice")
    assert "Outgoing · Confirmed 2" in visitor.text
    visitor.open("/backoffice/transfers?status=confirmed")
    assert visitor.text.count("R$ 1,00 Confirmed") == visitor.text.count("R$ 2,00 Confirmed") == 1
    assert "Completed" not in visitor.text
    for end_to_end_id in (first, second):
        visitor.open(f"/backoffice/transfers/{end_to_end_id}")
        assert "Outgoing Confirmed" in visitor.text and "Completed at the hub" in visitor.text


@pytest.mark.parametrize("at_ms", [2**62, -(2**63), 2**63 - 1])
def test_rows_from_a_time_that_checked_less_are_shown(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account, at_ms: int
) -> None:
    end_to_end_id = pay(visit(aurora, ana), "bruno@example.com", "10,00", "Lunch")
    village.deliver()
    odd = "\u202eodd\r\u200b\x01"
    with village.units["001"]() as unit:
        (row,) = unit.transfers.lock([(end_to_end_id, Direction.OUTGOING)]).values()
        history = tuple(replace(step, at_ms=at_ms) for step in row.history)
        times: dict[str, Any] = dict.fromkeys(
            ("requested_at_ms", "decided_at_ms", "offered_at_ms", "completed_at_ms"), at_ms
        )
        assert row.payee is not None
        party = replace(row.payee, name=odd, branch=odd, tax_id_masked=odd)
        unit.transfers.save([replace(row, history=history, description=odd, payee=party, payer=party, **times)])
        unit.commit()
    with village.units["001"]() as unit:
        assert unit.transfers.lock([(end_to_end_id, Direction.OUTGOING)]).popitem()[1].requested_at_ms == at_ms
    customer, operator = visit(aurora, ana), visit(aurora)
    place = f"/transfers/{end_to_end_id}"
    for path in ("/", "/statement", "/statement.csv", "/statement/print", place, f"{place}/receipt"):
        assert customer.open(path).status_code == 200, path
    for path in ("/backoffice", "/backoffice/transfers", f"/backoffice{place}?direction=outgoing", f"/api/v1{place}"):
        assert operator.open(path).status_code == 200, path


def test_the_books_list_every_posting(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    pay(visit(aurora, ana), "bruno@example.com", "10,00")
    village.deliver()
    visitor = visit(aurora)
    visitor.open("/backoffice/books")
    for piece in (f"customer:{ana.number}", "clearing", "settlement", "Settled", "Deposit", "4 postings"):
        assert piece in visitor.text, piece
    assert 'href="/backoffice/books?compared=true"' in visitor.page.text
    visitor.open("/backoffice/books?compared=true")
    assert "Every account and transfer was compared with its postings." in visitor.text
    assert "Books balance" in visitor.text


def test_dead_letters_are_shown_replayed_and_discarded(visit: Visit, aurora: BankApplication) -> None:
    bank_handler(aurora, "any secret")([Record(topic=bank_topic("001"), key=b"x", value=b"nonsense", headers={})])
    letter = aurora.dead_letters.list()[0]
    visitor = visit(aurora)
    visitor.open("/backoffice/dead-letters")
    assert letter.reason in visitor.text and b"nonsense".hex() not in visitor.text
    visitor.open(f"/backoffice/dead-letters/{letter.digest}")
    assert letter.reason in visitor.text and b"nonsense".hex() in visitor.text
    visitor.open("/backoffice/dead-letters/" + "0" * 64)
    assert visitor.page.status_code == 404
    visitor.open("/backoffice/dead-letters")
    visitor.send(f"/backoffice/dead-letters/{letter.digest}", act="replay")
    assert "2 times" in visitor.text
    visitor.send(f"/backoffice/dead-letters/{letter.digest}", act="discard", note="<b>mine</b>")
    assert "Discarded" in visitor.text and "<b>mine</b>" in visitor.text and "<b>mine" not in visitor.page.text
    visitor.send(f"/backoffice/dead-letters/{letter.digest}", act="replay")
    assert visitor.page.status_code == 409
    visitor.send("/backoffice/dead-letters/" + "0" * 64, act="replay")
    assert visitor.page.status_code == 404


@pytest.mark.parametrize(
    ("language", "question", "outcome"),
    [
        ("en", "Replay 2 dead letters?", "Replayed: 0. Failed again: 2. Not tried yet: 0."),
        ("pt-BR", "Reprocessar 2 mensagens?", "Reprocessadas: 0. Falharam de novo: 2. Ainda não tentadas: 0."),
    ],
)
def test_the_letters_of_a_filter_are_replayed_after_a_question(
    visit: Visit, aurora: BankApplication, language: str, question: str, outcome: str
) -> None:
    handle = bank_handler(aurora, "any secret")
    for topic, value in ((bank_topic("001"), b"one"), (bank_topic("001"), b"two"), ("elsewhere", b"three")):
        handle([Record(topic=topic, key=b"x", value=value, headers={})])
    visitor = visit(aurora)
    visitor.client.cookies.set("codepix_language", language)
    visitor.open(f"/backoffice/dead-letters?topic={bank_topic('001')}")
    assert f"{bank_topic('001')} (2)" in visitor.text
    link = re.search(r'id="replay-all" href="([^"]*)"', visitor.page.text)
    assert link
    visitor.open(unescape(link[1]))
    assert question in visitor.text
    visitor.send("/backoffice/dead-letters/replay", topic=visitor.hidden("topic"))
    assert outcome in visitor.text and visitor.path == "/backoffice/dead-letters"
    assert sorted(each.times for each in aurora.dead_letters.list()) == [1, 2, 2]
    visitor.open("/backoffice/dead-letters/replay?topic=nowhere")
    assert visitor.path == "/backoffice/dead-letters" and 'id="replay-all"' not in visitor.page.text


def test_of_a_large_record_a_part_is_shown_and_it_is_not_run_again(visit: Visit, aurora: BankApplication) -> None:
    value = b"v" * (VALUE_KEPT_BYTES_MAX + 1)
    bank_handler(aurora, "any secret")([Record(topic=bank_topic("001"), key=b"x", value=value)])
    digest = aurora.dead_letters.list()[0].digest
    visitor = visit(aurora)
    visitor.open(f"/backoffice/dead-letters/{digest}")
    assert f"Truncated: the first {VALUE_KEPT_BYTES_MAX} of {len(value)} bytes are stored." in visitor.text
    assert sha256(value).hexdigest() in visitor.text
    visitor.open("/backoffice/dead-letters")
    visitor.send(f"/backoffice/dead-letters/{digest}", act="replay")
    assert visitor.page.status_code == 409
    assert "Only part of this record is stored" in visitor.text


def test_the_switches_are_set_and_shown(visit: Visit, aurora: BankApplication) -> None:
    visitor = visit(aurora)
    visitor.open("/backoffice/behaviour")
    visitor.send(
        "/backoffice/behaviour", mode="reject", reject_reason="AC07", delay_seconds="1.5", answer_style="twice"
    )
    behaviour = aurora.queries.behaviour()
    assert (behaviour.mode, behaviour.reject_reason, behaviour.answer_delay_ms) == (AnswerMode.REJECT, "AC07", 1_500)
    assert "Reject all" in visitor.text and "after 1.5 s" in visitor.text
    visitor.send("/backoffice/behaviour", mode="reject", reject_reason="AB03")
    assert visitor.page.status_code == 422 and "Only the hub gives this reason code" in visitor.text
    visitor.send("/backoffice/behaviour", mode="by_account", magic_amounts="true", stop_consuming="true")
    behaviour = aurora.queries.behaviour()
    assert behaviour.magic_amounts and not behaviour.consuming


@pytest.mark.parametrize(
    ("mode", "status"), [("reject", TransferStatus.FAILED), ("by_account", TransferStatus.CONFIRMED)]
)
def test_the_switches_decide_what_becomes_of_a_payment(
    visit: Visit,
    village: Village,
    aurora: BankApplication,
    ipe: BankApplication,
    ana: Account,
    bruno: Account,
    mode: str,
    status: TransferStatus,
) -> None:
    visitor = visit(ipe)
    visitor.open("/backoffice/behaviour")
    visitor.send("/backoffice/behaviour", mode=mode, reject_reason="AC03")
    end_to_end_id = pay(visit(aurora, ana), "bruno@example.com", "10,00")
    village.deliver()
    transfer = aurora.queries.find_transfer(end_to_end_id, Direction.OUTGOING)
    assert transfer.status is status
    assert (transfer.reason == ReasonCode.AC03) == (mode == "reject")


def test_a_magic_amount_asks_for_its_outcome(
    visit: Visit, village: Village, aurora: BankApplication, ipe: BankApplication, ana: Account, bruno: Account
) -> None:
    ipe.choose_behaviour(behaviour=Behaviour(magic_amounts=True))
    payer = visit(aurora, ana)
    end_to_end_id = pay(payer, "bruno@example.com", "0,03")
    village.deliver()
    payer.open(f"/transfers/{end_to_end_id}")
    assert "The payee's account or key does not exist." in payer.text


def test_a_search_of_transfers_that_is_cut_short_goes_on(
    visit: Visit, aurora: BankApplication, ana: Account, bruno: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "SEARCHED_MAX", 2)
    monkeypatch.setattr(searching, "ROWS_PER_READ", 2)
    payer = visit(aurora, ana)
    for amount in ("7,00", "1,00", "1,00", "1,00"):
        pay(payer, "bruno@example.com", amount)
    visitor = visit(aurora)
    visitor.open("/backoffice/transfers?search=7,00")
    assert "No matches among those searched." in visitor.text
    older = visitor.page.text.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    visitor.open(older)
    assert "R$ 7,00" in visitor.text
