"""The banks as they prove themselves: each by a secret that it shares with the hub."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence

from hub.domain.bank import Bank, BankSecret
from hub.domain.errors import BankNotActive, NotAuthenticated
from pix.scheme.credentials import METADATA_ISPB, METADATA_SECRET
from pix.scheme.values import value_object


@value_object
class KnownBanks:
    """The banks and their secrets, of one moment."""

    banks: Mapping[str, Bank]
    """By ISPB."""
    secrets: Mapping[str, Sequence[BankSecret]]
    """The valid ones of each bank, newest first, by ISPB."""

    def authenticate(self, ispb: str, secret: str) -> Bank:
        """Raises NotAuthenticated, alike for an unknown bank and a wrong secret; BankNotActive for a suspended one."""
        bank = self.recognize(ispb, secret)
        if not bank.active:
            raise BankNotActive(METADATA_ISPB, "the bank is suspended (DS27)")
        return bank

    def recognize(self, ispb: str, secret: str) -> Bank:
        """The same for what a bank may do also while it is suspended. Raises NotAuthenticated."""
        digest = hashlib.sha256(secret.encode()).digest()
        matches = [hmac.compare_digest(known.secret_sha256, digest) for known in self.secrets.get(ispb, ())]
        bank = self.banks.get(ispb)
        if bank is None or not any(matches):
            raise NotAuthenticated(METADATA_SECRET, "is not the secret of this bank")
        return bank
