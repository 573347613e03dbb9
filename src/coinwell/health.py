"""Whether a web process runs, and whether it can serve: for load balancers and the parent."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from litestar import MediaType, Response, get
from litestar.datastructures import State
from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from coinwell.base.db import transaction
from coinwell.base.migrate import migrations
from coinwell.base.web import AnyRequest
from coinwell.installation import Installation

# A batch takes some ten milliseconds; one that is at work for this long will not end by itself.
STUCK_S: Final = 20
_PATIENCE_S: Final = 4
_RAN: Final = "SELECT name FROM public.migration"
_OK: Final = "ok"
_NO_ANSWER: Final = "does not answer"


@get("/healthz", include_in_schema=False)
async def healthz(request: AnyRequest) -> Response[Any]:
    """The process runs."""
    return _answer(request, 200, _OK, {})


@get("/readyz", include_in_schema=False)
async def readyz(request: AnyRequest, state: State) -> Response[Any]:
    """The database answers, the schema is up to date, and the ledger moves: 200, else 503."""
    checks = await checked(state.installation)
    bad = [f"{name} {word}" for name, word in checks.items() if word != _OK]
    if not bad:
        return _answer(request, 200, "ready", checks)
    return _answer(request, 503, "not ready: " + ", ".join(bad), checks)


async def checked(installation: Installation) -> dict[str, str]:
    """Each check with `ok`, or what is the matter."""
    stuck = installation.ledger.busy_s() > STUCK_S
    checks = {"database": _OK, "migrations": _OK, "ledger": "is stuck" if stuck else _OK}
    known = {migration.name for migration in migrations()}
    try:
        async with asyncio.timeout(_PATIENCE_S), transaction(installation.pool) as tx:
            cursor = await tx.execute(_RAN)
            ran = {name for (name,) in await cursor.fetchall()}
    except (OperationalError, PoolTimeout, TimeoutError):
        return checks | {"database": _NO_ANSWER, "migrations": "are not known"}
    if missing := len(known - ran):
        checks["migrations"] = f"are behind by {missing}"
    return checks


def _answer(
    request: AnyRequest, status: int, text: str, checks: Mapping[str, str]
) -> Response[Any]:
    if "application/json" not in request.headers.get("accept", ""):
        return Response(text, status_code=status, media_type=MediaType.TEXT)
    word = "ok" if status == 200 else "unavailable"  # noqa: PLR2004
    body = {"status": word} | ({"checks": dict(checks)} if checks else {})
    return Response(body, status_code=status, media_type=MediaType.JSON)
