"""Something to show on every page: what the gallery's paths have in braces, and the addresses of all pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from urllib.parse import quote

from bank_sim.application.use_cases import BankApplication
from bank_sim.application.webhooks.ports import NoticeFilter
from bank_sim.domain.charges.model import ChargeKind, Immediate
from bank_sim.domain.charges.orders import ChargeOrder
from bank_sim.domain.credentials.request_log import Body
from bank_sim.domain.schedules.calendar import PlanOrder, Rhythm
from pix.runtime.clock import SystemClock
from pix.scheme.days import day_of
from pix.scheme.keys import PixKey
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC, bank_topic
from tests.integration.bank_http.test_developers import pay_code, request_of
from tests.support.participants import bank_handler
from tests.support.village import Village

PUBLIC_PAGES: Final = ("/sign-in", "/open-account")
BANK_PAGES: Final = (
    "/", "/pay", "/pay/code", "/pay/picture", "/pay/bank", "/pay/again/{transfer}", "/pay/contact/{transfer}",
    "/receive?amount=25,00&message=Pizza", "/keys", "/keys/remove?kind={kind}&key={key}", "/statement",
    "/statement/print", "/schedules", "/schedules/{schedule}/edit", "/schedules/{schedule}/cancel", "/limits",
    "/account", "/transfers/{transfer}?direction=outgoing", "/transfers/{transfer}/receipt?direction=outgoing",
    "/returns/{return}?direction=incoming", "/returns/{return}/receipt?direction=incoming",
    "/developers", "/developers/requests", "/developers/requests/r1", "/developers/charges", "/developers/charges/new",
    "/developers/charges/cob/{txid}", "/developers/charges/cob/{txid}/remove", "/developers/webhooks",
    "/developers/webhooks/notices/{notice}", "/developers/verdict", "/developers/pay", "/developers/credentials",
    "/developers/credentials/{credential}/rotate", "/developers/credentials/{credential}/revoke",
    "/backoffice", "/backoffice/accounts", "/backoffice/accounts/{account}", "/backoffice/accounts/{account}/close",
    "/backoffice/transfers",
    "/backoffice/transfers/{transfer}?direction=outgoing", "/backoffice/books", "/backoffice/returns",
    "/backoffice/returns/{return}?direction=incoming", "/backoffice/dead-letters", "/backoffice/dead-letters/{letter}",
    "/backoffice/dead-letters/{letter}/discard", "/backoffice/dead-letters/replay", "/backoffice/behaviour",
    "/backoffice/sandbox", "/api/docs",
)  # fmt: skip
PAYEE_PAGES: Final = ("/transfers/{transfer}/return", "/backoffice/transfers/{transfer}/return")
"""At the bank of who was paid."""
HUB_PAGES: Final = (
    "/", "/map", "/activity", "/transfers", "/transfers/{transfer}", "/transfers/{transfer}/bookings", "/returns",
    "/returns/{return}", "/returns/{return}/bookings", "/banks", "/banks/001", "/banks/001/suspend",
    "/banks/001/withdraw?amount=100", "/directory", "/directory/{kind}/{key}", "/dead-letters",
    "/dead-letters/{hub_letter}", "/dead-letters/{hub_letter}/discard", "/dead-letters/replay", "/topics",
    f"/topics/{HUB_TOPIC}", "/trail", "/search?q=ana", "/protocol", "/api/docs",
)  # fmt: skip
LAB_PAGES: Final = ("/", "/scenarios/new", "/runs", "/runs/1", "/reset", "/api/docs")
CLASSROOM_PAGES: Final = ("/", "/notes", "/puzzle", "/api/docs")


def first_key(bank: BankApplication, place: int) -> str:
    """The key under which the person at this place is paid."""
    account = bank.queries.list_accounts().accounts[place]
    return bank.queries.keys_of(account.number)[0].key.key


def pay_for_lunch(village: Village) -> str:
    """R$ 80,00 from the first person of bank 001 to the first of bank 002; the end-to-end id."""
    bank = village.banks["001"]
    found = bank.find_payee(key=first_key(village.banks["002"], 0))
    transfer = bank.request_transfer(
        account_number=bank.queries.list_accounts().accounts[0].number,
        payee_key=found.key,
        amount_centavos=8_000,
        description="Almoço de sexta",
        idempotency_key="lunch",
        payee_tax_id_masked=found.tax_id_masked,
        payee_name=found.name,
        payee_bank_name=found.bank_name,
    )
    village.deliver()
    return transfer.end_to_end_id


def furnish(village: Village, transfer: str) -> dict[str, str]:
    """The names in braces, of bank 001's first customer, whom that transfer is of, and of the hub."""
    bank, other = village.banks["001"], village.banks["002"]
    account, payer = (each.queries.list_accounts().accounts[0] for each in (bank, other))
    key: PixKey = bank.queries.keys_of(account.number)[0].key
    plan = PlanOrder(Rhythm.MONTHLY, day_of(SystemClock().now_ms()) + timedelta(days=40), 12)
    schedule = bank.schedule_payment(
        account_number=account.number,
        payee_key=other.queries.keys_of(payer.number)[0].key,
        amount_centavos=185_000,
        description="Aluguel",
        idempotency_key="rent",
        plan=plan,
        payee_name=payer.holder_name,
    )
    bank.webhooks.put(account_number=account.number, key=key, url="http://127.0.0.1:9/hook")
    kind, expires = ChargeKind.IMMEDIATE, Immediate(3_600)
    order = ChargeOrder(account.number, kind, key, 14_990, expires, payer_request="Pedido 2048")
    (paid, _), (unpaid, _) = bank.charges.create(order), bank.charges.create(order)
    pay_code(village, other, payer, paid)
    made = bank.api_credentials.create(account_number=account.number, name="Loja da Ana")
    body = Body('{"valor": {"original": "149.90"}}', "application/json", 33)
    bank.api_credentials.note_requests([request_of(account, made.credential.credential_id, request=body)])
    bank_handler(bank, "any secret")([Record(topic=bank_topic("001"), key=b"x", value=b"nonsense", headers={})])
    village.publish([Record(HUB_TOPIC, b"E0000000120260101120000000000001", b"nonsense", {})])
    given_back = other.returns.request(
        account_number=payer.number,
        original_end_to_end_id=transfer,
        amount_centavos=3_000,
        description="Sobremesa",
        idempotency_key="pudding",
    )
    village.deliver()
    return {
        "account": account.number,
        "credential": made.credential.credential_id,
        "hub_letter": village.hub.dead_letters.list(None, 1)[0].digest,
        "key": quote(key.key),
        "kind": key.kind.value,
        "letter": bank.dead_letters.list()[0].digest,
        "notice": str(bank.webhooks.queries.notices(NoticeFilter(account.number))[0].notice_id),
        "return": given_back.return_id,
        "schedule": schedule.schedule_id,
        "transfer": transfer,
        "txid": unpaid.txid,
    }
