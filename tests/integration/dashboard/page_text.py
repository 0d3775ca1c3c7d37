"""Reads what NiceGUI's page will show out of its HTML, where it stands as data."""

import json
import re
from dataclasses import dataclass
from typing import Any

DATA = re.compile(r"parseElements\(String\.raw`(.*?)`\)", re.DOTALL)
CLIENT_ID = re.compile(r"'client_id': '([\w-]+)'")
ENTITIES = {"&#36;": "$", "&#96;": "`", "&gt;": ">", "&lt;": "<", "&amp;": "&"}


@dataclass(frozen=True)
class PageData:
    """The elements of a page by id."""

    client_id: str
    elements: dict[str, dict[str, Any]]

    @property
    def texts(self) -> list[str]:
        return [element["text"] for element in self.elements.values() if element.get("text")]

    @property
    def attributes(self) -> list[tuple[str, str]]:
        return [(name, str(value)) for element in self.elements.values() for name, value in element.get("props", {}).items()]


def read_page(html: str) -> PageData:
    """The data of a page."""
    data, client_id = DATA.search(html), CLIENT_ID.search(html)
    assert data is not None
    assert client_id is not None
    text = data[1]
    for entity, character in ENTITIES.items():
        text = text.replace(entity, character)
    return PageData(client_id[1], json.loads(text))
