"""A room is entered by its door: nobody imports another room's inner modules."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "coinwell"
# Wiring puts edges and jobs together, so it may name them.
WIRING = {"app", "worker", "cli", "parent", "demo", "reference", "serving", "installation"}
EDGES = {"routes", "pages", "jobs", "commands", "guards", "figures"}
OPEN = {"base", "postgres"}  # No story of their own: imported by module.


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported(path: Path) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(node.lineno, name.name) for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [(node.lineno, f"{node.module}.{name.name}") for name in node.names]
    return found


def trespasses(path: Path) -> list[str]:
    """The imports of `path` that go past another room's door."""
    mine = room_of(path)
    wrong: list[str] = []
    for line, name in imported(path):
        parts = name.split(".")
        if parts[0] != "coinwell" or len(parts) < 3 or parts[1] in {mine} | OPEN:
            continue
        inner = (SOURCE / parts[1] / f"{parts[2]}.py").exists() or (
            SOURCE / parts[1] / parts[2]
        ).is_dir()
        if not inner:
            continue
        if mine in WIRING and (set(parts[2:]) & EDGES or "providers" in parts):
            continue
        wrong.append(f"{path.name}:{line} {name}")
    return wrong


@pytest.mark.parametrize(
    "path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE))
)
def test_other_rooms_are_entered_by_their_doors(path: Path) -> None:
    assert not trespasses(path)


def test_the_check_sees_a_trespass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = tmp_path / "wallet"
    room.mkdir()
    (tmp_path / "users").mkdir()
    (tmp_path / "users" / "store.py").touch()
    (room / "balance.py").write_text("from coinwell.users.store import find\n")
    monkeypatch.setattr("tests.tidy.test_doors.SOURCE", tmp_path)

    assert trespasses(room / "balance.py")
