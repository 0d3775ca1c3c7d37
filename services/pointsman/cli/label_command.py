"""`pointsman label`: a judge model labels prompts, for `pointsman train`; asked through the running gateway, and paid for."""

import argparse
import json
import math
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pointsman.cli.gateway_http import GatewayRefused, GatewayUnreachable, call_gateway, gateway_url
from pointsman.gateway.settings import GatewaySettings
from pointsman.learning.data.label_files import LabelFile, UnlabelledPrompt, left_to_label, open_labels, read_prompts
from pointsman.learning.data.labelled import InvalidData
from pointsman.learning.labelling import MAX_FAILURES_IN_A_ROW, Judge, Labelled, Labelling, labelled_of, most_cost_usd, question
from pointsman.settings import load_one

# Enough to hide a model's wait, and few enough for the lowest tiers of providers' rates.
CONCURRENCY = 4
SHOWN_IDS = 3
DONE, FAILED, MISUSED = 0, 1, 2


class NoJudge(Exception):
    """There is no model to ask; the message says what to do."""


@dataclass(slots=True)
class Outcome:
    """How far it came."""

    labelled_count: int = 0
    skipped_count: int = 0
    cost_usd: float = 0.0
    failures: dict[str, str] = field(default_factory=dict)  # why, by the prompt's id
    stopped_by: str | None = None

    def as_object(self) -> dict[str, Any]:
        """For programs."""
        return {
            "labelled": self.labelled_count,
            "skipped": self.skipped_count,
            "failed": len(self.failures),
            "failures": self.failures,
            "cost_usd": round(self.cost_usd, 9),
            "stopped_by": self.stopped_by,
        }


@dataclass(frozen=True, slots=True)
class Gateway:
    """The running gateway."""

    url: str
    key: str | None = field(repr=False)

    def find_judge(self, model_id: str) -> Judge:
        """The model with its prices. Raises NoJudge where it cannot be asked, and as call_gateway does."""
        models = call_gateway(self.url, "/v1/models", key=self.key)["models"]
        found = next((model for model in models if model["name"] == model_id), None)
        if found is None:
            raise NoJudge(f"{model_id} is no model of the catalogue")
        if not found["callable"]:
            raise NoJudge(f"{model_id} cannot be called: {found['not_callable_reason']}")
        cost, capabilities = found["cost"] or {}, found["capabilities"]
        return Judge(model_id, cost.get("input"), cost.get("output"), "json_schema" in capabilities, "reasoning" in capabilities)

    def label(self, prompt: UnlabelledPrompt, judge: Judge) -> Labelled:
        """What the judge says of one prompt. Raises GatewayUnreachable."""
        try:
            answer = call_gateway(self.url, "/v1/chat/completions", body=question(prompt, judge), key=self.key)
        except GatewayRefused as error:
            return Labelled(prompt, None, str(error))
        return labelled_of(prompt, answer)


def label(arguments: argparse.Namespace) -> int:
    """Label, and tell what came of it; the exit status."""
    settings = load_one(GatewaySettings)
    model_id = arguments.model or settings.judge_model
    if model_id is None:
        return complain("JUDGE_MODEL is not set: --model names the model that labels", MISUSED)
    if Path(arguments.input).resolve() == Path(arguments.out).resolve():
        return complain("--in and --out are the same file", MISUSED)
    key = settings.admin_key.get_secret_value() if settings.admin_key else None
    gateway = Gateway(gateway_url(settings.var_dir, port=settings.port), key)
    try:
        prompts = read_prompts(Path(arguments.input))
        with open_labels(Path(arguments.out)) as labels:
            return _label(arguments, gateway, model_id, prompts, labels)
    except (InvalidData, NoJudge, GatewayRefused, GatewayUnreachable, OSError) as error:
        return complain(str(error), FAILED)
    except KeyboardInterrupt:
        return complain("stopped by you", FAILED)


def _label(arguments: argparse.Namespace, gateway: Gateway, model_id: str, prompts: Sequence[UnlabelledPrompt], labels: LabelFile) -> int:
    left = left_to_label(prompts, labels, limit=arguments.limit)
    outcome = Outcome(skipped_count=sum(prompt.id in labels.ids for prompt in prompts))
    if left:
        judge = gateway.find_judge(model_id)
        if not arguments.yes and (refused := ask_person(left, judge)) is not None:
            return refused
        run(Labelling(left, lambda prompt: gateway.label(prompt, judge), concurrency=CONCURRENCY), judge, labels, outcome, total=len(left))
    print(json.dumps(outcome.as_object(), ensure_ascii=False) if arguments.json else summary(outcome, arguments.out))
    return FAILED if outcome.failures or outcome.stopped_by else DONE


def ask_person(prompts: Sequence[UnlabelledPrompt], judge: Judge) -> int | None:
    """Show what it will cost, and ask; the exit status where it is not to be."""
    print(f"{len(prompts)} prompts are to be labelled by {judge.id}: {cost_text(most_cost_usd(prompts, judge))}", file=sys.stderr)
    if not sys.stdin.isatty():
        return complain("nobody is there to ask; --yes labels without asking", MISUSED)
    print("Go on? [y/N] ", end="", file=sys.stderr, flush=True)
    return None if sys.stdin.readline().strip().lower() in ("y", "yes") else complain("nothing was asked of the model", FAILED)


def cost_text(cost_usd: float | None) -> str:
    """For people, before it is spent: cents or, of less than one, two digits that count."""
    if cost_usd is None:
        return "its price is not known"
    if cost_usd == 0:
        return "free"
    digit_count = max(2, 1 - math.floor(math.log10(cost_usd)))
    return f"at most about ${cost_usd:.{digit_count}f}"


def run(labelling: Labelling, judge: Judge, labels: LabelFile, outcome: Outcome, *, total: int) -> None:
    """Take what comes until all is there, or it is stopped: by a person, by failures in a row, by a gateway that is gone."""
    columns = (TextColumn("labelling"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.fields[failed]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=total, failed="")
        in_a_row = 0
        while True:
            try:
                for result in labelling.results():
                    in_a_row = 0 if take(result, judge, labels, outcome) else in_a_row + 1
                    progress.update(task, advance=1, failed=f"{len(outcome.failures)} failed" if outcome.failures else "")
                    if in_a_row == MAX_FAILURES_IN_A_ROW and outcome.stopped_by is None:
                        outcome.stopped_by = f"{in_a_row} failures in a row"
                        labelling.stop()
                return
            except KeyboardInterrupt:
                if outcome.stopped_by == "you":  # asked twice: what is under way is given up
                    return
                outcome.stopped_by = "you"
                labelling.stop()
            except GatewayUnreachable as error:
                outcome.stopped_by = str(error)


def take(result: Labelled, judge: Judge, labels: LabelFile, outcome: Outcome) -> bool:
    """Keep a label, or why there is none; True where there is one."""
    outcome.cost_usd += result.cost_usd or 0.0
    if result.answer is None:
        outcome.failures[result.prompt.id] = result.failure or ""
        return False
    labels.add(result.prompt, result.answer, judge=judge.id)
    outcome.labelled_count += 1
    return True


def summary(outcome: Outcome, out: str) -> str:
    """What came of it, for people."""
    lines = [f"{outcome.labelled_count} labelled into {out} for ${outcome.cost_usd:.6f}; {outcome.skipped_count} had a label before"]
    for reason, count in Counter(outcome.failures.values()).most_common():
        ids = [prompt_id for prompt_id, why in outcome.failures.items() if why == reason][:SHOWN_IDS]
        lines.append(f"{count} failed: {reason}: {', '.join(ids)}{', …' if count > len(ids) else ''}")
    if outcome.stopped_by is not None:
        lines.append(f"stopped by {outcome.stopped_by}")
    if outcome.failures or outcome.stopped_by:
        lines.append("run it again to go on: what has a label is left alone")
    return "\n".join(lines)


def complain(message: str, status: int) -> int:
    """Say it, and give the exit status."""
    print(f"pointsman: label: {message}", file=sys.stderr)
    return status
