"""The settings of a demo: the given ones, with secrets of its own where none are given."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from secrets import token_urlsafe

from coinwell.settings import Settings

_DATA = ".var/coinwell"
_CROWD_RATE = "2"


def demo_settings(environ: Mapping[str, str]) -> Settings:
    """The settings of the demo in this folder; its secret is drawn once and kept beside it.

    Refuses: `WrongSetting`.
    """
    given = {name: text for name, text in environ.items() if name.startswith("COINWELL_")}
    port = given.get("COINWELL_PORT", "8100")
    sandbox_port = given.get("COINWELL_SANDBOX_PORT", "8101")
    defaults = {
        "COINWELL_DEMO": "true",
        "COINWELL_WEBHOOKS_PRIVATE": "true",
        "COINWELL_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "COINWELL_SANDBOX_URL": f"http://127.0.0.1:{sandbox_port}",
    }
    if given.get("COINWELL_SANDBOX", "true").lower() in {"true", "1"}:
        defaults["COINWELL_CROWD_RATE"] = _CROWD_RATE  # Without a sandbox nobody could pay.
    if "COINWELL_SECRET" not in given:
        folder = Path(given.get("COINWELL_DATA", _DATA))
        defaults["COINWELL_SECRET"] = _kept_secret(folder / "secret")
    return Settings.from_env(defaults | given)


def _kept_secret(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        drawn = path.with_name(f"{path.name}.{os.getpid()}")
        drawn.touch(mode=0o600)
        drawn.write_text(token_urlsafe(32))
        # A link appears whole or not at all: two processes that start together agree on one.
        with suppress(FileExistsError):
            os.link(drawn, path)
        drawn.unlink()
    return path.read_text()
