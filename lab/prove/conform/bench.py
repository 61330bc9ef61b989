"""The bench of one case: acts as the hub and as the other banks, drives and reads the bank, and keeps the evidence."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar, cast

from lab.prove.conform.case import Need
from lab.prove.conform.contract import Account, Answer, BankApi, Json, TransferView, account_of, transfer_of
from lab.prove.conform.decisions import Decisions
from lab.prove.conform.evidence import Evidence, Way
from lab.prove.conform.examiner import Examiner
from lab.prove.conform.hub import Bank, Call
from lab.prove.conform.people import Person
from lab.prove.conform.verdict import Failed, NotExamined
from lab.prove.conform.wire import Received
from pix.scheme.deliveries import HUB
from pix.scheme.ids import make_end_to_end_id, make_return_id
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.messages import Message, Party, TransferAccepted, TransferOffered, TransferRejected
from pix.scheme.people import HolderKind, mask_tax_id
from pix.wire.protobuf_v1.codec import encode_record
from pix.wire.protobuf_v1.messages import ENCODERS
from pix.wire.protobuf_v1.signatures import sign, signing_key
from pix.wire.record import HEADER_SENDER, HEADER_SIGNATURE, HEADER_TYPE, Record

ANSWER_SECONDS: Final = 10.0
"""A bank that has not done by then what a message asks of it does not do it."""
POLL_SECONDS: Final = 0.05
BALANCE_CENTAVOS: Final = 1_000_00
"""Of an account that a case opens, unless it says otherwise."""
AMOUNT_CENTAVOS: Final = 15_00
"""Amounts below R$ 1,00 may mean something to a bank that is also a simulator: cases use larger ones."""

MessageT = TypeVar("MessageT")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Counterpart:
    """A customer of another bank of the examiner's network."""

    party: Party
    key: PixKey
    bank: Bank


@dataclass(slots=True)
class Bench:
    """What a case is given. Every check raises `Failed`, which ends the case."""

    examiner: Examiner
    api: BankApi
    evidence: Evidence
    money_left_out: bool = False
    """Whether a check of money was left out, because the bank has no endpoints for it."""
    decisions: Decisions = field(init=False)
    """The hub's decisions: `bench.decisions.confirm(request)`."""
    _watched: dict[str, int] = field(default_factory=dict)
    """The ids whose records are evidence, and how many of each are noted."""
    _paid: set[str] = field(default_factory=set)
    """The payments that the bank was told to make."""

    def __post_init__(self) -> None:
        self.decisions = Decisions(self)

    # Who takes part

    @property
    def identity(self) -> Bank:
        """The bank under examination."""
        return self.examiner.own

    @property
    def hub(self) -> Any:
        """The hub's gRPC services: `calls`, `fail`, `find`, `keys_of`; see `lab.prove.conform.hub.ScriptedHub`."""
        return self.examiner.hub

    @property
    def process(self) -> Any:
        """The bank's process, to be frozen or stopped. Raises `NotExamined` for a bank at an address."""
        if not self.examiner.examined.can_restart:
            raise NotExamined("needs a bank that the examiner starts")
        return self.examiner.examined

    def has(self, need: Need) -> bool:
        """Whether the bank has what such cases need."""
        return need in self.examiner.has

    def counterpart(self, kind: KeyKind = KeyKind.EMAIL, bank: Bank | None = None) -> Counterpart:
        """A new customer of another bank, with a key in the directory."""
        bank = bank or self.examiner.other
        is_company = kind is KeyKind.CNPJ
        person = self.examiner.people.company() if is_company else self.examiner.people.person()
        number = self.examiner.people.text(8)
        party = Party(bank.ispb, "0001", number, person.name, mask_tax_id(person.document))
        values = {
            KeyKind.CPF: person.document,
            KeyKind.CNPJ: person.document,
            KeyKind.PHONE: person.phone,
            KeyKind.EMAIL: person.email,
            KeyKind.EVP: self.new_uuid(),
        }
        key = PixKey(kind, values[kind])
        self.examiner.hub.put_key(key, party, HolderKind.COMPANY if is_company else HolderKind.PERSON, bank)
        return Counterpart(party, key, bank)

    def new_uuid(self) -> str:
        digits = self.examiner.people.text(32).translate(str.maketrans("ghijkmnpqrstuvwxyz", "0123456789abcdef01"))
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def party_of(self, account: Account) -> Party:
        """An account of the bank as its counterparty sees it."""
        document = mask_tax_id(account.owner_document)
        return Party(self.identity.ispb, account.branch, account.number, account.owner_name, document)

    def at(self, url: str) -> Bench:
        """A bench for the same case and another bank, or another process of this one. It plays no hub."""
        return Bench(self.examiner, BankApi(url, self.examiner.client, self.evidence), self.evidence)

    # Driving the bank

    def open_account(
        self,
        balance_centavos: int = BALANCE_CENTAVOS,
        *,
        person: Person | None = None,
        is_company: bool = False,
        account_type: str = "",
    ) -> Account:
        """A new account of a new person."""
        people = self.examiner.people
        owner = person or (people.company() if is_company else people.person())
        document: Json = {
            "owner_name": owner.name,
            "owner_document": owner.document,
            "opening_balance_centavos": balance_centavos,
        }
        if account_type:
            document["type"] = account_type
        return account_of(self.api.ask("POST", "/accounts", document))

    def set_status(self, account: Account, status: str) -> Account:
        """Blocks, opens or closes an account. Raises `NotExamined` without the feature `accounts`."""
        if not self.has(Need.ACCOUNTS):
            raise NotExamined("needs the feature `accounts`")
        return account_of(self.api.ask("PUT", f"/accounts/{account.number}/status", {"status": status}))

    def register_key(self, account: Account, kind: KeyKind | str, value: str = "") -> Answer:
        return self.api.call("POST", "/keys", {"account": account.number, "kind": str(kind), "value": value})

    def try_to_pay(
        self,
        account: Account | str,
        key: PixKey | str,
        amount_centavos: Json,
        *,
        idempotency_key: str = "",
        **more: Json,
    ) -> Answer:
        """Orders a payment, and returns the answer whatever it is. `more` are further fields of the order."""
        order = {
            "account": account if isinstance(account, str) else account.number,
            "key": str(key),
            "amount_centavos": amount_centavos,
            "idempotency_key": idempotency_key or self.examiner.people.text(24),
            **more,
        }
        answer = self.api.call("POST", "/transfers", order)
        if answer.is_success and isinstance(answer.body, dict):
            self.watch(str(answer.body.get("id", "")))
            self._paid.add(str(answer.body.get("id", "")))
        return answer

    def pay(
        self,
        account: Account,
        key: PixKey | str,
        amount_centavos: int = AMOUNT_CENTAVOS,
        *,
        idempotency_key: str = "",
        **more: Json,
    ) -> TransferView:
        """Orders a payment that must be taken."""
        answer = self.try_to_pay(account, key, amount_centavos, idempotency_key=idempotency_key, **more)
        if not answer.is_success:
            raise Failed(f"The order to pay was answered with {answer.status}, and should have been taken.")
        return transfer_of(answer.body)

    def check_refused(self, answer: Answer, what: str) -> None:
        """`what` begins the sentence: "An order over the balance"."""
        if not answer.is_refusal:
            raise Failed(f"{what} was answered with {answer.status}, and should have been refused with 4xx.")
        body = answer.body if isinstance(answer.body, dict) else {}
        missing = [name for name in ("title", "detail") if not isinstance(body.get(name), str) or not body[name]]
        if missing:
            raise Failed(f"{what} was refused without {' and '.join(missing)}, which tell people why.")

    def at_once(self, *actions: Callable[[], ResultT]) -> list[ResultT]:
        """Does all of them at the same time; their results in the given order."""
        with ThreadPoolExecutor(len(actions)) as pool:
            return [future.result() for future in [pool.submit(action) for action in actions]]

    # The wire

    def new_id(self, bank: Bank | None = None, age: timedelta = timedelta()) -> str:
        """An end-to-end id that another bank makes; `age` lies between now and the time in it."""
        suffix = self._suffix()
        return make_end_to_end_id((bank or self.examiner.other).ispb, datetime.now(UTC) - age, suffix)

    def new_return_id(self, bank: Bank | None = None) -> str:
        return make_return_id((bank or self.examiner.other).ispb, datetime.now(UTC), self._suffix())

    def _suffix(self) -> str:
        return self.examiner.people.text(11)

    def record(
        self,
        message: Message,
        *,
        value: bytes | None = None,
        message_type: str = "",
        secret: str = "",
        sender: str = HUB,
        topic: str = "",
        key: str | None = None,
    ) -> Record:
        """The signed record of a message of the hub; each argument replaces a part of it, and is then signed, too.

        `topic` is what is signed: the record goes to the bank's topic all the same.
        """
        name = message_type or type(message).__name__
        content = self.bytes_of(message) if value is None else value
        signing = signing_key(secret or self.identity.secret)
        headers = {
            HEADER_TYPE: name.encode(),
            HEADER_SENDER: sender.encode(),
            HEADER_SIGNATURE: sign(signing, topic or self.examiner.wire.topic, name, content),
        }
        record_key = message.record_key if key is None else key
        return Record(self.examiner.wire.topic, record_key.encode(), content, headers)

    def bytes_of(self, message: Message) -> bytes:
        """The message in Protobuf."""
        return ENCODERS[type(message)](message).SerializeToString(deterministic=True)

    def send(self, message: Message, *, partition: int | None = None) -> None:
        """Sends a message of the hub. Records with the same key keep their order, unless `partition` says otherwise."""
        record = encode_record(message, self.examiner.wire.topic, HUB, signing_key(self.identity.secret))
        self.watch(message.record_key)
        self.evidence.add(Way.SENT, type(message).__name__, message)
        self.examiner.wire.send(record, partition)

    def send_record(self, record: Record, what: str, *, partition: int | None = None) -> None:
        """Sends any record; `what` names it in the evidence."""
        self.watch(record.key.decode("utf-8", "replace"))
        shown = {name: value.decode("ascii", "replace") for name, value in record.headers.items()}
        shown[HEADER_SIGNATURE] = record.headers.get(HEADER_SIGNATURE, b"").hex()
        self.evidence.add(
            Way.SENT, what, {"key": record.key.decode("utf-8", "replace"), **shown, "value": record.value}
        )
        self.examiner.wire.send(record, partition)

    def watch(self, record_key: str) -> None:
        """Records with this key are evidence of the case."""
        if record_key:
            self._watched.setdefault(record_key, 0)

    def received(self, kind: type[MessageT], record_key: str) -> list[MessageT]:
        """The messages of a class that have come with this key, in the order in which they were read."""
        return [each.message for each in self._seen(record_key) if isinstance(each.message, kind)]

    def await_message(
        self, kind: type[MessageT], record_key: str, *, count: int = 1, seconds: float = ANSWER_SECONDS
    ) -> MessageT:
        """The message of a class with this key, waiting until it has come `count` times; the last of these.

        Fails at once for a record that the hub would not take.
        """

        def has_come() -> bool:
            found = self.examiner.wire.received(record_key)
            kinds = [each for each in found if type(each.message) is kind]
            return len(kinds) >= count or any(each.fault for each in found)

        self.watch(record_key)
        self.examiner.wire.wait(has_come, seconds)
        found = self.received(kind, record_key)
        if len(found) >= count:
            return found[count - 1]
        faults = [each.fault for each in self.examiner.wire.received(record_key) if each.fault]
        if faults:
            raise Failed(f"The bank sent a record that the hub does not take: {faults[0]}.")
        times = "" if count == 1 else f" for the {count}th time"
        raise Failed(f"No {kind.__name__} came{times} within {seconds:g} s.")

    def await_answer(self, offer: TransferOffered) -> TransferAccepted | TransferRejected:
        """The bank's answer to an offer."""
        record_key = offer.end_to_end_id

        def answers() -> list[Any]:
            return [*self.received(TransferAccepted, record_key), *self.received(TransferRejected, record_key)]

        self.watch(record_key)
        self.examiner.wire.wait(lambda: bool(answers()) or self._has_fault(record_key), ANSWER_SECONDS)
        if not answers():
            self.await_message(TransferAccepted, record_key, seconds=0)
        return cast("TransferAccepted | TransferRejected", answers()[0])

    def fence(self, record_key: str = "", *, partition: int | None = None) -> None:
        """Returns when the bank has read all that was sent before to the partition of this key.

        Sends a later offer there and waits for its answer. So what must not happen has either happened by now, or not
        at all, and no case sleeps.
        """
        chosen = self.examiner.wire.partition_of(record_key) if partition is None else partition
        offer = self.decisions.make_offer(self.examiner.fence_party(), AMOUNT_CENTAVOS, description="fence")
        answer = None
        try:
            self.decisions.send(offer, partition=chosen)
            answer = self.await_answer(offer)
        except Failed:
            raise Failed(
                f"The bank did not answer a later offer on the same partition ({offer.end_to_end_id}): "
                "it seems to be stuck at what was sent before."
            ) from None
        finally:
            if answer is not None:
                self.decisions.fail_offer(offer)
        self.examiner.wire.catch_up()

    def fence_all(self) -> None:
        """A fence on every partition."""
        for number in range(self.examiner.wire.partitions):
            self.fence(partition=number)

    def calls(self, method: str, fits: Callable[[Any], bool] = lambda _request: True) -> list[Call]:
        """The bank's calls of a method of the hub's gRPC services whose request fits."""
        found = self.examiner.hub.calls(method, fits)
        for call in found:
            self.evidence.add(Way.CAME, f"{method} ({call.status})", str(call.request).replace("\n", " "), at=call.at)
        return found

    # Checks

    def check(self, condition: object, sentence: str) -> None:
        """`sentence` says what is wrong when the condition does not hold."""
        if not condition:
            raise Failed(sentence)

    def check_equal(self, found: object, expected: object, what: str) -> None:
        """`what` begins the sentence: "The amount of TransferAccepted"."""
        if found != expected:
            raise Failed(f"{what} is {found!r}, and should be {expected!r}.")

    def eventually(self, condition: Callable[[], object], what: str, seconds: float = ANSWER_SECONDS) -> None:
        """Waits until the condition holds; `what` ends the sentence "Within 10 s did not happen: …"."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() >= deadline:
                raise Failed(f"Within {seconds:g} s this did not happen: {what}.")
            time.sleep(POLL_SECONDS)

    def check_balance(self, account: Account, centavos: int, *, seconds: float = ANSWER_SECONDS) -> None:
        """The account's balance, and the sum of its postings, are this amount, or become it within `seconds`."""
        if not self._examines_money():
            return
        deadline = time.monotonic() + seconds
        while True:
            balance = self.api.account(account.number).balance_centavos
            total = sum(posting.amount_centavos for posting in self.api.postings(account.number))
            if balance == total == centavos:
                return
            if time.monotonic() >= deadline:
                break
            time.sleep(POLL_SECONDS)
        if balance != centavos:
            raise Failed(f"The balance of {account.number} is {balance} centavos, and should be {centavos}.")
        raise Failed(f"The postings of {account.number} sum up to {total} centavos, and its balance is {balance}.")

    def check_balance_now(self, account: Account, centavos: int) -> None:
        """The same without waiting: for what must be so already."""
        self.check_balance(account, centavos, seconds=0)

    def check_postings(self, account: Account, transfer_id: str, *amounts_centavos: int) -> None:
        """The postings of the account about a transfer have these amounts, in this order."""
        if not self._examines_money():
            return
        postings = self.api.postings(account.number)
        found = tuple(each.amount_centavos for each in postings if each.transfer_id == transfer_id)
        if found != amounts_centavos:
            raise Failed(f"The postings of {transfer_id} are {list(found)}, and should be {list(amounts_centavos)}.")

    def check_transfer(self, transfer_id: str, status: str, *, reason: str = "", side: str = "") -> TransferView:
        """The bank shows this status within `ANSWER_SECONDS`; `confirmed` stands for `completed` too."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            found = self.api.find_transfer(transfer_id, side)
            if found is not None and status in (found.status, "confirmed" if found.is_confirmed else ""):
                break
            if time.monotonic() >= deadline:
                shown = "unknown" if found is None else found.status
                raise Failed(f"The bank shows {transfer_id} as {shown}, and should show it as {status}.")
            time.sleep(POLL_SECONDS)
        if reason and found.reason != reason:
            raise Failed(f"The bank shows the reason {found.reason!r} of {transfer_id}, and should show {reason!r}.")
        return found

    def _examines_money(self) -> bool:
        if not self.has(Need.MONEY):
            self.money_left_out = True
        return self.has(Need.MONEY)

    def _has_fault(self, record_key: str) -> bool:
        return any(each.fault for each in self.examiner.wire.received(record_key))

    def _seen(self, record_key: str) -> Sequence[Received]:
        """What has come with a key; new records become evidence."""
        found = self.examiner.wire.received(record_key)
        noted = self._watched.get(record_key, 0)
        for each in found[noted:]:
            name = type(each.message).__name__ if each.message is not None else "a record that the hub does not take"
            self.evidence.add(Way.CAME, name, each.message or each.fault, at=each.at)
        self._watched[record_key] = max(noted, len(found))
        return found

    def conclude(self) -> None:
        """At the end of the case: notes what else has come, and fails transfers that are still open."""
        self.decisions.fail_open(self._paid)
        for record_key in list(self._watched):
            self._seen(record_key)
