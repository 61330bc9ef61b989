"""The addresses that merchants give for their webhooks."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from bank_sim.domain.webhooks.errors import WebhookUrlInvalid
from pix.runtime.addresses import check_host

URL_LENGTH_MAX: Final = 1_024
CALLBACK_PATH: Final = "/pix"
_PRINTABLE: Final = re.compile(r"[!-~]+")


def check_webhook_url(url: str) -> str:
    """Return the address if it is one of HTTP with a host: RFC 3986 in ASCII, without user and fragment.

    It may have a query. Raises WebhookUrlInvalid.
    """
    if len(url) > URL_LENGTH_MAX:
        raise WebhookUrlInvalid(f"The address has at most {URL_LENGTH_MAX} characters.")
    if _PRINTABLE.fullmatch(url) is None or set(url) & set('"<>\\^`{|}'):
        raise WebhookUrlInvalid("The address has only the characters of RFC 3986; others are percent-encoded.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host = check_host(host)
    except ValueError:
        raise WebhookUrlInvalid("The address needs a valid host, and a port from 1 to 65535.") from None
    if parts.scheme not in ("http", "https"):
        raise WebhookUrlInvalid("The address begins with https:// or http://.")
    if port == 0:
        raise WebhookUrlInvalid("The address needs a valid host, and a port from 1 to 65535.")
    if "@" in parts.netloc or "#" in url:
        raise WebhookUrlInvalid("The address has no user, no password and no #.")
    return url


def callback_of(url: str) -> str:
    """Where the bank posts: `/pix` is appended to the address as a text.

    An address that ends in a query takes it into the query, such as `https://host/hook?ignore=`.
    """
    return (url if "?" in url else url.rstrip("/")) + CALLBACK_PATH
