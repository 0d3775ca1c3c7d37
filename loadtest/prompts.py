"""Prompts of about twenty tokens, no two alike: what a classifier is asked that has seen none of them before."""

import random
from collections.abc import Iterator

SEED = 20
# Each makes 16 to 24 of MiniLM's tokens, whatever is filled in.
FORMS = (
    "Write a {language} function that {task} and returns a list of every {thing}",
    "Why did the {thing} of our {place} fall so much in {month}, and since when?",
    "Tell me a story about a {person} who finds a {thing} in the {place}",
    "If a {person} sells {count} of {many} in {month}, what share is left?",
    "How do I explain to a {person} what a {thing} is, without any {language}?",
    "Summarise what the {person} said about the {place} in {month}, in {count} sentences",
    "My {thing} broke at the {place} again and the {person} is no help",
)
WORDS = {
    "language": ("Python", "Java", "Rust", "Go", "German", "French", "Spanish", "Italian", "Latin", "Swift"),
    "task": ("reads a file", "sorts the rows", "counts the words", "merges two tables", "walks a tree", "parses a date", "calls a server"),
    "thing": ("key", "letter", "table", "map", "window", "motor", "camera", "contract", "ticket", "signal", "garden", "report"),
    "place": ("office", "station", "harbor", "library", "factory", "school", "museum", "hospital", "market", "theater", "kitchen"),
    "person": ("teacher", "doctor", "farmer", "lawyer", "sailor", "painter", "student", "manager", "neighbor", "singer", "baker"),
    "month": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November"),
    "count": ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    "many": ("twenty tickets", "thirty books", "forty chairs", "fifty lamps", "sixty boxes", "ninety cards"),
}
OPENINGS = ("", "Please: ", "Hello! ", "Next: ", "So, ", "Well, ", "Okay, ", "Again: ", "Right, ", "Now: ")


def short_prompts() -> Iterator[str]:
    """Prompts without end, each at most once, the same ones in the same order at each call."""
    chosen = random.Random(SEED)
    seen: set[str] = set()
    while True:
        prompt = chosen.choice(OPENINGS) + chosen.choice(FORMS).format(**{name: chosen.choice(words) for name, words in WORDS.items()})
        if prompt not in seen:
            seen.add(prompt)
            yield prompt
