"""The registry's settings."""

from pathlib import Path

from pointsman.kit.settings import ServiceSettings, env_field

# The catalogue that comes with the product.
SHIPPED_CATALOG = Path(__file__).with_name("catalog.yaml")


class RegistrySettings(ServiceSettings):
    """What can be set, beside what every service has."""

    port: int = env_field(
        "POINTSMAN_REGISTRY_PORT",
        default=50052,
        ge=0,
        le=65535,
        description="gRPC port; 0 takes any free one",
    )
    catalog: Path | None = env_field(
        "POINTSMAN_CATALOG",
        "MODEL_PROFILES_PATH",
        default=None,
        description="catalogue file; by default the one that comes with the product, so that a first start needs none",
    )

    @property
    def catalog_path(self) -> Path:
        """The catalogue in use."""
        return self.catalog or SHIPPED_CATALOG

    @property
    def folder(self) -> Path:
        """Where versions and the API's entries are kept."""
        return self.var_dir / "registry"
