"""The ledger's settings."""

from pathlib import Path

from pointsman.kit.settings import ServiceSettings, env_field


class LedgerSettings(ServiceSettings):
    """What can be set, beside what every service has."""

    port: int = env_field("POINTSMAN_LEDGER_PORT", default=50054, ge=0, le=65535, description="gRPC port; 0 takes any free one")
    rest_port: int = env_field(
        "POINTSMAN_LEDGER_REST_PORT", default=5003, ge=0, le=65535, description="HTTP port of metrics and health; 0 takes any free one"
    )
    database_path: Path | None = env_field(
        "DATABASE_PATH",
        default=None,
        description="folder of ledger.db, or a file whose folder is taken; by default POINTSMAN_VAR_DIR, so that one folder holds all",
    )
    max_waiting_writes: int = env_field(
        "POINTSMAN_LEDGER_MAX_WAITING_WRITES",
        default=4096,
        ge=1,
        le=1_000_000,
        description="writes that wait for the disk before callers are turned away; 4,096 are some seconds of a full core",
    )

    @property
    def folder(self) -> Path:
        """Where ledger.db is kept."""
        path = self.database_path
        if path is None:
            return self.var_dir
        return path.parent if path.is_file() or (path.suffix and not path.is_dir()) else path
