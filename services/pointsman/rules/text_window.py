"""The part of a text that is read."""

# What a prompt asks for stands at its start or its end; between them is what it asks it about.
WINDOW_CHARACTER_COUNT = 2_000


def text_window(text: str) -> str:
    """The first and the last 2,000 characters, joined by a line break; the whole text where it is that short."""
    if len(text) <= 2 * WINDOW_CHARACTER_COUNT:
        return text
    return f"{text[:WINDOW_CHARACTER_COUNT]}\n{text[-WINDOW_CHARACTER_COUNT:]}"
