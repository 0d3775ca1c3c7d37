"""The committed Python modules are what the protos generate."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "services/pointsman/api"


def generated_files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*_pb2*.py*"))
        if path.suffix != ".pyc"
    }


def test_committed_modules_equal_regenerated_ones(tmp_path: Path) -> None:
    script = ROOT / "protos/generate.sh"
    subprocess.run([script, tmp_path], check=True, capture_output=True, env={**os.environ, "PYTHON": sys.executable})
    assert generated_files(COMMITTED) == generated_files(tmp_path / "pointsman/api")
