"""Every form of every page works without a script, or is one of the few that say why not."""

from __future__ import annotations

import re
from typing import Final

import pytest

from pix.web.folders import templates_folder
from tests.integration.pages.collecting import Collection, Sent

WITH_SCRIPT_ALONE: Final = {
    "GET /api/docs": "a call of the REST API: the same call stands above it as curl",
    "POST /pay/code": "what the camera has read: the page of a pasted code has the same form to type in",
    "POST /pay/picture": "a picture that is pasted or dropped: the page of a picture has a form to choose its file",
}
"""Forms that are hidden without a script, and what does the same without one."""
ALWAYS_ALLOWED: Final = ("/preferences",)
"""What such a form does is harmless, so that it needs no token."""
NEEDS_NETWORK: Final = "classroom"
"""The site whose buttons act on a network that runs: tests/browser/test_lab.py presses them."""
IN_OTHER_TESTS: Final = {
    "/account/devices/": "bank_http/test_account_page.py: a second device has to be signed in",
    "/backoffice/dead-letters/": "bank_http/test_backoffice.py: replayed, alone and together, and discarded",
    "/backoffice/sandbox/payments/": "bank_http/test_sandbox.py: cancelled before it is due",
    "/course/{{": "hub/test_course_page.py: what is owed is cleared",
    "/developers/pay/": "bank_http/test_developers.py: a planned payment is cancelled",
    "/developers/webhooks/notices/": "bank_http/test_developers.py: sent again",
    "/limits/{{ kind }}/cancel-raise": "bank_http/test_schedules_and_limits.py",
    "/puzzle/": "tests/browser/test_lab.py: a puzzle has to be played",
    "/schedules/{{ schedule.schedule_id }}/": "bank_http/test_schedules_and_limits.py",
}
"""How actions begin that pages have in states which other tests bring about; all but the puzzle's without a script."""
ANSWERS: Final = (200, 401, 409, 410, 422, 429, 503)
"""A page that goes on, or one that says what is wrong with the fields. No token is 403, no route is 404 or 405."""
FORM: Final = re.compile(r'<form[^>]*? action="((?:\{\{.*?\}\}|[^"{])+)"')
IN_TEMPLATES: Final = sorted(
    {
        (path.relative_to(templates_folder()).as_posix(), action)
        for path in templates_folder().rglob("*.html")
        for action in FORM.findall(path.read_text(encoding="utf-8"))
        if not action.startswith(tuple(IN_OTHER_TESTS))
    }
)
"""Template and action, as it is written there."""


def test_each_form_is_answered_with_a_page_without_a_script(collection: Collection) -> None:
    faults = {}
    for key, sent in collection.forms.items():
        if not key.is_for_scripts and (wrong := _why_not(sent, key.site)):
            faults[key] = wrong, sent.page.path
    assert faults == {}


def test_forms_for_scripts_alone_have_another_way(collection: Collection) -> None:
    found = {f"{key.method} {key.route}" for key in collection.forms if key.is_for_scripts}
    assert {each for each in found if not each.endswith("/api/docs")} | {"GET /api/docs"} == set(WITH_SCRIPT_ALONE)


@pytest.mark.parametrize(("template", "action"), IN_TEMPLATES)
def test_each_form_of_a_template_was_sent(collection: Collection, template: str, action: str) -> None:
    pattern = re.compile("".join(".+" if each.startswith("{{") else re.escape(each) for each in _pieces(action)))
    assert any(pattern.fullmatch(sent.form.action) for sent in collection.forms.values()), template


def _pieces(action: str) -> list[str]:
    return [each for each in re.split(r"(\{\{.*?\}\})", action) if each]


def _why_not(sent: Sent, site: str) -> str:
    form = sent.form
    if not form.buttons:
        return "no button sends it"
    if form.method == "POST" and "csrf_token" not in form.names and form.action not in ALWAYS_ALLOWED:
        return "it has no token"
    if form.files and form.attributes.get("enctype") != "multipart/form-data":
        return "its file is not sent"
    if site == NEEDS_NETWORK:
        return ""
    if sent.status not in ANSWERS or not sent.kind.startswith("text/html"):
        return f"it is answered with {sent.status} {sent.kind}"
    return ""
