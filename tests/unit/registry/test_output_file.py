from pathlib import Path

import pytest

from pointsman.registry.adapters.output_file import OutputFile, output_path
from pointsman.registry.core.ports import OutputUnusable


def test_a_folder_gets_models_json_and_a_file_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "with.suffix").mkdir()
    (tmp_path / "plain").write_text("")
    assert output_path(tmp_path) == tmp_path / "models.json"
    assert output_path(tmp_path / "with.suffix") == tmp_path / "with.suffix" / "models.json"
    assert output_path(tmp_path / "to-be-made") == tmp_path / "to-be-made" / "models.json"
    assert output_path(tmp_path / "list.json") == tmp_path / "list.json"
    assert output_path(tmp_path / "plain") == tmp_path / "plain"


def test_the_file_is_replaced_whole_and_readable_by_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "models.json"
    OutputFile(path).write("one")
    with path.open() as reader:
        OutputFile(path).write("two")
        assert reader.read() == "one"  # who reads has the old one to its end
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("two", 0o644)
    assert [one.name for one in path.parent.iterdir()] == ["models.json"]


def test_what_it_holds_already_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "models.json"
    OutputFile(path).write("one")
    before = path.stat().st_ino
    OutputFile(path).write("one")
    assert path.stat().st_ino == before


def test_a_link_is_followed_and_kept(tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    OutputFile(tmp_path / "link.json").write("one")
    assert ((tmp_path / "link.json").is_symlink(), (tmp_path / "real.json").read_text()) == (True, "one")


@pytest.mark.parametrize("where", ["file/models.json", "folder"])
def test_what_cannot_be_written_is_told_and_leaves_nothing_behind(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    with pytest.raises(OutputUnusable, match="cannot be written"):
        OutputFile(tmp_path / where).write("one")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "folder"]
