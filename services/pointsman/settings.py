"""The settings of all services together: which names exist, and which values they have."""

import os
from dataclasses import dataclass
from typing import TypeVar

from pointsman.classifier.settings import ClassifierSettings
from pointsman.dashboard.settings import DashboardSettings
from pointsman.executor.settings import ExecutorSettings
from pointsman.gateway.settings import GatewaySettings
from pointsman.kit.settings import DOTENV, ServiceSettings, environment_names, load_settings, read_environment
from pointsman.ledger.settings import LedgerSettings
from pointsman.registry.settings import RegistrySettings

ALL_SETTINGS: dict[str, type[ServiceSettings]] = {
    "registry": RegistrySettings,
    "classifier": ClassifierSettings,
    "executor": ExecutorSettings,
    "ledger": LedgerSettings,
    "gateway": GatewaySettings,
    "dashboard": DashboardSettings,
}

# Names that the systems which this replaces understood, and this version does not act on. Whoever sets one is told so.
INACTIVE_NAMES = {
    "ANALYTICS_API_KEY": "no catalogue feed is read yet",
    "DATABASE_URL": "everything is kept in SQLite, in DATABASE_PATH",
}

S = TypeVar("S", bound=ServiceSettings)


def known_names() -> list[str]:
    """Every environment name that some service understands."""
    entries = [entry for kind in ALL_SETTINGS.values() for entry in environment_names(kind)]
    return [name for entry in entries for name in (entry.name, *entry.aliases)]


def inactive_settings() -> list[str]:
    """What is set and has no effect, with the reason."""
    values = read_environment(os.environ, DOTENV)
    return [f"{name}: has no effect: {reason}" for name, reason in INACTIVE_NAMES.items() if name in values]


def load_one(kind: type[S]) -> S:
    """One service's settings. Raises SettingsError; the other services' names are no mistake."""
    return load_settings([kind], environ=os.environ, dotenv_path=DOTENV, known_names=known_names())[0]


@dataclass(frozen=True, slots=True)
class AllSettings:
    """The settings of each service."""

    registry: RegistrySettings
    classifier: ClassifierSettings
    executor: ExecutorSettings
    ledger: LedgerSettings
    gateway: GatewaySettings
    dashboard: DashboardSettings


def load_all() -> AllSettings:
    """Every service's settings. Raises SettingsError with the problems of all."""
    loaded = load_settings(list(ALL_SETTINGS.values()), environ=os.environ, dotenv_path=DOTENV)
    return AllSettings(**dict(zip(ALL_SETTINGS, loaded, strict=True)))  # type: ignore[arg-type]  # each is of its name's type
