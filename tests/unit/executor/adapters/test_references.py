"""Settings that the catalogue refers to."""

from pathlib import Path

import pytest

from pointsman.executor.adapters.references import References, ReferenceUnset


def test_secret_is_read_from_variable_or_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-file\n")
    references = References({"KEY": " from-env "})
    assert references.secret("env:KEY") == "from-env"
    assert references.secret(f"file:{tmp_path / 'key'}") == "from-file"


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text(" \n")
    cases = {
        "env:KEY": "KEY is not set",
        f"file:{tmp_path}/none": f"the key file {tmp_path}/none cannot be read",
        f"file:{tmp_path}/empty": f"the key file {tmp_path}/empty is empty",
        "sk-inline-canary": "its api_key is no reference; write env:NAME or file:PATH",
    }
    for reference, reason in cases.items():
        with pytest.raises(ReferenceUnset) as caught:
            References({"KEY": ""}).secret(reference)
        assert caught.value.reason == reason


def test_ollama_is_looked_for_without_a_setting() -> None:
    assert References({}).address("env:OLLAMA_BASE_URL") == "http://127.0.0.1:11434/v1"
    assert References({"OLLAMA_BASE_URL": "http://box:1"}).address("env:OLLAMA_BASE_URL") == "http://box:1"
    assert References({}).address("https://host/v1") == "https://host/v1"
