"""The bank announces itself to the hub, and learns who else is in the network."""

from __future__ import annotations

from bank_sim.application.ports import Hub, UnitsOfWork
from bank_sim.domain.bank import BankIdentity
from pix.scheme.features import FEATURES, Feature


class JoinNetwork:
    """Announces name, colour, addresses and features; repeating it updates them."""

    def __init__(
        self,
        hub: Hub,
        identity: BankIdentity,
        url: str,
        version: str,
        payload_host: str,
        features: frozenset[Feature] = FEATURES,
    ) -> None:
        self._hub = hub
        self._identity = identity
        self._url = url
        self._version = version
        self._payload_host = payload_host
        self._features = features

    def __call__(self) -> None:
        """Raises HubUnavailable, HubCredentialsRejected, HubRejected."""
        self._hub.join_network(self._identity, self._url, self._version, self._features, self._payload_host)


class SendHeartbeat:
    """This process says that it is there, how far behind it is, and at an orderly stop that it goes."""

    def __init__(self, hub: Hub, instance: str, version: str) -> None:
        """`instance` is this process's alone: replicas of a bank have different ones."""
        self._hub = hub
        self._instance = instance
        self._version = version

    def __call__(self, lag: int | None) -> None:
        """`lag` is None when this process reads none. Raises HubUnavailable, HubCredentialsRejected, HubRejected."""
        self._hub.send_heartbeat(self._instance, self._version, lag)

    def leave(self) -> None:
        """Raises HubUnavailable, HubCredentialsRejected, HubRejected."""
        self._hub.leave_network(self._instance)


class MeetParticipants:
    """Keeps the names of the other banks, so that a statement can be read while the hub is down."""

    def __init__(self, units: UnitsOfWork, hub: Hub) -> None:
        self._units = units
        self._hub = hub

    def __call__(self) -> None:
        """Raises HubUnavailable."""
        participants = self._hub.list_participants()
        with self._units() as unit:
            if unit.switches.participants() == {participant.ispb: participant for participant in participants}:
                return
            unit.switches.set_participants(participants)
            unit.commit()
