from pathlib import Path

import pytest

from pointsman.settings import INACTIVE_NAMES, inactive_settings, known_names


def test_names_without_effect_are_told_when_they_are_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert inactive_settings() == []
    monkeypatch.setenv("DATABASE_URL", "postgres://secret@host/db")
    assert inactive_settings() == ["DATABASE_URL: has no effect: everything is kept in SQLite, in DATABASE_PATH"]


def test_no_name_is_both_understood_and_without_effect() -> None:
    assert not set(INACTIVE_NAMES) & set(known_names())
