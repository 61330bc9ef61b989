"""A bank whose settings give its API Pix a port of its own, over mutual TLS."""

from __future__ import annotations

import ssl
import threading
from pathlib import Path

import httpx
import pytest

from bank_sim.bootstrap import Bank
from bank_sim.settings import BankSettings
from lab.network.certs import make_certificates
from lab.network.parts.ports import free_port
from lab.network.parts.process import wait_until
from pix.participant.settings import load_settings
from pix.web.client import http_get, new_http_client
from tests.support.bank import World

READY_SECONDS = 20.0
PERIOD = {"inicio": "2020-01-01T00:00:00Z", "fim": "2099-12-31T23:59:59Z"}


def test_the_settings_open_the_port_and_close_the_banks_to_the_api(
    world: World, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    certificates = make_certificates(tmp_path, ["001"])
    http_port, api_port = free_port(), free_port()
    environment = {
        "DATABASE_URL": database_url,
        "BANK_CODE": "001",
        "BANK_NAME": "Banco Aurora",
        "BANK_SECRET": "a-secret-of-the-tests",
        "HTTP_PORT": str(http_port),
        "API_PIX_PORT": str(api_port),
        **certificates.api_pix_settings("001"),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    account = world.open_account()
    bank, stop = Bank(load_settings(BankSettings)), threading.Event()
    threads = [threading.Thread(target=role, args=(stop,)) for role in bank.make_roles("http", None).values()]
    for thread in threads:
        thread.start()
    made = bank.application.api_credentials.create(account_number=account.number)
    context = ssl.create_default_context(cafile=str(certificates.authority.certificate))
    context.load_cert_chain(str(certificates.merchant.certificate), str(certificates.merchant.key))
    grant, basic = {"grant_type": "client_credentials"}, (made.credential.credential_id, made.secret)
    try:
        with new_http_client(base_url=f"https://localhost:{api_port}", verify=context) as client:

            def ask() -> httpx.Response:
                return client.post("/oauth/token", data=grant, auth=basic)

            answer = wait_until(ask, READY_SECONDS, "the API", retry_on=(httpx.TransportError,))
            bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
            assert client.get("/v2/pix", params=PERIOD, headers=bearer).status_code == 200
            assert client.get("/metrics").status_code == 404
        plain = wait_until(
            lambda: http_get(f"http://127.0.0.1:{http_port}/v2/pix"),
            READY_SECONDS,
            "the bank's pages",
            retry_on=(httpx.TransportError,),
        )
        assert plain.status_code == 404
    finally:
        stop.set()
        for thread in threads:
            thread.join(READY_SECONDS)
        bank.close()
