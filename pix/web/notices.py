"""A notice after an action, shown once, on the next page of the visitor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from fastapi import Request

from pix.web.languages import Language, translate

VALUE_LENGTH_MAX: Final = 120
"""What is filled in is cut to this length, because the notice travels in the session's cookie."""

NoticeKind = Literal["good", "bad", "wait"]

_NOTICE: Final = "notice"


@dataclass(frozen=True, slots=True)
class Notice:
    kind: NoticeKind
    sentence: str


def say_once(request: Request, sentence: str, kind: NoticeKind = "good", **values: str) -> None:
    """Notes a `translatable` sentence; `%(name)s` in it are filled in with the values."""
    cut = {name: value[:VALUE_LENGTH_MAX] for name, value in values.items()}
    request.session[_NOTICE] = [kind, sentence, cut]


def take_notice(request: Request, language: Language) -> Notice | None:
    """The notice that waits for this visitor, which is then gone; None when there is none."""
    session = request.scope.get("session")
    if not session or _NOTICE not in session:
        return None
    match session.pop(_NOTICE):
        case [("good" | "bad" | "wait") as kind, str(sentence), dict(values)]:
            try:
                return Notice(kind, translate(language, sentence) % values)
            except (KeyError, TypeError, ValueError):
                # A cookie of another version of the program.
                return None
        case _:
            return None
