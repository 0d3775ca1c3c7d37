"""Files and functions stay small enough to be read at one go. Generated code is not ours to size."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

MAX_FUNCTION_LINES = 60
MAX_FILE_LINES = 400
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}

ROOT = Path(__file__).parents[2]
GENERATED = ROOT / "services/pointsman/api"


def sources() -> Iterator[Path]:
    for folder in ("services", "tests"):
        yield from (path for path in (ROOT / folder).rglob("*.py") if GENERATED not in path.parents)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", list(sources()), ids=name_of)
def test_file_is_at_most_400_lines_and_no_function_more_than_60(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    too_long = {node.name: size for node in functions if (size := (node.end_lineno or 0) - node.lineno + 1) > MAX_FUNCTION_LINES}
    assert len(text.splitlines()) <= MAX_FILE_LINES
    assert not too_long


def test_no_module_has_a_name_without_an_owner() -> None:
    assert [name_of(path) for path in sources() if path.stem in VAGUE_NAMES] == []


def test_package_files_are_empty_but_for_docstring_and_re_exports() -> None:
    for path in sources():
        if path.name == "__init__.py":
            body = ast.parse(path.read_text(encoding="utf-8")).body
            assert all(isinstance(node, ast.Expr | ast.ImportFrom | ast.Assign) for node in body), name_of(path)
