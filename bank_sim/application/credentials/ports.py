"""What the use cases of credentials need from the unit of work.

What `bank_sim.application.ports` says of its repositories holds here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bank_sim.domain.credentials.model import ApiCredential
from bank_sim.domain.credentials.request_log import ApiRequest
from pix.scheme.values import value_object


@value_object
class RequestFilter:
    """Which requests of an account a list has."""

    account_number: str
    credential_id: str = ""
    failed: bool | None = None
    """Answered with a status of 400 and above, or below; None: both."""
    search: str = ""
    """A part of the method and the path."""


class CredentialRepository(Protocol):
    """Credentials of the API."""

    def add(self, credential: ApiCredential) -> None:
        """A new one. Raises RowExists."""

    def lock(self, credential_id: str) -> ApiCredential | None:
        """One, locked until the end of the transaction; after accounts."""

    def save(self, credential: ApiCredential) -> None:
        """One that was locked in this transaction."""

    def find(self, credential_id: str) -> ApiCredential | None:
        """One, without a lock."""

    def of_account(self, account_number: str) -> list[ApiCredential]:
        """The active ones, then the revoked; the newest of each first."""

    def remove(self, credential_ids: Sequence[str]) -> None:
        """Those that exist."""


class ApiRequestRepository(Protocol):
    """The log of API requests."""

    def add(self, requests: Sequence[ApiRequest]) -> None:
        """New lines, each with the next serial. Lines of an account beyond the newest `REQUESTS_KEPT` are removed."""

    def find(self, account_number: str, request_id: str) -> ApiRequest | None:
        """An account's."""

    def list(self, narrow: RequestFilter, before_serial: int | None, size: int) -> list[ApiRequest]:
        """Newest first, those before a place in the log."""

    def newest_serial(self, account_number: str) -> int:
        """Of an account's newest line; 0 without one."""
