"""Settings that the catalogue refers to: "env:NAME" and "file:PATH". The only place where provider keys are read."""

from collections.abc import Mapping
from pathlib import Path

ENV_PREFIX = "env:"
FILE_PREFIX = "file:"
MAX_FILE_BYTES = 64 << 10  # a key is one line
# Looked for without a setting, because that is where Ollama listens.
DEFAULTS: Mapping[str, str] = {"OLLAMA_BASE_URL": "http://127.0.0.1:11434/v1"}


class ReferenceUnset(Exception):
    """What a reference names is not there. reason: which, for people; never a value."""

    def __init__(self, reason: str) -> None:
        """Take the reason."""
        super().__init__(reason)
        self.reason = reason


class References:
    """Resolves references against an environment, at each use."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """environ: the process's environment, with what `.env` adds."""
        self._environ = environ

    def address(self, reference: str) -> str:
        """The text itself, or what the "env:NAME" names. Raises ReferenceUnset."""
        return self._variable(reference.removeprefix(ENV_PREFIX)) if reference.startswith(ENV_PREFIX) else reference

    def secret(self, reference: str) -> str:
        """The secret that the reference names; a reference that is none names nothing. Raises ReferenceUnset."""
        if reference.startswith(ENV_PREFIX):
            return self._variable(reference.removeprefix(ENV_PREFIX))
        if reference.startswith(FILE_PREFIX):
            return _line_in(Path(reference.removeprefix(FILE_PREFIX)))
        raise ReferenceUnset("its api_key is no reference; write env:NAME or file:PATH")

    def _variable(self, name: str) -> str:
        value = self._environ.get(name, "").strip() or DEFAULTS.get(name)
        if not value:
            raise ReferenceUnset(f"{name} is not set")
        return value


def _line_in(path: Path) -> str:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE_BYTES).decode().strip()
    except (OSError, UnicodeDecodeError):
        raise ReferenceUnset(f"the key file {path} cannot be read") from None
    if not text:
        raise ReferenceUnset(f"the key file {path} is empty")
    return text
