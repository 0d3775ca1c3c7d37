"""The registry's settings."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, SecretStr

from pointsman.kit.settings import ServiceSettings, env_field

# The catalogue that comes with the product.
SHIPPED_CATALOG = Path(__file__).with_name("catalog.yaml")
KEY = re.compile(r"pm-[A-Za-z0-9]{1,64}-[\x21-\x7e]{8,256}")


def _key_of_form(value: SecretStr | None) -> SecretStr | None:
    if value is not None and KEY.fullmatch(value.get_secret_value()) is None:
        raise ValueError("a key has the form pm-<id>-<secret>, the secret of at least 8 characters")
    return value


class RegistrySettings(ServiceSettings):
    """What can be set, beside what every service has."""

    port: int = env_field(
        "POINTSMAN_REGISTRY_PORT",
        default=50052,
        ge=0,
        le=65535,
        description="gRPC port; 0 takes any free one",
    )
    rest_port: int = env_field(
        "POINTSMAN_REGISTRY_REST_PORT", default=8001, ge=0, le=65535, description="port of the registry's REST facade; 0 takes any free one"
    )
    catalog: Path | None = env_field(
        "POINTSMAN_CATALOG",
        "MODEL_PROFILES_PATH",
        default=None,
        description="catalogue file, YAML or models.json; by default the one that comes with the product, so that a first start needs none",
    )
    models_json: Path | None = env_field(
        "MODELS_JSON_PATH", default=None, description="list of models, read beside the catalogue, whose entries win; unset: none"
    )
    output: Path | None = env_field(
        "OUTPUT_PATH",
        default=None,
        description="file, or folder of models.json, that gets the effective catalogue after each accepted version; unset: none is written",
    )
    database_path: Path | None = env_field(
        "DATABASE_PATH",
        default=None,
        description="folder of registry.db, or a file whose folder is taken; by default POINTSMAN_VAR_DIR, so that one folder holds all",
    )
    admin_key: Annotated[SecretStr | None, AfterValidator(_key_of_form)] = env_field(
        "POINTSMAN_ADMIN_KEY",
        default=None,
        description="key that POST /update takes, as well as the service token; unset: on loopback it asks for neither",
    )
    ollama_model: str | None = env_field(
        "OLLAMA_MODEL", default=None, description="local model, which with CLOUD_MODEL is the catalogue where no file is named; unset: none"
    )
    cloud_model: str | None = env_field(
        "CLOUD_MODEL", default=None, description="cloud model, as model or provider/model, the other half of that catalogue; unset: none"
    )
    cloud_input_cost: str | None = env_field(
        "CLOUD_INPUT_COST_PER_1M", default=None, description="USD per million input tokens of CLOUD_MODEL; unset: the shipped price"
    )
    cloud_output_cost: str | None = env_field(
        "CLOUD_OUTPUT_COST_PER_1M",
        default=None,
        description="USD per million output tokens of CLOUD_MODEL; unset: the shipped price",
    )

    @property
    def folder(self) -> Path:
        """Where registry.db is kept."""
        path = self.database_path
        if path is None:
            return self.var_dir
        return path.parent if path.is_file() or (path.suffix and not path.is_dir()) else path

    @property
    def former_state_folder(self) -> Path:
        """Where earlier versions of the program kept what is in registry.db now."""
        return self.var_dir / "registry"

    @property
    def environment(self) -> dict[str, str]:
        """What the environment says of models, by the variables' names."""
        values = {
            "OLLAMA_MODEL": self.ollama_model,
            "CLOUD_MODEL": self.cloud_model,
            "CLOUD_INPUT_COST_PER_1M": self.cloud_input_cost,
            "CLOUD_OUTPUT_COST_PER_1M": self.cloud_output_cost,
        }
        return {name: value for name, value in values.items() if value is not None}
