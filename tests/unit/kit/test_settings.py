from pathlib import Path

import pytest
from pydantic import SecretStr

from pointsman.kit.settings import (
    ServiceSettings,
    SettingsError,
    env_field,
    environment_names,
    is_loopback,
    load_settings,
    require_safe_bind,
)


class DemoSettings(ServiceSettings):
    port: int = env_field("POINTSMAN_DEMO_PORT", "PORT", default=50_051, description="port, 0 for any free one", ge=0, le=65_535)
    secret: SecretStr | None = env_field("DEMO_SECRET", default=None, description="a secret")


class OtherSettings(ServiceSettings):
    ratio: float = env_field("POINTSMAN_RATIO", default=0.5, description="a share")


BOTH: list[type[ServiceSettings]] = [DemoSettings, OtherSettings]


def load(environ: dict[str, str], dotenv_path: Path | None = None) -> DemoSettings:
    (settings,) = load_settings([DemoSettings], environ=environ, dotenv_path=dotenv_path)
    return settings


def problems_of(environ: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load_settings(BOTH, environ=environ)
    return caught.value.problems


def test_defaults() -> None:
    settings = load({})
    assert (settings.host, settings.port, settings.var_dir, settings.log_level) == ("127.0.0.1", 50_051, Path("var"), "info")
    assert (settings.service_token, settings.allow_anonymous, settings.drain_s) == (None, False, 30.0)


def test_values_are_read_as_their_types() -> None:
    settings = load({"POINTSMAN_DEMO_PORT": "0", "POINTSMAN_ALLOW_ANONYMOUS": "true", "POINTSMAN_DRAIN_S": "1.5", "LOG_LEVEL": "DEBUG"})
    assert (settings.port, settings.allow_anonymous, settings.drain_s, settings.log_level) == (0, True, 1.5, "debug")


def test_the_first_name_that_is_set_wins() -> None:
    assert load({"POINTSMAN_DEMO_PORT": "1", "PORT": "2"}).port == 1
    assert load({"PORT": "2"}).port == 2


def test_an_empty_value_counts_as_not_set() -> None:
    assert load({"POINTSMAN_DEMO_PORT": "", "PORT": "2"}).port == 2


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("POINTSMAN_HOST=0.0.0.0\nPORT=1\nDEMO_SECRET='a#b$c'\n", encoding="utf-8")
    settings = load({"PORT": "2"}, path)
    assert (settings.host, settings.port) == ("0.0.0.0", 2)
    assert settings.secret is not None
    assert settings.secret.get_secret_value() == "a#b$c"


def test_a_missing_file_is_no_problem(tmp_path: Path) -> None:
    assert load({}, tmp_path / ".env").port == 50_051


def test_all_problems_are_told_at_once_by_variable_and_reason() -> None:
    problems = problems_of(
        {"POINTSMAN_DEMO_PORT": "x", "POINTSMAN_DRAIN_S": "nan", "LOG_LEVEL": "loud", "POINTSMAN_HOTS": "a", "POINTSMAN_RATIO": "inf"}
    )
    assert [problem.split(":")[0] for problem in problems] == [
        "POINTSMAN_HOTS",
        "LOG_LEVEL",
        "POINTSMAN_DRAIN_S",
        "POINTSMAN_DEMO_PORT",
        "POINTSMAN_RATIO",
    ]
    assert problems[0] == "POINTSMAN_HOTS: unknown setting; did you mean POINTSMAN_HOST?"


def test_a_problem_names_the_variable_that_was_set() -> None:
    (problem,) = problems_of({"PORT": "70000"})
    assert problem.startswith("PORT: ")


def test_a_problem_repeats_no_value() -> None:
    canary = "sk-SECRET-123456"
    names = ["POINTSMAN_DEMO_PORT", "POINTSMAN_DRAIN_S", "LOG_LEVEL", "POINTSMAN_ALLOW_ANONYMOUS", "POINTSMAN_RATIO", "POINTSMAN_UNKNOWN"]
    problems = problems_of(dict.fromkeys(names, canary))
    assert len(problems) == len(names)
    assert canary not in str(problems)


def test_variables_of_other_services_and_strangers_are_no_mistake() -> None:
    (settings,) = load_settings([OtherSettings], environ={"POINTSMAN_DEMO_PORT": "1", "PATH": "/bin"}, known_names=["POINTSMAN_DEMO_PORT"])
    assert settings.ratio == 0.5


def test_secrets_are_masked() -> None:
    settings = load({"DEMO_SECRET": "sk-SECRET-123456", "POINTSMAN_SERVICE_TOKEN": "token-SECRET"})
    for text in (repr(settings), str(settings), str(settings.model_dump()), settings.model_dump_json()):
        assert "SECRET" not in text


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load({}).port = 1


def test_settings_can_be_made_by_field_names() -> None:
    assert DemoSettings(port=0, var_dir=Path("elsewhere")).port == 0
    with pytest.raises(ValueError, match="extra"):
        DemoSettings(prot=0)  # type: ignore[call-arg]  # what is tested


def test_documentation_lists_every_setting() -> None:
    names = {entry.field: entry for entry in environment_names(DemoSettings)}
    assert set(names) == set(DemoSettings.model_fields)
    port = names["port"]
    assert (port.name, port.aliases, port.default, port.description) == (
        "POINTSMAN_DEMO_PORT",
        ("PORT",),
        "50051",
        "port, 0 for any free one",
    )
    assert (names["secret"].default, names["allow_anonymous"].default) == ("", "false")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)
    require_safe_bind(host, has_credential=False, allow_anonymous=False, what="gateway")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.0.0.1", "example.org", "localhost.example.org"])
def test_where_others_reach_it_a_credential_is_needed(host: str) -> None:
    with pytest.raises(SettingsError, match="POINTSMAN_ADMIN_KEY"):
        require_safe_bind(host, has_credential=False, allow_anonymous=False, what="gateway: set POINTSMAN_ADMIN_KEY")
    require_safe_bind(host, has_credential=True, allow_anonymous=False, what="gateway")
    require_safe_bind(host, has_credential=False, allow_anonymous=True, what="gateway")
