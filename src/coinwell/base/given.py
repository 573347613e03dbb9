"""How a handler asks for what the app wires: by the parameter's name, handed over as it is."""

from typing import Annotated, TypeVar

from litestar.di import Dependency
from litestar.params import SkipValidationMarker

T = TypeVar("T")

# Without the marker the framework would take our own objects for input: convert and check them.
Given = Annotated[T, Dependency(kind="named"), SkipValidationMarker()]
