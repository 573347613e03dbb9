"""The audit log for people: who did what to what, found by any of these, checked, exported."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Final

from litestar import Response, get, post
from litestar.params import FromQuery
from litestar.types import ControllerRouterHandler

from coinwell.base import audit
from coinwell.base import cursor as cursors
from coinwell.base.db import transaction
from coinwell.base.given import Given
from coinwell.base.web import AnyRequest
from coinwell.console.framing import Form, day_after, day_of, page
from coinwell.recharge import Deps
from coinwell.users import OperatorCaller, Permission

_ON_A_PAGE: Final = 50
_IN_A_FILE: Final = 10_000
_TEXT_LENGTH_MAX: Final = 200
_NAMES: Final[Sequence[str]] = ("who", "what", "about", "request_id", "since", "until")
_COLUMNS: Final = (
    *("number", "at", "who", "act", "object", "reason_code", "request_id", "facts"),
    *("before_hash", "after_hash", "note_id", "previous", "hash"),
)
# What a spreadsheet would take for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@get("/console/audit")
async def audit_page(
    request: AnyRequest,
    operator: Given[OperatorCaller],
    deps: Given[Deps],
    cursor: FromQuery[str] = "",
) -> Response[str]:
    """Acts, newest first."""
    operator.demand(Permission.SEE_AUDIT)
    asked = _asked(request)
    return await _audit(request, operator, deps, asked, cursor=cursor)


@post("/console/audit/verify")
async def verify_audit(
    request: AnyRequest, data: Form, operator: Given[OperatorCaller], deps: Given[Deps]
) -> Response[str]:
    """Walk the chain and say that it is whole, or which row is not."""
    del data
    operator.demand(Permission.SEE_AUDIT)
    chain = await audit.verify(deps.pool)
    return await _audit(request, operator, deps, dict.fromkeys(_NAMES, ""), chain=chain)


@get("/console/audit/export")
async def export_audit(
    request: AnyRequest,
    operator: Given[OperatorCaller],
    deps: Given[Deps],
    kind: FromQuery[str] = "json",
    cursor: FromQuery[str] = "",
) -> Response[str]:
    """The same acts as a file: rows as they stand, notes by their id; 10,000 at a time."""
    operator.demand(Permission.SEE_AUDIT)
    asked = _asked(request)
    before = _before(cursor)
    async with transaction(deps.pool) as tx:
        found = await audit.find(tx, _filter(asked), before=before, limit=_IN_A_FILE)
        exported = audit.Act(
            who=operator.name, act="audit.exported", object="audit", facts={"acts": len(found)}
        )
        await audit.write(tx, exported, at=deps.clock.now())
    rows = [_plain(one) for one in found]
    if kind == "csv":
        return _file(_csv(rows), "audit.csv", "text/csv")
    return _file(json.dumps(rows, indent=1), "audit.json", "application/json")


def _asked(request: AnyRequest) -> dict[str, str]:
    said = request.query_params
    asked = {name: said.get(name, "").strip()[:_TEXT_LENGTH_MAX] for name in _NAMES}
    # A day that cannot be read is no filter, and is not shown as if it were one.
    for name in ("since", "until"):
        asked[name] = asked[name] if day_of(asked[name]) else ""
    return asked


def _filter(asked: dict[str, str]) -> audit.Filter:
    return audit.Filter(
        who=asked["who"] or None,
        act=asked["what"] or None,
        object=asked["about"] or None,
        request=asked["request_id"] or None,
        since=day_of(asked["since"]),
        until=day_after(asked["until"]),
    )


def _before(cursor: str) -> int | None:
    if not cursor:
        return None
    (number,) = cursors.decode(cursor, (int,))
    if not 0 < number < 2**63:
        raise cursors.BadCursor(cursor)
    return number


async def _audit(
    request: AnyRequest,
    operator: OperatorCaller,
    deps: Deps,
    asked: dict[str, str],
    *,
    cursor: str = "",
    chain: audit.Chain | None = None,
) -> Response[str]:
    before = _before(cursor)
    async with transaction(deps.pool) as tx:
        found = await audit.find(tx, _filter(asked), before=before, limit=_ON_A_PAGE + 1)
    shown = found[:_ON_A_PAGE]
    more = len(found) > _ON_A_PAGE
    return page(
        request,
        operator,
        "console/audit.html",
        acts=shown,
        older=cursors.encode(shown[-1].number) if more else None,
        asked=asked,
        chain=chain,
    )


def _plain(one: audit.Row) -> dict[str, object]:
    shown: dict[str, object] = {}
    for name in _COLUMNS:
        value = getattr(one, name)
        if name in {"previous", "hash"}:
            shown[name] = bytes(value).hex()
        elif name == "at":
            shown[name] = one.at.isoformat()
        else:
            shown[name] = value if value is None or name in {"number", "facts"} else str(value)
    return shown


def _csv(rows: Sequence[dict[str, object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    for one in rows:
        cells = [_cell(one[name]) for name in _COLUMNS]
        writer.writerow(f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells)
    return out.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, dict) else str(value)


def _file(text: str, name: str, media_type: str) -> Response[str]:
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type=media_type, headers=headers)


PAGES: Sequence[ControllerRouterHandler] = (audit_page, verify_audit, export_audit)
