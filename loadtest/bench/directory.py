"""Keys for a run, registered through the hub's gRPC as a bank would."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from codepix.v1 import common_pb2 as common
from codepix.v1 import directory_pb2 as directory
from codepix.v1 import directory_pb2_grpc, participants_pb2_grpc
from codepix.v1 import participants_pb2 as participants
from lab.network.network import RunningBank
from pix.rpc.client import open_channel
from pix.rpc.metadata import credentials
from pix.scheme.features import FEATURES

CALLERS: Final = 8
CALL_SECONDS_MAX: Final = 30.0
HOLDER_CPF: Final = "52998224725"


def registration(kind: common.KeyKind.ValueType, key: str, account_number: str) -> directory.RegisterKeyRequest:
    return directory.RegisterKeyRequest(
        key=common.PixKey(kind=kind, key=key),
        branch="0001",
        account_number=account_number,
        holder_name="Holder of a Key",
        holder_kind=directory.HOLDER_KIND_PERSON,
        holder_tax_id=HOLDER_CPF,
    )


def join_banks(address: str, banks: Sequence[RunningBank]) -> None:
    """Lets each bank announce everything that this version understands."""
    with open_channel(address) as channel:
        stub = participants_pb2_grpc.ParticipantServiceStub(channel)
        for bank in banks:
            request = participants.JoinNetworkRequest(
                code=bank.code, name=bank.spec.name, color="#123456", features=sorted(FEATURES)
            )
            stub.JoinNetwork(request, metadata=credentials(bank.ispb, bank.secret), timeout=CALL_SECONDS_MAX)


def register_payees(address: str, banks: Sequence[RunningBank], count: int) -> list[dict[str, Any]]:
    """Registers `count` keys, in turn with each bank; returns them as the stand-ins want them."""
    with open_channel(address) as channel, ThreadPoolExecutor(CALLERS) as pool:
        stub = directory_pb2_grpc.DirectoryServiceStub(channel)

        def register(number: int) -> dict[str, Any]:
            bank = banks[number % len(banks)]
            key = f"payee{number}@codepix.example"
            request = registration(common.KEY_KIND_EMAIL, key, f"{number:06d}-1")
            stub.RegisterKey(request, metadata=credentials(bank.ispb, bank.secret), timeout=CALL_SECONDS_MAX)
            return {"kind": int(common.KEY_KIND_EMAIL), "key": key, "ispb": bank.ispb}

        return list(pool.map(register, range(count)))
