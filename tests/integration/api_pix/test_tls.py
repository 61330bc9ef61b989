"""The API on a port of its own over mutual TLS: a client shows a certificate, and its token is of use with it alone."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator

import httpx
import pytest
from fastapi.testclient import TestClient

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.entrypoints.api_pix_options import ApiPixOptions
from bank_sim.entrypoints.http.api_pix import serve_api_pix_alone
from bank_sim.entrypoints.http.app import create_app
from lab.network.certs import Certificate, Certificates, make_certificates
from lab.network.parts.ports import free_port
from lab.network.parts.process import wait_until
from pix.runtime.clock import SystemClock
from pix.web.client import http_get, new_http_client
from pix.web.server import ServerTls, serve_http
from tests.integration.api_pix.conftest import PERIOD
from tests.support.village import VillageSettings

READY_SECONDS = 10.0


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"), ["001"])


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """The same names by another authority."""
    return make_certificates(tmp_path_factory.mktemp("other-tls"), ["001"])


@pytest.fixture
def address(aurora: BankApplication, certificates: Certificates) -> Iterator[str]:
    """Of the API, which wants a certificate of its clients."""
    port, stop = free_port(), threading.Event()
    files = certificates.apis["001"]
    tls = ServerTls(str(files.certificate), str(files.key), str(certificates.authority.certificate))
    app = serve_api_pix_alone(aurora, SystemClock(), ApiPixOptions())
    thread = threading.Thread(target=serve_http, args=(app, "127.0.0.1", port, stop, None, tls), daemon=True)
    thread.start()

    def is_up() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(is_up, READY_SECONDS, "the API", poll_seconds=0.02)
    yield f"https://127.0.0.1:{port}"
    stop.set()
    thread.join(READY_SECONDS)


def client(address: str, certificates: Certificates, shown: Certificate | None) -> httpx.Client:
    context = ssl.create_default_context(cafile=str(certificates.authority.certificate))
    if shown is not None:
        context.load_cert_chain(str(shown.certificate), str(shown.key))
    return new_http_client(base_url=address, verify=context)


def test_a_token_is_bound_to_the_certificate_with_which_it_was_asked_for(
    aurora: BankApplication, ana: Account, certificates: Certificates, address: str
) -> None:
    made = aurora.api_credentials.create(account_number=ana.number)
    grant = {"grant_type": "client_credentials"}
    basic = (made.credential.credential_id, made.secret)
    with client(address, certificates, certificates.merchant) as merchant:
        token = merchant.post("/oauth/token", data=grant, auth=basic).json()["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        assert merchant.get("/v2/pix", params=PERIOD, headers=bearer).status_code == 200
        assert merchant.get("/api/v1/accounts").status_code == 404
    with client(address, certificates, certificates.banks["001"]) as thief:
        assert thief.get("/v2/pix", params=PERIOD, headers=bearer).status_code == 401


def test_without_a_certificate_of_the_authority_nothing_is_answered(
    certificates: Certificates, strangers: Certificates, address: str
) -> None:
    for shown in (None, strangers.merchant):
        with client(address, certificates, shown) as stranger, pytest.raises(httpx.TransportError):
            stranger.get("/v2/pix")
    with pytest.raises(httpx.TransportError):
        http_get(address.replace("https://", "http://") + "/v2/pix")


def test_with_a_port_of_its_own_the_api_is_not_on_the_banks(aurora: BankApplication) -> None:
    with TestClient(create_app(aurora, VillageSettings(), api_pix=None)) as bank:
        assert bank.get("/v2/pix").status_code == 404
        assert bank.post("/oauth/token").status_code == 404
