"""Notices an answer that repeats itself for ever."""

MAX_IDENTICAL_PIECES = 100  # these three: no sane answer repeats itself so
MAX_IDENTICAL_CHARACTERS = 2_000
MAX_CHARACTERS_PER_TOKEN = 16


class LoopGuard:
    """Watches the pieces of one answer. max_output_token_count: what the request allows, all choices together; None: no limit."""

    def __init__(self, max_output_token_count: int | None) -> None:
        """Begin an answer."""
        self._max_characters = None if max_output_token_count is None else max_output_token_count * MAX_CHARACTERS_PER_TOKEN
        self._character_count = 0
        self._last = ""
        self._run_length = 0

    def is_endless(self, piece: str) -> bool:
        """Whether the answer has to be cut after this piece."""
        self._character_count += len(piece)
        self._run_length = self._run_length + 1 if piece == self._last else 1
        self._last = piece
        if self._run_length >= MAX_IDENTICAL_PIECES and self._run_length * len(piece) > MAX_IDENTICAL_CHARACTERS:
            return True
        return self._max_characters is not None and self._character_count > self._max_characters
