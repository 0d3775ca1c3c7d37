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
        ("POINTSMAN_CLASSIFIER_THREADS", "0"),
        ("POINTSMAN_CLASSIFIER_MAX_TEXTS", "63"),
        ("POINTSMAN_CLASSIFIER_MAX_BATCH_TOKENS", "many"),
        ("POINTSMAN_CLASSIFIER_MAX_BATCH_TEXTS", "-1"),
    ],
)
def test_value_out_of_range_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load_settings([ClassifierSettings], environ={name: value})
