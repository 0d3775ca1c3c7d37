"""Reads a file's text into a tree by what its name says it is."""

from pointsman.registry.adapters.json_document import parse_json
from pointsman.registry.adapters.yaml_document import parse_yaml
from pointsman.registry.core.document import Node
from pointsman.registry.core.ports import TextFile
from pointsman.registry.core.problems import ProblemList

JSON_SUFFIX = ".json"


def parse_document(file: TextFile, problems: ProblemList) -> Node | None:
    """The tree of a JSON file where the name ends in .json, else of a YAML file. None, with a problem added, where there is none."""
    parse = parse_json if file.name.lower().endswith(JSON_SUFFIX) else parse_yaml
    return parse(file, problems)
