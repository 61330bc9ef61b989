"""The public interfaces of hub and banks over HTTP, as the lab needs them: who can be reached, and what they say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

import httpx

from pix.web.client import new_http_client

PAGE_SIZE: Final = 500
TIMEOUT_SECONDS: Final = 30.0
BOOKS_TIMEOUT_SECONDS: Final = 600.0
"""For the sums of a bank's books, which reads every posting."""
CONNECTIONS_MAX: Final = 40
NOT_ALLOWED: Final = frozenset({401, 403, 429})

Json = dict[str, Any]


class Unreachable(Exception):
    """A service did not answer, or answered that it cannot; the text says which, and can be shown as it is."""

    @property
    def rule(self) -> str:
        """The same, as every refusal names it."""
        return str(self)


class NotAllowed(Unreachable):
    """The service does not take us for its operator; asking again changes nothing."""


class Refused(Exception):
    """A service refused what was asked: the rule in its own words."""

    def __init__(self, status: int, problem: Json) -> None:
        self.status = status
        self.kind = str(problem.get("type") or "").rpartition(":")[2]
        self.field = str(problem.get("field") or "")
        self.rule = str(problem.get("rule") or problem.get("detail") or problem.get("title") or "")
        super().__init__(f"{status} {self.field}: {self.rule}")

    @property
    def name(self) -> str:
        """The problem's name, or the field whose rule was broken."""
        return self.field if self.kind == "scheme-rule" else self.kind


def new_client(operator_password: str = "") -> httpx.Client:
    """A client for many services; thread-safe, to be closed. Outside demo mode the APIs are the operator's alone."""
    headers = {"Authorization": f"Bearer {operator_password}"} if operator_password else {}
    limits = httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX)
    return new_http_client(timeout=TIMEOUT_SECONDS, limits=limits, headers=headers)


class Rest:
    def __init__(self, name: str, url: str, client: httpx.Client | None) -> None:
        """`name` is what messages call it; `url` is its root; None where a subclass has another client."""
        self.name = name
        self.url = url.rstrip("/")
        self._client = client

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """The answer's JSON, or None without any. Raises `Unreachable`, `NotAllowed` and `Refused`."""
        status, content = self._request(method, path, **arguments)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Unreachable(f"{self.name} at {self.url} answers {status} to {method} {path}.")
        try:
            document = json.loads(content) if content else None
        except ValueError:
            raise Unreachable(f"{self.name} at {self.url} speaks no CodePix: {path} is no JSON.") from None
        if status < HTTPStatus.MULTIPLE_CHOICES:
            return document
        refused = Refused(status, document if isinstance(document, dict) else {})
        if status in NOT_ALLOWED:
            raise NotAllowed(f"{self.name} at {self.url} does not let us in: {refused.rule}")
        raise refused

    def _request(self, method: str, path: str, **arguments: Any) -> tuple[int, bytes]:
        """The status and the body. Raises `Unreachable`."""
        assert self._client is not None, "a subclass sets the client"
        try:
            answer = self._client.request(method, f"{self.url}/api/v1{path}", **arguments)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        except httpx.InvalidURL as error:
            raise Unreachable(f"{self.name}: {self.url} is no address ({error}).") from error
        return answer.status_code, answer.content

    def stream(self, path: str) -> Iterator[bytes] | None:
        """The bytes of an answer as they come; None when the service does not know the path.

        Raises `Unreachable` and `NotAllowed`, also while it is read.
        """
        assert self._client is not None, "a subclass sets the client"
        # Packed it would take the service longer than the database.
        request = self._client.build_request("GET", f"{self.url}/api/v1{path}", headers={"Accept-Encoding": "identity"})
        try:
            answer = self._client.send(request, stream=True)
            if answer.status_code == HTTPStatus.OK:
                return self._pieces(answer)
            answer.close()
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Unreachable(f"{self.name} at {self.url} answers {answer.status_code} to GET {path}.")
        if answer.status_code in NOT_ALLOWED:
            raise NotAllowed(f"{self.name} at {self.url} does not let us in: {path} answers {answer.status_code}")
        return None

    def _pieces(self, answer: httpx.Response) -> Iterator[bytes]:
        try:
            yield from answer.iter_bytes()
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        finally:
            answer.close()

    def _unreachable(self, error: httpx.HTTPError) -> Unreachable:
        return Unreachable(f"{self.name} at {self.url} does not answer ({type(error).__name__}).")

    def get(self, path: str, **parameters: Any) -> Any:
        return self.call("GET", path, params=parameters)

    def pages(self, path: str, items: str, cursor: str, next_cursor: str, **parameters: Any) -> Iterator[Json]:
        """Reads a list page by page: `items` names the list, `next_cursor` what is handed back as `cursor`."""
        position = ""
        while True:
            page = self.get(path, **{cursor: position, "size": PAGE_SIZE, **parameters})
            yield from page[items]
            position = page.get(next_cursor) or ""
            if not position:
                return

    def under_way(self) -> Json | None:
        """What moves, as counts; None of a participant that does not know how to tell."""
        try:
            return dict(self.get("/under-way"))
        except Refused as refused:
            if refused.status != HTTPStatus.NOT_FOUND:
                raise
            return None

    def returns(self, cursor: str, next_cursor: str, **narrow: Any) -> Iterator[Json]:
        """Its returns; none of a participant that does not know returns."""
        try:
            yield from self.pages("/returns", "returns", cursor, next_cursor, **narrow)
        except Refused as refused:
            if refused.status != HTTPStatus.NOT_FOUND:
                raise


class HubRest(Rest):
    def __init__(self, url: str, client: httpx.Client) -> None:
        super().__init__("The hub", url, client)

    def banks(self) -> list[Json]:
        """The participants, by code."""
        return list(self.get("/banks"))

    def transfers(self, **narrow: Any) -> Iterator[Json]:
        """Newest first."""
        return self.pages("/transfers", "transfers", "before", "next", **narrow)

    def transfer(self, end_to_end_id: str) -> Json:
        """One, with its history. Raises `Refused` when there is none."""
        return dict(self.get(f"/transfers/{end_to_end_id}"))

    def settlement_accounts(self) -> list[Json]:
        return list(self.get("/settlement"))

    def dead_letters(self) -> list[Json]:
        return list(self.get("/dead-letters", size=PAGE_SIZE))

    def course(self) -> Json:
        """The course adapter: its banks, and what is owed; neither at a hub of an older version."""
        try:
            return dict(self.get("/course"))
        except Refused as refused:
            if refused.status != HTTPStatus.NOT_FOUND:
                raise
            return {"banks": [], "owed": []}

    def fund(self, code: str, amount_centavos: int, funding_id: str) -> None:
        """Puts settlement money into a bank's account, or takes it out; the same id again changes nothing."""
        body = {"amount_centavos": amount_centavos, "funding_id": funding_id}
        self.call("POST", f"/banks/{code}/fundings", json=body)


class BankRest(Rest):
    def accounts(self) -> list[Json]:
        return list(self.pages("/accounts", "accounts", "after", "next_cursor"))

    def keys_of(self, account_number: str) -> list[Json]:
        """In the order of registration."""
        return list(self.get(f"/accounts/{account_number}/keys")["keys"])

    def transfers(self, **narrow: Any) -> Iterator[Json]:
        """This bank's sides, oldest first."""
        return self.pages("/transfers", "transfers", "after", "next_cursor", **narrow)

    def transfer(self, end_to_end_id: str, direction: str) -> Json:
        """One side. Raises `Refused` when there is none."""
        return dict(self.get(f"/transfers/{end_to_end_id}", direction=direction))

    def books(self) -> Json:
        """The sums alone, without what the bank finds of single transfers."""
        parameters = {"compare_transfers": "false"}
        return dict(self.call("GET", "/books", params=parameters, timeout=BOOKS_TIMEOUT_SECONDS))

    def postings(self) -> Iterator[Json]:
        """Newest first."""
        return self.pages("/postings", "postings", "before", "next_cursor")

    def dead_letters(self) -> list[Json]:
        return list(self.get("/dead-letters", size=PAGE_SIZE)["dead_letters"])

    def dead_letter(self, dead_letter_id: str) -> Json:
        return dict(self.get(f"/dead-letters/{dead_letter_id}"))

    def pay(
        self, account_number: str, kind: str, key: str, amount_centavos: int, description: str, idempotency_key: str
    ) -> Json:
        """Requests a transfer; repeating it with the same idempotency key returns the same one."""
        body = {
            "payee_key": {"kind": kind, "key": key},
            "amount_centavos": amount_centavos,
            "description": description,
        }
        headers = {"Idempotency-Key": idempotency_key}
        return dict(self.call("POST", f"/accounts/{account_number}/transfers", json=body, headers=headers))

    def give_back(
        self, account_number: str, original_end_to_end_id: str, amount_centavos: int, reason: str, idempotency_key: str
    ) -> Json:
        """Requests a return; repeating it with the same idempotency key returns the same one."""
        body = {
            "original_end_to_end_id": original_end_to_end_id,
            "amount_centavos": amount_centavos,
            "reason": reason,
            "description": f"lab {idempotency_key}",
        }
        headers = {"Idempotency-Key": idempotency_key}
        return dict(self.call("POST", f"/accounts/{account_number}/returns", json=body, headers=headers))

    def open_account(self, name: str, tax_id: str, opening_deposit_centavos: int, pin: str) -> Json:
        body = {"name": name, "tax_id": tax_id, "opening_deposit_centavos": opening_deposit_centavos, "pin": pin}
        return dict(self.call("POST", "/accounts", json=body))

    def register_key(self, account_number: str, kind: str, key: str = "") -> Json:
        """Registers a key; without one the hub makes a random one."""
        return dict(self.call("POST", f"/accounts/{account_number}/keys", json={"kind": kind, "key": key}))

    def block_account(self, account_number: str) -> None:
        self.call("POST", f"/accounts/{account_number}/block")

    def close_account(self, account_number: str) -> None:
        self.call("POST", f"/accounts/{account_number}/close")
