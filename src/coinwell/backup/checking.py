"""Check a backup: every file, against the manifest, byte for byte."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import msgspec

from coinwell.backup.refusals import BackupBroken
from coinwell.backup.types import FORMAT, MANIFEST, SEAL, KeptFile, Manifest, Stage, Tell, silent

_BLOCK_BYTES = 1024 * 1024


def check(folder: Path, *, tell: Tell = silent) -> Manifest:
    """Read every file of the backup and return its manifest.

    Refuses: `BackupBroken` with the name of the first file that is missing, altered or not part
        of it; a backup that was cut short has no manifest.
    """
    if not folder.is_dir():
        raise BackupBroken(str(folder), "is not a folder")
    manifest = _manifest(folder)
    known = {file.path: file for file in manifest.files}
    for name in listed(folder):
        if name not in known:
            raise BackupBroken(name, "does not belong to it")
    done = 0

    def told(size: int) -> None:
        nonlocal done
        done += size
        tell(Stage.CHECKING, done, manifest.all_bytes)

    for file in manifest.files:
        path = folder / file.path
        if not path.is_file() or path.is_symlink():
            raise BackupBroken(file.path, "is missing")
        if path.stat().st_size != file.bytes:
            raise BackupBroken(file.path, "has another size than it had")
        if digest(path, told) != file.sha256:
            raise BackupBroken(file.path, "is not what it was (its SHA-256 differs)")
    return manifest


def listed(folder: Path) -> list[str]:
    """Every file below the folder but the manifest and its seal; links count as files."""
    ours = {MANIFEST, SEAL}
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted({str(path.relative_to(folder)) for path in found} - ours)


def kept(folder: Path, name: str, told: Callable[[int], None]) -> KeptFile:
    """A file as the manifest names it."""
    path = folder / name
    return KeptFile(name, path.stat().st_size, digest(path, told))


def digest(path: Path, told: Callable[[int], None]) -> str:
    """The SHA-256 of a file."""
    made = sha256()
    with path.open("rb") as reading:
        while block := reading.read(_BLOCK_BYTES):
            made.update(block)
            told(len(block))
    return made.hexdigest()


def _manifest(folder: Path) -> Manifest:
    path, seal = folder / MANIFEST, folder / SEAL
    for one in (path, seal):
        if not one.is_file():
            raise BackupBroken(one.name, "is missing: the backup was never finished")
    text = path.read_bytes()
    if sha256(text).hexdigest() != seal.read_text(errors="replace").strip():
        raise BackupBroken(MANIFEST, f"is not what it was ({SEAL} says otherwise)")
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
    except msgspec.DecodeError as error:
        raise BackupBroken(MANIFEST, f"cannot be read: {error}") from error
    if manifest.format != FORMAT:
        raise BackupBroken(MANIFEST, f"is of format {manifest.format}; this is {FORMAT}")
    return manifest
