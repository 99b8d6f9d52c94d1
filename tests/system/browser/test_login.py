"""A token made: whoever comes has to log in, and gets where he wanted to; what he may do is what the page offers him."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from api.auth.sessions import PROOF_HEADER
from schemas.settings import Settings
from tests.system.browser.conftest import Faults
from tests.system.browser.support import Tracker
from tracker.access import login_sessions

RUN = "/runs/guarded?sort=-failed"


class Tokens:
    """A tracker's admin."""

    def __init__(self, tracker: Tracker) -> None:
        self.url = tracker.url
        settings = Settings(data=tracker.data)
        self.admin = self.make("ann", "admin", {PROOF_HEADER: login_sessions(settings).command_line_proof()})

    def make(self, name: str, role: str, more: dict[str, str] | None = None) -> str:
        answer = httpx.post(
            f"{self.url}/api/v1/tokens",
            json={"name": name, "owner": name, "role": role},
            headers=more or {"Authorization": f"Bearer {self.admin}"},
        )
        answer.raise_for_status()
        return str(answer.json()["secret"])


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracker]:
    with Tracker(tmp_path_factory.mktemp("login")) as running:
        running.event("run.begun", "guarded", instant=1, workflow={"name": "guarded", "session_id": "s"})
        running.wait_for_run("guarded", name="guarded")
        yield running


@pytest.fixture(scope="module")
def tokens(guarded: Tracker) -> Tokens:
    return Tokens(guarded)


@pytest.fixture
def visitor(browser: Browser, guarded: Tracker, tokens: Tokens, faults: Faults) -> Iterator[BrowserContext]:
    """Somebody with a browser of their own, and no cookie yet."""
    context = browser.new_context(base_url=guarded.url)
    context.set_default_timeout(15_000)
    context.on("page", lambda page: faults.watch(page, guarded.url))
    yield context
    context.close()


def log_in(page: Page, secret: str) -> None:
    page.get_by_label("Token").fill(secret)
    page.get_by_role("button", name="Log in").click()


def open_actions(page: Page) -> None:
    page.locator("#actions > summary").click()
    expect(page.locator("#actions .menu-box")).to_be_visible()


def test_a_visitor_logs_in_works_and_logs_out(
    visitor: BrowserContext, guarded: Tracker, tokens: Tokens, faults: Faults
) -> None:
    faults.expected.append("401")
    page = visitor.new_page()
    page.goto(RUN)
    expect(page).to_have_url(re.compile("/login"))
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    log_in(page, "trk_wrong")
    expect(page.get_by_role("alert")).to_have_text("This token is not known here.")
    assert not visitor.cookies()
    log_in(page, tokens.make("olga", "operator"))
    expect(page).to_have_url(guarded.url + RUN)
    expect(page.locator("header .me")).to_contain_text("olga")
    [cookie] = visitor.cookies()
    assert cookie.get("httpOnly") and cookie.get("sameSite") == "Lax"

    csrf = page.locator("meta[name=csrf-token]").get_attribute("content")
    sent = page.locator("form[method=post]").evaluate_all(
        "forms => forms.map(f => new FormData(f).get('csrf'))"
    )
    assert csrf and len(sent) >= 3 and set(sent) == {csrf}
    open_actions(page)
    page.locator("#new-label input[name=add]").fill("mine")
    page.locator("#new-label input[name=add]").press("Enter")
    expect(page.locator("#labels")).to_have_text("mine")

    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(guarded.url + "/login")
    assert not visitor.cookies()
    page.goto(RUN)
    expect(page).to_have_url(re.compile("/login"))


def test_a_form_without_its_token_changes_nothing(
    visitor: BrowserContext, tokens: Tokens, faults: Faults
) -> None:
    faults.expected.append("403")
    page = visitor.new_page()
    page.goto("/runs/guarded")
    log_in(page, tokens.make("otto", "operator"))
    open_actions(page)
    page.locator("#new-label input[name=csrf]").evaluate("field => { field.value = 'forged'; }")
    page.locator("meta[name=csrf-token]").evaluate("meta => { meta.content = 'forged'; }")
    page.locator("#new-label input[name=add]").fill("forged")
    page.locator("#new-label input[name=add]").press("Enter")
    expect(page.get_by_text("this form is not from a page of yours")).to_be_visible()
    page.goto("/runs/guarded")
    expect(page.locator("#actions")).to_be_visible()
    assert "forged" not in page.locator("body").inner_text()


def test_a_viewer_sees_the_run_and_no_action_of_operators(visitor: BrowserContext, tokens: Tokens) -> None:
    page = visitor.new_page()
    page.goto("/runs/guarded")
    log_in(page, tokens.make("vera", "viewer"))
    expect(page.locator("header .me")).to_contain_text("vera")
    open_actions(page)
    expect(page.locator("#actions")).to_contain_text("are for the run's owner and operators")
    expect(page.get_by_role("link", name="Run as JSON")).to_be_visible()
    forms = page.locator("form[method=post]").evaluate_all(
        "forms => forms.map(f => f.getAttribute('action'))"
    )
    assert forms == ["/logout"]


def test_a_login_that_ends_on_an_open_page_loses_no_text_and_leads_back_to_the_tab(
    visitor: BrowserContext, guarded: Tracker, tokens: Tokens
) -> None:
    page = visitor.new_page()
    page.goto(RUN)
    log_in(page, tokens.make("nora", "operator"))
    page.goto(f"{RUN}#notes")
    page.locator("#new-note textarea").fill("a long thought")
    visitor.clear_cookies()
    page.locator("#new-note button").click()
    sign = page.get_by_role("status").filter(has_text="Your login has ended")
    expect(sign).to_be_visible()
    expect(page.locator("#new-note textarea")).to_have_value("a long thought")
    sign.get_by_role("link", name="Log in").click()
    log_in(page, tokens.make("nils", "operator"))
    expect(page).to_have_url(f"{guarded.url}{RUN}#notes")
