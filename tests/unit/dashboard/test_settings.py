import pytest

from pointsman.dashboard.server import refuse_open_address
from pointsman.dashboard.settings import DashboardSettings
from pointsman.kit.settings import SettingsError, load_settings

KEY = "pm-admin-dashboard-canary"


def load(**environ: str) -> DashboardSettings:
    return load_settings([DashboardSettings], environ=environ)[0]


def test_key_of_its_own_wins_over_the_admin_key_and_is_masked() -> None:
    settings = load(POINTSMAN_ADMIN_KEY="pm-other-12345678", POINTSMAN_DASHBOARD_KEY=KEY)
    assert settings.key is not None
    assert settings.key.get_secret_value() == KEY
    assert KEY not in repr(settings)
    fallen_back = load(POINTSMAN_ADMIN_KEY=KEY).key
    assert fallen_back is not None
    assert fallen_back.get_secret_value() == KEY


@pytest.mark.parametrize("key", ["short", "with a space in it", "line\nbreak-12345", "schlüssel-1234"])
def test_key_that_no_header_can_carry_is_refused_without_being_repeated(key: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(POINTSMAN_DASHBOARD_KEY=key)
    assert "POINTSMAN_DASHBOARD_KEY" in str(refused.value)
    assert key not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["gateway:8080", "ftp://gateway", "http://user:secret@gateway", "http://gateway/path", "http://gateway?x=1"]
)
def test_gateway_is_named_by_scheme_host_and_port_alone(url: str) -> None:
    with pytest.raises(SettingsError):
        load(POINTSMAN_GATEWAY_URL=url)


def test_open_address_needs_a_key_or_an_explicit_word() -> None:
    with pytest.raises(SettingsError, match="POINTSMAN_DASHBOARD_KEY"):
        refuse_open_address(load(POINTSMAN_HOST="0.0.0.0"))
    refuse_open_address(load(POINTSMAN_HOST="0.0.0.0", POINTSMAN_ADMIN_KEY=KEY))
    refuse_open_address(load(POINTSMAN_HOST="0.0.0.0", POINTSMAN_ALLOW_ANONYMOUS="true"))
    refuse_open_address(load())
