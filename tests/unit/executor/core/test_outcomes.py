"""Averages in which the past fades."""

import pytest

from pointsman.executor.core.outcomes import FadingMean, Outcomes


def test_nothing_is_known_before_the_first_call() -> None:
    outcomes = Outcomes()
    assert (outcomes.availability, outcomes.time_to_first_token_s, outcomes.output_tokens_per_s) == (None, None, None)


def test_calls_at_one_moment_weigh_the_same() -> None:
    outcomes = Outcomes()
    for succeeded in (True, True, True, False):
        outcomes.add_call(10.0, succeeded=succeeded)
    assert outcomes.availability == pytest.approx(0.75)


def test_a_sample_of_five_minutes_ago_weighs_a_third() -> None:
    mean = FadingMean()
    mean.add(0.0, 0.0)
    mean.add(1.0, 300.0)
    assert mean.value == pytest.approx(1 / (1 + 0.36788), rel=1e-3)


def test_speed_is_counted_after_the_first_token() -> None:
    outcomes = Outcomes()
    outcomes.add_speed(10.0, time_to_first_token_s=0.5, duration_s=2.5, output_token_count=101)
    outcomes.add_speed(10.0, time_to_first_token_s=0.7, duration_s=0.7, output_token_count=1)
    assert outcomes.time_to_first_token_s == pytest.approx(0.6)
    assert outcomes.output_tokens_per_s == pytest.approx(50.0)
