import os
from pathlib import Path

import pytest

from pointsman.registry.adapters.catalog_files import MAX_FILE_BYTES, CatalogFiles
from pointsman.registry.adapters.yaml_document import parse_yaml
from pointsman.registry.core.ports import SourceTexts, TextFile
from pointsman.registry.core.problems import CatalogInvalid
from tests.unit.registry.catalog_texts import HEAD

WITH_RULES = HEAD + "classification: {rules: rules/r.yaml}\n"


def read(path: Path) -> SourceTexts:
    return CatalogFiles(path, parse=parse_yaml).read()


def refusal(path: Path) -> str:
    with pytest.raises(CatalogInvalid) as error:
        read(path)
    return str(error.value)


def test_catalogue_and_rules_are_read_and_watched(tmp_path: Path) -> None:
    path, rules = tmp_path / "c.yaml", tmp_path / "rules" / "r.yaml"
    rules.parent.mkdir()
    rules.write_text("rules: {}\n")
    path.write_text(WITH_RULES)
    files = CatalogFiles(path, parse=parse_yaml)
    assert files.paths() == [path]
    source = files.read()
    assert (source.catalog.name, source.rules and source.rules.name, source.problems) == ("c.yaml", "rules/r.yaml", ())
    assert files.paths() == [path, rules]


def test_missing_rules_are_a_problem_beside_those_of_the_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(WITH_RULES)
    source = read(path)
    assert source.rules is None
    assert [str(problem) for problem in source.problems] == ["rules/r.yaml: cannot be read: No such file or directory"]


def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    (folder / "rules").mkdir(parents=True)
    (tmp_path / "secret.yaml").write_text("rules: {}\n")
    (folder / "rules" / "r.yaml").symlink_to(tmp_path / "secret.yaml")
    (folder / "c.yaml").write_text(WITH_RULES)
    source = read(folder / "c.yaml")
    assert [str(problem) for problem in source.problems] == ["rules/r.yaml: leads out of the catalogue's folder"]


def test_a_link_that_leads_to_itself_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "r.yaml").symlink_to("r.yaml")
    (tmp_path / "c.yaml").write_text(WITH_RULES)
    problems = read(tmp_path / "c.yaml").problems
    assert [str(problem) for problem in problems] == ["rules/r.yaml: cannot be read: Too many levels of symbolic links"]


def test_files_linked_as_kubernetes_links_them_are_read(tmp_path: Path) -> None:
    (tmp_path / "..data_1" / "rules").mkdir(parents=True)
    (tmp_path / "..data_1" / "c.yaml").write_text(WITH_RULES)
    (tmp_path / "..data_1" / "rules" / "r.yaml").write_text("rules: {}\n")
    (tmp_path / "c.yaml").symlink_to("..data_1/c.yaml")
    (tmp_path / "rules").symlink_to("..data_1/rules")
    assert read(tmp_path / "c.yaml").problems == ()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.yaml") == "none.yaml: cannot be read: No such file or directory"


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("#" * MAX_FILE_BYTES)
    read(path)
    path.write_text("#" * (MAX_FILE_BYTES + 1))
    assert refusal(path) == "c.yaml: has more than 1048576 bytes"


def test_bytes_that_are_no_text_are_refused_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"a: 1\nb: \xff\n")
    assert refusal(path) == "c.yaml:2: is no UTF-8 text"


def test_a_folder_or_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "pipe") == "pipe: is no regular file"
    assert refusal(tmp_path) == f"{tmp_path.name}: is no regular file"


def read_list(path: Path, models_path: Path) -> list[str]:
    """What is wrong with a list of models beside a good catalogue."""
    path.write_text(HEAD)
    return [str(problem) for problem in CatalogFiles(path, parse=parse_yaml, models_path=models_path).read().problems]


def test_a_list_of_models_that_cannot_be_read_is_a_problem_beside_those_of_the_catalogue(tmp_path: Path) -> None:
    path, models = tmp_path / "c.yaml", tmp_path / "models.json"
    assert read_list(path, models) == ["models.json: cannot be read: No such file or directory"]
    models.symlink_to("models.json")
    assert read_list(path, models) == ["models.json: cannot be read: Too many levels of symbolic links"]
    models.unlink()
    os.mkfifo(models)
    assert read_list(path, models) == ["models.json: is no regular file"]
    models.unlink()
    models.write_text("[" * (MAX_FILE_BYTES + 1))
    assert read_list(path, models) == ["models.json: has more than 1048576 bytes"]
    models.write_bytes(b"\xff")
    assert read_list(path, models) == ["models.json:1: is no UTF-8 text"]


def test_a_list_of_models_may_stand_anywhere_and_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "real.json").write_text("[]")
    (tmp_path / "config" / "models.json").symlink_to(tmp_path / "real.json")
    assert read_list(tmp_path / "config" / "c.yaml", tmp_path / "config" / "models.json") == []


def test_a_text_that_stands_in_no_file_names_no_rules() -> None:
    source = CatalogFiles(TextFile("environment", WITH_RULES), parse=parse_yaml).read()
    assert (source.rules, source.problems) == (None, ())
