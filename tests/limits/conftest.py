"""The routes' and pages' tests live in the whole house; the others open a world of their own."""

from tests.house import house

__all__ = ["house"]
