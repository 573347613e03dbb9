"""The routes' tests live in the whole house; the others open a house of their own."""

from tests.house import house

__all__ = ["house"]
