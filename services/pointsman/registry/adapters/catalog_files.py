"""The catalogue's files on disk: the catalogue itself, and the rules file that it names."""

import os
import stat
from pathlib import Path

from pointsman.registry.core.catalog_file import rules_path_of
from pointsman.registry.core.ports import ParseDocument, SourceTexts, TextFile
from pointsman.registry.core.problems import CatalogInvalid, Problem, ProblemList

MAX_FILE_BYTES = 1 << 20


class CatalogFiles:
    """Reads the files. A rules file outside the catalogue's folder, also by a link, is refused."""

    def __init__(self, path: Path, *, parse: ParseDocument) -> None:
        self._path = path
        self._parse = parse
        self._paths = [path]

    def paths(self) -> list[Path]:
        """The files of the last reading; before it, the catalogue."""
        return list(self._paths)

    def read(self) -> SourceTexts:
        """The files as they are now. Raises CatalogInvalid where the catalogue is missing, too large or no text."""
        catalog = read_text(self._path, self._path.name)
        rules_path = self._rules_path(catalog)
        if rules_path is None:
            self._paths = [self._path]
            return SourceTexts(catalog)
        path = self._path.parent / rules_path
        self._paths = [self._path, path]
        try:
            # realpath: Path.resolve raises where links lead in a circle, which reading them tells better.
            if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(self._path.parent)):
                raise CatalogInvalid([Problem(rules_path, 0, "", "leads out of the catalogue's folder")])
            return SourceTexts(catalog, read_text(path, rules_path))
        except CatalogInvalid as error:
            # Told together with what else is wrong.
            return SourceTexts(catalog, problems=error.problems)

    def _rules_path(self, catalog: TextFile) -> str | None:
        """The path that the catalogue names. What is wrong with its text is told when it is read for good."""
        document = self._parse(catalog, ProblemList())
        return None if document is None else rules_path_of(document)


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
