"""Credentials of the API and the log of its requests, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from bank_sim.application.credentials.ports import RequestFilter
from bank_sim.application.ports import RowExists
from bank_sim.domain.credentials.model import ApiCredential
from bank_sim.domain.credentials.request_log import REQUESTS_KEPT, ApiRequest
from pix.runtime.memory_table import MemoryTable


class CredentialStore(Protocol):
    """The part of a bank's store with credentials."""

    credentials: MemoryTable[str, ApiCredential]
    api_requests: MemoryTable[int, ApiRequest]
    last_request_serial: int


class MemoryCredentials:
    """See `bank_sim.application.credentials.ports.CredentialRepository`."""

    def __init__(self, store: CredentialStore) -> None:
        self._store = store

    def add(self, credential: ApiCredential) -> None:
        if self._store.credentials.get(credential.credential_id) is not None:
            raise RowExists(credential.credential_id)
        self._store.credentials.put(credential.credential_id, credential)

    def lock(self, credential_id: str) -> ApiCredential | None:
        return self.find(credential_id)

    def save(self, credential: ApiCredential) -> None:
        self._store.credentials.put(credential.credential_id, credential)

    def find(self, credential_id: str) -> ApiCredential | None:
        return self._store.credentials.get(credential_id)

    def of_account(self, account_number: str) -> list[ApiCredential]:
        own = [each for each in self._store.credentials.values() if each.account_number == account_number]
        return sorted(own, key=lambda each: (not each.is_active, -each.created_at_ms, each.credential_id))

    def remove(self, credential_ids: Sequence[str]) -> None:
        for credential_id in credential_ids:
            if self._store.credentials.get(credential_id) is not None:
                self._store.credentials.drop(credential_id)


class MemoryApiRequests:
    """See `bank_sim.application.credentials.ports.ApiRequestRepository`."""

    def __init__(self, store: CredentialStore) -> None:
        self._store = store

    def add(self, requests: Sequence[ApiRequest]) -> None:
        for request in requests:
            self._store.last_request_serial += 1
            serial = self._store.last_request_serial
            self._store.api_requests.put(serial, replace(request, serial=serial))
        for account_number in {request.account_number for request in requests}:
            for old in self._of(account_number)[REQUESTS_KEPT:]:
                self._store.api_requests.drop(old.serial)

    def find(self, account_number: str, request_id: str) -> ApiRequest | None:
        return next((each for each in self._of(account_number) if each.request_id == request_id), None)

    def newest_serial(self, account_number: str) -> int:
        return max((each.serial for each in self._of(account_number)), default=0)

    def _of(self, account_number: str) -> list[ApiRequest]:
        own = [each for each in self._store.api_requests.values() if each.account_number == account_number]
        return sorted(own, key=lambda each: -each.serial)

    def list(self, narrow: RequestFilter, before_serial: int | None, size: int) -> list[ApiRequest]:
        found = [
            each
            for each in self._of(narrow.account_number)
            if (before_serial is None or each.serial < before_serial)
            and narrow.credential_id in ("", each.credential_id)
            and narrow.failed in (None, not each.succeeded)
            and narrow.search.lower() in f"{each.method} {each.path}".lower()
        ]
        return found[:size]
