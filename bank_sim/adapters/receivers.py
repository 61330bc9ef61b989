"""The receivers of webhooks over HTTP."""

from __future__ import annotations

import ssl
from typing import Final

import httpcore

from bank_sim.adapters.outbound import (
    AddressRefused,
    BrokenOff,
    CertificateRefused,
    NameUnknown,
    NotConnected,
    OutboundHttp,
    TimedOut,
    Unreachable,
    judged_addresses,
)
from bank_sim.application.webhooks.ports import Answer
from bank_sim.domain.webhooks.faults import WebhookFault
from bank_sim.domain.webhooks.model import BODY_LENGTH_MAX, DETAIL_LENGTH_MAX, DeliveryFailure
from pix.runtime.allowed_hosts import AllowedHosts

CHECK_SECONDS_MAX: Final = 2.0
"""Of a look at an address when it is set."""
_HEADERS: Final = (("Content-Type", "application/json"), ("User-Agent", "CodePix-bank"))
_FAILURES: Final[dict[type[Unreachable], DeliveryFailure]] = {
    NameUnknown: DeliveryFailure.NAME,
    AddressRefused: DeliveryFailure.ADDRESS,
    TimedOut: DeliveryFailure.TIMEOUT,
    NotConnected: DeliveryFailure.CONNECTION,
    CertificateRefused: DeliveryFailure.CERTIFICATE,
    BrokenOff: DeliveryFailure.BROKEN,
}
_BY_FAULT: Final = "a fault of the sandbox"


class HttpReceivers:
    """See `bank_sim.application.webhooks.ports.Receivers`."""

    def __init__(self, hosts: AllowedHosts, seconds_max: float, ca_file: str = "") -> None:
        """`ca_file` has the authorities that are trusted beside the system's. Raises OSError, ssl.SSLError."""
        tls = ssl.create_default_context()
        if ca_file:
            tls.load_verify_locations(ca_file)
        self._http = OutboundHttp(hosts, seconds_max, tls)
        self._trusts_no_authority = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    @property
    def seconds_max(self) -> float:
        return self._http.seconds_max

    def refuses(self, url: str) -> bool:
        try:
            judged_addresses(httpcore.URL(url), self._http.hosts, CHECK_SECONDS_MAX)
        except NameUnknown:
            return False
        except AddressRefused:
            return True
        return False

    def post(self, url: str, body: str, fault: WebhookFault | None = None) -> Answer:
        if fault is WebhookFault.REFUSED:
            return Answer(None, failure=DeliveryFailure.CONNECTION, detail=_BY_FAULT)
        tls = None
        if fault is WebhookFault.WRONG_CERTIFICATE:
            if not url.startswith("https:"):
                return Answer(None, failure=DeliveryFailure.CERTIFICATE, detail=_BY_FAULT)
            tls = self._trusts_no_authority
        try:
            reply = self._http.request("POST", url, _HEADERS, body.encode(), BODY_LENGTH_MAX, tls)
        except Unreachable as error:
            detail = _BY_FAULT if fault is WebhookFault.WRONG_CERTIFICATE else str(error)
            return Answer(None, failure=_FAILURES[type(error)], detail=detail[:DETAIL_LENGTH_MAX])
        text = reply.body.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
        failure = None if 200 <= reply.status < 300 else DeliveryFailure.STATUS
        return Answer(reply.status, text, failure)
