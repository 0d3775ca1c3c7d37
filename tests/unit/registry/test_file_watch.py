from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pointsman.registry.adapters import file_watch
from pointsman.registry.adapters.file_watch import file_changes, watched_folders


def test_folders_of_files_and_of_what_they_link_to_are_watched(tmp_path: Path) -> None:
    config, real = tmp_path / "config", tmp_path / "real"
    config.mkdir()
    real.mkdir()
    (real / "c.yaml").write_text("")
    (config / "c.yaml").symlink_to(real / "c.yaml")
    assert watched_folders([config / "c.yaml"]) == [config, real]


def test_a_folder_that_is_away_is_left_out(tmp_path: Path) -> None:
    assert watched_folders([tmp_path / "c.yaml", tmp_path / "gone" / "rules.yaml"]) == [tmp_path]


def test_a_link_that_leads_to_itself_is_watched_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").symlink_to("c.yaml")
    assert watched_folders([tmp_path / "c.yaml"]) == [tmp_path]


async def test_files_are_looked_at_also_where_nothing_can_be_watched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def none_left(*_folders: Path, **_options: object) -> AsyncIterator[None]:
        raise OSError("OS file watch limit reached")

    monkeypatch.setattr(file_watch, "awatch", none_left)
    monkeypatch.setattr(file_watch, "UNPROMPTED_LOOK_MS", 0)
    look_count = 0
    async for _ in file_changes(lambda: [tmp_path / "c.yaml"]):
        look_count += 1
        if look_count == 2:
            break
    assert look_count == 2
