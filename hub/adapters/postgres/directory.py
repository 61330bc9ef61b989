"""The directory as look-ups read it from PostgreSQL: one round trip, however many keys are asked for.

A unit of work takes six round trips for the same: is the connection alive, begin, banks, secrets, keys, end.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection
from typing import Final

from hub.adapters.postgres.unit_of_work import BANK_COLUMNS, KEY_COLUMNS, bank_of, entry_of
from hub.domain.bank import BankSecret
from hub.domain.known_banks import KnownBanks
from hub.domain.look_ups import DirectoryReading
from pix.postgres.bulk import text_array
from pix.postgres.statement import FetchUnderWay, PreparedStatement, Rows
from pix.runtime.outages import DatabaseUnavailable
from pix.scheme.keys import PixKey

_BANKS: Final = f"SELECT json_agg(json_build_array({BANK_COLUMNS}))::text FROM banks"  # noqa: S608 - constants
_SECRETS: Final = (
    "SELECT json_agg(json_build_array(ispb, encode(secret_sha256, 'hex'), encode(signing_key, 'hex'), added_at_ms) "
    "ORDER BY added_at_ms DESC)::text FROM bank_secrets"
)
_KEYS: Final = f"SELECT json_agg(json_build_array({KEY_COLUMNS}))::text FROM pix_keys WHERE key = ANY($1)"  # noqa: S608 - constants
_READ: Final = f"SELECT ({_BANKS}), ({_SECRETS}), ({_KEYS})"
"""Each part is one text: what the banks are is the same most of the time, and then need not be taken apart again."""

Texts = tuple[str | None, str | None]
"""The banks and the secrets as the database wrote them; None when there are none."""


class PostgresDirectory:
    def __init__(self, url: str, observe: Callable[[str, float], None] = lambda _outcome, _seconds: None) -> None:
        """Connects when it is first asked. `observe` is told how each reading went, and in how many seconds."""
        self._statement = PreparedStatement(url, _READ, "text[]")
        self._observe = observe
        self._known: tuple[Texts, KnownBanks] = ((None, None), KnownBanks({}, {}))

    def read(self, keys: Collection[PixKey]) -> DirectoryReading:
        started = time.perf_counter()
        outcome = "failed"
        try:
            rows = self._statement.fetch(_parameter(keys))
            outcome = "read"
        finally:
            self._observe(outcome, time.perf_counter() - started)
        return self._reading_of(rows)

    def begin(self, keys: Collection[PixKey]) -> PostgresReading | None:
        fetch = self._statement.begin(_parameter(keys))
        return None if fetch is None else PostgresReading(fetch, self._reading_of, self._observe)

    def close(self) -> None:
        self._statement.close()

    def _reading_of(self, rows: Rows) -> DirectoryReading:
        [(banks, secrets, entries)] = rows
        found = map(entry_of, json.loads(entries or "[]"))
        return DirectoryReading(self._known_banks((banks, secrets)), {entry.key: entry for entry in found})

    def _known_banks(self, texts: Texts) -> KnownBanks:
        known_texts, known = self._known
        if texts != known_texts:
            known = _known_banks_of(*texts)
            self._known = texts, known
        return known


class PostgresReading:
    def __init__(
        self,
        fetch: FetchUnderWay,
        reading_of: Callable[[Rows], DirectoryReading],
        observe: Callable[[str, float], None],
    ) -> None:
        self._fetch = fetch
        self._reading_of = reading_of
        self._observe = observe
        self._started = time.perf_counter()

    def reading(self) -> DirectoryReading | None:
        try:
            rows = self._fetch.rows()
        except DatabaseUnavailable:
            self._observe("failed", time.perf_counter() - self._started)
            raise
        if rows is None:
            return None
        self._observe("read", time.perf_counter() - self._started)
        return self._reading_of(rows)

    def wait(self, seconds: float) -> None:
        self._fetch.wait(seconds)


def _parameter(keys: Collection[PixKey]) -> str:
    return text_array([key.key for key in keys])


def _known_banks_of(banks: str | None, secrets: str | None) -> KnownBanks:
    of_banks: dict[str, list[BankSecret]] = {}
    for ispb, secret_sha256, signing_key, added_at_ms in json.loads(secrets or "[]"):
        secret = BankSecret(ispb, bytes.fromhex(secret_sha256), bytes.fromhex(signing_key), added_at_ms)
        of_banks.setdefault(ispb, []).append(secret)
    return KnownBanks({row[0]: bank_of(row) for row in json.loads(banks or "[]")}, of_banks)
