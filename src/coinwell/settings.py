"""Every setting, typed, read once from the environment and passed on; never imported as a global.

Secrets have no default. `make demo` draws its own and keeps them in its data folder.
"""

import hmac
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Self

from coinwell.base.refusal import Refusal

PREFIX: Final = "COINWELL_"
MASK: Final = "••••••"
SECRET_LENGTH_MIN: Final = 32


@dataclass(eq=False)
class WrongSetting(Refusal):
    """A setting is missing or cannot be used; nothing was started."""

    title = "Wrong setting"
    setting: str
    reason: str

    def sentence(self) -> str:
        """Name the variable, so that it can be put right at once."""
        return f"{PREFIX}{self.setting.upper()} {self.reason}"


def _says(meaning: str, *, secret: bool = False) -> dict[str, Any]:
    return {"says": meaning, "secret": secret}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What one installation is told from outside. Each field is `COINWELL_<NAME>`."""

    secret: str = field(
        repr=False,
        metadata=_says("Signs sessions, links and forms; 32 characters or more.", secret=True),
    )
    environment: str = field(
        default="test", metadata=_says("`test` or `live`; `live` refuses the sandbox.")
    )
    demo: bool = field(
        default=False, metadata=_says("Offer the demo people's sign-in page; never in `live`.")
    )
    installation: str = field(
        default="coinwell", metadata=_says("Name that goes into every transfer id.")
    )
    crowd_rate: int = field(
        default=0,
        metadata=_says(
            "Acts a second of a simulated crowd in the demo; 0 for none, `coinwell demo` has 2."
        ),
    )
    seller: str = field(
        default="Coinwell Demo Ltd", metadata=_says("Who sells the coins, as the buyer reads it.")
    )
    data: Path = field(
        default=Path(".var/coinwell"),
        metadata=_says("Folder of the embedded database and the sandbox."),
    )
    database: str = field(
        default="",
        repr=False,
        metadata=_says("PostgreSQL URL; empty uses the embedded server.", secret=True),
    )
    host: str = field(default="127.0.0.1", metadata=_says("Address to listen on."))
    port: int = field(default=8100, metadata=_says("Port of the web process."))
    web_processes: int = field(
        default=1, metadata=_says("How many web processes the parent keeps running.")
    )
    public_url: str = field(
        default="http://127.0.0.1:8100", metadata=_says("Where people reach us.")
    )
    sandbox: bool = field(
        default=True, metadata=_says("Run and offer the sandbox payment provider.")
    )
    sandbox_port: int = field(default=8101, metadata=_says("Port of the sandbox provider."))
    sandbox_url: str = field(
        default="http://127.0.0.1:8101", metadata=_says("Where people reach the sandbox.")
    )
    quote_minutes: int = field(default=30, metadata=_says("How long a quoted price holds."))
    webhooks_private: bool = field(
        default=False,
        metadata=_says("Let webhooks go to plain http and private addresses; never in `live`."),
    )
    break_glass: bool = field(
        default=False,
        metadata=_says("Let an admin alone carry out a proposal, with a reason, loudly logged."),
    )
    metrics_port: int = field(
        default=0,
        metadata=_says(
            "Port of the worker's metrics; each web process takes the next one. 0: no metrics."
        ),
    )
    metrics_host: str = field(
        default="127.0.0.1", metadata=_says("Address that metrics are read at; never a public one.")
    )
    otlp_endpoint: str = field(
        default="",
        metadata=_says("URL of an OpenTelemetry collector (OTLP over HTTP); empty: no traces."),
    )
    log_level: str = field(default="info", metadata=_says("`debug`, `info`, `warning` or `error`."))

    def __post_init__(self) -> None:
        """Refuse what is unsafe before anything starts."""
        if len(self.secret) < SECRET_LENGTH_MIN:
            raise WrongSetting("secret", f"needs at least {SECRET_LENGTH_MIN} characters.")
        if self.environment not in {"test", "live"}:
            raise WrongSetting("environment", "is `test` or `live`.")
        if self.environment == "live":
            self._demand_safe()
        if self.crowd_rate and not (self.demo and self.sandbox):
            raise WrongSetting("crowd_rate", "needs the demo and its sandbox.")
        if not 1 <= self.web_processes <= 64:  # noqa: PLR2004
            raise WrongSetting("web_processes", "is a number from 1 to 64.")
        if self.metrics_port + self.web_processes > 65_535:  # noqa: PLR2004
            raise WrongSetting("metrics_port", "leaves no port for each web process.")
        if self.otlp_endpoint and not self.otlp_endpoint.startswith(("http://", "https://")):
            raise WrongSetting("otlp_endpoint", "is a URL that begins with http:// or https://.")

    def _demand_safe(self) -> None:
        """What may be on elsewhere and never where money is real."""
        if self.sandbox:
            raise WrongSetting("sandbox", "must be false in `live`: its money is not real.")
        if self.demo:
            raise WrongSetting("demo", "must be false in `live`: anyone could sign in.")
        if self.webhooks_private:
            raise WrongSetting("webhooks_private", "must be false in `live`: it opens our network.")
        if not self.public_url.startswith("https://"):
            raise WrongSetting("public_url", "must be https in `live`.")

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings; an unknown `COINWELL_…` name is refused, for it is a typing error.

        Refuses: `WrongSetting`.
        """
        known = {PREFIX + one.name.upper(): one for one in fields(cls)}
        given: dict[str, Any] = {}
        for name, text in environ.items():
            if not name.startswith(PREFIX) or name == f"{PREFIX}PROFILE":
                continue
            if name not in known:
                raise WrongSetting(name.removeprefix(PREFIX).lower(), "is not a setting.")
            given[known[name].name] = _read(known[name], text)
        if "secret" not in given:
            raise WrongSetting("secret", "is not set, and secrets have no default.")
        return cls(**given)

    def to_env(self) -> dict[str, str]:
        """The environment that gives a child process these same settings."""
        return {
            PREFIX + one.name.upper(): _written(getattr(self, one.name)) for one in fields(self)
        }

    def derived_secret(self, purpose: str) -> str:
        """A secret of its own for one purpose, so that none is used for two."""
        return hmac.new(self.secret.encode(), purpose.encode(), sha256).hexdigest()

    def shown(self) -> list[tuple[str, str, str]]:
        """Name, value and meaning of each setting; secrets masked."""
        return [
            (
                PREFIX + one.name.upper(),
                MASK if one.metadata.get("secret") else str(getattr(self, one.name)),
                one.metadata["says"],
            )
            for one in fields(self)
        ]


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read(setting: Field[Any], text: str) -> Any:
    if setting.type is bool:
        if text.lower() not in {"true", "false", "1", "0"}:
            raise WrongSetting(setting.name, "is `true` or `false`.")
        return text.lower() in {"true", "1"}
    if setting.type is int:
        if not text.isdecimal():
            raise WrongSetting(setting.name, "is a whole number.")
        return int(text)
    return Path(text) if setting.type is Path else text
