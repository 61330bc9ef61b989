"""The directory of keys: who may register what, after the DICT specification."""

from __future__ import annotations

from enum import StrEnum

from hub.domain.errors import KeyLimitReached, KeyTaken
from pix.scheme.keys import PixKey, keys_per_account_max
from pix.scheme.messages import Party
from pix.scheme.people import HolderKind
from pix.scheme.values import value_object

Account = tuple[str, str, str]
"""ISPB of the bank, branch and number."""


@value_object
class KeyEntry:
    """A key and the account that it pays into. The holder's tax id is kept masked: the hub needs no more of it."""

    key: PixKey
    ispb: str
    branch: str
    account_number: str
    holder_name: str
    holder_kind: HolderKind
    tax_id_masked: str
    registered_at_ms: int
    request_id: str = ""
    """The caller's id of the registration of a random key; makes a repetition harmless."""

    def party(self) -> Party:
        return Party(self.ispb, self.branch, self.account_number, self.holder_name, self.tax_id_masked)

    @property
    def account(self) -> Account:
        return self.ispb, self.branch, self.account_number


class KeyChange(StrEnum):
    REGISTERED = "registered"
    REMOVED = "removed"


@value_object
class KeyEvent:
    """A line of a key's history: which bank had it, from when or until when. Whose account it was is not kept."""

    key: PixKey
    ispb: str
    change: KeyChange
    at_ms: int


def check_not_taken(existing: KeyEntry, asked: KeyEntry, owner_name: str) -> None:
    """A key belongs to one account. Raises KeyTaken, which names the owner's bank and not the owner."""
    if existing.account != asked.account:
        whose = "another account of this bank" if existing.ispb == asked.ispb else f"an account at {owner_name}"
        raise KeyTaken("key", f"is registered for {whose}", owner_name)


def check_key_limit(holder_kind: HolderKind, keys_of_account: int) -> None:
    """At most 5 keys per account of a person and 20 of a company (DICT). Raises KeyLimitReached."""
    limit = keys_per_account_max(holder_kind)
    if keys_of_account >= limit:
        raise KeyLimitReached("key", f"an account of a {holder_kind.value.lower()} has at most {limit} keys")
