"""Signing in, with a real browser and a real OpenID provider: who is let in, and how soon somebody is out again."""

from collections.abc import Iterator
from pathlib import Path

import oidc_provider_mock
import pytest
from oidc_provider_mock import User
from playwright.sync_api import Browser, Page, expect

from core.domain.access import Scope
from core.domain.people import Person
from core.manager.index import Index
from core.manager.people import Register
from core.manager.writer import Writer
from tests.support.browser import Dashboard, settled
from tests.support.showcase import Showcase

ANA, BOB, EVE = "ana@example.org", "bob@example.org", "eve@elsewhere.example"


def user(email: str, verified: bool = True) -> User:
    return User(sub=email, claims={"email": email, "email_verified": verified})


@pytest.fixture(scope="module")
def dashboard(case: Showcase) -> Iterator[Dashboard]:
    """That week, shared: its dashboard asks who comes."""
    claims = [user(ANA), user(BOB), user(EVE), user("carl@example.org", verified=False)]
    with oidc_provider_mock.run_server_in_thread(user_claims=claims) as provider:
        made = Dashboard(
            Path(case.layout.root),
            REPRISE_OIDC_METADATA_URL=f"http://localhost:{provider.server_port}/.well-known/openid-configuration",
            REPRISE_OIDC_CLIENT_ID="reprise",
            REPRISE_OIDC_CLIENT_SECRET="a-secret-of-the-test",
        )
        made.environment["REPRISE_PUBLIC_URL"] = made.url
        made.start()
        yield made
        made.stop()


@pytest.fixture
def people(case: Showcase) -> Iterator[Register]:
    """Who may, at first nobody."""
    register = Register(case.layout, Writer(store=case.store, index=Index(case.store), via="cli"))
    yield register
    case.layout.people_list().unlink(missing_ok=True)


def sign_in(browser: Browser, dashboard: Dashboard, email: str, path: str = "/") -> Page:
    """A window of its own in which somebody has signed in."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.route("https://**", lambda route: route.abort())  # the provider's page would like a style sheet from elsewhere
    page.goto(dashboard.url + path)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name=email, exact=True).click()
    settled(page)
    return page


def test_nothing_is_shown_before_somebody_signs_in(browser: Browser, dashboard: Dashboard, people: Register) -> None:
    del people
    page = browser.new_context().new_page()
    page.goto(dashboard.url)
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert "Spring lectures" not in page.content()
    assert page.request.get(f"{dashboard.url}/api/uploads").status == 401
    page.context.close()


def test_an_administrator_sees_everything_and_signs_out(
    browser: Browser, dashboard: Dashboard, people: Register
) -> None:
    people.allow(Person(who=ANA, scope=Scope.ADMIN), by="local:test")
    page = sign_in(browser, dashboard, ANA)
    expect(page.get_by_test_id("stSidebar").get_by_text(ANA)).to_be_visible()
    expect(page.get_by_text("Spring lectures").first).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/oauth2/end_session**")  # the provider asks whether it is to forget, too
    page.goto(dashboard.url)
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.context.close()


def test_who_is_not_listed_or_not_verified_is_told_so(browser: Browser, dashboard: Dashboard, people: Register) -> None:
    people.allow(Person(who="@example.org"), by="local:test")
    for email, said in (
        (EVE, "may not use this dashboard"),
        ("carl@example.org", "does not say that this e-mail address is verified"),
    ):
        page = sign_in(browser, dashboard, email)
        expect(page.get_by_text(said)).to_be_visible()
        assert "Spring lectures" not in page.content()
        page.context.close()


def test_who_is_removed_is_out_at_the_next_look(browser: Browser, dashboard: Dashboard, people: Register) -> None:
    people.allow(Person(who=BOB, scope=Scope.ADMIN), by="local:test")
    page = sign_in(browser, dashboard, BOB)
    expect(page.get_by_text("Spring lectures").first).to_be_visible()
    people.remove(BOB, by="local:test")
    page.get_by_role("link", name="Queue").first.click()
    expect(page.get_by_text("may not use this dashboard")).to_be_visible()
    assert page.request.get(f"{dashboard.url}/api/uploads").status == 403
    page.context.close()
