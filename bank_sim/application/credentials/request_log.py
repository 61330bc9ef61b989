"""The log of API requests: noting them, and what may be asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bank_sim.application.credentials.ports import RequestFilter
from bank_sim.application.ports import UnitsOfWork
from bank_sim.application.queries import check_size
from bank_sim.application.views import PAGE_SIZE_DEFAULT
from bank_sim.domain.credentials.request_log import ApiRequest
from bank_sim.domain.errors import BankError
from pix.scheme.errors import SchemeError


class ApiRequestNotFound(BankError):
    """The account has no such request in its log: it keeps the newest."""

    def __init__(self) -> None:
        super().__init__("request_id", "This account has no API request with this ID.")


@dataclass(frozen=True, slots=True)
class ApiRequestPage:
    """Requests, newest first. `next_cursor` is the `before` of the next page; empty on the last."""

    requests: tuple[ApiRequest, ...]
    next_cursor: str


class NoteRequests:
    """Writes requests that were answered."""

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def __call__(self, requests: Sequence[ApiRequest]) -> None:
        if not requests:
            return
        with self._units() as unit:
            unit.api_requests.add(requests)
            unit.commit()

    def account_of(self, credential_id: str) -> str:
        """The account of a credential, also of a revoked one; empty for an unknown one."""
        with self._units() as unit:
            credential = unit.credentials.find(credential_id)
        return "" if credential is None else credential.account_number


class ApiRequestQueries:
    """Reads, each in a separate transaction."""

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def list(
        self,
        account_number: str,
        *,
        credential_id: str = "",
        failed: bool | None = None,
        search: str = "",
        before: str = "",
        size: int = PAGE_SIZE_DEFAULT,
    ) -> ApiRequestPage:
        """Newest first. Raises SchemeError(field="before" | "size")."""
        check_size(size)
        if before and not (before.isascii() and before.isdigit() and len(before) <= 18):
            raise SchemeError("before", "This cursor is not from an earlier page.")
        narrow = RequestFilter(account_number, credential_id, failed, search.strip())
        with self._units() as unit:
            found = unit.api_requests.list(narrow, int(before) if before else None, size + 1)
        page = found[:size]
        return ApiRequestPage(tuple(page), str(page[-1].serial) if len(found) > size else "")

    def find(self, account_number: str, request_id: str) -> ApiRequest:
        """Raises ApiRequestNotFound, also for another account's."""
        with self._units() as unit:
            found = unit.api_requests.find(account_number, request_id)
        if found is None:
            raise ApiRequestNotFound
        return found

    def newest_serial(self, account_number: str) -> int:
        """A number that rises with each line of an account's log; 0 while it is empty. One cheap read."""
        with self._units() as unit:
            return unit.api_requests.newest_serial(account_number)
