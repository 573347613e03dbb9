"""Settings are read once, refuse what is unsafe, and never show a secret."""

import pytest

from coinwell.settings import PREFIX, Settings, WrongSetting

SECRET = "s" * 32
BASE = {"COINWELL_SECRET": SECRET, "HOME": "/nowhere"}


def test_the_environment_survives_a_round_trip() -> None:
    settings = Settings.from_env(BASE | {"COINWELL_PORT": "9000", "COINWELL_SANDBOX": "false"})
    assert settings.port == 9000
    assert Settings.from_env(settings.to_env()) == settings


@pytest.mark.parametrize(
    ("changed", "setting"),
    [
        ({"COINWELL_SECRET": "short"}, "secret"),
        ({"COINWELL_PORT": "eighty"}, "port"),
        ({"COINWELL_DEMO": "maybe"}, "demo"),
        ({"COINWELL_PROT": "80"}, "prot"),
        ({"COINWELL_ENVIRONMENT": "staging"}, "environment"),
        ({"COINWELL_ENVIRONMENT": "live"}, "sandbox"),
        ({"COINWELL_ENVIRONMENT": "live", "COINWELL_SANDBOX": "0", "COINWELL_DEMO": "1"}, "demo"),
        ({"COINWELL_ENVIRONMENT": "live", "COINWELL_SANDBOX": "0"}, "public_url"),
        ({"COINWELL_WEB_PROCESSES": "0"}, "web_processes"),
    ],
)
def test_what_is_wrong_or_unsafe_is_named(changed: dict[str, str], setting: str) -> None:
    with pytest.raises(WrongSetting) as refused:
        Settings.from_env(BASE | changed)
    assert refused.value.setting == setting
    assert PREFIX + setting.upper() in refused.value.sentence()


def test_a_secret_has_no_default() -> None:
    with pytest.raises(WrongSetting, match="no default"):
        Settings.from_env({})


def test_secrets_are_masked_when_shown() -> None:
    settings = Settings.from_env(BASE | {"COINWELL_DATABASE": "postgresql://u:pw@h/d"})
    shown = " ".join(value for _, value, _ in settings.shown())
    assert SECRET not in shown
    assert "pw@h" not in shown


def test_each_purpose_has_a_secret_of_its_own() -> None:
    settings = Settings.from_env(BASE)
    assert settings.derived_secret("sandbox") != settings.derived_secret("webhook")
