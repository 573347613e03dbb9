"""Webhooks never go into our own network: not by number, not by name, not by a changed name."""

import asyncio
import socket
from typing import Any
from uuid import uuid4

import httpcore2
import pytest

from coinwell.base.db import transaction
from coinwell.notify import EndpointWanted, NotifySettings, WrongEndpoint, add_endpoint, open_sender
from coinwell.notify.addresses import allowed, is_public, what_is_wrong_with
from coinwell.notify.sending import GuardedNetwork
from tests.notify.conftest import Desk
from tests.notify.receiving import Receiver

INSIDE = [
    *("127.0.0.1", "127.8.8.8", "0.1.2.3", "10.0.0.1", "10.255.255.255", "172.16.0.1"),
    *("172.31.255.255", "192.168.1.1", "169.254.169.254", "169.254.0.1", "100.64.0.1"),
    *("100.127.255.254", "192.0.0.1", "192.0.0.170", "192.0.2.1", "198.18.0.1", "198.19.255.255"),
    *("198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1"),
    *("255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1"),
    *("ff02::1", "ff0e::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8"),
    *("::127.0.0.1", "::8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1"),
    *("2002:7f00:1::", "2002:a00:1::1", "2001:0:7f00:1::", "2001:db8::1", "100::1", "fec0::1"),
    "0.0.0.0",  # noqa: S104 - to be refused.
    *("5f00::1", "::ffff:0:127.0.0.1", "", "localhost", "1.2.3", "0x7f.0.0.1", "2130706433"),
]
OUTSIDE = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001::1"]
WRONG_URLS = [
    *("http://app.example/hooks", "ftp://app.example/", "app.example/hooks", "//app.example", ""),
    *("https://", "https:///hooks", "https://u:p@app.example/", "https://u@app.example/"),
    *("https://app.example/#x", "https://app.example:0/", "https://app.example:99999/"),
    *("https://app.example:22/", "https://app.example:5432/", "https://app.example:80/"),
    *("https://localhost/", "https://db/", "https://db.local/", "https://x.internal/"),
    *("https://a.localhost./", "https://127.0.0.1/", "https://[::1]/", "https://10.0.0.8/"),
    *("https://2130706433/", "https://0x7f000001/", "https://0x7f.1/", "https://017700000001/"),
    *("https://127.1/", "https://169.254.169.254/latest/", "https://[::ffff:127.0.0.1]/"),
    *("https://[fe80::1%25eth0]/", "https://[::1", "https://app.example/\n"),
    *("https://app .example/", "https://münchen.example/", "https://app.example/" + "x" * 500, "https://1.2.3.4.5.0x1/"),
]  # fmt: skip
GOOD_URLS = [
    *("https://app.example/hooks", "https://app.example", "https://app.example:443/?a=b"),
    *("https://app.example:8443/x", "https://8.8.8.8/", "https://[2606:4700:4700::1111]/"),
    *("https://xn--mnchen-3ya.example/", "HTTPS://App.Example/"),
]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_of_our_own_or_of_no_plain_kind_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_an_address_of_the_open_internet_is_public(address: str) -> None:
    assert is_public(address)


def test_one_address_inside_spoils_the_others() -> None:
    assert allowed(["8.8.8.8", "1.1.1.1"], private=False) == ["8.8.8.8", "1.1.1.1"]
    assert allowed(["8.8.8.8", "10.0.0.1"], private=False) == []
    assert allowed(["10.0.0.1"], private=True) == ["10.0.0.1"]


@pytest.mark.parametrize("url", WRONG_URLS)
def test_a_url_that_cannot_be_an_endpoint_is_told_why(url: str) -> None:
    said = what_is_wrong_with(url, private=False)
    assert said is not None
    assert said.endswith(".")


@pytest.mark.parametrize("url", GOOD_URLS)
def test_a_url_on_the_open_internet_is_fine(url: str) -> None:
    assert what_is_wrong_with(url, private=False) is None


def test_for_development_loopback_over_http_is_fine_and_nonsense_is_not() -> None:
    assert what_is_wrong_with("http://127.0.0.1:8199/", private=True) is None
    assert what_is_wrong_with("http://localhost/", private=True) is None
    assert what_is_wrong_with("gopher://localhost/", private=True) is not None
    assert what_is_wrong_with("http://u:p@localhost/", private=True) is not None


async def test_an_endpoint_inside_is_refused_field_by_field(desk: Desk) -> None:
    strict = NotifySettings(master="m")
    wanted = EndpointWanted("https://10.0.0.1/", ("gift.*", "No"), "a\nb")
    with pytest.raises(WrongEndpoint) as refused:
        async with transaction(desk.pool) as tx:
            await add_endpoint(tx, wanted, settings=strict, by="tests", now=desk.clock.now())
    assert [one["pointer"] for one in refused.value.errors] == ["/url", "/kinds/1", "/description"]


def resolver(*answers: list[str]) -> Any:
    """A name server that says something else each time."""
    waiting = list(answers)

    async def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        now = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 0)) for one in now]

    return getaddrinfo


async def test_a_name_that_moved_inside_since_is_not_connected_to(
    receiver: Receiver, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "getaddrinfo", resolver(["8.8.8.8", "127.0.0.1"], ["127.0.0.1"]))
    async with open_sender(desk.clock, private=False) as sender:
        for _ in range(2):
            sent = await sender.send(f"http://rebound.example:{receiver.port}/", b"{}", {})
            assert sent.trouble == "The address is not on the open internet, so nothing was sent."
    assert not receiver.got
    assert receiver.connections == 0


async def test_what_is_connected_to_is_the_address_that_was_checked(
    receiver: Receiver, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    plain = httpcore2.AnyIOBackend.connect_tcp

    async def connect_tcp(self: Any, host: str, *rest: Any) -> Any:
        asked.append(host)
        return await plain(self, host, *rest)

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "getaddrinfo", resolver(["127.0.0.1"]))
    monkeypatch.setattr(httpcore2.AnyIOBackend, "connect_tcp", connect_tcp)
    line = await GuardedNetwork(private=True).connect_tcp("any.example", receiver.port)
    await line.aclose()
    assert asked == ["127.0.0.1"]


async def test_a_name_that_nobody_knows_is_a_trouble_and_not_an_error(desk: Desk) -> None:
    sent = await desk.sender.send(f"http://{uuid4().hex}.invalid/", b"{}", {})
    assert sent.status is None
    assert sent.trouble == "No connection: The name is not known."
