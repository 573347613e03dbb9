"""The gifts' pictures: small, well-formed, quiet, and there for every gift of a fresh house."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from coinwell import catalog, live

ART = Path(live.__file__).parent / "static" / "gifts"
GIFTS = Path(catalog.__file__).parent / "gifts.toml"
PICTURES = sorted(ART.glob("*.svg"))
SVG = "{http://www.w3.org/2000/svg}"
# Shapes and nothing that runs, loads, links or animates by itself.
QUIET = {"svg", "title", "g", "path", "circle", "ellipse", "clipPath"}
BYTES_MAX = 4_096


def faults(text: str) -> list[str]:
    """Everything that is wrong with a picture."""
    root = ET.fromstring(text)  # noqa: S314 - files of ours.
    found = [f"element {one.tag}" for one in root.iter() if one.tag.removeprefix(SVG) not in QUIET]
    for one in root.iter():
        for name, said in one.attrib.items():
            if name.lower().startswith("on") or "href" in name or name == "style":
                found.append(f"attribute {name}")
            if re.search(r"url\((?!#\w+\))|:", said):
                found.append(f"reference {said}")
    title = root.find(f"{SVG}title")
    if title is None or not title.text:
        found.append("no title")
    box = root.get("viewBox", "").split()
    if len(box) != 4 or box[2] != box[3]:
        found.append("not square")
    if len(text.encode()) > BYTES_MAX:
        found.append("too large")
    return found


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.stem)
def test_a_picture_is_small_well_formed_and_quiet(path: Path) -> None:
    assert not faults(path.read_text())


def test_the_check_sees_what_must_not_be_there() -> None:
    head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><title>x</title>'
    for bad in (
        "<script/>",
        '<path onclick="x"/>',
        '<path fill="url(https://example.org/x)"/>',
        '<image href="x"/>',
        '<path style="fill:red"/>',
        "<animate/>",
    ):
        assert faults(f"{head}{bad}</svg>"), bad
    assert not faults(f'{head}<path fill="url(#a)"/></svg>')


def test_every_gift_of_a_fresh_house_has_its_picture() -> None:
    wanted = set(re.findall(r'art = "([^"]+)"', GIFTS.read_text()))
    assert len(wanted) >= 12
    assert wanted <= {path.name for path in PICTURES}
