"""The banks' books over their public REST APIs."""

from __future__ import annotations

import json
import time
from typing import Any, Final
from urllib.parse import quote

import httpx

from hub.application.ports import BankBooksUnavailable, BankPosting
from hub.domain.bank import Bank
from pix.web.client import new_http_client

SECONDS_MAX: Final = 1.5
BODY_BYTES_MAX: Final = 64 * 1024
POSTINGS_MAX: Final = 20
"""More than a transfer ever has at one bank."""


class RestBankBooks:
    def __init__(
        self, operator_password: str, url_pattern: str = "", transport: httpx.BaseTransport | None = None
    ) -> None:
        """`operator_password` is sent when it is set; a bank in demo mode wants none.

        `url_pattern` says where the banks are, with `{code}` for the three digits; without it they are asked where they
        have said that people reach them.
        """
        self._url_pattern = url_pattern
        headers = {"Authorization": f"Bearer {operator_password}"} if operator_password else {}
        self._client = new_http_client(timeout=SECONDS_MAX, headers=headers, transport=transport)

    def postings(self, bank: Bank, end_to_end_id: str) -> list[BankPosting]:
        address = self._url_pattern.replace("{code}", bank.code) or bank.url
        if not address:
            raise BankBooksUnavailable("The bank has not announced its address.")
        url = f"{address.rstrip('/')}/api/v1/transfers/{quote(end_to_end_id, safe='')}/postings"
        try:
            status_code, body = self._get(url)
        except (httpx.HTTPError, httpx.InvalidURL):
            # An address that joined before addresses were checked may be none.
            raise BankBooksUnavailable("The bank is not responding.") from None
        if status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise BankBooksUnavailable("The bank requires its operator's password: set BANKS_OPERATOR_PASSWORD.")
        if not httpx.codes.is_success(status_code):
            raise BankBooksUnavailable(f"The bank answered with the HTTP status {status_code}.")
        try:
            return [_posting(each) for each in json.loads(body)["postings"][:POSTINGS_MAX]]
        except (ValueError, KeyError, TypeError):
            raise BankBooksUnavailable("The bank sent an unexpected response.") from None

    def _get(self, url: str) -> tuple[int, bytes]:
        """The status and the body, of a bank that may say what it likes for as long as it likes."""
        deadline = time.monotonic() + SECONDS_MAX
        body = b""
        with self._client.stream("GET", url) as answer:
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > BODY_BYTES_MAX or time.monotonic() > deadline:
                    raise httpx.ReadTimeout("too much, or too slow", request=answer.request)
            return answer.status_code, body


def _posting(document: Any) -> BankPosting:
    return BankPosting(
        kind=str(document["kind"]),
        debit_account=str(document["debit_account"]),
        credit_account=str(document["credit_account"]),
        amount_centavos=int(document["amount_centavos"]),
        posted_at_ms=int(document["posted_at_ms"]),
        direction=str(document["direction"]),
    )
