"""Payloads of other banks: fetched over HTTP within a time and a size, verified, and read."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Mapping
from datetime import date
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from cachetools import TTLCache

from bank_sim.adapters.outbound import OutboundHttp, Reply, Unreachable, is_private, resolve
from bank_sim.adapters.payloads.documents import PayloadUnfit, read_payload
from bank_sim.adapters.payloads.jose import (
    KEY_SET_BYTES_MAX,
    SEALED_BYTES_MAX,
    SealBroken,
    SealedPayload,
    read_key_set,
)
from bank_sim.domain.charges.payload import ChargePayload
from bank_sim.domain.payable_codes.errors import (
    DayNotPayable,
    PayloadGone,
    PayloadNotFound,
    PayloadNotTrusted,
    PayloadUnavailable,
)
from bank_sim.domain.payable_codes.model import PayloadPlace
from pix.runtime.addresses import split_payload_host
from pix.runtime.allowed_hosts import AllowedHosts
from pix.runtime.logs import logger

SECONDS_MAX: Final = 5.0
"""Of one reading: the name, the payload and the key set together."""
KEY_SETS_KEPT_MAX: Final = 200
KEY_SET_SECONDS_MAX: Final = 300.0
"""So long a key that its bank has withdrawn may still be believed."""
JOSE: Final = "application/jose"

log = logger(__name__)

KeySet = Mapping[str, Mapping[str, Any]]


class HttpPayloadReader:
    """See `bank_sim.application.payable_codes.ports.PayloadReader`. Thread-safe."""

    def __init__(self, seconds_max: float = SECONDS_MAX, authorities: ssl.SSLContext | None = None) -> None:
        """`authorities` says whose certificates are trusted; the system's unless others are named."""
        self._seconds_max = seconds_max
        # Reading the system's authorities takes longer than a request.
        self._authorities = authorities or ssl.create_default_context()
        self._key_sets: TTLCache[str, KeySet] = TTLCache(KEY_SETS_KEPT_MAX, KEY_SET_SECONDS_MAX)
        self._lock = threading.Lock()

    def read(self, place: PayloadPlace, day: date | None) -> ChargePayload:
        try:
            return self._read(place, day)
        except Unreachable as error:
            log.warning("a payload cannot be fetched", host=place.host, reason=str(error))
            raise PayloadUnavailable from None
        except (SealBroken, PayloadUnfit) as error:
            log.warning("a payload cannot be trusted", host=place.host, reason=str(error))
            raise PayloadNotTrusted from None

    def _read(self, place: PayloadPlace, day: date | None) -> ChargePayload:
        origin = _Origin(place, self._seconds_max, self._authorities)
        query = "" if day is None else f"?DPP={day.isoformat()}"
        answer = origin.get(f"{place.path}{query}", SEALED_BYTES_MAX, JOSE)
        match answer.status:
            case HTTPStatus.OK:
                pass
            case HTTPStatus.NOT_FOUND:
                raise PayloadNotFound
            case HTTPStatus.GONE:
                raise PayloadGone
            case HTTPStatus.BAD_REQUEST if day is not None:
                raise DayNotPayable
            case _:
                # Also a redirect: it would lead to a host that no bank has announced.
                raise Unreachable(f"the answer is {answer.status}")
        if answer.headers.get("content-type", "").partition(";")[0].strip().lower() != JOSE:
            raise SealBroken("the answer is no application/jose")
        sealed = SealedPayload(answer.body)
        return read_payload(self._open(sealed, origin, place), place.kind)

    def _open(self, sealed: SealedPayload, origin: _Origin, place: PayloadPlace) -> bytes:
        path = _path_on(place.host, sealed.key_set_url)
        known = f"{place.host}{path}"
        with self._lock:
            key_set = self._key_sets.get(known)
        if key_set is None or sealed.key_id not in key_set:
            answer = origin.get(path, KEY_SET_BYTES_MAX, "application/json")
            if answer.status != HTTPStatus.OK:
                raise Unreachable(f"the answer of the key set is {answer.status}")
            key_set = read_key_set(answer.body)
            with self._lock:
                self._key_sets[known] = key_set
        if sealed.key_id not in key_set:
            raise SealBroken("the key set does not have the key")
        return sealed.open(key_set)


class _Origin:
    """The server of a place, which is asked within one time."""

    def __init__(self, place: PayloadPlace, seconds_max: float, authorities: ssl.SSLContext) -> None:
        """Raises Unreachable."""
        self._authorities = authorities
        self._ends_at = time.monotonic() + seconds_max
        host, _ = split_payload_host(place.host)
        self._host = host
        # Without encryption anybody on the way could write the payload and its key set.
        is_plain = not place.is_encrypted and all(map(is_private, resolve(host, seconds_max)))
        self._base = f"{'http' if is_plain else 'https'}://{place.host}"

    def get(self, path: str, bytes_max: int, accept: str) -> Reply:
        """The whole answer. Raises Unreachable, also for an address that may not be asked; SealBroken."""
        seconds = max(0.0, self._ends_at - time.monotonic())
        http = OutboundHttp(AllowedHosts(frozenset({self._host})), seconds, self._authorities)
        answer = http.request("GET", f"{self._base}{path}", [("Accept", accept)], body_bytes_max=bytes_max)
        if len(answer.body) >= bytes_max:
            raise SealBroken("the answer is too long")
        if not answer.is_whole:
            raise Unreachable("the answer was broken off")
        return answer


def _path_on(host: str, key_set_url: str) -> str:
    """The path of a key set, which must be on the host that serves the payload. Raises SealBroken."""
    try:
        url = urlsplit(key_set_url)
    except ValueError:
        raise SealBroken("jku is no address") from None
    if url.scheme not in ("http", "https") or url.netloc.lower() != host or not url.path.startswith("/"):
        raise SealBroken("jku is on another host")
    if not key_set_url.isprintable() or " " in key_set_url:
        raise SealBroken("jku is no address")
    return f"{url.path}?{url.query}" if url.query else url.path
