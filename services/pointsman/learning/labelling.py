"""Has a model label prompts, several at a time: what is asked, what it will cost, and what came of it."""

import math
import queue
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.gateway.core.estimates import BYTES_PER_TOKEN
from pointsman.gateway.core.judgement import BUILT_IN_CATEGORIES
from pointsman.gateway.core.llm_judgement import MAX_ANSWER_TOKEN_COUNT, LlmAnswer, answer_format, judge_messages, parse_answer
from pointsman.learning.data.label_files import UnlabelledPrompt
from pointsman.rules.text_window import text_window

TOKENS_PER_MTOK = 1_000_000
# A model that reasons bills its thoughts as output, and answers nothing where they take all that it is allowed.
MAX_REASONING_TOKEN_COUNT = 2_000
# So many failures in a row are no chance: the rest would fail too, and may cost.
MAX_FAILURES_IN_A_ROW = 10


@dataclass(frozen=True, slots=True)
class Judge:
    """The model that labels. Prices are USD per million tokens; None: not known."""

    id: str
    input_usd_per_mtok: float | None
    output_usd_per_mtok: float | None
    takes_schema: bool
    reasons: bool

    @property
    def max_output_token_count(self) -> int:
        """Most that one answer may take."""
        return MAX_REASONING_TOKEN_COUNT if self.reasons else MAX_ANSWER_TOKEN_COUNT


@dataclass(frozen=True, slots=True)
class Labelled:
    """What came of one prompt. answer: None where there is none, and then why. cost_usd: None where it is not known."""

    prompt: UnlabelledPrompt
    answer: LlmAnswer | None
    failure: str | None = None
    cost_usd: float | None = 0.0


Ask = Callable[[UnlabelledPrompt], Labelled]


def question(prompt: UnlabelledPrompt, judge: Judge, categories: Collection[str] = BUILT_IN_CATEGORIES) -> dict[str, Any]:
    """A body for `/v1/chat/completions`: what strategy `llm` asks of a prompt, of its ends as far as classifiers read."""
    body: dict[str, Any] = {
        "model": judge.id,
        "messages": judge_messages(text_window(prompt.text.strip()), None, categories),
        "max_tokens": judge.max_output_token_count,
        "pointsman": {"strategy": "rules"},  # what kind of work this question is matters to nobody
    }
    if not judge.reasons:  # models that do take no temperature but their own
        body["temperature"] = 0
    if judge.takes_schema:
        body["response_format"] = answer_format(categories)
    return body


def most_cost_usd(prompts: Sequence[UnlabelledPrompt], judge: Judge) -> float | None:
    """About what labelling them costs where every answer is as long as it may be; None where the price is not known."""
    if judge.input_usd_per_mtok is None or judge.output_usd_per_mtok is None:
        return None
    texts = (message["content"] for prompt in prompts for message in question(prompt, judge)["messages"])
    input_count = sum(math.ceil(len(text.encode("utf-8", "replace")) / BYTES_PER_TOKEN) for text in texts)
    output_count = judge.max_output_token_count * len(prompts)
    return (input_count * judge.input_usd_per_mtok + output_count * judge.output_usd_per_mtok) / TOKENS_PER_MTOK


def labelled_of(prompt: UnlabelledPrompt, answer: dict[str, Any], categories: Collection[str] = BUILT_IN_CATEGORIES) -> Labelled:
    """The label in a chat completion, read as strictly as strategy `llm` reads it."""
    usage, choices = answer.get("usage"), answer.get("choices")
    cost = usage.get("cost") if isinstance(usage, dict) else None
    message = choices[0].get("message") if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None
    parsed = parse_answer(message.get("content") if isinstance(message, dict) else None, categories)
    cost_usd = float(cost) if isinstance(cost, int | float) else None
    return Labelled(prompt, parsed, None if parsed else "the answer is not what was asked for", cost_usd)


class Labelling:
    """Asks about prompts in threads of its own. Leaves no more than `concurrency` calls open, also where it is stopped."""

    def __init__(self, prompts: Sequence[UnlabelledPrompt], ask: Ask, *, concurrency: int) -> None:
        """ask: called in several threads at once; what it raises ends the labelling."""
        self._waiting = deque(prompts)
        self._ask = ask
        self._results: queue.SimpleQueue[Labelled | BaseException | None] = queue.SimpleQueue()
        # Daemons, so that a person who has no patience left can end the process while a model is still speaking.
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(min(concurrency, len(prompts)))]

    def stop(self) -> None:
        """Begin nothing new; what is under way still comes."""
        self._waiting.clear()

    def results(self) -> Iterator[Labelled]:
        """What comes, as it comes. May be called again where its caller was interrupted. Raises what `ask` raises."""
        for thread in self._threads:
            if thread.ident is None:
                thread.start()
        while self._threads:
            result = self._results.get()
            if result is None:
                self._threads.pop()
            elif isinstance(result, BaseException):
                self.stop()
                raise result
            else:
                yield result

    def _work(self) -> None:
        try:
            while True:
                try:
                    prompt = self._waiting.popleft()
                except IndexError:
                    return
                self._results.put(self._ask(prompt))
        except Exception as error:  # noqa: BLE001  # the top of a thread: it is raised where results are read
            self._results.put(error)
        finally:
            self._results.put(None)
