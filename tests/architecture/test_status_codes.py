"""Status codes stand in two files, so that one error has one code everywhere."""

import ast
import re
from pathlib import Path

SERVICES = Path(__file__).parents[2] / "services/pointsman"
GENERATED = SERVICES / "api"
GRPC_ALLOWED = {SERVICES / "kit/grpc_errors.py"}


def names_a_grpc_status(path: Path) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(isinstance(node, ast.Attribute) and ast.unparse(node).startswith("grpc.StatusCode.") for node in ast.walk(tree))


def test_grpc_status_codes_are_named_in_one_file() -> None:
    files = [path for path in SERVICES.rglob("*.py") if GENERATED not in path.parents]
    assert {path for path in files if names_a_grpc_status(path)} == GRPC_ALLOWED


def test_no_service_builds_sql_from_strings() -> None:
    built = re.compile(r"""execute\w*\(\s*f["']""")
    found = [str(path) for path in SERVICES.rglob("*.py") if built.search(path.read_text(encoding="utf-8"))]
    assert found == []
