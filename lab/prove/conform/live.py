"""A fresh network with the real hub, in which the examined bank takes part beside one of ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lab.network.network import BankSpec, Network, NetworkSettings
from lab.prove.conform.bench import Bench
from lab.prove.conform.examined import OWN_BANK, StartedBank, command_of
from lab.prove.conform.examiner import (
    CODE,
    NAME,
    OTHER_CODE,
    RESEND_CAP_SECONDS,
    RESEND_FIRST_SECONDS,
    Examiner,
    contract_environment,
    own_environment,
)
from lab.prove.conform.hub import Bank
from lab.read.rest import HubRest, Json, Refused, new_client

SPECS: Final = (BankSpec(CODE, NAME, "#3b5bdb"), BankSpec(OTHER_CODE, "Banco Aurora", "#5b2a86"))
COMPLETE_SECONDS_MAX: Final = 25.0
"""Until a transfer is completed, also after a restart."""


@dataclass(frozen=True, slots=True)
class LiveNetwork:
    """The hub, the examined bank and ours, all ready."""

    hub: HubRest
    bank: StartedBank
    other: StartedBank

    def benches(self, bench: Bench) -> tuple[Bench, Bench]:
        """The benches of the examined bank and of ours, for a case."""
        return bench.at(self.bank.url), bench.at(self.other.url)

    def transfer(self, transfer_id: str) -> Json | None:
        """The hub's row; None as long as it has none."""
        try:
            return self.hub.transfer(transfer_id)
        except Refused:
            return None

    def await_status(self, bench: Bench, transfer_id: str, status: str) -> Json:
        """The hub's row once the transfer has this status."""
        found: list[Json] = []

        def has_status() -> bool:
            row = self.transfer(transfer_id)
            if row is not None and row["status"] == status:
                found.append(row)
            return bool(found)

        bench.eventually(has_status, f"{transfer_id} is {status} at the hub", COMPLETE_SECONDS_MAX)
        return found[0]

    def settlement_centavos(self, code: str) -> int:
        """A bank's settlement account at the hub."""
        ispb = code.zfill(8)
        return next(int(row["balance_centavos"]) for row in self.hub.settlement_accounts() if row["ispb"] == ispb)


def live_network(examiner: Examiner) -> LiveNetwork:
    """The network, started for the first case that asks for it. Raises `PartError` and `CannotExamine`."""
    return examiner.once("live network", lambda: _start(examiner))


def _start(examiner: Examiner) -> LiveNetwork:
    options = examiner.options
    # The bank of the other cases is done: two of a stranger's banks at once may be too much for the machine.
    examiner.examined.stop()
    settings = NetworkSettings(
        folder=examiner.folder / "network",
        banks=SPECS,
        kafka=options.kafka,
        resend_first_seconds=RESEND_FIRST_SECONDS,
        resend_cap_seconds=RESEND_CAP_SECONDS,
        starts_banks=False,
        durable=False,
    )
    network = examiner.ends.enter_context(Network(settings))
    client = new_client(network.secrets.operator)
    examiner.ends.callback(client.close)
    banks = []
    for spec, command in ((SPECS[0], options.bank), (SPECS[1], OWN_BANK)):
        identity = Bank(spec.code, spec.code.zfill(8), spec.name, network.secrets.banks[spec.code])
        hub_address = f"127.0.0.1:{network.grpc_ports[0]}"
        environment = contract_environment(identity, hub_address, network.broker.bootstrap_servers)
        if command == OWN_BANK:
            environment |= own_environment(network.postgres, f"bank_{spec.code}", options.kafka)
        bank = StartedBank(
            command_of(command), environment, examiner.folder, examiner.client, f"bank-{spec.code}-in-the-network"
        )
        examiner.ends.callback(bank.stop)
        bank.launch()
        banks.append(bank)
    for bank in banks:
        bank.await_ready()
    return LiveNetwork(HubRest(network.hub_url, client), banks[0], banks[1])
