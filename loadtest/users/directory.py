"""Look-ups of keys at the hub by gRPC, as banks make them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from random import Random
from typing import Final
from uuid import uuid4

import grpc

from codepix.v1 import common_pb2 as common
from codepix.v1 import directory_pb2 as directory
from codepix.v1 import directory_pb2_grpc
from loadtest.users.customers import Bank, Customer
from pix.rpc.client import open_channel
from pix.rpc.metadata import credentials

CALL_SECONDS_MAX: Final = 10.0
KINDS: Final = {
    "CPF": common.KEY_KIND_CPF,
    "CNPJ": common.KEY_KIND_CNPJ,
    "PHONE": common.KEY_KIND_PHONE,
    "EMAIL": common.KEY_KIND_EMAIL,
    "EVP": common.KEY_KIND_EVP,
}


class LookUpFailed(Exception):
    """The hub did not answer as it must; the text is gRPC's code and what the hub says."""


class Directory:
    """The hub's directory, asked by banks in turn as their customers' visits are shared out.

    The hub counts look-ups by bank: 120,000 tokens, and 1,000 more each second; a found key costs one, an unknown one
    three (`hub.domain.look_ups`). So even one bank alone may ask a thousand times a second for ever.
    """

    def __init__(
        self, address: str, banks: Sequence[Bank], secrets: Mapping[str, str], shares: Mapping[str, float]
    ) -> None:
        """`address` is host:port; `secrets` are by the banks' codes; one without a secret does not ask."""
        self._asking = [bank for bank in banks if bank.code in secrets]
        if not self._asking:
            raise ValueError(f"--bank-secrets: none of {', '.join(secrets)} is a bank of this network.")
        # A share of nothing would be no choice.
        self._weights = [shares[bank.code] or 1e-9 for bank in self._asking]
        self._secrets = secrets
        self._channel = open_channel(address)
        self._stub = directory_pb2_grpc.DirectoryServiceStub(self._channel)

    def find(self, random: Random, customer: Customer | None) -> float:
        """Looks the customer's key up, or an unknown one; returns how long it took, in milliseconds.

        Raises `LookUpFailed` when the answer is not what it must be.
        """
        bank = random.choices(self._asking, self._weights)[0]
        key = (
            common.PixKey(kind=common.KEY_KIND_EMAIL, key=f"{uuid4().hex}@unknown.example")
            if customer is None
            else common.PixKey(kind=KINDS[customer.key_kind], key=customer.key)
        )
        metadata = credentials(bank.ispb, self._secrets[bank.code])
        before = time.perf_counter()
        try:
            answer = self._stub.FindKey(directory.FindKeyRequest(key=key), metadata=metadata, timeout=CALL_SECONDS_MAX)
        except grpc.RpcError as error:
            milliseconds = (time.perf_counter() - before) * 1_000
            if customer is None and error.code() is grpc.StatusCode.NOT_FOUND:
                return milliseconds
            raise LookUpFailed(f"{error.code().name}: {error.details()}") from None
        milliseconds = (time.perf_counter() - before) * 1_000
        if customer is None or answer.bank_code != customer.bank.code:
            raise LookUpFailed(f"found an account at bank {answer.bank_code}")
        return milliseconds

    def close(self) -> None:
        self._channel.close()
