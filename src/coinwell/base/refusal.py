"""How a room says no: a refusal with a kind, a title and the facts."""

import re
from dataclasses import fields, is_dataclass
from enum import Enum, auto
from typing import Any, ClassVar


class Kind(Enum):
    """All the ways to say no; `base/problem.py` gives each its HTTP status."""

    BROKEN = auto()  # The request cannot be read.
    STRANGER = auto()  # Nobody is signed in, or the key is not known.
    SHORT = auto()  # Not enough coins.
    DENIED = auto()  # Known, and not allowed.
    ABSENT = auto()
    CLASH = auto()  # Contradicts what is already there.
    GONE = auto()
    TOO_LARGE = auto()
    UNSUPPORTED = auto()  # A media type we do not read.
    WRONG = auto()  # Readable, but the content cannot be accepted.
    LIMITED = auto()  # Too often, or past a limit.
    LATER = auto()  # Not now: something we depend on does not answer.


class Refusal(Exception):
    """A foreseeable no. Subclasses are dataclasses whose fields are the facts.

    The docstring of a subclass is its documentation page at `/problems/<code>`.
    """

    kind: ClassVar[Kind] = Kind.WRONG
    title: ClassVar[str] = "Refused"

    @property
    def code(self) -> str:
        """The stable name of this refusal, for programs: snake_case of the class."""
        return code_of(type(self))

    def sentence(self) -> str:
        """What a person should read; override where the facts make it clearer."""
        return first_line(type(self))

    def facts(self) -> dict[str, Any]:
        """The fields, by name, as they appear in the problem document."""
        if not is_dataclass(self):
            return {}
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __str__(self) -> str:
        """Read well in a log."""
        return f"{self.code}: {self.sentence()}"


def code_of(refusal: type[Refusal]) -> str:
    """The snake_case name of a refusal class."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", refusal.__name__).lower()


def first_line(refusal: type[Refusal]) -> str:
    """The first sentence of a refusal's documentation."""
    return (refusal.__doc__ or refusal.title).strip().splitlines()[0]
