"""A network as strangers would run it, and what its operator sees.

Mutual TLS on gRPC, no demo mode, an operator's password, silent logs. One transfer is one trace, has one id in every
log, and is counted by everybody who had a part in it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from codepix.v1 import participants_pb2 as participants
from codepix.v1 import participants_pb2_grpc
from lab.drive.customers import DEMO_PIN, Population
from lab.drive.payments import PaymentDriver, payment
from lab.network.network import DEMO_BANKS, Network, NetworkSettings
from lab.network.parts.process import wait_until
from lab.read.rest import BankRest, new_client
from lab.read.snapshot import NetworkReader
from pix.rpc.client import open_channel
from pix.web.client import http_get, new_http_client

FINAL_SECONDS_MAX = 30.0
RESEND_FIRST_SECONDS = 5.0
"""Longer than a transfer takes on a busy machine: a resend on the way has other causes."""
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE_ID = PARENT.split("-")[1]
CALL_SECONDS = 10.0

Span = dict[str, Any]


class Watched:
    """A guarded network whose services write spans into one file, and every line of their logs."""

    def __init__(self, folder: Path) -> None:
        self.spans_file = folder / "spans.jsonl"
        self.network = Network(
            NetworkSettings(
                folder=folder / "network",
                banks=DEMO_BANKS[:2],
                resend_first_seconds=RESEND_FIRST_SECONDS,
                demo_mode=False,
                durable=False,
                tls=True,
                extra_environment={"TELEMETRY_TRACES": f"file:{self.spans_file}", "LOG_LEVEL": "DEBUG"},
            )
        )

    def open(self) -> None:
        self.client = new_client(self.network.secrets.operator)
        self.reader = NetworkReader(self.network.hub_url, self.client)
        self.banks = {bank.code: BankRest(bank.code, bank.url, self.client) for bank in self.network.banks}
        self.population = Population.of(self.banks)

    def pay(self, name: str) -> str:
        """From the rich one of the first bank to somebody of the second; the end-to-end id."""
        population = self.population
        order = payment(population.rich("001"), population.friends("002")[0], 12_34, name)
        sent = PaymentDriver(self.banks).send(order)
        assert sent.end_to_end_id is not None
        return sent.end_to_end_id

    def row(self, end_to_end_id: str) -> dict[str, Any]:
        return next((row for row in self.reader.hub.transfers() if row["end_to_end_id"] == end_to_end_id), {})

    def await_completed(self, end_to_end_id: str) -> None:
        wait_until(
            lambda: self.row(end_to_end_id).get("status") == "completed",
            FINAL_SECONDS_MAX,
            f"{end_to_end_id} to complete",
        )

    def spans_with(self, text: str, count: int) -> list[Span]:
        """Those that name an id, in the order of their beginning, once there are so many; they come with a delay.

        What happened twice for the same cause, as when a message came again on a busy machine, counts once.
        """

        def found() -> list[Span]:
            lines = self.spans_file.read_text(encoding="utf-8").splitlines()
            spans = [json.loads(line) for line in lines if text in line]
            return spans if len({(said(span), span["parent_id"]) for span in spans}) >= count else []

        spans = wait_until(found, FINAL_SECONDS_MAX, f"{count} spans of {text}")
        assert spans
        return sorted(spans, key=lambda span: str(span["start_time"]))

    def lines_about(self, end_to_end_id: str) -> list[dict[str, Any]]:
        logs = [*(self.network.folder / "logs").glob("*.log")]
        lines = [line for log in logs for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
        return [json.loads(line) for line in lines if end_to_end_id in line]

    def metrics(self, url: str) -> dict[str, float]:
        answer = self.client.get(f"{url}/metrics")
        assert answer.headers["content-type"].startswith("text/plain")
        samples = (line.rpartition(" ") for line in answer.text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in samples}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    watched = Watched(tmp_path_factory.mktemp("watched"))
    with watched.network:
        watched.open()
        yield watched
        watched.client.close()


def said(span: Span) -> tuple[str, str]:
    return span["resource"]["attributes"]["service.name"], span["name"]


def test_one_transfer_is_one_trace_through_all_three_systems(watched: Watched) -> None:
    end_to_end_id = watched.pay("one trace")
    watched.await_completed(end_to_end_id)

    spans = watched.spans_with(end_to_end_id, 9)

    assert len({span["context"]["trace_id"] for span in spans}) == 1
    places = {span["context"]["span_id"]: span for span in spans}
    causes = {(said(span), said(places[span["parent_id"]]) if span["parent_id"] in places else None) for span in spans}
    hub, payer, payee = "codepix-hub", "codepix-bank-001", "codepix-bank-002"
    click = (payer, "POST /api/v1/accounts/{number}/transfers")
    assert causes == {
        (click, None),
        ((payer, "request_transfer"), click),
        ((hub, "process TransferRequested"), (payer, "request_transfer")),
        ((payee, "process TransferOffered"), (hub, "process TransferRequested")),
        ((hub, "process TransferAccepted"), (payee, "process TransferOffered")),
        ((payer, "process TransferConfirmed"), (hub, "process TransferAccepted")),
        ((payee, "process TransferConfirmed"), (hub, "process TransferAccepted")),
        ((hub, "process OutcomeProcessed"), (payer, "process TransferConfirmed")),
        ((hub, "process OutcomeProcessed"), (payee, "process TransferConfirmed")),
    }
    assert {span["attributes"]["codepix.end_to_end_id"] for span in spans} == {end_to_end_id}
    assert spans[-1]["attributes"]["codepix.status"] == "completed"


def test_who_looks_a_key_up_is_traced_into_the_hub_and_a_trace_from_outside_goes_on(watched: Watched) -> None:
    bank = watched.network.banks[0]
    key = watched.population.friends("002")[0].keys[0]

    found = watched.client.get(
        f"{bank.url}/api/v1/payees/{key.kind}/{key.key}", headers={"traceparent": PARENT, "X-Request-ID": "mine-1"}
    )

    assert found.status_code == 200 and found.headers["x-request-id"] == "mine-1"
    of_trace = watched.spans_with(TRACE_ID, 3)
    assert {(said(span), span["kind"]) for span in of_trace} == {
        (("codepix-bank-001", "GET /api/v1/payees/{kind}/{key:path}"), "SpanKind.SERVER"),
        (("codepix-bank-001", "codepix.v1.DirectoryService/FindKey"), "SpanKind.CLIENT"),
        (("codepix-hub", "codepix.v1.DirectoryService/FindKey"), "SpanKind.SERVER"),
    }


def test_what_is_sent_again_belongs_to_the_trace_of_the_first_time(watched: Watched) -> None:
    payee = watched.network.bank("002").service
    payee.stop()
    end_to_end_id = watched.pay("again")
    wait_until(
        lambda: watched.row(end_to_end_id).get("resends", 0) >= 1, FINAL_SECONDS_MAX, "the offer to be sent again"
    )
    payee.start()
    watched.await_completed(end_to_end_id)

    spans = watched.spans_with(end_to_end_id, 10)

    assert len({span["context"]["trace_id"] for span in spans}) == 1
    assert [said(span)[1] for span in spans].count("process TransferOffered") >= 2
    assert watched.metrics(watched.network.hub_url)["codepix_resends_total"] >= 1


def test_every_line_about_a_transfer_names_it_and_its_trace(watched: Watched) -> None:
    end_to_end_id = watched.pay("logs")
    watched.await_completed(end_to_end_id)
    trace_id = watched.spans_with(end_to_end_id, 9)[0]["context"]["trace_id"].removeprefix("0x")

    # The page with the transfer is looked at too, in another trace: that line is about the transfer as well.
    lines = [line for line in watched.lines_about(end_to_end_id) if line["event"] == "transfer changed"]

    assert {line["service"] for line in lines} == {"codepix-hub", "codepix-bank-001", "codepix-bank-002"}
    assert {(line["end_to_end_id"], line["trace_id"]) for line in lines} == {(end_to_end_id, trace_id)}
    assert all(line["timestamp"] and line["level"] for line in lines)
    answered = [line for line in watched.lines_about(end_to_end_id) if line["event"] == "answered"]
    assert answered[0]["route"].endswith("/transfers")
    assert answered[0]["trace_id"] == trace_id and re.fullmatch("[0-9a-f]{32}", answered[0]["request_id"])


def test_hub_and_banks_count_what_has_happened(watched: Watched) -> None:
    hub, payer, payee = (watched.network.hub_url, *(bank.url for bank in watched.network.banks))
    before = {url: watched.metrics(url) for url in (hub, payer, payee)}

    end_to_end_id = watched.pay("metrics")
    watched.await_completed(end_to_end_id)

    def grown(url: str, name: str) -> float:
        return watched.metrics(url).get(name, 0.0) - before[url].get(name, 0.0)

    for status in ("pending", "confirmed", "completed"):
        assert grown(hub, f'codepix_hub_transfers_total{{payer_ispb="00000001",status="{status}"}}') == 1
    assert grown(hub, 'codepix_hub_settled_centavos_total{payer_ispb="00000001"}') == 12_34
    for step, ispb in {"request": 1, "decision": 2, "payer_processing": 1, "payee_processing": 2, "whole": 1}.items():
        assert grown(hub, f'codepix_hub_step_seconds_count{{ispb="0000000{ispb}",step="{step}"}}') == 1
    assert grown(hub, 'codepix_messages_received_total{type="OutcomeProcessed"}') == 2
    assert grown(hub, 'codepix_messages_sent_total{type="TransferConfirmed"}') == 2
    assert grown(hub, 'codepix_batch_seconds_count{outcome="ok"}') >= 3
    assert grown(payer, 'codepix_bank_transfers_total{direction="outgoing",status="confirmed"}') == 1
    assert grown(payer, 'codepix_bank_step_seconds_count{step="request_to_outcome"}') == 1
    assert grown(payee, 'codepix_bank_transfers_total{direction="incoming",status="accepted"}') == 1
    route = 'method="POST",route="/api/v1/accounts/{number}/transfers",status="201"'
    assert grown(payer, f"codepix_http_requests_total{{{route}}}") == 1
    now = watched.metrics(hub)
    assert now['codepix_part_up{part="consumer"}'] == now['codepix_part_up{part="database"}'] == 1
    assert now['codepix_dead_letters{state="dead"}'] == 0
    assert now["codepix_consumer_lag_records"] == 0
    assert now['codepix_database_connections{state="idle"}'] >= 1
    assert now['codepix_hub_settlement_balance_centavos{ispb="00000001"}'] > 0
    assert any(name.startswith("process_resident_memory_bytes") for name in now)


def test_a_path_that_there_is_not_makes_no_series_of_its_own(watched: Watched) -> None:
    bank = watched.network.banks[0]
    for number in range(3):
        assert http_get(f"{bank.url}/nothing/{number}").status_code == 404
    routes = {name for name in watched.metrics(bank.url) if name.startswith("codepix_http_requests_total")}
    assert not any("nothing" in name for name in routes)


def test_a_transfer_goes_through_over_mutual_tls_and_the_books_hold(watched: Watched) -> None:
    watched.await_completed(watched.pay("over TLS"))
    assert watched.reader.audit(FINAL_SECONDS_MAX).is_ok


def test_the_hub_speaks_nothing_but_tls(watched: Watched) -> None:
    guarded = watched.network
    bank = guarded.banks[0]
    with open_channel(f"127.0.0.1:{guarded.grpc_ports[0]}") as channel:
        stub = participants_pb2_grpc.ParticipantServiceStub(channel)
        metadata = (("codepix-ispb", bank.ispb), ("codepix-secret", bank.secret))
        with pytest.raises(grpc.RpcError) as caught:
            stub.ListParticipants(participants.ListParticipantsRequest(), metadata=metadata, timeout=CALL_SECONDS)
    assert caught.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def test_without_the_operators_password_nothing_is_shown(watched: Watched) -> None:
    guarded = watched.network
    with new_http_client(follow_redirects=False, timeout=30) as stranger:
        for url in (guarded.hub_url, *(bank.url for bank in guarded.banks)):
            assert stranger.get(f"{url}/api/v1/transfers").status_code == 401
            assert stranger.get(f"{url}/health/ready").status_code == 200
        assert stranger.get(f"{guarded.hub_url}/").headers["location"] == "/sign-in"
        assert stranger.get(f"{guarded.banks[0].url}/backoffice").headers["location"] == "/backoffice/sign-in"


def test_no_secret_is_in_any_log(watched: Watched) -> None:
    guarded = watched.network
    # First everything that goes wrong with secrets in it, then a look.
    wrong = "a wrong password that was guessed"
    with new_http_client(timeout=30) as stranger:
        for bank in guarded.banks:
            stranger.get(f"{bank.url}/api/v1/books", headers={"Authorization": f"Bearer {wrong}"})
            stranger.post(f"{bank.url}/backoffice/sign-in", data={"password": wrong})
            stranger.post(f"{bank.url}/sign-in", data={"account_number": "100001-7", "pin": "73519"})
            body = {"name": "Eva", "tax_id": "52998224725", "opening_deposit_centavos": -1, "pin": "73519"}
            watched.client.post(f"{bank.url}/api/v1/accounts", json=body)
        key_url = f"{guarded.hub_url}/api/v1/keys/EMAIL/x@example.com"
        stranger.get(key_url, headers={"codepix-ispb": "00000001", "codepix-secret": wrong})
    watched.await_completed(watched.pay("silent logs"))
    secrets = {
        guarded.secrets.operator,
        wrong,
        "73519",
        guarded.secrets.sessions,
        *guarded.secrets.banks.values(),
        *(key.read_text().splitlines()[1] for key in (guarded.folder / "tls").glob("*.key")),
    }
    assert DEMO_PIN.isdigit() and len(secrets) >= 8
    logs = sorted((guarded.folder / "logs").glob("*.log"))
    assert len(logs) >= 4
    for log in logs:
        text = log.read_text(errors="replace")
        found = [secret for secret in secrets if secret in text]
        assert found == [], f"{log.name} has {len(found)} secrets in it"


@pytest.mark.parametrize(
    ("settings", "code", "said"),
    [
        ({"BANK_SECRET": "a-short-one", "OPERATOR_PASSWORD": "short-too"}, 2, ("BANK_SECRET", "OPERATOR_PASSWORD")),
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_PASSWORD": "half"}, 2, ("KAFKA_SASL_USERNAME",)),
        ({"OPERATOR_PASSWORD_HASH": "no-hash-at-all"}, 2, ("hash-password",)),
        ({}, 1, ("DATABASE_URL",)),
    ],
    ids=["too short", "half of SASL", "no hash", "no database"],
)
def test_a_service_says_nothing_of_a_secret_that_it_refuses(
    tmp_path: Path, settings: dict[str, str], code: int, said: tuple[str, ...]
) -> None:
    environment = {
        "DATABASE_URL": "postgresql+psycopg2://nobody:hunter2@127.0.0.1:1/none",
        "BANK_CODE": "001",
        "BANK_NAME": "Banco Aurora",
        "BANK_SECRET": "a-secret-long-enough",
        **settings,
    }
    command = [sys.executable, "-P", "-m", "bank_sim", "migrate"]
    finished = subprocess.run(command, env={**os.environ, **environment}, cwd=tmp_path, capture_output=True, text=True)
    output = finished.stdout + finished.stderr
    assert finished.returncode == code, output
    for word in said:
        assert word in output
    for name, value in environment.items():
        assert value not in output or name in ("BANK_CODE", "BANK_NAME", "KAFKA_SECURITY_PROTOCOL"), name
    assert "hunter2" not in output
