"""Keys as course banks ask for them: look up first, register second. Nothing says which bank asks."""

from __future__ import annotations

from typing import Final

from hub.application.course.ports import CourseUnits
from hub.application.keys import FindKey, RegisterKey
from hub.application.ports import UnitsOfWork
from hub.domain.bank import Bank
from hub.domain.course.model import CourseAccount, derived_course_id
from hub.domain.directory import KeyEntry
from hub.domain.errors import BankNotActive, HubError, KeyNotFound
from pix.runtime.clock import SchemeClock
from pix.scheme.course import KEY_KINDS, KIND_NAMES, REGISTRABLE_KINDS
from pix.scheme.errors import SchemeError
from pix.scheme.keys import parse_stored_key
from pix.scheme.people import HolderKind
from pix.scheme.values import value_object

ASKING: Final = "course"
"""The name under which the look-ups of all course banks together are limited."""


class CourseAccountNotFound(HubError):
    """No account of a course bank has this id."""


class CourseKindUnknown(HubError):
    """The course registers e-mail addresses and CPFs alone."""


class CourseKeyMissing(HubError):
    """The key is empty."""


@value_object
class CourseKey:
    """A key and its account as the course's wire shows them. Ids of what is no course bank's are derived."""

    key_id: str
    kind: str
    key: str
    account_id: str
    account_number: str
    bank_id: str
    bank_name: str
    owner_name: str
    account_created_at_ms: int
    registered_at_ms: int


class FindCourseKey:
    def __init__(self, units: CourseUnits, find_key: FindKey) -> None:
        self._units = units
        self._find_key = find_key

    def __call__(self, kind: str, key: str) -> CourseKey:
        """Raises KeyNotFound, also for what can be no key; LookUpsExhausted."""
        key_kind = KEY_KINDS.get(kind)
        if key_kind is None:
            raise KeyNotFound("kind", "no key has this kind")
        try:
            parse_stored_key(key, key_kind)
        except SchemeError as error:
            raise KeyNotFound("key", error.rule) from None
        entry, bank = self._find_key(kind=key_kind, key=key, asking_ispb=ASKING)
        with self._units() as unit:
            account = unit.course.account_numbered(entry.ispb, entry.branch, entry.account_number)
            course_bank = unit.course.banks().get(entry.ispb)
        return CourseKey(
            key_id=key_id_of(entry),
            kind=KIND_NAMES[entry.key.kind],
            key=entry.key.key,
            account_id=derived_course_id(*entry.account) if account is None else account.account_id,
            account_number=entry.account_number,
            bank_id=derived_course_id("bank", bank.ispb) if course_bank is None else course_bank.bank_id,
            bank_name=bank.name,
            owner_name=entry.holder_name,
            account_created_at_ms=entry.registered_at_ms if account is None else account.created_at_ms,
            registered_at_ms=entry.registered_at_ms,
        )


class RegisterCourseKey:
    def __init__(
        self, units: CourseUnits, hub_units: UnitsOfWork, scheme_clock: SchemeClock, register_key: RegisterKey
    ) -> None:
        self._units = units
        self._hub_units = hub_units
        self._scheme_clock = scheme_clock
        self._register_key = register_key

    def __call__(self, kind: str, key: str, account_id: str) -> str:
        """The id of the key; the same for a repetition. Checks in the original's order: account, kind, key.

        Raises CourseAccountNotFound, CourseKindUnknown, CourseKeyMissing; then what the scheme demands: SchemeError for
        a key that is not in its stored form, KeyTaken, KeyLimitReached; BankNotActive.
        """
        with self._units() as unit:
            account = unit.course.account(account_id)
        if account is None:
            raise CourseAccountNotFound("accountId", "no account of a course bank has this id")
        if kind not in REGISTRABLE_KINDS:
            raise CourseKindUnknown("kind", "must be email or cpf")
        if not key:
            raise CourseKeyMissing("key", "a key is required")
        if not self._bank_of(account).active:
            raise BankNotActive("accountId", "the bank is suspended (DS27)")
        entry = KeyEntry(
            # Strict: the bank compares what it is sent later with the text that it has stored.
            key=parse_stored_key(key, KEY_KINDS[kind]),
            ispb=account.ispb,
            branch=account.branch,
            account_number=account.number,
            holder_name=account.owner_name,
            holder_kind=HolderKind.PERSON,
            tax_id_masked=account.tax_id_masked,
            registered_at_ms=self._scheme_clock.now_ms(),
        )
        return key_id_of(self._register_key(entry))

    def _bank_of(self, account: CourseAccount) -> Bank:
        with self._hub_units() as unit:
            return unit.banks.all()[account.ispb]


def key_id_of(entry: KeyEntry) -> str:
    """A UUID that a key has as long as it stays registered."""
    return derived_course_id("key", entry.key.kind, entry.key.key, entry.ispb, str(entry.registered_at_ms))
