"""A participant gets an older backup of its database back, with the very commands of docs/operating.md."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import make_url

from lab.drive.customers import Population
from lab.network.network import DEMO_BANKS, Network, NetworkSettings
from lab.network.parts.ports import LOOPBACK
from lab.network.parts.postgres import BINARIES_FOLDER, MAINTENANCE_DATABASE, WHEEL_PACKAGE
from lab.read.rest import BankRest, new_client
from lab.read.snapshot import NetworkReader
from pix.runtime.addresses import join_host_port
from tests.e2e.conftest import READY_SECONDS_MAX, run_codepix_json
from tests.e2e.test_transfer import pay

PAGE: Final = Path(__file__).parents[2] / "docs" / "operating.md"
URL_ON_PAGE: Final = "http://127.0.0.1:8000"
BACKUP: Final = "pg_dump"
PUT_BACK: Final = "dropdb"
REPAIR: Final = "codepix-bank migrate"
COMMAND_SECONDS_MAX: Final = 60.0
PAYMENTS_EACH_WAY: Final = 5


def documented(first_words: str) -> str:
    """The one block of commands on the page that begins with these words."""
    blocks = [each.partition("```")[0] for each in PAGE.read_text(encoding="utf-8").split("```sh\n")[1:]]
    (found,) = [block for block in blocks if block.strip().startswith(first_words)]
    return found


class Operator:
    """The one who runs a network of two banks from a shell."""

    def __init__(self, network: Network, reader: NetworkReader, banks: dict[str, BankRest]) -> None:
        self.network = network
        self.password = network.secrets.operator
        self._reader = reader
        self._banks = banks
        self._population = Population.of(banks)

    def run(self, commands: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
        """Runs commands of the page with what a bank's shell has in its environment."""
        network, bank = self.network, self.network.bank("001")
        wheel = find_spec(WHEEL_PACKAGE)
        assert wheel is not None and wheel.origin is not None
        server = make_url(network.postgres.url(MAINTENANCE_DATABASE))
        programs = [Path(sys.executable).parent, Path(wheel.origin).parent / BINARIES_FOLDER, os.environ["PATH"]]
        environment = {
            "PATH": os.pathsep.join(map(str, programs)),
            "PGHOST": str(server.query["host"]),
            "PGUSER": str(server.username),
            "DATABASE_URL": network.postgres.url("bank_001"),
            "KAFKA_BOOTSTRAP_SERVERS": network.broker.bootstrap_servers,
            "HUB_GRPC_ADDRESS": join_host_port(LOOPBACK, network.grpc_ports[0]),
            "BANK_CODE": bank.code,
            "BANK_NAME": bank.spec.name,
            "BANK_SECRET": bank.secret,
            **settings,
        }
        command = ["sh", "-ec", commands.replace(URL_ON_PAGE, network.hub_url)]
        return subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, text=True, timeout=COMMAND_SECONDS_MAX
        )

    def do(self, commands: str, folder: Path, **settings: str) -> str:
        """The same for commands that must succeed; what they print."""
        finished = self.run(commands, folder, **settings)
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout

    def let_people_pay(self, name: str) -> tuple[set[str], set[str]]:
        """The end-to-end ids of what bank 001 pays and, of less money, of what it is paid; all of it is completed."""

        def some(payer: str, payee: str, amount_centavos: int) -> set[str]:
            orders = [f"{name}-{payer}-{number}" for number in range(PAYMENTS_EACH_WAY)]
            return {pay(self._banks, self._population, payer, payee, amount_centavos, order) for order in orders}

        paid, received = some("001", "002", 30_00), some("002", "001", 10_00)
        assert self._reader.wait_for_quiet(READY_SECONDS_MAX)
        completed = {row["end_to_end_id"] for row in self._reader.hub.transfers() if row["status"] == "completed"}
        assert paid | received <= completed
        return paid, received

    def balances(self) -> dict[tuple[str, str], int]:
        """By bank and account number."""
        return {
            (code, account["number"]): account["balance_centavos"]
            for code, bank in self._banks.items()
            for account in bank.accounts()
        }

    def audit(self) -> tuple[int, dict[str, set[str]]]:
        """The exit code of the page's command, and by broken invariant what it finds: with --json all of it."""
        wait = ["--wait", str(READY_SECONDS_MAX)]
        exported = {"OPERATOR_PASSWORD": self.password}
        code, report = run_codepix_json("audit", "--hub", self.network.hub_url, *wait, exported=exported)
        invariants = report["invariants"].items()
        return code, {name: set(finding["offenders"]) for name, finding in invariants if not finding["ok"]}


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """Of a network outside demo mode; who breaks a part mends it."""
    settings = NetworkSettings(
        folder=tmp_path_factory.mktemp("restored"),
        banks=DEMO_BANKS[:2],
        resend_first_seconds=1.0,
        demo_mode=False,
        durable=False,
    )
    with Network(settings) as network, new_client(network.secrets.operator) as client:
        banks = {bank.code: BankRest(bank.spec.name, bank.url, client) for bank in network.banks}
        yield Operator(network, NetworkReader(network.hub_url, client), banks)


def test_a_bank_is_repaired_from_the_hubs_records(operator: Operator, tmp_path: Path) -> None:
    bank = operator.network.bank("001").service
    operator.let_people_pay("before")
    operator.do(documented(BACKUP), tmp_path)
    paid, received = operator.let_people_pay("after")
    balances = operator.balances()

    bank.stop()
    operator.do(documented(PUT_BACK), tmp_path)
    bank.start()
    code, found = operator.audit()
    assert code == 1
    assert found["outcomes_agree"] == {
        *(f"{each}: the payer's bank 001 does not know it" for each in paid),
        *(f"{each}: confirmed, but the payee's bank 001 does not know it" for each in received),
    }
    assert set(found) == {"outcomes_agree"}
    bank.stop()

    refused = operator.run(documented(REPAIR), tmp_path)
    assert refused.returncode == 1
    assert refused.stderr.startswith("HUB_OPERATOR_PASSWORD: ") and refused.stderr.count("\n") == 1
    repaired = operator.do(documented(REPAIR), tmp_path, HUB_OPERATOR_PASSWORD=operator.password)
    assert f"{2 * PAYMENTS_EACH_WAY} booked," in repaired
    again = operator.do(documented(REPAIR), tmp_path, HUB_OPERATOR_PASSWORD=operator.password)
    assert "\n0 booked," in again
    bank.start()
    assert operator.audit() == (0, {})
    assert operator.balances() == balances


# What the audit finds is proved in tests/unit/lab/test_audit.py.
@pytest.mark.prove
def test_what_an_older_backup_of_the_hub_lacks_is_listed(operator: Operator, tmp_path: Path) -> None:
    hub, last = operator.network.hubs[0], tmp_path / "last"
    last.mkdir()
    back_up, put_back = (documented(words).replace("bank_001", "hub") for words in (BACKUP, PUT_BACK))
    operator.do(back_up, tmp_path)
    paid, received = operator.let_people_pay("lost")

    hub.stop()
    operator.do(back_up, last)
    operator.do(put_back, tmp_path)
    hub.start()
    code, found = operator.audit()
    assert code == 1
    assert found["outcomes_agree"] == {
        *(f"{each} at 001: confirmed, but the hub does not know it" for each in paid),
        *(f"{each} at 001: the hub does not know it" for each in received),
    }
    assert set(found) == {"outcomes_agree", "settlement_agrees"}

    hub.stop()
    operator.do(put_back, last)
    hub.start()
    assert operator.audit() == (0, {})
