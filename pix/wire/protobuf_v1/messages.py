"""Each message of the protocol to and from Protobuf (`codepix.v1`), from the module here of each flow's messages."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from pix.scheme.messages import FAMILIES
from pix.wire.protobuf_v1.parts import Decoders, Encoders

_MODULES: Final = [import_module(f"{__package__}.{family.__name__.rpartition('.')[2]}") for family in FAMILIES]

ENCODERS: Final[Encoders] = {message: encode for module in _MODULES for message, encode in module.ENCODERS.items()}

DECODERS: Final[Decoders] = {name: decoder for module in _MODULES for name, decoder in module.DECODERS.items()}
