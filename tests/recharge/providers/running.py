"""A running sandbox for tests: a real server on a real port, in a thread with its own loop."""

import asyncio
import socket
import threading
from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx2
import uvicorn

from coinwell.base.clock import Clock
from coinwell.recharge.providers.sandbox.adapter import SandboxProvider
from coinwell.recharge.providers.sandbox.server import SandboxSettings, create_sandbox

SECRET = "secret-of-the-shop"
CONTROL_TOKEN = "token-of-the-studio"
WEBHOOK_SECRET = "whsec_" + b64encode(bytes(range(32))).decode()


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox that runs, and the controls of its failure studio."""

    base_url: str
    settings: SandboxSettings
    control: httpx2.AsyncClient

    def provider(self, **options: Any) -> SandboxProvider:
        """An adapter for it; the caller closes it."""
        given: dict[str, Any] = {
            "base_url": self.base_url,
            "secret": SECRET,
            "webhook_secrets": [WEBHOOK_SECRET],
            "timeout_s": 5.0,
        }
        return SandboxProvider(**(given | options))

    async def ask(self, path: str, **body: Any) -> dict[str, Any]:
        """One control: `ask("/advance", seconds=60)`."""
        answer = await self.control.post(f"/_control{path}", json=body)
        assert answer.is_success, answer.text
        said: dict[str, Any] = answer.json()
        return said

    async def send_webhooks_to(self, url: str) -> None:
        """Move the webhook address; empty for nowhere."""
        await self.ask("/webhook", url=url)

    async def advance(self, seconds: int) -> None:
        """Move the sandbox's own time ahead."""
        await self.ask("/advance", seconds=seconds)

    async def deliver(self) -> dict[str, Any]:
        """Send the webhooks that are due, and wait for them."""
        return await self.ask("/deliver")

    async def next_mischief(self, **mischief: Any) -> None:
        """Mischief for the next payment that is made."""
        await self.ask("/mischief/next", **mischief)

    async def mischief(self, payment_id: str, **mischief: Any) -> None:
        """Mischief for one payment."""
        await self.ask(f"/mischief/{payment_id}", **mischief)

    async def pay(self, payment_id: str, **how: Any) -> dict[str, Any]:
        """Do what the payer does: `card="4242…"`, `transfer="arrives"`, `challenge="confirm"`."""
        return await self.ask(f"/pay/{payment_id}", **how)

    async def dispute(self, payment_id: str, **change: Any) -> dict[str, Any]:
        """Open a dispute (`state="needs_response"`) or move it on."""
        return await self.ask(f"/disputes/{payment_id}", **change)

    async def deliveries(self, payment_id: str) -> list[dict[str, Any]]:
        """Every webhook of a payment."""
        answer = await self.control.get(f"/_control/deliveries/{payment_id}")
        found: list[dict[str, Any]] = answer.json()["deliveries"]
        return found


@asynccontextmanager
async def running_sandbox(
    folder: Path, clock: Clock, *, webhook_url: str = "", port: int = 0, **settings: Any
) -> AsyncGenerator[Sandbox]:
    """A sandbox on a free port with its store in `folder`; started again on it, it remembers.

    The webhook address can be set later with `send_webhooks_to`.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    usual: dict[str, Any] = {
        "store_path": folder / "sandbox.sqlite",
        "secret": SECRET,
        "control_token": CONTROL_TOKEN,
        "webhook_url": webhook_url,
        "webhook_secret": WEBHOOK_SECRET,
        "public_url": base_url,
    }
    told = SandboxSettings(**(usual | settings))
    async with running_app(create_sandbox(told, clock), listener):
        headers = {"authorization": f"Bearer {CONTROL_TOKEN}"}
        async with httpx2.AsyncClient(
            base_url=base_url, headers=headers, timeout=10, trust_env=False
        ) as control:
            yield Sandbox(base_url, told, control)


@dataclass(frozen=True, slots=True)
class Received:
    """One webhook as it came."""

    body: bytes
    headers: dict[str, str]


@dataclass(slots=True)
class Shop:
    """A shop's webhook address that takes what comes and answers as told."""

    url: str
    received: list[Received] = field(default_factory=list[Received])
    status: int = 204

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode(): text.decode() for name, text in scope["headers"]}
        self.received.append(Received(body, headers))
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def hears(self, count: int) -> list[Received]:
        """Wait until so many webhooks came, for five seconds at most."""
        for _ in range(500):
            if len(self.received) >= count:
                break
            await asyncio.sleep(0.01)
        assert len(self.received) >= count, f"{len(self.received)} of {count} webhooks came"
        return self.received


@asynccontextmanager
async def running_shop() -> AsyncGenerator[Shop]:
    """A shop that listens for webhooks on a free port."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))
    shop = Shop(f"http://127.0.0.1:{listener.getsockname()[1]}/hooks")
    async with running_app(shop, listener, lifespan="off"):
        yield shop


@asynccontextmanager
async def running_app(
    app: Any, listener: socket.socket, *, lifespan: Literal["on", "off"] = "on"
) -> AsyncGenerator[None]:
    """Serve an ASGI app in a thread, until the block ends."""
    config = uvicorn.Config(
        app,
        log_level="critical",
        access_log=False,
        ws="none",
        lifespan=lifespan,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            await asyncio.sleep(0.005)
        yield
    finally:
        server.should_exit = True
        await asyncio.to_thread(thread.join)
        listener.close()
