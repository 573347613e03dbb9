"""These tests read the docs and live in the whole house."""

from tests.house import house

__all__ = ["house"]
