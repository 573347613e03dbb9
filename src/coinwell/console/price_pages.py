"""Prices: what is on sale, drafts of what shall be, and the proposal to publish one."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from coinwell.base.db import transaction
from coinwell.base.given import Given
from coinwell.base.refusal import Refusal
from coinwell.base.web import AnyRequest
from coinwell.catalog import (
    CatalogFaulty,
    CatalogMoved,
    Channel,
    Draft,
    ListDraft,
    NotSoldHere,
    PackDraft,
    PriceList,
    differences,
    lint,
    newest_draft,
    preview,
    price_lists_of,
    publications,
    quote,
)
from coinwell.console.drafting import (
    begin_draft,
    change_list,
    content_of,
    draft_of,
    drafts,
    drop_draft,
)
from coinwell.console.framing import NOT_REFUSED, Form, Refused, attempt, page
from coinwell.console.proposing import propose, publish_wanted
from coinwell.console.types import (
    REASONS,
    DraftUnknown,
    KeptDraft,
    ProposalKind,
    WrongDraft,
    WrongProposal,
)
from coinwell.console.wording import REASON_WORDS
from coinwell.recharge import Deps
from coinwell.users import OperatorCaller, Permission, countries

_PUBLICATIONS_SHOWN: Final = 10
_PACKS_MAX: Final = 40
_DIGITS_MAX: Final = 9
_TEXT_LENGTH_MAX: Final = 40


@get("/console/prices")
async def prices_page(
    request: AnyRequest, operator: Given[OperatorCaller], deps: Given[Deps]
) -> Response[str]:
    """What is on sale and since when, what comes, and the drafts."""
    return await _prices(request, operator, deps)


@post("/console/prices/drafts")
async def begin(
    request: AnyRequest, data: Form, operator: Given[OperatorCaller], deps: Given[Deps]
) -> Response[str] | Redirect:
    """Begin a draft from the newest version."""

    async def act() -> str:
        async with transaction(deps.pool) as tx:
            begun = await begin_draft(tx, data.get("title", ""), by=operator, now=deps.clock.now())
        return f"/console/prices/drafts/{begun.id}"

    return await attempt(act, lambda no: _prices(request, operator, deps, no))


@get("/console/prices/drafts/{draft_id:uuid}")
async def draft_page(
    request: AnyRequest,
    draft_id: FromPath[UUID],
    operator: Given[OperatorCaller],
    deps: Given[Deps],
    country: FromQuery[str] = "",
) -> Response[str]:
    """A draft: what it changes, what is wrong with it, what a buyer would see."""
    return await _draft(request, operator, deps, draft_id, country=country)


@get("/console/prices/drafts/{draft_id:uuid}/lists/{place:int}")
async def list_page(
    request: AnyRequest,
    draft_id: FromPath[UUID],
    place: FromPath[int],
    operator: Given[OperatorCaller],
    deps: Given[Deps],
) -> Response[str]:
    """One price list of a draft as a form."""
    return await _list(request, operator, deps, (draft_id, place))


@post("/console/prices/drafts/{draft_id:uuid}/lists/{place:int}")
async def save_list(
    request: AnyRequest,
    draft_id: FromPath[UUID],
    place: FromPath[int],
    data: Form,
    operator: Given[OperatorCaller],
    deps: Given[Deps],
) -> Response[str] | Redirect:
    """Write a new revision of the draft, with this list changed."""

    async def act() -> str:
        async with transaction(deps.pool) as tx:
            lists = content_of(await draft_of(tx, draft_id)).lists
            if not 0 <= place < len(lists):
                raise DraftUnknown(draft_id)
            await change_list(
                tx,
                draft_id,
                place,
                _read(lists[place], data),
                seen_revision=_whole(data.get("revision", "")) or 0,
                by=(operator, deps.clock.now()),
            )
        return f"/console/prices/drafts/{draft_id}"

    return await attempt(
        act, lambda no: _list(request, operator, deps, (draft_id, place), (no, data))
    )


@post("/console/prices/drafts/{draft_id:uuid}/propose")
async def propose_prices(
    request: AnyRequest,
    draft_id: FromPath[UUID],
    data: Form,
    operator: Given[OperatorCaller],
    deps: Given[Deps],
) -> Response[str] | Redirect:
    """Propose to publish the draft as it stands; a colleague decides."""
    operator.demand(Permission.PUBLISH)

    async def act() -> str:
        now = deps.clock.now()
        async with transaction(deps.pool) as tx:
            kept = await draft_of(tx, draft_id)
            newest, _ = await newest_draft(tx)
            if newest.version != kept.base_version:
                raise CatalogMoved(newest.version)
            findings = lint(content_of(kept))
            if findings:
                raise CatalogFaulty(findings)
            wanted = publish_wanted(
                kept,
                _begins(data.get("begins", ""), now),
                reason_code=data.get("reason_code", ""),
                note=data.get("note", ""),
            )
            made = await propose(tx, wanted, by=operator, now=now)
        return f"/console/proposals/{made.id}"

    return await attempt(
        act, lambda no: _draft(request, operator, deps, draft_id, refused=(no, data))
    )


@post("/console/prices/drafts/{draft_id:uuid}/drop")
async def drop(
    request: AnyRequest,
    draft_id: FromPath[UUID],
    operator: Given[OperatorCaller],
    deps: Given[Deps],
) -> Response[str] | Redirect:
    """Put a draft away."""

    async def act() -> str:
        async with transaction(deps.pool) as tx:
            await drop_draft(tx, draft_id, by=operator, now=deps.clock.now())
        return "/console/prices"

    return await attempt(act, lambda no: _prices(request, operator, deps, no))


def _begins(text: str, now: datetime) -> datetime | None:
    """When prices shall begin, as a date-and-time field sends it, in UTC; None for at once."""
    if not text.strip():
        return None
    try:
        begins = datetime.fromisoformat(text.strip()).replace(tzinfo=UTC)
    except ValueError:
        begins = now
    if begins <= now:
        detail = "Prices begin at a time in the future, or at once when the field is empty."
        raise WrongProposal([{"pointer": "/begins", "detail": detail}])
    return begins


def _whole(text: str) -> int | None:
    text = text.strip().replace(",", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS_MAX else None


def _read(there: ListDraft, data: dict[str, str]) -> ListDraft:
    """The list that a form describes. Refuses: `WrongDraft`."""
    faults: list[dict[str, str]] = []

    def number(name: str, what: str) -> int:
        found = _whole(data.get(name, "0") or "0")
        if found is None:
            detail = f"{what} is a whole number of at most {_DIGITS_MAX} digits."
            faults.append({"pointer": f"/{name}", "detail": detail})
        return found or 0

    packs: list[PackDraft] = []
    for row in range(_PACKS_MAX):
        name = data.get(f"pack-{row}-id", "").strip()[:_TEXT_LENGTH_MAX]
        if not name or data.get(f"pack-{row}-remove"):
            continue
        coins = number(f"pack-{row}-coins", f"The coins of {name}")
        bonus = number(f"pack-{row}-bonus", f"The bonus of {name}")
        price = data.get(f"pack-{row}-price", "").strip()[:_TEXT_LENGTH_MAX]
        packs.append(PackDraft(name, coins, bonus, price))
    least, most = number("coins_min", "The least"), number("coins_max", "The most")
    if faults:
        raise WrongDraft(faults)
    unit_price = data.get("unit_price", "").strip()[:_TEXT_LENGTH_MAX]
    return ListDraft(
        there.region,
        there.currency,
        there.channel,
        unit_price,
        least,
        most,
        tuple(sorted(packs, key=lambda pack: pack.coins)),
    )


async def _prices(
    request: AnyRequest, operator: OperatorCaller, deps: Deps, no: Refusal | None = None
) -> Response[str]:
    operator.demand(Permission.FIND)
    now = deps.clock.now()
    async with transaction(deps.pool) as tx:
        published = await publications(tx, limit=_PUBLICATIONS_SHOWN)
        begun = [one for one in published if one.valid_from <= now]
        current = max(begun, key=lambda one: (one.valid_from, one.version), default=None)
        lists = [] if current is None else await price_lists_of(tx, current)
        kept = await drafts(tx)
    return page(
        request,
        operator,
        "console/prices.html",
        no=no,
        publications=published,
        current=current,
        lists=lists,
        drafts=kept,
        now=now,
        may_publish=operator.may(Permission.PUBLISH),
    )


async def _draft(
    request: AnyRequest,
    operator: OperatorCaller,
    deps: Deps,
    draft_id: UUID,
    *,
    country: str = "",
    refused: Refused = NOT_REFUSED,
) -> Response[str]:
    no, typed = refused
    operator.demand(Permission.FIND)
    async with transaction(deps.pool) as tx:
        kept = await draft_of(tx, draft_id)
        newest, old = await newest_draft(tx)
    new = content_of(kept)
    findings = lint(new)
    asked = country.strip().upper()
    return page(
        request,
        operator,
        "console/draft.html",
        no=no,
        typed=typed,
        draft=kept,
        moved=newest.version != kept.base_version,
        newest=newest,
        content=new,
        findings=findings,
        differences=differences(old, new),
        countries=sorted(countries()),
        country=asked if asked in countries() else "",
        seen=[] if findings else _seen(new, asked),
        reasons=[(one.value, REASON_WORDS[one]) for one in REASONS[ProposalKind.PUBLISH]],
        may_publish=operator.may(Permission.PUBLISH),
    )


def _seen(draft: Draft, country: str) -> list[tuple[PriceList, list[tuple[str, str]]]]:
    """What a buyer in a country would see, by channel: each pack with its rate."""
    found: list[tuple[PriceList, list[tuple[str, str]]]] = []
    for channel in Channel if country in countries() else ():
        try:
            offer = preview(draft, country=country, channel=channel)
        except NotSoldHere:
            continue
        rates = [(pack.id, quote(offer, pack_id=pack.id).unit_price_text()) for pack in offer.packs]
        found.append((offer, rates))
    return found


async def _list(
    request: AnyRequest,
    operator: OperatorCaller,
    deps: Deps,
    where: tuple[UUID, int],
    refused: Refused = NOT_REFUSED,
) -> Response[str]:
    no, typed = refused
    operator.demand(Permission.PUBLISH)
    draft_id, place = where
    async with transaction(deps.pool) as tx:
        kept: KeptDraft = await draft_of(tx, draft_id)
    lists = content_of(kept).lists
    if not 0 <= place < len(lists):
        raise DraftUnknown(draft_id)
    return page(
        request,
        operator,
        "console/price_list.html",
        no=no,
        typed=typed,
        draft=kept,
        place=place,
        list=lists[place],
    )


PAGES: Sequence[ControllerRouterHandler] = (
    prices_page,
    begin,
    draft_page,
    list_page,
    save_list,
    propose_prices,
    drop,
)
