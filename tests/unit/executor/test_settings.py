"""The executor's settings."""

from pathlib import Path

import pytest

from pointsman.executor.core.callability import DemoMode
from pointsman.executor.settings import ExecutorSettings
from pointsman.kit.settings import SettingsError, load_settings


def test_defaults_are_those_of_a_laptop() -> None:
    (settings,) = load_settings([ExecutorSettings], environ={})
    assert (settings.port, settings.registry_target, settings.demo) == (50053, "127.0.0.1:50052", DemoMode.AUTO)
    assert settings.folder == Path("var/executor")


def test_bad_values_are_named() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings([ExecutorSettings], environ={"POINTSMAN_DEMO": "maybe", "POINTSMAN_EXECUTOR_PORT": "-1"})
    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["POINTSMAN_EXECUTOR_PORT", "POINTSMAN_DEMO"]
