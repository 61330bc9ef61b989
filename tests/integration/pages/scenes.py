"""What the pages show while they are collected: banks, people and messages with names as long as they may be."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, cast
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.testclient import TestClient

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.domain.bank import BankIdentity
from bank_sim.domain.credentials.request_log import Body
from bank_sim.entrypoints.http.app import create_app
from hub.entrypoints.http.app import create_app as create_console
from lab.classroom.puzzle_room import PuzzleRoom
from lab.classroom.walkthrough import Walkthrough
from lab.network.parts.process import wait_until
from lab.network.run import Run
from lab.panel.app import create_app as create_panel
from lab.panel.cluster.app import create_cluster_app
from lab.panel.cluster.serving import laboratory_of
from lab.panel.cluster.site import ClusterLaboratory
from lab.panel.cluster.tasks import PanelCluster
from lab.panel.documents import RunDocument
from lab.panel.operator_sign_in import OperatorSignIn
from lab.panel.site import Laboratory
from lab.panel.tasks import LabTask, TaskKind
from lab.prove.cluster.board import Stage
from lab.prove.cluster.plan import Kind
from lab.prove.scenarios.scenario import Step
from lab.read.audit import AuditReport, Finding
from lab.read.rest import new_client
from pix.runtime.clock import SchemeClock, SystemClock
from pix.scheme.days import day_of
from pix.scheme.keys import KeyKind
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC, bank_topic
from tests.integration.bank_http.conftest import PIN
from tests.integration.bank_http.test_developers import request_of
from tests.integration.pages.collecting import Collection, Collector
from tests.support.banks import ANAS_CPF, BRUNOS_CPF
from tests.support.cluster_double import FakeCluster
from tests.support.course import CourseWorld, make_course_world
from tests.support.participants import bank_handler
from tests.support.village import Village, VillageSettings

LONG_KEY: Final = f"{'bruno' * 12}@{'x' * 8}.com"
LONG_WORD: Final = ("Supercalifragilisticexpialidocious" * 4)[:140]
STAND_SECONDS_MAX: Final = 30.0
HOSTILE: Final = "<b>\"Olá\" & 'tchau'</b>"
TXID: Final = "cobranca000000000000000001"
IDENTITIES: Final = (
    BankIdentity(code="001", ispb="00000001", name="BancoAuroraDasLongasPalavrasSemEspacos", color="#5b2a86"),
    BankIdentity(code="002", ispb="00000002", name="BancoIpeDosNomesCompridosDemaisParaTelas", color="#c98a00"),
)


def furnished_village() -> Village:
    """Two banks whose clock can be turned."""
    return Village(IDENTITIES, is_virtual=True)


def open_account(bank: BankApplication, name: str, tax_id: str, key: str, money_centavos: int) -> Account:
    account = bank.open_account(name=name, tax_id=tax_id, opening_deposit_centavos=money_centavos, pin=PIN)
    bank.register_key(account_number=account.number, kind=KeyKind.EMAIL, key=key)
    return account


def _clock(bank: BankApplication) -> SchemeClock:
    assert bank.follow_clock is not None, "the village's clock is virtual"
    return bank.follow_clock.clock


class Walks:
    """Collectors of the village's sites in one language."""

    def __init__(self, kept: Collection, language: str, stack: ExitStack) -> None:
        self._kept, self._language, self._stack = kept, language, stack
        self._visitors: list[Collector] = []

    def at(self, app: FastAPI, site: str, **options: Any) -> Collector:
        # Errors are answered, as in production.
        client = self._stack.enter_context(TestClient(app, raise_server_exceptions=False, **options))
        visitor = Collector(client, app, site, self._language, self._kept)
        self._visitors.append(visitor)
        return visitor

    def send_forms(self) -> None:
        for visitor in self._visitors:
            visitor.send_forms()


def walk_bank(walks: Walks, village: Village) -> str:
    """Everything that a customer, a developer and an operator of a bank can open; the end-to-end id of a payment."""
    aurora, ipe = village.banks["001"], village.banks["002"]
    ana = open_account(
        aurora, f"Wolfeschlegelsteinhausenbergerdorff{'ana' * 13}", ANAS_CPF, "ana@example.com", 99_999_999_999
    )
    bruno = open_account(ipe, f"Bruno {'Longo' * 14}", BRUNOS_CPF, LONG_KEY, 100_00)
    settings = VillageSettings(hub_console_url="http://hub.example", api_pix_port=8443)
    app = create_app(aurora, settings, _clock(aurora))
    stranger = walks.at(app, "bank")
    stranger.walk("/sign-in", "/open-account", "/nothing", "/pay?way=account", "/backoffice", "/api/docs")
    stranger.open("/sign-in")
    stranger.send("/sign-in", account_number="1", pin="1")
    stranger.send("/open-account", name="x" * 200, tax_id="1", pin="1")
    visitor = walks.at(app, "bank")
    visitor.open("/sign-in")
    visitor.send("/sign-in", account_number=ana.number, pin=PIN)
    end_to_end_id = _pay(visitor, village)
    _plan(visitor)
    _fill_keys_and_account(visitor, ana)
    _develop(visitor, village, ana)
    _operate(visitor, village, end_to_end_id)
    _give_back(walks, village, bruno, end_to_end_id)
    key = quote("ana@example.com")
    visitor.walk(
        "/", "/pay", "/pay?way=code", "/pay?way=picture", "/pay?way=account", f"/keys/remove?kind=EMAIL&key={key}",
        f"/receive?amount=25,00&message={LONG_WORD[:60]}", f"/statement?search={LONG_WORD[:80]}", "/statement?since=x",
        f"/transfers/{end_to_end_id}?direction=outgoing", "/backoffice", "/developers", f"/transfers/{'E' * 32}",
        "/developers/requests/r1", "/developers/verdict", f"/pay/again/{end_to_end_id}", "/statement/print",
        f"/pay/contact/{end_to_end_id}",
    )  # fmt: skip
    guarded = create_app(aurora, VillageSettings(demo_mode=False, sandbox=False))
    operator = walks.at(guarded, "guarded bank")
    operator.open("/backoffice")
    operator.open("/sign-in")
    operator.send("/backoffice/sign-in", password="wrong")
    return end_to_end_id


def _pay(visitor: Collector, village: Village) -> str:
    """A payment that ends well, one that is refused, and one that is asked for and not confirmed."""
    visitor.open("/pay")
    visitor.send("/pay", key="nobody@example.com")
    visitor.send("/pay/code", code="no code")
    visitor.send("/pay/picture", files={"picture": ("x.png", b"no picture", "image/png")})
    visitor.open("/pay/bank")
    visitor.send("/pay/bank", bank="002", branch="", account="1")
    for amount, message in (("987654,32", LONG_WORD), ("1,00", HOSTILE)):
        visitor.open("/pay")
        visitor.send("/pay", key=LONG_KEY)
        visitor.send("/pay/amount", payee=visitor.hidden("payee"), amount="no amount", description=message)
        visitor.send("/pay/amount", payee=visitor.hidden("payee"), amount=amount, description=message)
        visitor.send("/pay/confirm", order=visitor.hidden("order"))
        end_to_end_id = visitor.path.removeprefix("/transfers/")
        village.deliver()
        visitor.open(f"/transfers/{end_to_end_id}?direction=outgoing")
    return end_to_end_id


def _plan(visitor: Collector) -> None:
    """A payment each month."""
    day = day_of(SystemClock().now_ms()) + timedelta(days=40)
    visitor.open("/pay")
    visitor.send("/pay", key=LONG_KEY)
    monthly = {"when": "monthly", "first_day": day.isoformat(), "count": "12"}
    visitor.send("/pay/amount", payee=visitor.hidden("payee"), amount="2,00", description=LONG_WORD, **monthly)
    visitor.send("/pay/confirm", order=visitor.hidden("order"))
    visitor.open("/schedules")


def _fill_keys_and_account(visitor: Collector, ana: Account) -> None:
    visitor.open("/keys")
    visitor.send("/keys", kind="EVP", key="")
    visitor.send("/keys", kind="PHONE", key="no number")
    visitor.open("/account")
    visitor.send("/account/pin", pin="1", new_pin="2222", new_pin_again="3333")
    visitor.send("/account/deposit", amount="no amount")
    visitor.open("/limits")
    visitor.send("/limits/day", amount="no amount")
    visitor.send("/limits/day", amount="9.000.000,00")
    visitor.open(f"/keys/remove?kind=EMAIL&key={LONG_KEY}")


def _develop(visitor: Collector, village: Village, ana: Account) -> None:
    """A credential, a call, charges, and a webhook that is owed a notice."""
    aurora = village.banks["001"]
    visitor.open("/developers/credentials")
    visitor.send("/developers/credentials", name=LONG_WORD[:40])
    made = aurora.api_credentials.create(account_number=ana.number, name=HOSTILE)
    body = Body('{"valor": {"original": "10.00"}, "n": "' + LONG_WORD + '"}', "application/json", 200)
    aurora.api_credentials.note_requests([request_of(ana, made.credential.credential_id, request=body)])
    visitor.open("/developers/webhooks")
    visitor.send("/developers/webhooks", key="ana@example.com", url="ftp://x")
    visitor.send("/developers/webhooks", key="ana@example.com", url=f"http://127.0.0.1:9/{LONG_WORD}")
    visitor.open("/developers/charges/new")
    visitor.send("/developers/charges/new", kind="cob", amount="no amount", key="ana@example.com")
    order = {"kind": "cob", "amount": "123,45", "key": "ana@example.com", "payer_request": LONG_WORD}
    for _ in range(2):
        visitor.open("/developers/charges/new")
        visitor.send("/developers/charges/new", **order)
    visitor.send("/developers/pay", code="no code")


def _operate(visitor: Collector, village: Village, end_to_end_id: str) -> None:
    """What an operator of the bank sees, with a dead letter and a rule."""
    aurora = village.banks["001"]
    bank_handler(aurora, "any secret")([Record(topic=bank_topic("001"), key=b"x", value=b"nonsense", headers={})])
    visitor.open("/backoffice/sandbox")
    visitor.send("/backoffice/sandbox/payments", code="no code")
    visitor.send("/backoffice/sandbox/rules", kind="answer", match='{"txid": "abc*"}', action='{"mode": "silent"}')
    visitor.send("/backoffice/sandbox/rules", kind="answer", match="{", action="{}")
    visitor.open("/backoffice/behaviour")
    visitor.send("/backoffice/behaviour", mode="accept", delay_ms="no number")
    visitor.open("/backoffice/accounts")
    visitor.walk(f"/backoffice/dead-letters/{aurora.dead_letters.list()[0].digest}")


def _give_back(walks: Walks, village: Village, bruno: Account, end_to_end_id: str) -> None:
    """The payee returns a part, and asks for more than there is."""
    ipe = village.banks["002"]
    visitor = walks.at(create_app(ipe, VillageSettings(), _clock(ipe)), "bank")
    visitor.open("/sign-in")
    visitor.send("/sign-in", account_number=bruno.number, pin=PIN)
    path = f"/transfers/{end_to_end_id}/return"
    visitor.open(path)
    visitor.send(path, amount="no amount")
    visitor.send(path, amount="0,30", description=LONG_WORD)
    visitor.send("/returns/confirm", order=visitor.hidden("order"))
    village.deliver()
    visitor.walk(visitor.path, "/statement", "/", "/backoffice/returns")
    visitor.walk(f"/backoffice/transfers/{end_to_end_id}/return", path)


def walk_console(walks: Walks, village: Village, end_to_end_id: str) -> None:
    """Everything on the console, with a dead letter and a bank that is suspended."""
    village.publish([Record(HUB_TOPIC, b"x", b"nonsense", {"sender": LONG_WORD[:60].encode()})])
    village.deliver()
    visitor = walks.at(village.console(), "hub")
    visitor.open("/banks/001/suspend")
    visitor.send("/banks/001/suspend")
    visitor.open("/banks/002")
    visitor.send("/banks/002/fundings", amount="no amount")
    letter = village.hub.dead_letters.list(None, 1)[0].digest
    visitor.open("/clock")
    visitor.send("/clock/until", at="no time")
    visitor.walk(
        "/", "/banks/002/withdraw?amount=1", f"/directory/EMAIL/{LONG_KEY}", f"/dead-letters/{letter}", "/nothing",
        f"/search?q={LONG_WORD}", "/search?q=ana", f"/transfers/{end_to_end_id}", "/transfers?amount=abc&bank=999",
        "/returns?status=x", f"/topics/{HUB_TOPIC}", "/trail?since=x",
    )  # fmt: skip
    guarded = walks.at(village.console(operators=VillageSettings(demo_mode=False)), "guarded hub")
    guarded.open("/banks")
    guarded.send("/sign-in", password="wrong")


def walk_course(walks: Walks) -> None:
    """The console's page of the banks of the course."""
    world: CourseWorld = make_course_world()
    visitor = walks.at(create_console(world.hub, configured_secret="for the test", course=world.course), "course hub")
    for path in ("/course", "/banks", "/banks/001"):
        visitor.open(path)
    visitor.send("/course/accounts", code="001")


def walk_lab(walks: Walks, lab: Laboratory, port: int) -> None:
    """The panel with a run that found what is wrong, its scenario builder, and the question before a reset."""
    steps = (Step(1_000, LONG_WORD), Step(2_000, HOSTILE))
    offenders = (HOSTILE,)
    wrong = Finding(
        "conservation", sentence=LONG_WORD, numbers={"difference_centavos": 1}, offenders=offenders, is_ok=False
    )
    report = AuditReport((wrong,), {"completed": 1}, (), moving=False)
    task = LabTask(1, TaskKind.AUDIT, None, 1_000, steps, 3_000, report=report, failures=(LONG_WORD,))
    lab.history.add(RunDocument.of(task).model_dump(mode="json"))
    sign_in = OperatorSignIn(LONG_WORD)
    app = create_panel(replace(lab, reset=threading.Event()), sign_in, port)
    address = f"http://127.0.0.1:{port}"
    walks.at(app, "lab", base_url=address).walk("/", "/nothing")
    visitor = walks.at(app, "lab", base_url=address)
    visitor.walk(f"/?token={LONG_WORD}", "/scenarios/new", "/runs", "/runs/1", "/reset")
    visitor.open("/scenarios/new")
    visitor.send("/scenarios/new", title="", act="play", payments="999999")
    visitor.send("/traffic", rate_per_second="no number")


def walk_classroom(walks: Walks, lab: Laboratory, port: int) -> None:
    """The story before its first step, the presenter's notes, and the puzzle."""
    with ExitStack() as afterwards:
        client = afterwards.enter_context(new_client())
        walkthrough = Walkthrough(Run(lab.network, client, afterwards))
        classroom = replace(lab, walkthrough=walkthrough, puzzles=PuzzleRoom())
        app = create_panel(classroom, OperatorSignIn(LONG_WORD), port)
        visitor = walks.at(app, "classroom", base_url=f"http://127.0.0.1:{port}")
        visitor.walk(f"/?token={LONG_WORD}", "/notes", "/puzzle")


def walk_cluster(walks: Walks, stack: ExitStack, port: int) -> None:
    """The panel of a cluster before its first fault, while one stands and after its audit."""
    folder = Path(stack.enter_context(TemporaryDirectory()))
    laboratory = laboratory_of(cast(PanelCluster, FakeCluster()), folder, threading.Event())
    stack.callback(laboratory.tasks.close)
    app = create_cluster_app(laboratory, OperatorSignIn(LONG_WORD), port)
    visitor = walks.at(app, "cluster", base_url=f"http://127.0.0.1:{port}")
    visitor.walk(f"/?token={LONG_WORD}", "/runs", "/nothing")
    visitor.open("/")
    visitor.send("/plan", transfers="0")
    laboratory.tasks.strike(Kind.HOST_CUT_OFF)
    wait_until(lambda: _stage(laboratory) is Stage.STANDS, STAND_SECONDS_MAX, "the fault to stand")
    laboratory.monitor.look()
    visitor.open("/")
    visitor.send("/faults/1/undo")
    wait_until(laboratory.history.list, STAND_SECONDS_MAX, "the audit after the fault")
    visitor.walk("/", "/runs", "/runs/1", "/api/docs")


def _stage(laboratory: ClusterLaboratory) -> Stage | None:
    task = laboratory.tasks.task
    return task.faults[0].stage if task is not None and task.faults else None


def collect(language: str, lab: Laboratory, port: int) -> Collection:
    """Every page of banks, hub and lab in one language."""
    kept = Collection()
    village = furnished_village()
    with ExitStack() as stack:
        walks = Walks(kept, language, stack)
        end_to_end_id = walk_bank(walks, village)
        walk_console(walks, village, end_to_end_id)
        walk_course(walks)
        walk_lab(walks, lab, port)
        walk_classroom(walks, lab, port)
        walk_cluster(walks, stack, port)
        walks.send_forms()
    return kept
