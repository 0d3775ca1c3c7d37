"""Settings of the gateway: names, forms, and what is refused."""

import pytest

from pointsman.gateway.settings import GatewaySettings
from pointsman.kit.settings import SettingsError, load_settings


def load(**environ: str) -> GatewaySettings:
    return load_settings([GatewaySettings], environ=environ)[0]


def test_defaults_serve_this_machine_alone() -> None:
    settings = load()
    assert (settings.host, settings.port, settings.admin_key, settings.routing_threshold) == ("127.0.0.1", 8080, None, None)


def test_own_names_win_over_older_ones() -> None:
    assert load(PORT="9000").port == 9000
    assert load(PORT="9000", POINTSMAN_GATEWAY_PORT="0").port == 0


@pytest.mark.parametrize(
    ("value", "target"),
    [
        ("classifier", "classifier:50051"),
        ("http://classifier:5001", "classifier:50051"),
        ("https://c.example/x", "c.example:50051"),
        ("classifier:6000", "classifier:6000"),
        ("dns:///classifier:6000", "dns:///classifier:6000"),
    ],
)
def test_of_the_classifiers_address_the_host_counts(value: str, target: str) -> None:
    assert load(CLASSIFIER_URL=value).classifier_target == target


def test_lists_are_separated_by_commas() -> None:
    assert load(POINTSMAN_TRUSTED_HOSTS="a.example, *.b.example ,").trusted_hosts == ("a.example", "*.b.example")


BAD = {
    "ROUTING_THRESHOLD": "1.5",
    "POINTSMAN_ADMIN_KEY": "sk-canary-key",
    "POINTSMAN_REQUEST_TIMEOUT_S": "601",
    "POINTSMAN_GATEWAY_PORT": "http",
    "POINTSMAN_MAX_IN_FLIGHT": "0",
}


def test_all_bad_values_are_named_and_none_is_shown() -> None:
    with pytest.raises(SettingsError) as refused:
        load(**BAD)
    assert all(any(name in problem for problem in refused.value.problems) for name in BAD)
    assert "canary" not in str(refused.value)


def test_the_key_does_not_show() -> None:
    assert "canary" not in repr(load(POINTSMAN_ADMIN_KEY="pm-ops-canary-0123456789"))
