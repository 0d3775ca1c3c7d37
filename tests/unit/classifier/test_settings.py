from pathlib import Path

import pytest

from pointsman.classifier.settings import ClassifierSettings
from pointsman.kit.settings import SettingsError, load_settings


def test_defaults_serve_this_machine_alone() -> None:
    (settings,) = load_settings([ClassifierSettings], environ={})
    assert (settings.host, settings.port, settings.registry_target) == ("127.0.0.1", 50051, "127.0.0.1:50052")
    assert settings.folder == Path("var/classifier")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POINTSMAN_CLASSIFIER_PORT", "65536"),
        ("POINTSMAN_CLASSIFIER_REST_PORT", "-1"),
        ("REDIS_URL", "http://redis:6379"),
        ("REDIS_PORT", "tcp"),
        ("CACHE_TTL", "-1"),
        ("POINTSMAN_CLASSIFIER_THREADS", "0"),
        ("POINTSMAN_CLASSIFIER_WORKERS", "0"),
        ("POINTSMAN_CLASSIFIER_CONNECTION_AGE_S", "0"),
        ("POINTSMAN_CLASSIFIER_MAX_TEXTS", "63"),
        ("POINTSMAN_CLASSIFIER_MAX_BATCH_TOKENS", "many"),
        ("POINTSMAN_CLASSIFIER_MAX_BATCH_TEXTS", "-1"),
    ],
)
def test_value_out_of_range_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load_settings([ClassifierSettings], environ={name: value})


@pytest.mark.parametrize(
    ("environ", "ports"),
    [
        ({}, [(50051, 5001)]),
        ({"POINTSMAN_CLASSIFIER_WORKERS": "3"}, [(50051, 5001), (50061, 5011), (50071, 5021)]),
        ({"POINTSMAN_CLASSIFIER_WORKERS": "2", "POINTSMAN_CLASSIFIER_PORT": "0"}, [(0, 5001), (0, 5011)]),
    ],
    ids=["one", "three", "any free port"],
)
def test_each_worker_has_ports_that_no_other_service_takes(environ: dict[str, str], ports: list[tuple[int, int]]) -> None:
    (settings,) = load_settings([ClassifierSettings], environ=environ)
    assert settings.worker_ports == ports


@pytest.mark.parametrize(
    ("environ", "address"),
    [
        pytest.param({}, None, id="nothing: in memory"),
        pytest.param({"REDIS_HOST": "redis"}, "redis://redis:6379", id="host"),
        pytest.param({"REDIS_HOST": "redis", "REDIS_PORT": "6380"}, "redis://redis:6380", id="host and port"),
        pytest.param({"REDIS_HOST": "::1"}, "redis://[::1]:6379", id="IPv6"),
        pytest.param({"REDIS_URL": "rediss://:secret@cache:1/2", "REDIS_HOST": "x"}, "rediss://:secret@cache:1/2", id="URL wins"),
        pytest.param({"REDIS_PORT": "tcp://10.0.0.7:6379"}, None, id="what Kubernetes sets by itself is no configuration"),
        pytest.param({"REDIS_HOST": "redis", "REDIS_PORT": "tcp://10.0.0.7:6380"}, "redis://redis:6380", id="but its port is one"),
    ],
)
def test_redis_is_where_the_settings_say(environ: dict[str, str], address: str | None) -> None:
    (settings,) = load_settings([ClassifierSettings], environ=environ)
    assert (None if settings.redis_address is None else settings.redis_address.get_secret_value()) == address


def test_password_in_the_address_of_redis_is_not_shown() -> None:
    (settings,) = load_settings([ClassifierSettings], environ={"REDIS_URL": "redis://:hunter2@cache"})
    assert "hunter2" not in repr(settings)
    with pytest.raises(SettingsError) as refusal:
        load_settings([ClassifierSettings], environ={"REDIS_URL": "http://:hunter2@cache"})
    assert "hunter2" not in str(refusal.value)
