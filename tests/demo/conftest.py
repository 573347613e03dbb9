"""The demo's tests use the house of all tests."""

from tests.house import house

__all__ = ["house"]
