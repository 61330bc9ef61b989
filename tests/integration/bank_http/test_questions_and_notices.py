"""What cannot be undone is asked before; what was done is told once."""

from __future__ import annotations

import pytest

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account, AccountStatus
from pix.participant.dead_letters.model import DeadLetterState
from pix.wire.record import Record
from pix.wire.topics import bank_topic
from tests.integration.bank_http.conftest import PIN, Visit, Visitor
from tests.support.participants import bank_handler


def told_once(visitor: Visitor, sentence: str) -> bool:
    """Whether the page says it, with nothing in its address, and no longer when it is loaded again."""
    at_first = sentence in visitor.text and "done" not in str(visitor.page.url)
    visitor.open(str(visitor.page.url))
    return at_first and sentence not in visitor.text


def test_an_account_is_closed_after_a_question(visit: Visit, aurora: BankApplication) -> None:
    empty = aurora.open_account(name="Eva Paz", tax_id="39053344705", opening_deposit_centavos=0, pin=PIN)
    visitor = visit(aurora)
    visitor.open("/backoffice/accounts")
    assert 'value="close"' not in visitor.page.text, "no single click closes an account"
    visitor.open(f"/backoffice/accounts/{empty.number}/close")
    assert "Close this account?" in visitor.text and "Eva Paz" in visitor.text
    assert "button-bad" in visitor.page.text
    assert aurora.queries.find_account(empty.number).status is AccountStatus.ACTIVE
    visitor.send(f"/backoffice/accounts/{empty.number}", act="close")
    assert aurora.queries.find_account(empty.number).status is AccountStatus.CLOSED
    assert told_once(visitor, f"Account {empty.number} closed.")
    visitor.open(f"/backoffice/accounts/{empty.number}/close")
    assert visitor.path == "/backoffice/accounts", "there is nothing left to ask"


def test_a_dead_letter_is_discarded_after_a_question(visit: Visit, aurora: BankApplication) -> None:
    bank_handler(aurora, "any secret")([Record(topic=bank_topic("001"), key=b"x", value=b"nonsense", headers={})])
    letter = aurora.dead_letters.list()[0]
    visitor = visit(aurora)
    visitor.open("/backoffice/dead-letters")
    assert 'value="discard"' not in visitor.page.text, "no single click discards"
    visitor.open(f"/backoffice/dead-letters/{letter.digest}/discard")
    assert "Discard this dead letter?" in visitor.text
    visitor.send(f"/backoffice/dead-letters/{letter.digest}", act="discard", note="mine")
    assert aurora.dead_letters.find(letter.digest).state is DeadLetterState.DISCARDED
    assert told_once(visitor, "Dead letter discarded.")


@pytest.mark.parametrize("language", ["en", "pt-BR"])
def test_everything_done_says_so_once(visit: Visit, aurora: BankApplication, ana: Account, language: str) -> None:
    customer, operator = visit(aurora, ana), visit(aurora)
    operator.open("/backoffice/accounts")
    for visitor in (customer, operator):
        visitor.client.cookies.set("codepix_language", language)
    says = {
        "registered": {"en": "98765-4321 registered.", "pt-BR": "98765-4321 cadastrada."},
        "removed": {"en": "98765-4321 removed.", "pt-BR": "98765-4321 removida."},
        "block": {"en": f"{ana.number} blocked.", "pt-BR": f"{ana.number} bloqueada."},
        "unblock": {"en": f"{ana.number} unblocked.", "pt-BR": f"{ana.number} desbloqueada."},
        "behaviour": {"en": "Applied.", "pt-BR": "Aplicado."},
    }
    customer.open("/keys")
    customer.send("/keys", kind="PHONE", key="(11) 98765-4321")
    assert "+55 (11) 98765-4321" in customer.text
    assert told_once(customer, says["registered"][language])
    customer.send("/keys/remove", kind="PHONE", key="+5511987654321")
    assert told_once(customer, says["removed"][language])
    for act in ("block", "unblock"):
        operator.send(f"/backoffice/accounts/{ana.number}", act=act)
        assert told_once(operator, says[act][language])
    operator.send("/backoffice/behaviour", mode="silent")
    assert told_once(operator, says["behaviour"][language])


def test_a_live_part_leaves_the_notice_for_the_page(visit: Visit, aurora: BankApplication, ana: Account) -> None:
    visitor = visit(aurora, ana)
    visitor.open("/keys")
    visitor.client.post(
        "/keys", data={"csrf_token": visitor.token, "kind": "PHONE", "key": "(11) 98765-4321"}, follow_redirects=False
    )
    visitor.client.get("/pay/recognize", params={"key": "x"})
    visitor.open("/keys")
    assert "98765-4321 registered." in visitor.text
