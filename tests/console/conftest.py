"""The pages' tests live in the whole house; the others make their own operators."""

from tests.house import house

__all__ = ["house"]
