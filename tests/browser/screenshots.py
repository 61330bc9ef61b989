"""Pictures of the pages for the README and docs: `python -m tests.browser.screenshots [folder [part…]]`.

Parts are those of `PARTS`; without one all pictures are taken.
They show the demo's banks and people with a few days of history, in a village of their own, and the lab on networks of
real processes; nothing has to run before.
"""

from __future__ import annotations

import io
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Final

from PIL import Image
from playwright.sync_api import Browser, Page

from bank_sim.domain.errors import BankError
from bank_sim.entrypoints.http.app import create_app
from hub.application.ports import TransferFilter
from lab.network.network import DEMO_BANKS, Network, NetworkSettings
from lab.network.parts.ports import free_port
from lab.read.rest import new_client
from pix.runtime.clock import SystemClock
from pix.scheme.days import day_of
from pix.scheme.initiation import Initiation
from pix.web.client import new_http_client
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC
from tests.browser.addresses import arrive
from tests.browser.chromium import chromium
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.furnishing import first_key, pay_for_lunch
from tests.integration.bank_http.serving import serving
from tests.prerequisites import find_chromium
from tests.support.clock import ShiftedClock
from tests.support.panel import serving_panel
from tests.support.village import Postman, Village, VillageSettings, found_village

FOLDER: Final = Path("docs/screenshots")
DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
GAP: Final = 24
GROUND: Final = "#8a8f98"
COLORS: Final = 256
NARROW: Final[dict[str, Any]] = {"viewport": {"width": 900, "height": 900}}
PATIENCE_MS: Final = 60_000

# Who pays whom, how many centavos, for what; a list a day, oldest first. Numbers are places in a bank's list.
HISTORY: Final = (
    (
        ("001", 0, "002", 0, 185_000, "Aluguel"),
        ("002", 0, "001", 0, 4_250, "Mercado"),
        ("003", 0, "001", 0, 12_990, ""),
    ),
    (
        ("001", 0, "003", 0, 8_990, "Presente da Lia"),
        ("001", 2, "001", 0, 32_000, "Bolo de aniversário"),
    ),
    (
        ("002", 0, "001", 0, 15_000, "Cinema e pipoca"),
        ("001", 0, "002", 0, 2_350, "Café"),
        ("003", 0, "002", 0, 700, ""),
    ),
)


DOTS_IN_THE_AIR: Final = "window.requestAnimationFrame = () => 0"
CONFETTI_IN_THE_AIR: Final = "document.getAnimations().forEach(each => { each.pause(); each.currentTime = 1100; })"


class Studio:
    """A village with history, its sites, and a browser to look at them."""

    def __init__(self, browser: Browser, village: Village, addresses: dict[str, str], folder: Path) -> None:
        self.browser = browser
        self._folder = folder
        self.village = village
        self.addresses = addresses

    def look(self, code: str, place: int | None, *, size: dict[str, Any] = DESKTOP, **options: Any) -> Page:
        """A bank's page, signed in as the person at this place of its list."""
        wide = {"device_scale_factor": 1.5, **size}
        context = self.browser.new_context(base_url=self.addresses[code], locale="pt-BR", **wide, **options)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto("/sign-in")
        if place is not None:
            page.locator("button.person").nth(place).click()
            arrive(page, f"{self.addresses[code]}/")
        return page

    def console(self, path: str, *, size: dict[str, Any] = DESKTOP, **options: Any) -> Page:
        """A page of the hub's console."""
        wide = {"device_scale_factor": 1.5, **size}
        context = self.browser.new_context(base_url=self.addresses["hub"], locale="pt-BR", **wide, **options)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(path)
        return page

    def keep(self, name: str, *pages: Page) -> None:
        """One picture of the pages side by side, as wide as they are together."""
        shots = [Image.open(io.BytesIO(page.screenshot())) for page in pages]
        width = sum(shot.width for shot in shots) + GAP * (len(shots) - 1)
        picture = Image.new("RGB", (width, max(shot.height for shot in shots)), GROUND)
        left = 0
        for shot in shots:
            picture.paste(shot, (left, 0))
            left += shot.width + GAP
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{name}.png"
        # Pages have few colours: a palette of 256 is a third of the bytes, and looks the same.
        picture.quantize(COLORS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(path, optimize=True)
        sys.stdout.write(f"{path}\n")


def make_history(village: Village, clock: ShiftedClock) -> None:
    """Plays the days of `HISTORY`; the last of them is today."""
    for days_ago, orders in zip(range(len(HISTORY) - 1, -1, -1), HISTORY, strict=True):
        for number, (payer, payer_place, payee, payee_place, amount_centavos, text) in enumerate(orders):
            clock.ahead_ms = -(days_ago * DAY_MS + (len(orders) - number) * HOUR_MS // 2)
            bank = village.banks[payer]
            account = bank.queries.list_accounts().accounts[payer_place]
            found = bank.find_payee(key=first_key(village.banks[payee], payee_place))
            bank.request_transfer(
                account_number=account.number,
                payee_key=found.key,
                amount_centavos=amount_centavos,
                description=text,
                idempotency_key=f"{days_ago}/{number}",
                payee_tax_id_masked=found.tax_id_masked,
                payee_name=found.name,
                payee_bank_name=found.bank_name,
            )
            village.deliver()
    clock.ahead_ms = 0


def to_review(page: Page, key: str, digits: str, text: str) -> None:
    """As far as the confirmation."""
    page.goto("/pay")
    page.locator("#key").fill(key)
    page.locator("main form button.button").last.click()
    arrive(page, "**/pay/amount?**")
    page.locator("#amount").press_sequentially(digits)
    page.locator("#description").fill(text)
    page.locator("main form button.button").last.click()
    arrive(page, "**/pay/review?**")


def take_pictures_of_bank(studio: Studio) -> None:
    """What customers and operators of a bank see, in the order of a story."""
    village = studio.village
    bruna = first_key(village.banks["002"], 0)
    studio.keep("sign-in", studio.look("001", None))

    payer, payee = studio.look("001", 0, size=NARROW), studio.look("002", 0, size=NARROW)
    to_review(payer, bruna, "15075", "Almoço de sexta")
    studio.keep("confirm", payer)
    payer.locator("#confirm").click()
    payer.wait_for_selector("[data-status=completed]")
    payee.wait_for_selector("[data-arrived]")
    payee.evaluate(CONFETTI_IN_THE_AIR)
    studio.keep("two-banks", payer, payee)
    payer.locator("#receipt").click()
    arrive(payer, "**/receipt?**")
    payer.set_viewport_size({"width": 900, "height": 1_200})
    studio.keep("receipt", payer)

    village.stop_hearing("003")
    waiting = studio.look("001", 0, size=NARROW)
    to_review(waiting, first_key(village.banks["003"], 0), "4200", "Táxi")
    waiting.locator("#confirm").click()
    waiting.wait_for_selector(".notice")
    studio.keep("in-flight", waiting)

    page = studio.look("001", 0)
    studio.keep("home", page)
    page.goto("/statement")
    page.set_viewport_size({"width": 1_280, "height": 1_050})
    studio.keep("statement", page)
    page.goto("/keys")
    studio.keep("keys", page)
    page.goto("/receive?amount=25,00")
    studio.keep("qr-code", page)
    page.goto("/backoffice")
    page.set_viewport_size({"width": 1_280, "height": 880})
    studio.keep("back-office", page)
    page.goto("/backoffice/behaviour")
    page.set_viewport_size({"width": 1_280, "height": 1_150})
    studio.keep("behaviour", page)
    page.goto("/api/docs")
    studio.keep("rest", page)

    phones = [studio.look("003", 0, size=PHONE), *(studio.look("003", 0, size=PHONE) for _ in range(2))]
    phones[1].goto("/receive?amount=12,50")
    phones[2].goto("/statement")
    studio.keep("telephone", *phones)
    dark = studio.look("002", 0, size=NARROW, color_scheme="dark")
    to_review(dark, first_key(village.banks["001"], 0), "9900", "Presente")
    home = studio.look("002", 0, size=NARROW, color_scheme="dark")
    studio.keep("dark", home, dark)
    village.hear_again("003")


def take_pictures_of_developers(studio: Studio) -> None:
    """What a merchant's developer sees: the log of requests, one that was refused, and a charge that is paid."""
    village = studio.village
    bank, address = village.banks["001"], studio.addresses["001"]
    account = bank.queries.list_accounts().accounts[0]
    made = bank.api_credentials.create(account_number=account.number, name="Loja da Ana")
    txid = "pedido2048primeiraparcela01"
    key = first_key(bank, 0)
    order = {
        "calendario": {"expiracao": 3_600},
        "valor": {"original": "149.90"},
        "chave": key,
        "solicitacaoPagador": "Pedido 2048",
    }
    with new_http_client(timeout=PATIENCE_MS / 1_000) as client:
        sign_in = (made.credential.credential_id, made.secret)
        form = {"grant_type": "client_credentials"}
        token = client.post(f"{address}/oauth/token", auth=sign_in, data=form).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        charge = client.put(f"{address}/v2/cob/{txid}", json=order, headers=headers).json()
        wrong = {**order, "valor": {"original": "149,90"}}
        client.put(f"{address}/v2/cob/{txid[:-1]}2", json=wrong, headers=headers)
        client.get(f"{address}/v2/cob/{txid}", headers=headers)
        client.get(f"{address}/v2/pix/E00000000202611291200abcdefghijk", headers=headers)
    payer = village.banks["002"].queries.list_accounts().accounts[0]
    page = studio.look("001", 0)
    page.goto("/developers/requests")
    page.set_viewport_size({"width": 1_280, "height": 900})
    page.wait_for_selector("[data-request] >> nth=4")
    studio.keep("api-requests", page)
    page.locator("[data-request]", has_text="PUT").first.click()
    page.wait_for_selector("[data-problem]")
    page.set_viewport_size({"width": 1_280, "height": 1_250})
    studio.keep("api-request", page)
    page.goto(f"/developers/charges/cob/{txid}")
    page.set_viewport_size({"width": 1_280, "height": 1_150})
    studio.keep("charge", page)
    found = village.banks["002"].find_payee(key=key)
    village.banks["002"].request_transfer(
        account_number=payer.number,
        payee_key=found.key,
        amount_centavos=14_990,
        description="",
        idempotency_key=txid,
        payee_tax_id_masked=found.tax_id_masked,
        payee_name=found.name,
        payee_bank_name=found.bank_name,
        initiation=Initiation.QRDN,
        txid=charge["txid"],
    )
    page.wait_for_selector("[data-state=paid]")
    phones = [studio.look("001", 0, size=PHONE) for _ in range(3)]
    for phone, path in zip(
        phones, ("/developers", "/developers/charges", f"/developers/charges/cob/{txid}"), strict=True
    ):
        phone.goto(path)
    studio.keep("developers-telephone", *phones)


def pay_at_once(village: Village, count: int, seconds: float) -> None:
    """Everybody pays everybody, so many times, spread over so many seconds."""
    random = Random(7)
    people = [
        (bank, account, first_key(bank, place))
        for bank in village.banks.values()
        for place, account in enumerate(bank.queries.list_accounts().accounts[:2])
    ]
    pause = threading.Event()
    for number in range(count):
        (bank, payer, _), (_, payee, key) = random.sample(people, 2)
        found = bank.find_payee(key=key)
        # Who has run out of money, or is blocked, does not pay.
        with suppress(BankError):
            bank.request_transfer(
                account_number=payer.number,
                payee_key=found.key,
                amount_centavos=random.randint(500, 2_500),
                description="",
                idempotency_key=f"busy/{payee.number}/{number}/{time.monotonic_ns()}",
                payee_tax_id_masked=found.tax_id_masked,
                payee_name=found.name,
                payee_bank_name=found.bank_name,
            )
        village.arrived.set()
        pause.wait(seconds / count)


@contextmanager
def busy(village: Village, count: int, seconds: float) -> Iterator[None]:
    """Money moves meanwhile."""
    thread = threading.Thread(target=pay_at_once, args=(village, count, seconds), daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def tell_a_long_story(studio: Studio) -> str:
    """A payment to a bank that is away: the offer is sent again until the bank is back. The end-to-end id."""
    village = studio.village
    village.stop_hearing("003")
    bank = village.banks["001"]
    account = bank.queries.list_accounts().accounts[0]
    found = bank.find_payee(key=first_key(village.banks["003"], 0))
    transfer = bank.request_transfer(
        account_number=account.number,
        payee_key=found.key,
        amount_centavos=12_345,
        description="Passagem de ônibus",
        idempotency_key=f"story/{time.monotonic_ns()}",
        payee_tax_id_masked=found.tax_id_masked,
        payee_name=found.name,
        payee_bank_name=found.bank_name,
    )

    def stands(resends: int, *, closed: bool) -> bool:
        rows = village.hub.queries.list_transfers(TransferFilter(id_part=transfer.end_to_end_id))
        return bool(rows) and rows[0].resends >= resends and (rows[0].closed_at_ms is not None) >= closed

    village.resend_until(lambda: stands(2, closed=False))
    village.hear_again("003")
    village.resend_until(lambda: stands(2, closed=True))
    return transfer.end_to_end_id


def take_pictures_of_console(studio: Studio) -> None:
    """The hub's side of the same village."""
    village = studio.village
    page = studio.console("/")
    page.set_viewport_size({"width": 1_280, "height": 900})
    page.wait_for_selector("[data-map-state=live]")
    with busy(village, 200, 9.0):
        page.wait_for_function("() => document.querySelectorAll('.map-wide .dot').length > 6")
        page.wait_for_timeout(5_000)
        page.evaluate(DOTS_IN_THE_AIR)
    studio.keep("network-map", page)
    village.stop_hearing("002")
    village.hub.suspend_bank("003")
    dark = studio.console("/map", color_scheme="dark", size={"viewport": {"width": 1_280, "height": 940}})
    dark.wait_for_selector(".map-wide .map-node-suspended")
    with busy(village, 60, 3.0):
        dark.wait_for_timeout(1_500)
        dark.evaluate(DOTS_IN_THE_AIR)
    studio.keep("network-map-dark", dark)
    village.hub.resume_bank("003")
    village.hear_again("002")
    end_to_end_id = tell_a_long_story(studio)
    page.goto(f"/transfers/{end_to_end_id}")
    page.wait_for_selector("#story svg.sequence-wide")
    page.set_viewport_size({"width": 1_280, "height": 1_500})
    studio.keep("sequence", page)
    page.goto("/transfers")
    page.set_viewport_size({"width": 1_280, "height": 900})
    studio.keep("explorer", page)
    page.goto("/banks")
    studio.keep("banks", page)
    page.goto("/banks/001")
    page.set_viewport_size({"width": 1_280, "height": 1_250})
    studio.keep("bank", page)
    page.goto("/directory")
    page.set_viewport_size({"width": 1_280, "height": 900})
    studio.keep("directory", page)
    forged = Record(
        HUB_TOPIC, b"E0000000120260101120000000000001", b"nonsense", {"codepix-sender": b"00000002"}, 0, 1_042
    )
    village.publish([forged])
    village.resend_until(lambda: bool(village.hub.dead_letters.list(None, 1)))
    page.goto(f"/dead-letters/{village.hub.dead_letters.list(None, 1)[0].digest}")
    studio.keep("dead-letter", page)
    page.goto("/protocol")
    page.set_viewport_size({"width": 1_280, "height": 1_100})
    studio.keep("protocol", page)
    phones = [studio.console(path, size=PHONE) for path in ("/", f"/transfers/{end_to_end_id}", "/banks/001")]
    phones[1].evaluate(
        "window.scrollTo(0, document.querySelector('.sequence-narrow').getBoundingClientRect().top - 60)"
    )
    studio.keep("console-telephone", *phones)


def take_pictures_of_days_to_come(studio: Studio) -> None:
    """A return, a schedule, limits, and the clock that is turned."""
    end_to_end_id = pay_for_lunch(studio.village)
    payee, payer = studio.look("002", 0, size=NARROW), studio.look("001", 0, size=NARROW)
    payee.goto(f"/transfers/{end_to_end_id}?direction=incoming")
    payee.locator("#return").click()
    payee.locator("#amount").fill("")
    payee.locator("#amount").press_sequentially("3000")
    payee.locator("#description").fill("Sobremesa")
    payee.locator("main form button.button").last.click()
    payee.locator("#confirm").click()
    payee.wait_for_selector("[data-status=confirmed]")
    payer.goto(f"/transfers/{end_to_end_id}?direction=outgoing")
    payer.wait_for_selector("#returns")
    studio.keep("return", payee, payer)

    payer.goto("/pay")
    payer.locator("#key").fill(first_key(studio.village.banks["003"], 0))
    payer.locator("main form button.button").last.click()
    arrive(payer, "**/pay/amount?**")
    payer.locator("#amount").press_sequentially("185000")
    payer.locator("label.option:has(input[value=monthly])").click()
    payer.locator("#first_day").fill((day_of(SystemClock().now_ms()) + timedelta(days=6)).isoformat())
    payer.locator("#count").fill("12")
    payer.locator("main form button.button").last.click()
    payer.locator("#confirm").click()
    arrive(payer, "**/schedules")
    limits = studio.look("001", 0, size=NARROW)
    limits.goto("/limits")
    studio.keep("schedules", payer, limits)

    console = studio.console("/clock", size=NARROW)
    console.locator("button[name=milliseconds][value='604800000']").click()
    console.wait_for_function(
        "at => Number(document.querySelector('[data-clock]').dataset.clock) > at",
        arg=SystemClock().now_ms() + 6 * DAY_MS,
    )
    console.reload()
    payer.goto("/statement")
    payer.wait_for_selector(".clock-banner")
    studio.keep("clock", console, payer)


@contextmanager
def open_studio(browser: Browser, folder: Path, village: Village) -> Iterator[Studio]:
    """The village's sites while pictures are taken."""
    with ExitStack() as stack:
        stack.enter_context(Postman(village))
        addresses = {}
        for code, bank in village.banks.items():
            clock = None if bank.follow_clock is None else bank.follow_clock.clock
            addresses[code] = stack.enter_context(serving(create_app(bank, VillageSettings(), clock)))
        addresses["hub"] = stack.enter_context(serving(village.console()))
        # Before the sites end: they would wait for the pages that follow them live.
        stack.callback(_close_pages, browser)
        yield Studio(browser, village, addresses, folder)


def _close_pages(browser: Browser) -> None:
    for context in browser.contexts:
        context.close()


def village_with_history() -> Village:
    """The demo's banks and people after the days of `HISTORY`."""
    clock = ShiftedClock()
    clock.ahead_ms = -len(HISTORY) * DAY_MS
    village = found_village(clock=clock)
    make_history(village, clock)
    return village


@contextmanager
def open_lab(browser: Browser, *, is_classroom: bool) -> Iterator[Page]:
    """The panel of a network of real processes, or its classroom, in a browser that was let in."""
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="codepix-pictures-"))
        settings = NetworkSettings(
            folder=Path(folder),
            banks=DEMO_BANKS[:2] if is_classroom else DEMO_BANKS,
            splits_roles=is_classroom,
            resend_first_seconds=DAY_MS / 1000 if is_classroom else 1.0,
            resend_cap_seconds=DAY_MS / 1000 if is_classroom else 60.0,
            lab_port=free_port(),
        )
        network = stack.enter_context(Network(settings))
        client = stack.enter_context(new_client(network.secrets.operator))
        panel = serving_panel(network, client, is_classroom=is_classroom, reset=threading.Event())
        address = stack.enter_context(panel)
        stack.callback(_close_pages, browser)
        page = browser.new_context(locale="pt-BR", device_scale_factor=1.5, **DESKTOP).new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(address)
        yield page


def take_lab_pictures(studio: Studio) -> None:
    """The panel with traffic after an audit, and a step of the story."""
    with open_lab(studio.browser, is_classroom=False) as page:
        page.locator("#rate_per_second").fill("12")
        page.locator("#traffic-start").click()
        page.locator("#play-payee-bank-dies").click()
        page.wait_for_selector("[data-verdict=green]", timeout=2 * PATIENCE_MS)
        page.set_viewport_size({"width": 1_440, "height": 1_250})
        page.wait_for_function("document.querySelector('[data-running]').dataset.running === 'yes'")
        page.evaluate("window.scrollTo(0, 0)")
        page.wait_for_timeout(4_000)
        studio.keep("lab-panel", page)
    with open_lab(studio.browser, is_classroom=True) as page:
        for number in (1, 2):
            page.locator("#next").click()
            page.wait_for_selector(f"[data-step='{number}'][data-moving=no]")
        page.set_viewport_size({"width": 1_440, "height": 1_250})
        page.wait_for_timeout(1_500)
        studio.keep("classroom", page)


PARTS: Final = {
    "days": take_pictures_of_days_to_come,
    "bank": take_pictures_of_bank,
    "developers": take_pictures_of_developers,
    "console": take_pictures_of_console,
    "lab": take_lab_pictures,
}


def main() -> int:
    """Takes the pictures; 1 when there is no browser, 2 when there is no such part."""
    if not find_chromium():
        sys.stderr.write("There is no Chromium on the PATH nor in the variable CHROMIUM.\n")
        return 1
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    parts = sys.argv[2:] or list(PARTS)
    if unknown := [part for part in parts if part not in PARTS]:
        sys.stderr.write(f"There is no part {unknown[0]}; there are {', '.join(PARTS)}.\n")
        return 2
    with chromium() as browser:
        for part in parts:
            # Each part has a village to itself, so that a part alone takes the same pictures as all of them do.
            village = found_village(is_virtual=True) if part == "days" else village_with_history()
            with open_studio(browser, folder, village) as studio:
                PARTS[part](studio)
    return 0


if __name__ == "__main__":
    sys.exit(main())
