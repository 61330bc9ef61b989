"""Keys: five kinds, limits and refusals."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import grpc

from codepix.v1 import directory_pb2 as directory
from lab.prove.conform import rules
from lab.prove.conform.bench import Bench
from lab.prove.conform.case import Group, Need, Profile
from lab.prove.conform.contract import Account, Answer
from pix.scheme.keys import KEYS_PER_COMPANY_ACCOUNT, KEYS_PER_PERSON_ACCOUNT, KeyKind, PixKey

GROUP: Final = Group("keys", "Keys: five kinds, limits, refusals")
REMOVAL_SECONDS: Final = 15.0


def _register(bench: Bench, account: Account, kind: KeyKind, value: str = "") -> str:
    """Registers a key that must be taken; returns it as the bank shows it."""
    answer = bench.register_key(account, kind, value)
    if not answer.is_success or not isinstance(answer.body, dict):
        bench.check(False, f"The registration of a {kind} key was answered with {answer.status}.")
    bench.check_equal(answer.body.get("kind"), kind.value, "kind")
    return str(answer.body.get("value"))


def _check_reason(bench: Bench, answer: Answer, reason: str, what: str) -> None:
    bench.check_refused(answer, what)
    bench.check_equal(answer.reason, reason, f"The reason of the refusal of {what[:1].lower()}{what[1:]}")


def _calls_for(bench: Bench, account: Account) -> list[Any]:
    calls = bench.calls("RegisterKey", lambda request: request.account_number == account.number)
    return [call.request for call in calls]


def _check_in_directory(bench: Bench, account: Account, kind: KeyKind, value: str) -> None:
    entry = bench.hub.find(PixKey(kind, value))
    is_there = entry is not None and entry.party.account_number == account.number
    bench.check(is_there, f"The directory does not have the {kind} key {value} for the account {account.number}.")


@GROUP.add("cpf", "a person's CPF is registered", rules.KEY_CPF)
def cpf(bench: Bench) -> None:
    account = bench.open_account()
    value = _register(bench, account, KeyKind.CPF, account.owner_document)
    bench.check_equal(value, account.owner_document, "value")
    _check_in_directory(bench, account, KeyKind.CPF, value)


@GROUP.add("cnpj", "a company's CNPJ is registered", rules.KEY_CNPJ, profile=Profile.FULL, needs=[Need.COMPANIES])
def cnpj(bench: Bench) -> None:
    account = bench.open_account(is_company=True)
    value = _register(bench, account, KeyKind.CNPJ, account.owner_document)
    _check_in_directory(bench, account, KeyKind.CNPJ, value)


@GROUP.add("phone", "a telephone number is registered", rules.KEY_PHONE)
def phone(bench: Bench) -> None:
    account, person = bench.open_account(), bench.examiner.people.person()
    value = _register(bench, account, KeyKind.PHONE, person.phone)
    _check_in_directory(bench, account, KeyKind.PHONE, value)


@GROUP.add("email", "an e-mail address is registered", rules.KEY_EMAIL)
def email(bench: Bench) -> None:
    account = bench.open_account()
    value = _register(bench, account, KeyKind.EMAIL, bench.examiner.people.email())
    _check_in_directory(bench, account, KeyKind.EMAIL, value)


@GROUP.add("evp", "a random key is made by the hub", rules.KEY_EVP)
def evp(bench: Bench) -> None:
    account = bench.open_account()
    value = _register(bench, account, KeyKind.EVP)
    _check_in_directory(bench, account, KeyKind.EVP, value)
    (request,) = _calls_for(bench, account)
    bench.check_equal(request.key.key, "", "The key of RegisterKey for EVP")
    try:
        UUID(request.request_id)
    except ValueError:
        bench.check(False, f"request_id is {request.request_id!r}, and should be a UUID.")


@GROUP.add("holder", "RegisterKey says whose account it is", rules.KEY_HOLDER)
def holder(bench: Bench) -> None:
    account = bench.open_account()
    _register(bench, account, KeyKind.EMAIL, bench.examiner.people.email())
    (request,) = _calls_for(bench, account)
    bench.check_equal(request.branch, account.branch, "branch")
    bench.check_equal(request.holder_name, account.owner_name, "holder_name")
    bench.check_equal(request.holder_tax_id, account.owner_document, "holder_tax_id")
    bench.check_equal(request.holder_kind, directory.HOLDER_KIND_PERSON, "holder_kind")


@GROUP.add("stored-form", "the bank shows a key in the form of the directory", rules.KEY_STORED)
def stored_form(bench: Bench) -> None:
    account = bench.open_account()
    address = bench.examiner.people.email()
    number = bench.examiner.people.person().phone
    typed = {
        KeyKind.EMAIL: (address.replace("sem-dono", "Sem-Dono"), address),
        KeyKind.PHONE: (f"{number[:3]} ({number[3:5]}) {number[5:10]}-{number[10:]}", number),
    }
    for kind, (text, stored) in typed.items():
        bench.check_equal(_register(bench, account, kind, text), stored, f"The {kind} key")
        _check_in_directory(bench, account, kind, stored)


@GROUP.add("repeated", "a repeated registration succeeds and adds nothing", rules.KEY_REPEATED)
def repeated(bench: Bench) -> None:
    account, address = bench.open_account(), bench.examiner.people.email()
    for _ in range(2):
        _register(bench, account, KeyKind.EMAIL, address)
    bench.check_equal(len(bench.hub.keys_of(account.number)), 1, "The number of keys in the directory")


@GROUP.add("evp-each-new", "each order of a random key makes another", rules.KEY_EVP_NEW)
def evp_each_new(bench: Bench) -> None:
    account = bench.open_account()
    values = {_register(bench, account, KeyKind.EVP) for _ in range(3)}
    bench.check_equal(len(values), 3, "The number of different random keys of three orders")


@GROUP.add("evp-retried", "a lost answer makes no second random key", rules.KEY_EVP_RETRY)
def evp_retried(bench: Bench) -> None:
    account = bench.open_account()
    bench.hub.fail(
        "RegisterKey",
        lambda request: request.account_number == account.number,
        grpc.StatusCode.UNAVAILABLE,
        times=1,
        acts_first=True,
    )
    answer = bench.register_key(account, KeyKind.EVP)
    keys = bench.hub.keys_of(account.number)
    bench.check(
        len(keys) <= 1, f"The directory has {len(keys)} random keys after one order, of which one answer was lost."
    )
    if answer.is_success:
        bench.check_equal(answer.body.get("value"), keys[0].key.key, "value")


@GROUP.add("taken-elsewhere", "a key of another bank's customer is refused", rules.KEY_TAKEN)
def taken_elsewhere(bench: Bench) -> None:
    account, other = bench.open_account(), bench.counterpart()
    _check_reason(
        bench, bench.register_key(account, KeyKind.EMAIL, str(other.key)), "ALREADY_EXISTS", "A key of another bank"
    )
    entry = bench.hub.find(other.key)
    bench.check_equal(entry.party, other.party, "The owner of the key in the directory")


@GROUP.add("taken-here", "a key of another customer of the bank is refused", rules.KEY_TAKEN)
def taken_here(bench: Bench) -> None:
    first, second, address = bench.open_account(), bench.open_account(), bench.examiner.people.email()
    _register(bench, first, KeyKind.EMAIL, address)
    _check_reason(
        bench, bench.register_key(second, KeyKind.EMAIL, address), "ALREADY_EXISTS", "A key of another customer"
    )
    _check_in_directory(bench, first, KeyKind.EMAIL, address)


@GROUP.add("malformed", "a malformed key is refused", rules.KEY_MALFORMED)
def malformed(bench: Bench) -> None:
    account = bench.open_account()
    wrong = (
        (KeyKind.CPF, "12345678900"),
        (KeyKind.CPF, "123"),
        (KeyKind.PHONE, "+55"),
        (KeyKind.PHONE, "telefone"),
        (KeyKind.EMAIL, "sem-arroba"),
        (KeyKind.EMAIL, f"{'a' * 80}@exemplo.com.br"),
        (KeyKind.EMAIL, ""),
    )
    for kind, text in wrong:
        answer = bench.register_key(account, kind, text)
        _check_reason(bench, answer, "INVALID_ARGUMENT", f"The {kind} key {text[:20]!r}")
    bench.check_equal(len(bench.hub.keys_of(account.number)), 0, "The number of keys in the directory")


@GROUP.add("unknown-kind", "a kind of key that does not exist is refused", rules.KEY_MALFORMED, profile=Profile.FULL)
def unknown_kind(bench: Bench) -> None:
    account = bench.open_account()
    for kind in ("", "RG", "email "):
        bench.check_refused(bench.register_key(account, kind, bench.examiner.people.email()), f"The kind {kind!r}")


@GROUP.add("another-cpf", "the CPF of another person is refused", rules.KEY_OWN_NUMBER)
def another_cpf(bench: Bench) -> None:
    account, other = bench.open_account(), bench.examiner.people.person()
    answer = bench.register_key(account, KeyKind.CPF, other.document)
    _check_reason(bench, answer, "INVALID_ARGUMENT", "The CPF of another person")
    bench.check(
        bench.hub.find(PixKey(KeyKind.CPF, other.document)) is None, "The directory has the CPF of another person."
    )


@GROUP.add("chosen-evp", "a random key cannot be chosen", rules.KEY_EVP_CHOSEN)
def chosen_evp(bench: Bench) -> None:
    account = bench.open_account()
    answer = bench.register_key(account, KeyKind.EVP, bench.new_uuid())
    _check_reason(bench, answer, "INVALID_ARGUMENT", "A random key that was chosen")


@GROUP.add("limit-of-person", "the sixth key of a person's account is refused", rules.KEY_LIMIT_PERSON)
def limit_of_person(bench: Bench) -> None:
    account = bench.open_account()
    for _ in range(KEYS_PER_PERSON_ACCOUNT):
        _register(bench, account, KeyKind.EVP)
    _check_reason(bench, bench.register_key(account, KeyKind.EVP), "RESOURCE_EXHAUSTED", "The sixth key")
    bench.check_equal(len(bench.hub.keys_of(account.number)), KEYS_PER_PERSON_ACCOUNT, "The number of keys")


@GROUP.add(
    "limit-of-company",
    "a company's account has 20 keys, and no 21st",
    rules.KEY_LIMIT_COMPANY,
    profile=Profile.FULL,
    needs=[Need.COMPANIES],
)
def limit_of_company(bench: Bench) -> None:
    account = bench.open_account(is_company=True)
    for _ in range(KEYS_PER_COMPANY_ACCOUNT):
        _register(bench, account, KeyKind.EVP)
    _check_reason(bench, bench.register_key(account, KeyKind.EVP), "RESOURCE_EXHAUSTED", "The 21st key")


@GROUP.add("limit-is-freed", "a key that is removed makes room for another", rules.KEY_LIMIT_PERSON)
def limit_is_freed(bench: Bench) -> None:
    account = bench.open_account()
    values = [_register(bench, account, KeyKind.EVP) for _ in range(KEYS_PER_PERSON_ACCOUNT)]
    bench.check_equal(bench.api.remove_key(values[0]).status, 204, "The status of DELETE")
    _register(bench, account, KeyKind.EVP)


@GROUP.add("unknown-account", "a key for an unknown account is refused", rules.KEY_UNKNOWN_ACCOUNT)
def unknown_account(bench: Bench) -> None:
    address = bench.examiner.people.email()
    answer = bench.api.call("POST", "/keys", {"account": "000000-0", "kind": "EMAIL", "value": address})
    _check_reason(bench, answer, "NOT_FOUND", "A key for an unknown account")
    bench.check(bench.hub.find(PixKey(KeyKind.EMAIL, address)) is None, "The directory has a key of no account.")


@GROUP.add(
    "blocked-account",
    "a blocked or closed account registers no key",
    rules.KEY_BLOCKED,
    profile=Profile.FULL,
    needs=[Need.ACCOUNTS],
)
def blocked_account(bench: Bench) -> None:
    for status in ("blocked", "closed"):
        account = bench.open_account(0)
        bench.set_status(account, status)
        bench.check_refused(bench.register_key(account, KeyKind.EVP), f"A key for a {status} account")
        bench.check_equal(len(bench.hub.keys_of(account.number)), 0, "The number of keys in the directory")


@GROUP.add("hub-unavailable", "without the hub no key is registered, and later it is", rules.KEY_UNAVAILABLE)
def hub_unavailable(bench: Bench) -> None:
    account, address = bench.open_account(), bench.examiner.people.email()
    fault = bench.hub.fail(
        "RegisterKey", lambda request: request.account_number == account.number, grpc.StatusCode.UNAVAILABLE, times=10
    )
    answer = bench.register_key(account, KeyKind.EMAIL, address)
    bench.check(answer.is_refusal or answer.status == 503, f"It was answered with {answer.status}, and not refused.")
    bench.check_equal(answer.reason, "UNAVAILABLE", "reason")
    bench.hub.end_fault(fault)
    _register(bench, account, KeyKind.EMAIL, address)
    _check_in_directory(bench, account, KeyKind.EMAIL, address)


@GROUP.add("suspended", "a suspended bank's registration is refused", rules.KEY_SUSPENDED, profile=Profile.FULL)
def suspended(bench: Bench) -> None:
    account = bench.open_account()
    bench.hub.fail(
        "RegisterKey",
        lambda request: request.account_number == account.number,
        grpc.StatusCode.PERMISSION_DENIED,
        times=10,
        fields=(("codepix-field", "bank"), ("codepix-rule", "the bank is suspended")),
    )
    _check_reason(bench, bench.register_key(account, KeyKind.EVP), "PERMISSION_DENIED", "A key of a suspended bank")


@GROUP.add("removed", "a removed key leaves the directory", rules.KEY_REMOVED)
def removed(bench: Bench) -> None:
    account, address = bench.open_account(), bench.examiner.people.email()
    _register(bench, account, KeyKind.EMAIL, address)
    bench.check_equal(bench.api.remove_key(address).status, 204, "The status of DELETE")
    bench.check(bench.hub.find(PixKey(KeyKind.EMAIL, address)) is None, "The directory still has the removed key.")


@GROUP.add("removed-phone", "a telephone number is removed by its percent-encoded form", rules.KEY_REMOVED)
def removed_phone(bench: Bench) -> None:
    account, person = bench.open_account(), bench.examiner.people.person()
    value = _register(bench, account, KeyKind.PHONE, person.phone)
    bench.check_equal(bench.api.remove_key(value).status, 204, "The status of DELETE")
    bench.check(bench.hub.find(PixKey(KeyKind.PHONE, value)) is None, "The directory still has the removed key.")


@GROUP.add("remove-unknown", "a key that the bank does not have cannot be removed", rules.KEY_REMOVE_UNKNOWN)
def remove_unknown(bench: Bench) -> None:
    bench.check_equal(bench.api.remove_key(bench.examiner.people.email()).status, 404, "The status of DELETE")


@GROUP.add("remove-foreign", "a key of another bank stays", rules.KEY_REMOVE_UNKNOWN)
def remove_foreign(bench: Bench) -> None:
    other = bench.counterpart()
    bench.check_equal(bench.api.remove_key(str(other.key)).status, 404, "The status of DELETE")
    bench.check(bench.hub.find(other.key) is not None, "A key of another bank has left the directory.")


@GROUP.add("removed-then-another", "a removed key may go to another account", rules.KEY_ANY_TIME)
def removed_then_another(bench: Bench) -> None:
    first, second, address = bench.open_account(), bench.open_account(), bench.examiner.people.email()
    _register(bench, first, KeyKind.EMAIL, address)
    bench.check_equal(bench.api.remove_key(address).status, 204, "The status of DELETE")
    _register(bench, second, KeyKind.EMAIL, address)
    _check_in_directory(bench, second, KeyKind.EMAIL, address)


@GROUP.add(
    "closed-account",
    "the keys of a closed account leave the directory",
    rules.KEY_OF_CLOSED,
    profile=Profile.FULL,
    needs=[Need.ACCOUNTS],
)
def closed_account(bench: Bench) -> None:
    account = bench.open_account(0)
    _register(bench, account, KeyKind.EVP)
    bench.set_status(account, "closed")
    bench.eventually(
        lambda: not bench.hub.keys_of(account.number), "the directory has no key of the closed account", REMOVAL_SECONDS
    )
