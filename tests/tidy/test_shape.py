"""The shape of the code: small files, small functions, documented doors, no dead files."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "coinwell"
FILE_LINES_MAX = 400
TEST_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
DOOR_LINES_MAX = 75
NESTING_MAX = 5

SOURCES = sorted(SOURCE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py")) + sorted((ROOT / "bench").rglob("*.py"))
EVERYTHING = SOURCES + TESTS
ROOMS = sorted(path.parent for path in SOURCE.glob("*/__init__.py"))
BLOB_BYTES_MAX = 600_000
# The lower-case words are written apart so that this file does not find itself.
UNFINISHED = re.compile("|".join(["TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error"]))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(tree: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


@pytest.mark.parametrize("path", EVERYTHING, ids=name_of)
def test_a_file_fits_in_the_head(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    lines_max = FILE_LINES_MAX if path in SOURCES else TEST_LINES_MAX

    assert ast.get_docstring(tree), "a module says what it is for"
    assert len(text.splitlines()) <= lines_max
    for function in functions(tree):
        assert function.end_lineno is not None
        assert function.end_lineno - function.lineno < FUNCTION_LINES_MAX, function.name


@pytest.mark.parametrize("path", EVERYTHING, ids=name_of)
def test_nothing_is_left_unfinished(path: Path) -> None:
    assert not UNFINISHED.search(path.read_text())


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_money_is_never_a_float(path: Path) -> None:
    tree = ast.parse(path.read_text())
    floats = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, float)
    ]
    casts = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "float"
    ]
    waits = {
        "postgres",
        "parent.py",
        "server",
        "adapter.py",
        "engines",
        "worker.py",
        "base",
        "ledger",
        "cli.py",
        "serving.py",
        "demo",
    }
    if not waits & set(path.relative_to(SOURCE).parts):
        assert not floats, f"line {floats}"
    assert not casts, f"line {casts}"


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_has_a_door_that_tells_its_story(room: Path) -> None:
    text = (room / "__init__.py").read_text()
    door = ast.get_docstring(ast.parse(text)) or ""

    assert len(door.split()) >= 15, "the door says what the room is for"
    assert len(text.splitlines()) <= DOOR_LINES_MAX
    if room.name not in {"base", "postgres"}:
        assert "Always:" in door, "the door says what is always true"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_every_public_verb_says_what_it_does(path: Path) -> None:
    tree = ast.parse(path.read_text())
    silent = [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert not silent


def test_no_module_is_dead() -> None:
    roots = {"coinwell.cli", "coinwell.__main__"}
    text = {path: path.read_text() for path in EVERYTHING}
    dead: list[str] = []
    for path in SOURCES:
        module = ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)
        module = module.removesuffix(".__init__")
        parent, _, leaf = module.rpartition(".")
        if module in roots or module == "coinwell":
            continue
        used = (f"from {module} import", f"import {module}", f'"{module}', f"from {module}.")
        through = re.compile(rf"from {re.escape(parent)} import (\([^)]*\b|[^\n]*\b){leaf}\b")
        if not any(
            other != path and (any(one in words for one in used) or through.search(words))
            for other, words in text.items()
        ):
            dead.append(module)
    assert not dead


def test_no_template_is_dead() -> None:
    everything = "".join(path.read_text() for path in SOURCES)
    everything += "".join(path.read_text() for path in SOURCE.rglob("*.html"))
    for template in SOURCE.rglob("templates/**/*.html"):
        name = f"{template.parent.name}/{template.name}"
        assert name in everything, f"{name} is shown nowhere"


def test_no_template_turns_escaping_off() -> None:
    for template in SOURCE.rglob("*.html"):
        text = template.read_text()
        assert "|safe" not in text.replace(" ", ""), template.name
        assert "autoescape" not in text, template.name
        assert " style=" not in text, f"{template.name}: the stylesheet has the styles"
        assert not re.search(r"\son[a-z]+=", text), f"{template.name}: no inline handlers"


def test_no_large_blob_is_kept() -> None:
    skipped = {".git", ".venv", ".var"}
    for path in ROOT.rglob("*"):
        if skipped & set(path.relative_to(ROOT).parts) or not path.is_file():
            continue
        assert path.stat().st_size <= BLOB_BYTES_MAX, name_of(path)


def test_every_package_of_a_room_is_in_a_contract() -> None:
    contracts = (ROOT / "pyproject.toml").read_text()
    for room in ROOMS:
        assert f'"{room.name}' in contracts or f" {room.name}" in contracts, room.name
