"""Every way in which Coinwell says no, and a page for each at `/problems/<code>`.

A problem document names that address as its `type`; the page is the refusal's own docstring.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from inspect import cleandoc

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from coinwell.base.problem import PLAIN, STATUS
from coinwell.base.refusal import Refusal, code_of
from coinwell.base.web import AnyRequest, render


@dataclass(frozen=True, slots=True)
class Problem:
    """One way to say no, as it is documented."""

    code: str
    status: int
    title: str
    paragraphs: tuple[str, ...]
    facts: tuple[str, ...] = ()


def every_problem() -> list[Problem]:
    """All of them by code: the edge's own, and the refusals of the rooms that are loaded."""
    edge = {
        code: Problem(code, status, title, (sentence,))
        for status, (code, title, sentence) in PLAIN.items()
    }
    # Where both have one, the refusal knows more.
    known = edge | {problem.code: problem for problem in map(_of, refusals())}
    return [known[code] for code in sorted(known)]


def refusals() -> list[type[Refusal]]:
    """Every refusal of a loaded room, without those that only others are made from."""
    found: list[type[Refusal]] = []
    waiting: list[type[Refusal]] = [Refusal]
    while waiting:
        below = waiting.pop().__subclasses__()
        waiting += below
        found += [one for one in below if not one.__name__.startswith("_")]
    return [one for one in found if one.__module__.startswith("coinwell.")]


def _of(refusal: type[Refusal]) -> Problem:
    paragraphs = cleandoc(refusal.__doc__ or refusal.title).split("\n\n")
    # One that chooses its facts itself names them in its own words.
    facts: tuple[str, ...] = ()
    if is_dataclass(refusal) and refusal.facts is Refusal.facts:
        facts = tuple(one.name for one in fields(refusal))
    return Problem(
        code_of(refusal),
        STATUS[refusal.kind],
        refusal.title,
        tuple(" ".join(paragraph.split()) for paragraph in paragraphs),
        facts,
    )


@get("/problems/{code:str}")
async def problem_page(request: AnyRequest, code: FromPath[str]) -> Response[str]:
    """What a problem means and what to do about it."""
    known = {problem.code: problem for problem in every_problem()}
    if code not in known:
        raise NotFoundException
    return render(request, "base/problem.html", problem=known[code])


PAGES: Sequence[ControllerRouterHandler] = (problem_page,)
