"""The turn to judge, and what of it the encoder sees."""

from dataclasses import dataclass

from pointsman.rules.text_window import text_window

# A turn as short as "now in Rust" says little by itself; only such ones are read together with what came
# before, because a longer digest beside a full prompt would cost more time than it tells.
SHORT_TURN_CHARACTERS = 80
DIGEST_CHARACTERS = 240


@dataclass(frozen=True, slots=True)
class Turn:
    """The last human turn of a conversation."""

    text: str
    context_digest: str = ""  # of what came before; empty: nothing did
    cache_scope: str = ""  # only turns of one scope share judgements

    @property
    def digest_to_read(self) -> str:
        """The start of the digest, where the text is short; else nothing of it."""
        return "" if len(self.text) >= SHORT_TURN_CHARACTERS else self.context_digest[:DIGEST_CHARACTERS]

    @property
    def text_to_embed(self) -> str:
        """The text's window; after a short text the start of the digest."""
        digest = self.digest_to_read
        return f"{self.text}\n{digest}" if digest else text_window(self.text)
