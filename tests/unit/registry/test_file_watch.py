from pathlib import Path

from pointsman.registry.adapters.file_watch import watched_folders


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
