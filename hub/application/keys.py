"""Keys: a bank registers them for its accounts, anybody looks them up, the owner removes them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from uuid import UUID, uuid4

from hub.application.ports import Directory, ReadingUnderWay, UnitOfWork, UnitsOfWork
from hub.domain.bank import Bank
from hub.domain.directory import KeyEntry, check_key_limit, check_not_taken
from hub.domain.errors import KeyNotFound, KeyTaken, LookUpsExhausted
from hub.domain.known_banks import KnownBanks
from hub.domain.look_ups import HIT_COST, MISS_COST, DirectoryReading, Payee
from pix.runtime.clock import SchemeClock
from pix.runtime.limits import Limiter
from pix.scheme.errors import SchemeError
from pix.scheme.ids import check_account_number, check_branch
from pix.scheme.keys import KeyKind, PixKey, check_key_owner, normalize_key, parse_stored_key
from pix.scheme.people import HolderKind, check_person_name, check_tax_id, mask_tax_id

Registrations = Mapping[KeyEntry, KeyEntry | SchemeError]
"""What became of each entry that was to be registered: the entry that there is now, or why there is none."""


def by_chance(_ispb: str, _request_id: str) -> str:
    return str(uuid4())


class RegisterKey:
    def __init__(
        self,
        units: UnitsOfWork,
        scheme_clock: SchemeClock,
        look_ups: Limiter,
        new_random_key: Callable[[str, str], str] = by_chance,
    ) -> None:
        """`new_random_key` makes a random key for a bank's ISPB and the id of its request."""
        self._units = units
        self._scheme_clock = scheme_clock
        self._look_ups = look_ups
        self._new_random_key = new_random_key

    def __call__(self, asked: KeyEntry) -> KeyEntry:
        """Registers one that was checked. Repeating a registration returns the same entry.

        Raises KeyTaken and KeyLimitReached.
        """
        return self.conclude(asked, self.register([asked]))

    def check(
        self,
        *,
        bank: Bank,
        kind: KeyKind,
        key: str,
        branch: str,
        account_number: str,
        holder_name: str,
        holder_kind: HolderKind,
        holder_tax_id: str,
        request_id: str,
    ) -> KeyEntry:
        """The entry that the bank asks for. Never waits.

        Raises SchemeError, and LookUpsExhausted: to learn that a key is taken is a look-up.
        """
        check_branch(branch)
        check_account_number(account_number)
        try:
            tax_id_kind, tax_id = check_tax_id(holder_tax_id)
        except SchemeError as error:
            raise SchemeError("holder_tax_id", error.rule) from None
        if tax_id_kind is not holder_kind:
            raise SchemeError("holder_kind", "a person has a CPF and a company has a CNPJ")
        if kind is KeyKind.EVP:
            if key:
                raise SchemeError("key", "the hub generates random keys; you cannot choose one")
            request_id = _check_request_id(request_id)
            pix_key = PixKey(KeyKind.EVP, self._new_random_key(bank.ispb, request_id))
        else:
            # As the customer wrote it: see RegisterKeyRequest.
            pix_key = normalize_key(kind, key)
            request_id = ""
        check_key_owner(pix_key, tax_id)
        holder_name = check_person_name(holder_name, "holder_name")
        _check_wait(self._look_ups.take(bank.ispb, MISS_COST))
        return KeyEntry(
            key=pix_key,
            ispb=bank.ispb,
            branch=branch,
            account_number=account_number,
            holder_name=holder_name,
            holder_kind=holder_kind,
            tax_id_masked=mask_tax_id(tax_id),
            registered_at_ms=self._scheme_clock.now_ms(),
            request_id=request_id,
        )

    def register(self, asked: Collection[KeyEntry]) -> Registrations:
        """Registers as many at once as there are, in one transaction: it costs little more than one."""
        while True:
            with self._units() as unit:
                registrations, new = _decide(unit, asked)
                if unit.keys.add(new) == len(new):
                    unit.commit()
                    return registrations
            # Another replica was quicker with one of the keys. By now that is committed, and seen.

    def conclude(self, asked: KeyEntry, registrations: Registrations) -> KeyEntry:
        """The entry that there is now. Never waits. Raises KeyTaken and KeyLimitReached."""
        registered = registrations[asked]
        if not isinstance(registered, KeyTaken):
            # A taken key tells that somebody has it, as a look-up does; the cost of that was taken before.
            self._look_ups.give_back(asked.ispb, MISS_COST)
        if isinstance(registered, SchemeError):
            raise registered
        return registered


def _decide(unit: UnitOfWork, asked: Collection[KeyEntry]) -> tuple[Registrations, Sequence[KeyEntry]]:
    """The result of each, and the new entries. Locks their accounts against other registrations."""
    keys_of = dict(unit.keys.lock_accounts({entry.account for entry in asked}))
    by_key = unit.keys.find_many({entry.key for entry in asked})
    requests = {(entry.ispb, entry.request_id) for entry in asked if entry.request_id}
    by_request = dict(unit.keys.find_by_requests(requests))
    registrations: dict[KeyEntry, KeyEntry | SchemeError] = {}
    new: list[KeyEntry] = []
    banks: Mapping[str, Bank] = {}
    for entry in asked:
        existing = by_key.get(entry.key) or by_request.get((entry.ispb, entry.request_id))
        try:
            if existing is None:
                check_key_limit(entry.holder_kind, keys_of[entry.account])
                keys_of[entry.account] += 1
                existing = by_key[entry.key] = entry
                if entry.request_id:
                    by_request[entry.ispb, entry.request_id] = entry
                new.append(entry)
            elif existing.account != entry.account:
                banks = banks or unit.banks.all()
                check_not_taken(existing, entry, banks[existing.ispb].name)
            registrations[entry] = existing
        except SchemeError as error:
            registrations[entry] = error
    return registrations, new


def _check_request_id(request_id: str) -> str:
    try:
        return str(UUID(request_id))
    except ValueError:
        raise SchemeError("request_id", "must be a UUID when a random key is registered") from None


class DirectoryByUnits:
    """The directory as it is read in a unit of work, for stores that have no quicker way.

    See `hub.application.ports.Directory`.
    """

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def read(self, keys: Collection[PixKey]) -> DirectoryReading:
        with self._units() as unit:
            known = KnownBanks(unit.banks.all(), unit.banks.secrets())
            return DirectoryReading(known, unit.keys.find_many(keys))

    def begin(self, keys: Collection[PixKey]) -> None:
        """A unit of work waits for each of its steps."""


class FindKey:
    def __init__(self, units: UnitsOfWork, look_ups: Limiter, directory: Directory | None = None) -> None:
        """`directory` is a quicker way to read than a unit of work, if the stores have one."""
        self._by_units = DirectoryByUnits(units)
        self._directory = directory or self._by_units
        self._look_ups = look_ups

    def __call__(self, *, kind: KeyKind, key: str, asking_ispb: str = "") -> Payee:
        """The entry and its bank. `asking_ispb` is the bank that asks; the operator, who is none, has no limit.

        Raises SchemeError for a malformed key, KeyNotFound for a key that is not registered, and LookUpsExhausted.
        """
        pix_key = parse_stored_key(key, kind)
        if asking_ispb:
            # Who may not ask does not reach the database.
            _check_wait(self._look_ups.wait_ms(asking_ispb))
        return self.conclude(self._by_units.read({pix_key}).payee(pix_key), asking_ispb)

    def read(self, keys: Collection[PixKey]) -> DirectoryReading:
        """As many keys at once as there are questions, and the banks that may ask: it costs little more than one."""
        return self._directory.read(keys)

    def begin(self, keys: Collection[PixKey]) -> ReadingUnderWay | None:
        """The same without a wait; None when there would be one."""
        return self._directory.begin(keys)

    def conclude(self, payee: Payee | None, asking_ispb: str) -> Payee:
        """Counts the look-up against the bank. Never waits.

        Raises LookUpsExhausted when the bank may not ask now, and KeyNotFound when the key is not registered.
        """
        if asking_ispb:
            _check_wait(self._look_ups.take(asking_ispb, MISS_COST if payee is None else HIT_COST))
        if payee is None:
            raise KeyNotFound("key", "this key is not registered")
        return payee


def _check_wait(wait_ms: int) -> None:
    if wait_ms:
        raise LookUpsExhausted(wait_ms)


class ListKeys:
    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def __call__(
        self, *, ispb: str, branch: str = "", account_number: str = "", after: tuple[int, str] | None, size: int
    ) -> list[KeyEntry]:
        """In the order of registration, after this (registered_at_ms, key). Raises SchemeError."""
        if branch:
            check_branch(branch)
        if account_number:
            check_account_number(account_number)
        with self._units() as unit:
            return unit.keys.list_of_bank(ispb, branch, account_number, after, size)


class RemoveKey:
    def __init__(self, units: UnitsOfWork, scheme_clock: SchemeClock) -> None:
        self._units = units
        self._scheme_clock = scheme_clock

    def __call__(self, *, ispb: str, kind: KeyKind, key: str, branch: str = "", account_number: str = "") -> None:
        """With branch and account number the key is removed only while it pays into that account.

        Raises SchemeError for what is malformed, KeyNotFound when the key is not the bank's, or not the account's.
        """
        pix_key = parse_stored_key(key, kind)
        account = None
        if branch or account_number:
            account = check_branch(branch), check_account_number(account_number)
        with self._units() as unit:
            if not unit.keys.remove(pix_key, ispb, self._scheme_clock.now_ms(), account):
                raise KeyNotFound("key", "this bank has not registered this key")
            unit.commit()
