"""The context of a call, whichever server takes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def metadata_of(context: Any) -> Mapping[str, str | bytes]:
    """The caller's metadata by name; of a name that comes twice, the last. For contexts of both kinds of server."""
    by_name = getattr(context, "metadata_by_name", None)
    return dict(context.invocation_metadata() or ()) if by_name is None else by_name()
