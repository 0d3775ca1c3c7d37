"""Settings that the catalogue refers to."""

from pathlib import Path

import pytest

from pointsman.executor.adapters.references import References
from pointsman.executor.adapters.setting_files import ReferenceUnset


def test_secret_is_read_from_variable_or_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-file\n")
    references = References({"KEY": " from-env "})
    assert references.secret("env:KEY") == "from-env"
    of_file = f"file:{tmp_path / 'key'}"
    with pytest.raises(ReferenceUnset, match="has not been read yet"):
        references.secret(of_file)
    assert references.look_at_files(["env:KEY", of_file]) == {of_file}
    assert references.secret(of_file) == "from-file"


def test_file_is_read_again_where_it_has_changed_and_forgotten_where_nobody_names_it(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("first")
    references, of_file = References({}), f"file:{key}"
    references.look_at_files([of_file])
    assert references.look_at_files([of_file]) == frozenset()
    (tmp_path / "next").write_text("other")
    (tmp_path / "next").replace(key)
    assert references.secret(of_file) == "first"
    assert references.look_at_files([of_file]) == {of_file}
    assert references.secret(of_file) == "other"
    references.look_at_files([])
    with pytest.raises(ReferenceUnset):
        references.secret(of_file)


def test_file_that_went_away_or_came_back_is_noticed(tmp_path: Path) -> None:
    key = tmp_path / "key"
    references, of_file = References({}), f"file:{key}"
    references.look_at_files([of_file])
    with pytest.raises(ReferenceUnset, match="cannot be read"):
        references.secret(of_file)
    key.write_text("there")
    assert references.look_at_files([of_file]) == {of_file}
    assert references.secret(of_file) == "there"


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    cases = {
        "env:KEY": "KEY is not set",
        f"file:{tmp_path}/none": f"the key file {tmp_path}/none cannot be read",
        f"file:{tmp_path}/empty": f"the key file {tmp_path}/empty is empty",
        f"file:{tmp_path}/binary": f"the key file {tmp_path}/binary cannot be read",
        "sk-inline-canary": "its api_key is no reference; write env:NAME or file:PATH",
    }
    for reference, reason in cases.items():
        references = References({"KEY": ""})
        references.look_at_files([reference])
        with pytest.raises(ReferenceUnset) as caught:
            references.secret(reference)
        assert caught.value.reason == reason


def test_ollama_is_looked_for_without_a_setting() -> None:
    assert References({}).address("env:OLLAMA_BASE_URL") == "http://127.0.0.1:11434/v1"
    assert References({"OLLAMA_BASE_URL": "http://box:1"}).address("env:OLLAMA_BASE_URL") == "http://box:1"
    assert References({}).address("https://host/v1") == "https://host/v1"
