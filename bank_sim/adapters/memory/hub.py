"""The hub's answers in memory: for tests and simulations of the bank alone. It passes the same contract as gRPC."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID, uuid5

from bank_sim.application.ports import SettlementAccount, SettlementFunding
from bank_sim.domain.account import Account, AccountKey, Payee
from bank_sim.domain.bank import BankIdentity, Participant
from bank_sim.domain.errors import HubUnavailable, KeyLimitReached, KeyNotFound, KeyTaken
from bank_sim.domain.flows.transfer.model import Progress
from pix.runtime.clock import SchemeClock
from pix.scheme.deliveries import Outgoing
from pix.scheme.features import Feature
from pix.scheme.keys import KeyKind, PixKey, check_key_owner, keys_per_account_max, normalize_key

_NAMESPACE = UUID("6f1d1c5e-3a80-4c4e-9b43-0d3f3c2f6c11")


class MemoryHub:
    """See `bank_sim.application.ports.Hub`. `is_down` makes every question fail, as a hub that is down does."""

    def __init__(self, identity: BankIdentity, clock: SchemeClock) -> None:
        self.is_down = False
        self.payees: dict[PixKey, Payee] = {}
        """Keys of every bank. Put those of other banks here."""
        self.fundings: list[SettlementFunding] = []
        self.progress: dict[str, Progress] = {}
        self.participants: dict[str, Participant] = {}
        self.words: list[tuple[object, ...]] = []
        """What the bank's processes have said of themselves."""
        self.features: frozenset[Feature] = frozenset()
        """What the bank has announced that it understands."""
        self._identity = identity
        self._clock = clock
        self._own: dict[PixKey, AccountKey] = {}
        self._by_request: dict[str, PixKey] = {}

    def join_network(
        self,
        identity: BankIdentity,
        url: str,
        version: str,  # noqa: ARG002 - the port's
        features: Collection[Feature],
        payload_host: str,
    ) -> None:
        self._answer()
        self.participants[identity.ispb] = Participant(
            identity.ispb,
            identity.code,
            identity.name,
            identity.color,
            url,
            active=True,
            features=frozenset(features),
            payload_host=payload_host,
        )
        self.features = frozenset(features)

    def send_heartbeat(self, instance: str, version: str, lag: int | None) -> None:
        self._answer()
        self.words.append((instance, version, lag))

    def leave_network(self, instance: str) -> None:
        self._answer()
        self.words.append((instance, "left"))

    def list_participants(self) -> Sequence[Participant]:
        self._answer()
        return sorted(self.participants.values(), key=lambda participant: participant.code)

    def register_key(self, account: Account, kind: KeyKind, key: str, request_id: str) -> AccountKey:
        self._answer()
        if kind is KeyKind.EVP:
            pix_key = self._by_request.setdefault(request_id, _random_key(request_id))
        else:
            pix_key = normalize_key(kind, key)
            check_key_owner(pix_key, account.tax_id)
        known = self._own.get(pix_key)
        if known is not None and known.account_number == account.number:
            return known
        if pix_key in self.payees:
            raise KeyTaken(self.payees[pix_key].bank_name)
        keys = sum(1 for entry in self._own.values() if entry.account_number == account.number)
        if keys >= keys_per_account_max(account.holder_kind):
            raise KeyLimitReached
        self._own[pix_key] = AccountKey(account.number, pix_key, self._clock.now_ms())
        self.payees[pix_key] = Payee(
            key=pix_key,
            name=account.holder_name,
            tax_id_masked=account.tax_id_masked,
            holder_kind=account.holder_kind,
            ispb=self._identity.ispb,
            bank_code=self._identity.code,
            bank_name=self._identity.name,
        )
        return self._own[pix_key]

    def find_key(self, key: PixKey) -> Payee:
        self._answer()
        try:
            return self.payees[key]
        except KeyError:
            raise KeyNotFound from None

    def list_keys(self) -> Iterable[AccountKey]:
        self._answer()
        return list(self._own.values())

    def remove_key(self, key: PixKey, account_number: str = "") -> None:
        self._answer()
        if key not in self._own or account_number not in ("", self._own[key].account_number):
            raise KeyNotFound
        del self._own[key]
        del self.payees[key]

    def settlement_account(self) -> SettlementAccount:
        self._answer()
        return SettlementAccount(
            balance_centavos=sum(funding.amount_centavos for funding in self.fundings),
            reserved_centavos=0,
            fundings=tuple(self.fundings),
        )

    def find_progress(self, end_to_end_ids: Sequence[str]) -> Mapping[str, Progress]:
        self._answer()
        return {each: self.progress[each] for each in end_to_end_ids if each in self.progress}

    def _answer(self) -> None:
        if self.is_down:
            raise HubUnavailable


class MemoryPublisher:
    """See `bank_sim.application.ports.BackgroundPublisher`. Keeps messages; `is_down` makes it lose them instead."""

    def __init__(self) -> None:
        self.is_down = False
        self.outgoing: list[Outgoing] = []

    def enqueue(self, outgoing: Sequence[Outgoing]) -> None:
        if not self.is_down:
            self.outgoing.extend(outgoing)

    def collect(self) -> list[Outgoing]:
        """Those since the last time."""
        outgoing, self.outgoing = self.outgoing, []
        return outgoing


def _random_key(request_id: str) -> PixKey:
    made = uuid5(_NAMESPACE, request_id)
    return PixKey(KeyKind.EVP, str(UUID(bytes=made.bytes, version=4)))
