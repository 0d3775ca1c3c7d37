"""Where the ledger keeps its file."""

from pathlib import Path

import pytest

from pointsman.kit.settings import SettingsError, load_settings
from pointsman.ledger.settings import LedgerSettings


def loaded(**environ: str) -> LedgerSettings:
    return load_settings([LedgerSettings], environ=environ)[0]


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        pytest.param({}, "var", id="by default the folder for everything"),
        pytest.param({"POINTSMAN_VAR_DIR": "/srv/pointsman"}, "/srv/pointsman", id="as it is set"),
        pytest.param({"DATABASE_PATH": "/data"}, "/data", id="a folder"),
        pytest.param({"DATABASE_PATH": "/data/app.db"}, "/data", id="the folder of a file"),
        pytest.param({"DATABASE_PATH": "./data.sqlite3"}, ".", id="the folder of a file here"),
    ],
)
def test_folder_is_taken_from_the_settings(environ: dict[str, str], folder: str) -> None:
    assert loaded(**environ).folder == Path(folder)


def test_what_exists_decides_whether_a_path_is_a_folder(tmp_path: Path) -> None:
    dotted, bare = tmp_path / "v1.2", tmp_path / "database"
    dotted.mkdir()
    bare.touch()
    assert loaded(DATABASE_PATH=str(dotted)).folder == dotted
    assert loaded(DATABASE_PATH=str(bare)).folder == tmp_path


@pytest.mark.parametrize("name", ["POINTSMAN_LEDGER_PORT", "POINTSMAN_LEDGER_REST_PORT", "POINTSMAN_LEDGER_MAX_WAITING_WRITES"])
def test_number_out_of_range_is_refused_by_name(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        loaded(**{name: "-1"})
