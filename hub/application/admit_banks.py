"""Banks: the operator adds one with its secret and its settlement money; the bank proves itself and joins."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace

from hub.application.fund_bank import SETTLEMENT_FUNDS_CENTAVOS_MAX, fund_account
from hub.application.ports import UnitOfWork, UnitsOfWork
from hub.domain.bank import SECRETS_PER_BANK_MAX, VERSION_LENGTH_MAX, Bank, BankSecret
from hub.domain.errors import BankAlreadyAdded, BankNotFound
from hub.domain.known_banks import KnownBanks
from hub.domain.settlement import Funding
from hub.domain.trail import COMMAND_LINE, Act, Author, entry
from pix.runtime.addresses import check_participant_url, check_payload_host
from pix.runtime.clock import Clock, SchemeClock
from pix.runtime.single_flight import SingleFlight
from pix.scheme.errors import SchemeError
from pix.scheme.features import FEATURES, Feature, known_features
from pix.scheme.ids import check_bank_code, check_ispb, ispb_of_code
from pix.scheme.texts import check_bank_name, check_color, check_line

SECRET_LENGTH_MIN = 16


class AddBank:
    """The operator admits a bank; repeating it with the same secret changes nothing."""

    def __init__(
        self,
        units: UnitsOfWork,
        scheme_clock: SchemeClock,
        clock: Clock,
        derive_wire_key: Callable[[str], bytes],
    ) -> None:
        """`derive_wire_key` makes of a secret the key of a bank's messages: the secret is never stored."""
        self._units = units
        self._scheme_clock = scheme_clock
        self._clock = clock
        self._derive_wire_key = derive_wire_key

    def __call__(
        self,
        *,
        code: str,
        name: str,
        color: str,
        secret: str,
        settlement_funds_centavos: int = 0,
        ispb: str = "",
        by: Author = COMMAND_LINE,
    ) -> Bank:
        """The settlement funds are put in when the bank is new. Another secret than before becomes its newest one.

        Raises SchemeError, and BankAlreadyAdded when code and ISPB belong to different banks.
        """
        if len(secret) < SECRET_LENGTH_MIN:
            raise SchemeError("secret", f"must have at least {SECRET_LENGTH_MIN} characters")
        if not 0 <= settlement_funds_centavos <= SETTLEMENT_FUNDS_CENTAVOS_MAX:
            raise SchemeError("settlement_funds_centavos", f"must be 0 to {SETTLEMENT_FUNDS_CENTAVOS_MAX}")
        code = check_bank_code(code)
        bank = Bank(
            ispb=check_ispb(ispb) if ispb else ispb_of_code(code),
            code=code,
            name=check_bank_name(name, "name"),
            color=check_color(color),
        )
        with self._units() as unit:
            known = unit.banks.all().get(bank.ispb)
            if known is not None and known.code != code:
                raise BankAlreadyAdded("ispb", f"belongs to the bank with the code {known.code}")
            if known is None:
                unit.banks.add(bank)
                unit.settlement.open(bank.ispb)
                if settlement_funds_centavos:
                    # The id is derived, so that an interrupted set-up which starts over funds nothing twice.
                    opening = Funding(
                        f"opening-{bank.ispb}", bank.ispb, settlement_funds_centavos, self._scheme_clock.now_ms()
                    )
                    fund_account(unit, opening)
            is_new_secret = self._admit_secret(unit, bank.ispb, secret)
            if is_new_secret:
                act = Act.BANK_ADDED if known is None else Act.SECRET_ROTATED
                amount_centavos = settlement_funds_centavos if known is None else 0
                now_ms = self._clock.real_now_ms()
                unit.trail.add(entry(now_ms, act, by, code=code, amount_centavos=amount_centavos))
            unit.commit()
        return known or bank

    def _admit_secret(self, unit: UnitOfWork, ispb: str, secret: str) -> bool:
        """False when it is the newest one already."""
        digest = hashlib.sha256(secret.encode()).digest()
        secrets = unit.banks.secrets().get(ispb)
        if secrets and secrets[0].secret_sha256 == digest:
            return False
        added_at_ms = self._clock.real_now_ms()
        if secrets:
            # Strictly newer than what it replaces, however fast the operator is and whatever the clock did meanwhile.
            added_at_ms = max(added_at_ms, secrets[0].added_at_ms + 1)
        unit.banks.add_secret(BankSecret(ispb, digest, self._derive_wire_key(secret), added_at_ms))
        unit.banks.retire_secrets(ispb, keep=SECRETS_PER_BANK_MAX)
        return True


class AuthenticateBank:
    """Tells whether a caller is the bank that it says it is. Callers at the same time share one reading."""

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units
        self._known_banks = SingleFlight(self._read)

    def __call__(self, ispb: str, secret: str) -> Bank:
        """Raises NotAuthenticated, alike for an unknown bank and a wrong secret; BankNotActive for a suspended one."""
        return self._known_banks().authenticate(ispb, secret)

    def even_suspended(self, ispb: str, secret: str) -> Bank:
        """The same for what a bank may do also while it is suspended. Raises NotAuthenticated."""
        return self._known_banks().recognize(ispb, secret)

    def _read(self) -> KnownBanks:
        with self._units() as unit:
            return KnownBanks(unit.banks.all(), unit.banks.secrets())


class JoinNetwork:
    def __init__(self, units: UnitsOfWork, scheme_clock: SchemeClock, features: frozenset[Feature] = FEATURES) -> None:
        """`features` are those that this hub uses; it lists no others among those of a bank."""
        self._units = units
        self._scheme_clock = scheme_clock
        self._features = features

    def __call__(
        self,
        *,
        ispb: str,
        code: str,
        name: str,
        color: str,
        url: str,
        version: str,
        features: Iterable[str] = (),
        payload_host: str = "",
    ) -> Bank:
        """Ignores names of features that this hub does not know or use.

        Raises SchemeError for what is malformed, or when the code is not the one that the operator gave.
        """
        with self._units() as unit:
            bank = unit.banks.all().get(ispb)
            if bank is None:
                raise BankNotFound("ispb", f"no bank has the ISPB {ispb}")
            if code != bank.code:
                raise SchemeError("code", f"must be {bank.code}, as the operator of the hub set it")
            bank = replace(
                bank,
                name=check_bank_name(name, "name"),
                color=check_color(color),
                url=check_participant_url(url),
                version=check_line(version[:VERSION_LENGTH_MAX], "version", 0, VERSION_LENGTH_MAX),
                joined_at_ms=self._scheme_clock.now_ms(),
                features=known_features(features) & self._features,
                payload_host=check_payload_host(payload_host),
            )
            unit.banks.update(bank)
            unit.commit()
        return bank
