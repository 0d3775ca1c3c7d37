"""The command line: one command per service, `up` for all of them, and what people run by hand.

Exit status: 0 done, 1 failed, 2 wrong usage or settings. Each command's code is imported when it is
called: the gateway's image has no encoder, the classifier's no HTTP client.
"""

import argparse
import sys
from collections.abc import Sequence

from pointsman.kit.settings import SettingsError

SERVICES = {
    "gateway": "start the gateway alone",
    "classifier": "start the classifier alone",
    "registry": "start the registry alone",
    "executor": "start the executor alone",
    "ledger": "start the ledger alone",
    "dashboard": "start the dashboard alone",
}
EVALUATED_STRATEGIES = ("rules", "features", "similarity", "hybrid")
LEARNING = {
    "train": "train the classifier's artefact on labelled and graded prompts",
    "eval": "measure the classifier, and routing by it, on prompts that it was not trained on",
}


def build_parser() -> argparse.ArgumentParser:
    """All commands and their arguments."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print JSON, for programs")
    parser = argparse.ArgumentParser(prog="pointsman", description="Sorts every prompt onto the right large language model.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, text in {"up": "start everything in one process", **SERVICES}.items():
        commands.add_parser(name, parents=[common], help=text, description=text)
    text = "say which model would answer a prompt, and why"
    route = commands.add_parser("route", parents=[common], help=text, description=text)
    route.add_argument("prompt", help="the prompt; - reads it from standard input")
    route.add_argument("--policy", help="cheap, balanced, quality, one of the catalogue's, or a number from 0 to 1")
    route.add_argument("--generate", action="store_true", help="call the chosen model and print its answer")
    text = "tell whether a service takes work; without a name, all that `up` runs here"
    health = commands.add_parser("health", parents=[common], help=text, description=text)
    health.add_argument("service", nargs="?", choices=SERVICES, help="the one to ask, at the address of its settings")
    for name, text in LEARNING.items():
        command = commands.add_parser(name, parents=[common], help=text, description=f"{text[:1].upper()}{text[1:]}.")
        command.add_argument("--data", required=True, metavar="FOLDER", help="labelled and graded prompts")
        if name == "train":
            command.add_argument("--out", metavar="FILE", help="where to write; by default the classifier's own artefact")
        else:
            command.add_argument("--strategy", choices=EVALUATED_STRATEGIES, help="the only one to measure; by default all of these")
            command.add_argument("--pair", metavar="STRONG,WEAK", help="models to route between; by default the two of each source")
            command.add_argument("--plots", metavar="FOLDER", help="where to write plots, as SVG")
    add_calibrate(commands, common)
    add_label(commands, common)
    return parser


def add_calibrate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    """The command `calibrate`."""
    text = "propose a ROUTING_THRESHOLD from graded prompts"
    more = "The weak model stands for the local one. Nothing is set: the line to set is printed, with what to expect of it."
    calibrate = commands.add_parser("calibrate", parents=[common], help=text, description=f"{text[:1].upper()}{text[1:]}. {more}")
    calibrate.add_argument("--data", required=True, metavar="FOLDER", help="graded prompts")
    calibrate.add_argument("--strong", required=True, metavar="MODEL", help="the better model, as the data name it")
    calibrate.add_argument("--weak", required=True, metavar="MODEL", help="the cheaper model")
    goal = calibrate.add_mutually_exclusive_group(required=True)
    goal.add_argument("--strong-share", type=share, metavar="SHARE", help="wanted share of calls to the strong model, 0 to 1")
    goal.add_argument("--quality", type=share, metavar="SHARE", help="wanted share of the gap between the models' quality, 0 to 1")
    calibrate.add_argument("--cost-ratio", type=share, metavar="SHARE", help="cost of a weak call by that of a strong one; by default 0.05")


def add_label(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    """The command `label`."""
    text = "have a model label prompts, for `train --data`"
    more = (
        "The model is asked through the running gateway, and paid for. Started again it goes on where it stopped, and tries again what "
        "failed. Prompts come from a file: the ledger keeps the decisions of requests, but never their text."
    )
    label = commands.add_parser("label", parents=[common], help=text, description=f"{text[:1].upper()}{text[1:]}. {more}")
    label.add_argument("--in", dest="input", required=True, metavar="FILE", help='prompts, a JSON object a line: {"prompt": …, "id": …}')
    label.add_argument("--out", required=True, metavar="FILE", help="labels, to be added to; category_labels.jsonl in train's folder")
    label.add_argument("--model", help="model that labels; by default JUDGE_MODEL")
    label.add_argument("--limit", type=at_least_one, metavar="N", help="label N more prompts at most")
    label.add_argument("--yes", action="store_true", help="do not show the cost and ask first")


def at_least_one(text: str) -> int:
    """A count from the command line."""
    count = int(text)
    if count < 1:
        raise ValueError(text)
    return count


def share(text: str) -> float:
    """A share from the command line."""
    number = float(text)
    if not 0.0 <= number <= 1.0:
        raise ValueError(text)
    return number


def run(arguments: argparse.Namespace) -> int:
    """Run the command; its exit status."""
    match arguments.command:
        case "up":
            from pointsman.cli.service_commands import serve_all

            return serve_all(arguments)
        case "route":
            from pointsman.cli.route_command import route

            return route(arguments)
        case "health":
            from pointsman.cli.health_command import health

            return health(arguments)
        case "label":
            from pointsman.cli.label_command import label

            return label(arguments)
        case "calibrate":
            from pointsman.cli.calibrate_command import calibrate

            return calibrate(arguments)
        case "train" | "eval":
            from pointsman.learning.commands import run_learning

            return run_learning(arguments)
        case service:
            from pointsman.cli.service_commands import serve_one

            return serve_one(service)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line and run it; the exit status."""
    arguments = build_parser().parse_args(argv)
    try:
        return run(arguments)
    except SettingsError as error:
        print("\n".join(f"pointsman: {problem}" for problem in error.problems), file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
