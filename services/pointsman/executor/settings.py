"""The executor's settings."""

from pathlib import Path

from pointsman.executor.core.callability import DemoMode
from pointsman.kit.settings import ServiceSettings, env_field


class ExecutorSettings(ServiceSettings):
    """What can be set, beside what every service has."""

    port: int = env_field("POINTSMAN_EXECUTOR_PORT", default=50053, ge=0, le=65535, description="gRPC port; 0 takes any free one")
    rest_port: int = env_field(
        "POINTSMAN_EXECUTOR_REST_PORT", default=5002, ge=0, le=65535, description="HTTP port of metrics and health; 0 takes any free one"
    )
    registry_target: str = env_field(
        "POINTSMAN_REGISTRY_TARGET", default="127.0.0.1:50052", description="gRPC target of the registry; by default on this machine"
    )
    demo: DemoMode = env_field(
        "POINTSMAN_DEMO",
        default=DemoMode.AUTO,
        description="When scripted providers answer: auto (only while no real one can be called, so that a first try works), true, false",
    )

    @property
    def folder(self) -> Path:
        """Where the last catalogue is kept."""
        return self.var_dir / "executor"
