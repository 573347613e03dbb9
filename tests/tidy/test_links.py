"""Every link between our own pages leads somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SKIPPED = {".venv", ".git", ".var", ".pytest_cache"}
PAGES = sorted(
    path for path in ROOT.rglob("*.md") if not SKIPPED & set(path.relative_to(ROOT).parts)
)
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_leads_somewhere(page: Path) -> None:
    for target, _ in LINK.findall(page.read_text()):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_files_that_exist(page: Path) -> None:
    named = re.findall(r"`((?:src|tests|docs|migrations|bench)/[\w./-]+)`", page.read_text())
    for path in named:
        assert (ROOT / path).exists(), f"{page.name} names {path}"


def test_every_decision_has_its_parts() -> None:
    for decision in sorted((ROOT / "docs" / "adr").glob("0*.md")):
        text = decision.read_text()
        for part in (
            "Status",
            "Date",
            "Context",
            "Decision",
            "Consequences",
            "Alternatives",
            "Enforced by",
        ):
            assert part in text, f"{decision.name} lacks {part}"
