"""Deviations towards the hub and towards customers: joining, keys, orders."""
# ruff: noqa: ARG002 - a deviation often ignores what it is given

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

from lab.broken_banks.bank import Bank
from lab.broken_banks.contract import Contract
from lab.broken_banks.hub import Hub, Payee
from lab.broken_banks.ledger import Account, Row
from lab.broken_banks.mutants.mutant import Mutant
from lab.broken_banks.refusals import Refused
from lab.broken_banks.settings import Settings
from lab.broken_banks.web import Answer, Request
from pix.scheme.errors import SchemeError
from pix.scheme.initiation import Initiation
from pix.scheme.keys import KeyKind, PixKey, normalize_key, parse_stored_key
from pix.scheme.messages import Party, TransferRequested
from pix.scheme.postings import Direction

SUFFIX = "AAAAAAAAAAA"
KEYLESS = "ninguem@example.com"


# Joining


class JoinsAsAnother(Hub):
    def __init__(self, settings: Settings) -> None:
        super().__init__(replace(settings, name="Outro Banco"))


class AnnouncesNothing(Hub):
    features: tuple[str, ...] = ()


class BeatsWithoutSecret(Hub):
    def heartbeat(self, instance: str, lag: int | None) -> None:
        try:
            Hub(replace(self.settings, secret="guessed-by-a-stranger")).heartbeat(instance, lag)  # noqa: S106 - wrong
        except Refused:
            super().heartbeat(instance, lag)


class BeatsSeldom(Hub):
    beats = 0

    def heartbeat(self, instance: str, lag: int | None) -> None:
        self.beats += 1
        if self.beats % 4 == 1:
            super().heartbeat(instance, lag)


class NeverBeats(Hub):
    def heartbeat(self, instance: str, lag: int | None) -> None:
        """Says nothing."""


class NamesItselfAtLength(Hub):
    def heartbeat(self, instance: str, lag: int | None) -> None:
        super().heartbeat(instance.ljust(60, "x"), lag)


class AlwaysLags(Hub):
    def heartbeat(self, instance: str, lag: int | None) -> None:
        super().heartbeat(instance, 1_000)


class NeverLeaves(Hub):
    def leave(self, instance: str) -> None:
        """Leaves without a word."""


class JoinsInThought(Hub):
    def join(self) -> None:
        try:
            super().join()
        except Refused:
            return


class IsAlwaysTheSameProcess(Hub):
    def heartbeat(self, instance: str, lag: int | None) -> None:
        super().heartbeat(self.settings.code, lag)

    def leave(self, instance: str) -> None:
        super().leave(self.settings.code)


class GivesUpOnTheHub(Hub):
    has_given_up = False

    def call(self, method: Any, request: Any) -> Any:
        if self.has_given_up:
            raise Refused("UNAVAILABLE", "The hub does not answer", "It did not answer before.")
        try:
            return super().call(method, request)
        except Refused as refusal:
            self.has_given_up = refusal.reason == "UNAVAILABLE"
            raise


class ShowsAnotherTopic(Contract):
    def show_bank(self, request: Request) -> Answer:
        return Answer({**super().show_bank(request).document, "kafka_topic": "codepix.bank.v1"})


# Keys


class KeepsKeysToItself(Bank):
    def register_key(self, number: str, kind: KeyKind, value: str) -> PixKey:
        return PixKey(kind, str(uuid.uuid4())) if kind is KeyKind.EVP else normalize_key(kind, value)


class ShoutsNames(Hub):
    def register_key(
        self, kind: KeyKind, value: str, branch: str, number: str, name: str, tax_id: str, request_id: str
    ) -> PixKey:
        return super().register_key(kind, value, branch, number, name.upper(), tax_id, request_id)


class ShowsKeysAsTyped(Contract):
    def register_key(self, request: Request) -> Answer:
        answer = super().register_key(request)
        return replace(answer, document={**answer.document, "value": request.body.get("value", "")})


class RefusesKnownKeys(Bank):
    def register_key(self, number: str, kind: KeyKind, value: str) -> PixKey:
        with self.reading() as ledger:
            if ledger.owner_of_key(value):
                raise Refused("ALREADY_EXISTS", "Known", "The key is registered.")
        return super().register_key(number, kind, value)


class OneRandomKey(Hub):
    def register_key(
        self, kind: KeyKind, value: str, branch: str, number: str, name: str, tax_id: str, request_id: str
    ) -> PixKey:
        constant = str(uuid.uuid5(uuid.NAMESPACE_OID, number))
        return super().register_key(kind, value, branch, number, name, tax_id, constant)


class AsksAnew(Bank):
    def register_key(self, number: str, kind: KeyKind, value: str) -> PixKey:
        try:
            return super().register_key(number, kind, value)
        except Refused:
            return super().register_key(number, kind, value)


class OneReason(Hub):
    def call(self, method: Any, request: Any) -> Any:
        try:
            return super().call(method, request)
        except Refused as refusal:
            raise Refused("ABORTED", refusal.title, refusal.detail) from None


class GuessesKinds(Contract):
    def register_key(self, request: Request) -> Answer:
        known = request.body.get("kind") in list(KeyKind)
        return super().register_key(request if known else replace(request, body={**request.body, "kind": "EMAIL"}))


class RemovesAtHomeOnly(Hub):
    def remove_key(self, key: PixKey) -> None:
        """Leaves the directory as it is."""


class RemovesAnything(Contract):
    def remove_key(self, request: Request) -> Answer:
        return Answer(None, HTTPStatus.NO_CONTENT)


class TakesAnyHolder(Bank):
    def account(self, number: str) -> Account:
        with self.reading() as ledger:
            return ledger.account(number) or ledger.accounts()[0]


class RegistersForBlocked(Bank):
    def account(self, number: str) -> Account:
        return replace(super().account(number), status="open")


class KeepsKeysOfClosed(Bank):
    def release_keys(self) -> None:
        """Leaves them in the directory."""


# Orders


class AnswersWith200(Contract):
    def pay(self, request: Request) -> Answer:
        return replace(super().pay(request), status=HTTPStatus.OK)


class IdsOfAnother(Bank):
    def new_end_to_end_id(self) -> str:
        return super().new_end_to_end_id().replace(self.settings.ispb, "00000999")


class OneIdAMinute(Bank):
    def new_end_to_end_id(self) -> str:
        return super().new_end_to_end_id()[: -len(SUFFIX)] + SUFFIX


class DropsDescriptions(Bank):
    def pay(self, number: str, key: str, amount_centavos: int, description: str, idempotency_key: str) -> Row:
        return super().pay(number, key, amount_centavos, "", idempotency_key)


class CutsDescriptions(Bank):
    def pay(self, number: str, key: str, amount_centavos: int, description: str, idempotency_key: str) -> Row:
        return super().pay(number, key, amount_centavos, description[:140], idempotency_key)


class ShowsTaxIds(Bank):
    def party_of(self, account: Account) -> Party:
        return replace(super().party_of(account), tax_id_masked=account.owner_document)


class MisreadsTaxIds(Hub):
    def find_key(self, key: PixKey) -> Payee:
        return replace(super().find_key(key), tax_id_masked="***.000.000-**")


class SaysStaticCode(Bank):
    def new_row(
        self, row_id: str, direction: Direction, status: str, message: Any, account_number: str, **more: Any
    ) -> Row:
        if isinstance(message, TransferRequested):
            message = replace(message, initiation=Initiation.QRES)
        return super().new_row(row_id, direction, status, message, account_number, **more)


class PaysNoPhones(Bank):
    def pay(self, number: str, key: str, amount_centavos: int, description: str, idempotency_key: str) -> Row:
        if key.startswith("+"):
            raise SchemeError("key", "must be no telephone number")
        return super().pay(number, key, amount_centavos, description, idempotency_key)


class PaysWithoutLookUp(Hub):
    def find_key(self, key: PixKey) -> Payee:
        return Payee("", "")


class GuessesPayees(Bank):
    def pay(self, number: str, key: str, amount_centavos: int, description: str, idempotency_key: str) -> Row:
        try:
            key = parse_stored_key(key).key
        except SchemeError:
            key = KEYLESS
        return super().pay(number, key, amount_centavos, description, idempotency_key)


class ClampsAmounts(Bank):
    def pay(self, number: str, key: str, amount_centavos: int, description: str, idempotency_key: str) -> Row:
        return super().pay(number, key, min(max(amount_centavos, 1), 500), description, idempotency_key)


class PaysForStrangers(Bank):
    def payer_of(self, number: str, amount_centavos: int) -> Account:
        return self.ledger.account(number) or self.ledger.accounts()[0]


class PaysFromBlocked(Bank):
    def check_may_pay(self, account: Account) -> None:
        """Checks nothing."""


class PaysItself(Bank):
    def is_own_key(self, key: PixKey, number: str) -> bool:
        return False


class RefusesInPlainJson(Contract):
    def pay(self, request: Request) -> Answer:
        try:
            return super().pay(request)
        except Refused as refusal:
            document = {"title": refusal.title, "detail": refusal.detail}
            return Answer(document, HTTPStatus.UNPROCESSABLE_ENTITY)


class FillsIn(Contract):
    def pay(self, request: Request) -> Answer:
        body = {"amount_centavos": 100, "idempotency_key": str(uuid.uuid4()), **request.body}
        return super().pay(replace(request, body=body))


class ShowsAnyTransfer(Contract):
    def show_transfer(self, request: Request) -> Answer:
        try:
            return super().show_transfer(request)
        except Refused:
            shown = {"side": "payer", "status": "pending", "reason": "", "amount_centavos": 1}
            return Answer({"id": request.parts[0], **shown})


class ShowsItsOwnWords(Contract):
    def show_transfer(self, request: Request) -> Answer:
        document = super().show_transfer(request).document
        return Answer({**document, "status": document["status"].replace("pending", "waiting")})


class OpensCurrentAccountsOnly(Bank):
    def open_account(self, name: str, document: str, kind: str, opening_balance_centavos: int) -> Account:
        return super().open_account(name, document, "CACC", opening_balance_centavos)


class KnowsOrdersOfAll(Bank):
    def transfer_of_order(self, number: str, idempotency_key: str, order: tuple[object, ...]) -> Row | None:
        for row in self.ledger.rows(returns=False):
            if row.idempotency_key == idempotency_key:
                return row
        return None


class KnowsOrdersByContent(Bank):
    def transfer_of_order(self, number: str, idempotency_key: str, order: tuple[object, ...]) -> Row | None:
        for row in self.ledger.rows(returns=False):
            if row.account_number == number and row.direction is Direction.OUTGOING:
                return row
        return None


class TakesLongOrderKeys(Bank):
    def check_idempotency_key(self, text: str) -> str:
        return text or "none"


_HUBS: Final = (
    JoinsAsAnother,
    AnnouncesNothing,
    BeatsWithoutSecret,
    BeatsSeldom,
    NeverBeats,
    NamesItselfAtLength,
    AlwaysLags,
    NeverLeaves,
    JoinsInThought,
    IsAlwaysTheSameProcess,
    GivesUpOnTheHub,
    ShoutsNames,
    OneRandomKey,
    OneReason,
    RemovesAtHomeOnly,
    MisreadsTaxIds,
    PaysWithoutLookUp,
)
_BANKS: Final = (
    KeepsKeysToItself,
    RefusesKnownKeys,
    AsksAnew,
    TakesAnyHolder,
    RegistersForBlocked,
    KeepsKeysOfClosed,
    IdsOfAnother,
    OneIdAMinute,
    DropsDescriptions,
    CutsDescriptions,
    ShowsTaxIds,
    SaysStaticCode,
    PaysNoPhones,
    ClampsAmounts,
    PaysForStrangers,
    PaysFromBlocked,
    PaysItself,
    OpensCurrentAccountsOnly,
    KnowsOrdersOfAll,
    KnowsOrdersByContent,
    TakesLongOrderKeys,
)
_CONTRACTS: Final = (
    ShowsAnotherTopic,
    ShowsKeysAsTyped,
    GuessesKinds,
    RemovesAnything,
    AnswersWith200,
    RefusesInPlainJson,
    FillsIn,
    ShowsAnyTransfer,
    ShowsItsOwnWords,
)
CUSTOMERS: Final[Mapping[str, Mutant]] = {
    **{kind.__name__: Mutant(hub=kind) for kind in _HUBS},
    **{kind.__name__: Mutant(bank=kind) for kind in _BANKS},
    **{kind.__name__: Mutant(contract=kind) for kind in _CONTRACTS},
    "GuessesPayees": Mutant(bank=GuessesPayees, hub=PaysWithoutLookUp),
}
