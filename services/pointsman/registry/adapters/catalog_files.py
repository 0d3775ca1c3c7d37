"""The catalogue's files on disk: the catalogue itself, the rules file that it names, and the list of models beside it."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from pointsman.registry.core.catalog_file import rules_path_of
from pointsman.registry.core.ports import ParseDocument, SourceTexts, TextFile
from pointsman.registry.core.problems import CatalogInvalid, Problem, ProblemList

MAX_FILE_BYTES = 1 << 20


class CatalogFiles:
    """Reads the files. A rules file outside the catalogue's folder, also by a link, is refused."""

    def __init__(
        self, catalog: Path | TextFile, *, parse: ParseDocument, models_path: Path | None = None, environment: TextFile | None = None
    ) -> None:
        """catalog: its file, or a text that stands in no file and names none. models_path: a list of models beside it."""
        self._catalog = catalog
        self._parse = parse
        self._models_path = models_path
        self._environment = environment
        self._rules_path: Path | None = None

    def paths(self) -> list[Path]:
        """The files of the last reading; before it, those that the settings name."""
        catalog = self._catalog if isinstance(self._catalog, Path) else None
        return [path for path in (catalog, self._rules_path, self._models_path) if path is not None]

    def read(self) -> SourceTexts:
        """The files as they are now. Raises CatalogInvalid where the catalogue is missing, too large or no text."""
        problems: list[Problem] = []
        catalog, rules = (self._catalog, None) if isinstance(self._catalog, TextFile) else self._read_catalog(self._catalog, problems)
        models_path = self._models_path
        models = None if models_path is None else or_problem(problems, lambda: read_text(models_path, models_path.name))
        return SourceTexts(catalog, rules, tuple(problems), models, self._environment)

    def _read_catalog(self, path: Path, problems: list[Problem]) -> tuple[TextFile, TextFile | None]:
        """The catalogue, and the rules that it names. What is wrong with its text is told when it is read for good."""
        catalog = read_text(path, path.name)
        document = self._parse(catalog, ProblemList())
        name = None if document is None else rules_path_of(document)
        self._rules_path = None if name is None else path.parent / name
        return catalog, None if name is None else or_problem(problems, lambda: read_rules(path.parent, name))


def or_problem(problems: list[Problem], read: Callable[[], TextFile]) -> TextFile | None:
    """What is read; None where it cannot be, with the reasons added, to be told together with what else is wrong."""
    try:
        return read()
    except CatalogInvalid as error:
        problems.extend(error.problems)
        return None


def read_rules(folder: Path, name: str) -> TextFile:
    """The rules file of that name within the folder. Raises CatalogInvalid."""
    # realpath: Path.resolve raises where links lead in a circle, which reading them tells better.
    if not Path(os.path.realpath(folder / name)).is_relative_to(os.path.realpath(folder)):
        raise CatalogInvalid([Problem(name, 0, "", "leads out of the catalogue's folder")])
    return read_text(folder / name, name)


def read_text(path: Path, name: str) -> TextFile:
    """A file's text. Raises CatalogInvalid."""
    try:
        # Asked before it is opened: opening a pipe would wait for its writer.
        if not stat.S_ISREG(path.stat().st_mode):
            raise CatalogInvalid([Problem(name, 0, "", "is no regular file")])
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise CatalogInvalid([Problem(name, 0, "", f"cannot be read: {error.strerror}")]) from error
    if len(data) > MAX_FILE_BYTES:
        raise CatalogInvalid([Problem(name, 0, "", f"has more than {MAX_FILE_BYTES} bytes")])
    try:
        return TextFile(name, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise CatalogInvalid([Problem(name, line, "", "is no UTF-8 text")]) from error
