"""How this room says no."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from coinwell.base.refusal import Kind, Refusal


@dataclass(eq=False)
class EndpointUnknown(Refusal):
    """There is no webhook endpoint with this id, or it was removed."""

    kind: ClassVar[Kind] = Kind.ABSENT
    title: ClassVar[str] = "Endpoint not known"
    endpoint_id: UUID


@dataclass(eq=False)
class DeliveryUnknown(Refusal):
    """There is no delivery with this id; the log keeps them for 30 days."""

    kind: ClassVar[Kind] = Kind.ABSENT
    title: ClassVar[str] = "Delivery not known"
    delivery_id: int


@dataclass(eq=False)
class WrongEndpoint(Refusal):
    """The webhook endpoint cannot be kept as asked; `errors` says where and why."""

    title: ClassVar[str] = "Wrong endpoint"
    errors: list[dict[str, str]]

    def sentence(self) -> str:
        """All that is wrong with it."""
        return " ".join(error["detail"] for error in self.errors)


@dataclass(eq=False)
class EndpointOff(Refusal):
    """The webhook endpoint is switched off; switch it on first, and nothing will be missing."""

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "Endpoint is off"
    endpoint_id: UUID


@dataclass(eq=False)
class TooManyEndpoints(Refusal):
    """An installation has up to 50 webhook endpoints; remove one that is not used."""

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "Too many endpoints"


@dataclass(eq=False)
class WrongRange(Refusal):
    """A replay needs a range of time or of positions that ends after it begins."""

    title: ClassVar[str] = "Wrong range"
    errors: list[dict[str, str]]

    def sentence(self) -> str:
        """All that is wrong with it."""
        return " ".join(error["detail"] for error in self.errors)


@dataclass(eq=False)
class NothingToResend(Refusal):
    """A test has no event behind it; send another test instead."""

    kind: ClassVar[Kind] = Kind.CLASH
    title: ClassVar[str] = "Nothing to resend"
    delivery_id: int
