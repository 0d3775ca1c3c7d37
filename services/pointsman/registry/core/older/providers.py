"""Reads the providers of older files, where a built-in one stands in for what its entry leaves out."""

from pointsman.registry.core.catalog import Provider
from pointsman.registry.core.catalog_file import read_by_key
from pointsman.registry.core.document import MapNode, Node, ScalarNode, node_from_plain
from pointsman.registry.core.fields import Place, Reader, is_absent
from pointsman.registry.core.plain_entries import plain_of_provider
from pointsman.registry.core.provider_entries import read_provider
from pointsman.registry.core.shipped import Shipped, built_in_provider
from pointsman.registry.core.values import name


def older_providers(shipped: Shipped) -> Reader[tuple[Provider, ...]]:
    """Reads a mapping of providers by id."""

    def read_older_provider(provider_id: str, node: Node, place: Place) -> Provider:
        return read_provider(provider_id, _filled_in(node, built_in_provider(provider_id, shipped)), place)

    return lambda node, place: read_by_key(node, place, read_older_provider, read_key=name())


def _filled_in(node: Node, built_in: Provider | None) -> Node:
    """The entry with the built-in provider's fields where it has none itself.

    The built-in key goes to the built-in address alone: with an address of its own an entry names its key too.
    """
    own = MapNode({}, node.line) if is_absent(node) else node
    if built_in is None or not isinstance(own, MapNode):
        return node
    kind = own.members.get("kind")
    if kind is not None and not (isinstance(kind.value, ScalarNode) and kind.value.text == built_in.kind.value):
        return own
    inherited = plain_of_provider(built_in)
    if "base_url" in own.members:
        inherited.pop("api_key", None)
    filled = node_from_plain(inherited)
    return MapNode({**filled.members, **own.members}, own.line) if isinstance(filled, MapNode) else own
