import pytest

from pointsman.__main__ import EVALUATED_STRATEGIES, LEARNING, SERVICES, build_parser
from pointsman.learning.measuring.evaluation import EVALUATED


@pytest.mark.parametrize("command", ["up", *SERVICES])
def test_every_service_has_a_command(command: str) -> None:
    arguments = build_parser().parse_args([command, "--json"])
    assert (arguments.command, arguments.json) == (command, True)


@pytest.mark.parametrize("command", LEARNING)
def test_learning_needs_a_folder_of_data(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert build_parser().parse_args([command, "--data", "prompts"]).data == "prompts"
    with pytest.raises(SystemExit) as refusal:
        build_parser().parse_args([command])
    assert refusal.value.code == 2
    assert "--data" in capsys.readouterr().err


def test_eval_takes_one_strategy_a_pair_and_a_folder_for_plots() -> None:
    arguments = build_parser().parse_args(
        ["eval", "--data", "prompts", "--strategy", "features", "--pair", "big,small", "--plots", "plots"]
    )
    assert (arguments.strategy, arguments.pair, arguments.plots) == ("features", "big,small", "plots")


def test_strategies_of_the_command_line_are_those_that_are_measured() -> None:
    assert tuple(strategy.value for strategy in EVALUATED) == EVALUATED_STRATEGIES
    with pytest.raises(SystemExit):
        build_parser().parse_args(["eval", "--data", "prompts", "--strategy", "llm"])


def test_route_takes_a_prompt_and_a_policy() -> None:
    arguments = build_parser().parse_args(["route", "Hello", "--policy", "cheap"])
    assert (arguments.prompt, arguments.policy, arguments.generate) == ("Hello", "cheap", False)


@pytest.mark.parametrize("more", [(), ("--strong-share", "0.3", "--quality", "0.8"), ("--strong-share", "30"), ("--quality", "most")])
def test_calibrate_needs_one_goal_that_is_a_share(more: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as refusal:
        build_parser().parse_args(["calibrate", "--data", "prompts", "--strong", "big", "--weak", "small", *more])
    assert refusal.value.code == 2
