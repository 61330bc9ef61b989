"""Who is paid by a key: what a payer is shown before confirming."""

from __future__ import annotations

from bank_sim.application.ports import Hub
from bank_sim.domain.account import Payee
from bank_sim.domain.errors import KeyNotFound
from pix.scheme.errors import SchemeError
from pix.scheme.keys import KeyKind, PixKey, explain_no_key, normalize_key, recognize_key


class FindPayee:
    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def __call__(self, *, key: PixKey | str, kind: KeyKind | None = None) -> Payee:
        """A PixKey is looked up as it is; a text is read as a person typed it.

        `kind` says of a text what key it is. Without it the text may be a key of several kinds, and must be registered
        as one of them alone. Raises SchemeError(field="key" | "kind"), KeyNotFound, HubUnavailable.
        """
        if isinstance(key, PixKey):
            return self._hub.find_key(key)
        kinds = recognize_key(key) if kind is None else (kind,)
        if not kinds:
            raise explain_no_key(key)
        payees = []
        for candidate in kinds:
            try:
                payees.append(self._hub.find_key(normalize_key(candidate, key)))
            except KeyNotFound:
                continue
        if not payees:
            raise KeyNotFound
        if len(payees) > 1:
            raise SchemeError("kind", f"This may be a {' or a '.join(kinds)} key. Choose the type.")
        return payees[0]
