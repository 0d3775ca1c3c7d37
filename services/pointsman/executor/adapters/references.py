"""Settings that the catalogue refers to: "env:NAME" and "file:PATH". The only place where provider keys are read."""

from collections.abc import Iterable, Mapping

from pointsman.executor.adapters.setting_files import ReferenceUnset, key_files

ENV_PREFIX = "env:"
FILE_PREFIX = "file:"
# Looked for without a setting, because that is where Ollama listens.
DEFAULTS: Mapping[str, str] = {"OLLAMA_BASE_URL": "http://127.0.0.1:11434/v1"}


class References:
    """Resolves references against an environment and files, at each use; what a file holds is what it held when last looked at."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """environ: the process's environment, with what `.env` adds."""
        self._environ = environ
        self._key_files = key_files()

    def address(self, reference: str) -> str:
        """The text itself, or what the "env:NAME" names. Raises ReferenceUnset."""
        return self._variable(reference.removeprefix(ENV_PREFIX)) if reference.startswith(ENV_PREFIX) else reference

    def secret(self, reference: str) -> str:
        """The secret that the reference names; a reference that is none names nothing. Raises ReferenceUnset."""
        if reference.startswith(ENV_PREFIX):
            return self._variable(reference.removeprefix(ENV_PREFIX))
        if reference.startswith(FILE_PREFIX):
            return self._key_files.content(reference.removeprefix(FILE_PREFIX))
        raise ReferenceUnset("its api_key is no reference; write env:NAME or file:PATH")

    def look_at_files(self, references: Iterable[str]) -> frozenset[str]:
        """Read the files among the references anew where they have changed; the references whose secret is now another. Blocks."""
        paths = {reference.removeprefix(FILE_PREFIX) for reference in references if reference.startswith(FILE_PREFIX)}
        return frozenset(FILE_PREFIX + path for path in self._key_files.look_at(paths))

    def _variable(self, name: str) -> str:
        value = self._environ.get(name, "").strip() or DEFAULTS.get(name)
        if not value:
            raise ReferenceUnset(f"{name} is not set")
        return value
