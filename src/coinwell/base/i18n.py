"""Every string a person reads passes through here; English is what ships first."""

from gettext import NullTranslations, translation
from pathlib import Path

_LOCALES = Path(__file__).parent / "locales"


def translations(language: str) -> NullTranslations:
    """The catalogue for a BCP 47 language, or the English of the source where there is none."""
    wanted = [language.replace("-", "_"), language.split("-", maxsplit=1)[0]]
    return translation("coinwell", localedir=_LOCALES, languages=wanted, fallback=True)
