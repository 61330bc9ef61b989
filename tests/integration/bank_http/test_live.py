"""Live parts over a real connection: a fragment at every change, and the end when nothing changes any more."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.entrypoints.http.app import create_app
from pix.web.client import new_http_client
from tests.integration.bank_http.conftest import Visit, Visitor, pay
from tests.integration.bank_http.serving import serving
from tests.support.village import Village, VillageSettings

PATIENCE_SECONDS = 10.0


def cookies_of(visitor: Visitor) -> dict[str, str]:
    return dict(visitor.client.cookies)


def events_of(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    """(event, data) of a stream; comments and heartbeats are left out."""
    name, data = "", []
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data:"):
            data.append(line.removeprefix("data:").strip())
        elif not line and name:
            if name != "beat":
                yield name, " ".join(data)
            name, data = "", []


def test_an_arrival_is_celebrated_where_one_waits_for_it(
    visit: Visit, village: Village, aurora: BankApplication, ipe: BankApplication, ana: Account, bruno: Account
) -> None:
    waiting = visit(ipe, bruno)
    seen = re.search(r"/receive/live\?seen=(\d+)", waiting.open("/receive").text)[1]  # type: ignore[index]
    home_seen = re.search(r"/home/live\?seen=([^\"]+)", waiting.open("/").text)[1]  # type: ignore[index]
    with serving(create_app(ipe, VillageSettings())) as address:
        for path in (f"/receive/live?seen={seen}", f"/home/live?seen={home_seen}"):
            with (
                new_http_client(cookies=cookies_of(waiting), timeout=PATIENCE_SECONDS) as browser,
                browser.stream("GET", address + path) as answer,
            ):
                assert answer.headers["content-type"].startswith("text/event-stream")
                lines = answer.iter_lines()
                assert ": open" in next(lines)
                if "receive" in path:
                    pay(visit(aurora, ana), "bruno@example.com", "10,00")
                    village.deliver()
                name, html = next(events_of(lines))
                assert name == "fragment"
                assert "from Ana Souza at " in html and "R$\N{NO-BREAK SPACE}10,00" in html


def test_a_transfers_page_moves_step_by_step_and_then_rests(
    visit: Visit, village: Village, aurora: BankApplication, ana: Account, bruno: Account
) -> None:
    payer = visit(aurora, ana)
    village.stop_hearing("002")
    end_to_end_id = pay(payer, "bruno@example.com", "10,00")
    village.deliver()
    with (
        serving(create_app(aurora, VillageSettings())) as address,
        new_http_client(cookies=cookies_of(payer), timeout=PATIENCE_SECONDS) as browser,
        browser.stream("GET", f"{address}/transfers/{end_to_end_id}/live?seen=pending.01") as answer,
    ):
        events = events_of(answer.iter_lines())
        assert "as soon as the recipient" in next(events)[1]
        village.hear_again("002")
        village.resend_until(lambda: aurora.queries.list_transfers().transfers[0].decided_at_ms is not None)
        seen = list(events)
    assert [name for name, _ in seen][-1] == "final"
    assert "Pix sent" in seen[-2][1] and "<html" not in seen[-2][1]


def test_a_stream_wants_the_customer_too(visit: Visit, aurora: BankApplication) -> None:
    visitor = visit(aurora)
    for path in ("/home/live", "/receive/live", "/transfers/E00000001202601311832aB3dE6gH9jK/live"):
        visitor.open(path)
        assert visitor.path == "/sign-in"
