"""How a model has been doing: averages in which the past fades."""

import math

TIME_CONSTANT_S = 300.0  # success over the last 5 minutes


class FadingMean:
    """Mean of samples, each weighing exp(-age / TIME_CONSTANT_S)."""

    def __init__(self) -> None:
        """Begin without samples."""
        self._sum = 0.0
        self._weight = 0.0
        self._last_s = 0.0

    def add(self, sample: float, now_s: float) -> None:
        """Take a sample."""
        fade = math.exp(min(0.0, self._last_s - now_s) / TIME_CONSTANT_S) if self._weight else 0.0
        self._sum = self._sum * fade + sample
        self._weight = self._weight * fade + 1.0
        self._last_s = now_s

    @property
    def value(self) -> float | None:
        """The mean; None without samples. Time alone does not change it."""
        return self._sum / self._weight if self._weight else None


class Outcomes:
    """What ranking wants to know of a model."""

    def __init__(self) -> None:
        """Begin without calls."""
        self._availability = FadingMean()
        self._time_to_first_token_s = FadingMean()
        self._output_tokens_per_s = FadingMean()

    def add_call(self, now_s: float, *, succeeded: bool) -> None:
        """Note how a call ended."""
        self._availability.add(1.0 if succeeded else 0.0, now_s)

    def add_speed(self, now_s: float, *, time_to_first_token_s: float, duration_s: float, output_token_count: int) -> None:
        """Note how fast a streamed answer came. duration_s: from the start of the call to its end."""
        self._time_to_first_token_s.add(time_to_first_token_s, now_s)
        rest_s = duration_s - time_to_first_token_s
        if output_token_count > 1 and rest_s > 0:
            self._output_tokens_per_s.add((output_token_count - 1) / rest_s, now_s)

    @property
    def availability(self) -> float | None:
        """Share of calls that succeeded, 0 to 1."""
        return self._availability.value

    @property
    def time_to_first_token_s(self) -> float | None:
        """Seconds from the request to the first content."""
        return self._time_to_first_token_s.value

    @property
    def output_tokens_per_s(self) -> float | None:
        """Tokens a second after the first."""
        return self._output_tokens_per_s.value
