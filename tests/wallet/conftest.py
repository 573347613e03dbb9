"""The routes of this room are tested in the whole house."""

from tests.house import house

__all__ = ["house"]
