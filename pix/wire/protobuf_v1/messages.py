"""Each message of the protocol to and from Protobuf (`codepix.v1`): a flow is a module and a line in each table."""

from __future__ import annotations

from typing import Final

from pix.wire.protobuf_v1 import returns, transfers
from pix.wire.protobuf_v1.parts import Decoders, Encoders

ENCODERS: Final[Encoders] = {**transfers.ENCODERS, **returns.ENCODERS}

DECODERS: Final[Decoders] = {**transfers.DECODERS, **returns.DECODERS}
