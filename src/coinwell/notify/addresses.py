"""Where webhooks may go: never into our own network, whatever a name resolves to. Pure.

A URL is looked at when it is given, and the address behind its name at every connection, for a
name may point elsewhere by then.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

URL_LENGTH_MAX: Final = 500
PORTS: Final = frozenset({443, 8443})
_UNICAST: Final = IPv6Network("2000::/3")  # All that was ever given out on the open internet.
# Each carries an IPv4 address inside, which a gateway on the way would connect to.
_CARRIERS: Final = tuple(
    IPv6Network(text)
    for text in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48",
                 "2001::/32", "2002::/16")
)  # fmt: skip


def is_public(address: str) -> bool:
    """Whether this is an address of the open internet, and plainly so."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and any(found in carrier for carrier in _CARRIERS):
        return False
    return _is_open(found)


def _is_open(found: IPv4Address | IPv6Address) -> bool:
    if isinstance(found, IPv6Address) and found not in _UNICAST:
        return False
    return (
        found.is_global
        and not found.is_private
        and not found.is_multicast
        and not found.is_reserved
        and not found.is_link_local
        and not found.is_unspecified
    )


def allowed(addresses: Sequence[str], *, private: bool) -> list[str]:
    """The addresses that may be connected to: all of them or none.

    A name that leads to one of ours as well is not trusted with the others either.
    """
    if private or all(is_public(one) for one in addresses):
        return list(addresses)
    return []


def what_is_wrong_with(url: str, *, private: bool) -> str | None:
    """Why a URL cannot be an endpoint, as a person reads it; None when it can.

    `private` allows plain http and addresses of our own network, for development.
    """
    if len(url) > URL_LENGTH_MAX or not url.isascii() or not url.isprintable() or " " in url:
        return f"The address is a plain URL of up to {URL_LENGTH_MAX} characters."
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "The address is not a URL."
    wrong: str | None = None
    if parts.scheme not in ({"https", "http"} if private else {"https"}):
        wrong = "The address begins with https://."
    elif not host or "@" in parts.netloc or "#" in url or port == 0:
        wrong = "The address names a host, and no user, password or fragment."
    elif not private and (port or 443) not in PORTS:
        wrong = f"The port is one of {', '.join(map(str, sorted(PORTS)))}."
    elif not private and not _may_be_public(host):
        wrong = "The address must be on the open internet."
    return wrong


def _may_be_public(host: str) -> bool:
    if _reads_as_number(host):
        return is_public(host)
    plain = host.rstrip(".")
    return "." in plain and not plain.endswith((".localhost", ".local", ".internal"))


def _reads_as_number(host: str) -> bool:
    # Resolvers take 0x7f.1, 017700000001 and 2130706433 for addresses; we take none of them.
    last = host.rstrip(".").rpartition(".")[2]
    return ":" in host or last.isdecimal() or last.startswith("0x")
