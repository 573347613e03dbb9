"""The `type` of every problem is an address that explains it."""

from html import escape

from coinwell.problems import every_problem
from tests.api.asking import asking, problem
from tests.api.browsing import browser
from tests.house import House


async def test_every_problem_has_its_page(house: House) -> None:
    known = every_problem()
    async with browser(house) as web:
        for one in known:
            page = await web.get(f"/problems/{one.code}")
            assert page.status_code == 200, one.code
            assert f"<h1>{escape(one.title)}</h1>" in page.text.replace("&#39;", "&#x27;")
            assert str(one.status) in page.text
            for paragraph in one.paragraphs:
                assert escape(paragraph, quote=False) in page.text.replace("&#39;", "'").replace(
                    "&#34;", '"'
                )
        for name in ("nothing", "%00", "__with_errors", "refusal", "a" * 5000):
            assert (await web.get(f"/problems/{name}")).status_code == 404, name
    assert len(known) > 50


async def test_a_problem_leads_to_its_page(house: House) -> None:
    async with asking(house) as asker:
        said = problem(await asker.ask("POST", "/v1/quotes", json={}), 422, "invalid")
        page = await asker.web.get(said["type"])
    assert said["title"] in page.text
