"""Names against patterns in which "*" stands for any run of characters, and nothing else is special."""

from collections.abc import Iterable


def matches_any(patterns: Iterable[str], name: str) -> bool:
    """True where a pattern matches the whole name, letter case included."""
    return any(pattern == name or ("*" in pattern and _matches(pattern, name)) for pattern in patterns)


def _matches(pattern: str, name: str) -> bool:
    """Linear in the name for each part between stars: the leftmost place for a part is never a worse one."""
    first, *middle, last = pattern.split("*")
    if len(name) < len(first) + len(last) or not name.startswith(first) or not name.endswith(last):
        return False
    position, end = len(first), len(name) - len(last)
    for part in middle:
        found = name.find(part, position, end)
        if found < 0:
            return False
        position = found + len(part)
    return True
