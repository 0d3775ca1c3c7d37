import pytest

from pointsman.__main__ import LEARNING, SERVICES, build_parser


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


def test_route_takes_a_prompt_and_a_policy() -> None:
    arguments = build_parser().parse_args(["route", "Hello", "--policy", "cheap"])
    assert (arguments.prompt, arguments.policy, arguments.generate) == ("Hello", "cheap", False)
