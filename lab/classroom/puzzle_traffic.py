"""The same day in every puzzle: payments in all directions, refusals, repeated records, a forgery."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import httpx

from lab.classroom.puzzles import BANKS
from lab.network.network import Network, RunningBank
from lab.network.parts.process import wait_until
from lab.prove.conform.contract import Account, BankApi, account_of, transfer_of
from lab.prove.conform.evidence import Evidence
from lab.prove.conform.people import People, Person
from lab.read.tap import Tap, message_of
from pix.messaging.kafka.settings import KafkaSettings
from pix.messaging.kafka.sink import KafkaSink
from pix.scheme.deliveries import HUB
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import Party, Side, TransferConfirmed, TransferFailed
from pix.scheme.people import mask_tax_id
from pix.web.marks import translatable
from pix.wire.protobuf_v1.codec import encode_record
from pix.wire.protobuf_v1.signatures import signing_key
from pix.wire.record import Record
from pix.wire.topics import bank_topic

BALANCE_CENTAVOS: Final = 1_000_00
AMOUNTS_CENTAVOS: Final = (24_09, 50_03)
"""A credit of the first to an account of R$ 1.000,00 is more than floating point holds."""
REFUSED_CENTAVOS: Final = 80_00
OVERDRAWN_CENTAVOS: Final = 5_000_00
FORGED_CENTAVOS: Final = 777_00
DECIDED_SECONDS_MAX: Final = 20.0
REPEATED_SECONDS_MAX: Final = 5.0
POLL_SECONDS: Final = 0.05
SEED: Final = 7
STRANGER: Final = signing_key("a secret that the hub does not have")

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ShownTransfer:
    """A transfer of the day, for the student to look at."""

    end_to_end_id: str
    payer_code: str
    payee_code: str
    amount_centavos: int


@dataclass(frozen=True, slots=True)
class _Customers:
    bank: RunningBank
    api: BankApi
    payer: Account
    payee: Account
    payee_key: PixKey
    blocked_key: PixKey


class PuzzleTraffic:
    def __init__(self, network: Network, client: httpx.Client, report: Report) -> None:
        """`report` is given each step, as a text to be translated."""
        self._network = network
        self._client = client
        self._report = report
        self._people = People(SEED)
        self.transfers: list[ShownTransfer] = []

    def play(self) -> None:
        """Plays the day. Raises `Failed` for a bank that does not answer, `PartNotReady` when it does not end."""
        codes = [code for code, _, _ in BANKS]
        with closing(Tap(self._network.broker.bootstrap_servers, codes)) as tap:
            self._report(translatable("Customers open accounts and register keys."))
            customers = [self._open_accounts(bank) for bank in self._network.banks]
            self._report(translatable("Customers of all banks pay each other."))
            for number, of_bank in enumerate(customers):
                following = customers[(number + 1) % len(customers)]
                for amount in AMOUNTS_CENTAVOS:
                    self._pay(of_bank, following, following.payee_key, amount)
                self._pay(of_bank, following, following.blocked_key, REFUSED_CENTAVOS)
            outcomes = self._await_decisions(tap)
            self._report(translatable("The broker delivers the hub's decisions a second time."))
            self._publish(outcomes)
            self._report(translatable("A customer of each bank orders more than the balance, and a stranger forges."))
            for number, of_bank in enumerate(customers):
                following = customers[(number + 1) % len(customers)]
                self._overdraw(of_bank, following)
            self._publish([self._forgery(of_bank) for of_bank in customers])
            self._await_repetitions(tap)

    def _open_accounts(self, bank: RunningBank) -> _Customers:
        api = BankApi(bank.url, self._client, Evidence())
        payer, payee, blocked = (self._open(api, self._people.person()) for _ in range(3))
        keys = [self._register(api, account) for account in (payee, blocked)]
        api.ask("PUT", f"/accounts/{blocked.number}/status", {"status": "blocked"})
        return _Customers(bank, api, payer, payee, *keys)

    def _open(self, api: BankApi, owner: Person) -> Account:
        order = {
            "owner_name": owner.name,
            "owner_document": owner.document,
            "opening_balance_centavos": BALANCE_CENTAVOS,
        }
        return account_of(api.ask("POST", "/accounts", order))

    def _register(self, api: BankApi, account: Account) -> PixKey:
        email = self._people.person().email
        api.ask("POST", "/keys", {"account": account.number, "kind": "EMAIL", "value": email})
        return PixKey(KeyKind.EMAIL, email)

    def _pay(self, payer: _Customers, payee: _Customers, key: PixKey, amount_centavos: int) -> None:
        order = self._order(payer.payer, key, amount_centavos)
        transfer = transfer_of(payer.api.ask("POST", "/transfers", order))
        self._show(transfer.id, payer, payee, amount_centavos)

    def _overdraw(self, payer: _Customers, payee: _Customers) -> None:
        """An order that a right bank refuses; a transfer where it is taken."""
        answer = payer.api.call("POST", "/transfers", self._order(payer.payer, payee.payee_key, OVERDRAWN_CENTAVOS))
        if answer.is_success:
            self._show(transfer_of(answer.body).id, payer, payee, OVERDRAWN_CENTAVOS)

    def _order(self, account: Account, key: PixKey, amount_centavos: int) -> dict[str, object]:
        return {
            "account": account.number,
            "key": key.key,
            "amount_centavos": amount_centavos,
            "idempotency_key": self._people.text(20),
        }

    def _show(self, end_to_end_id: str, payer: _Customers, payee: _Customers, amount_centavos: int) -> None:
        self.transfers.append(ShownTransfer(end_to_end_id, payer.bank.code, payee.bank.code, amount_centavos))

    def _await_decisions(self, tap: Tap) -> Sequence[Record]:
        """The hub's outcome to each side of each transfer."""
        found: dict[tuple[bytes, str, bytes], Record] = {}
        awaited = {transfer.end_to_end_id.encode() for transfer in self.transfers}

        def is_complete() -> bool:
            for record in tap.poll_records(POLL_SECONDS):
                if record.key in awaited and isinstance(message_of(record), TransferConfirmed | TransferFailed):
                    found.setdefault((record.key, record.topic, record.value), record)
            return len(found) >= 2 * len(awaited)

        wait_until(is_complete, DECIDED_SECONDS_MAX, "the hub to decide on every transfer of the puzzle")
        return list(found.values())

    def _await_repetitions(self, tap: Tap) -> None:
        """Until nothing has been said for a moment: a bank that never acknowledges makes the hub go on for ever."""
        deadline = time.monotonic() + REPEATED_SECONDS_MAX
        while time.monotonic() < deadline and tap.poll_records(1.0):
            pass

    def _forgery(self, of_bank: _Customers) -> Record:
        """A confirmation of a payment that the hub knows nothing of."""
        account, bank = of_bank.payee, of_bank.bank
        payee = Party(
            bank.ispb, account.branch, account.number, account.owner_name, mask_tax_id(account.owner_document)
        )
        payer = Party("00000999", "0001", "1-0", "Ninguém", "***.456.789-**")
        end_to_end_id = f"E00000999202601011200forged{bank.code}zz"
        now_ms = time.time_ns() // 1_000_000
        message = TransferConfirmed(
            end_to_end_id, Side.PAYEE, FORGED_CENTAVOS, payer, payee, of_bank.payee_key, "", now_ms
        )
        return encode_record(message, bank_topic(bank.code), HUB, STRANGER)

    def _publish(self, records: Sequence[Record]) -> None:
        servers = self._network.broker.bootstrap_servers
        with closing(KafkaSink(KafkaSettings(bootstrap_servers=servers, client_id="codepix-lab-puzzle"))) as sink:
            sink.publish(records)
