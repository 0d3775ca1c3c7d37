"""What a judge is asked, what it will cost, and what came of it."""

import json
import threading
from typing import Any

import pytest

from pointsman.gateway.core.judgement import Difficulty
from pointsman.gateway.core.llm_judgement import LlmAnswer
from pointsman.learning.data.label_files import UnlabelledPrompt
from pointsman.learning.labelling import Judge, Labelled, Labelling, labelled_of, most_cost_usd, question

JUDGE = Judge("strong", 2.0, 8.0, takes_schema=True, reasons=False)
PROMPT = UnlabelledPrompt("p1", "What is 1 + 1?")
VERDICT = {"category": "math", "difficulty": "easy", "complexity": 0.1, "creativity": 0.0}
PROMPTS = tuple(UnlabelledPrompt(str(number), "x") for number in range(20))


def completion(content: Any, **more: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"content": content}}], "usage": {"cost": 0.002}, **more}


def test_the_question_is_that_of_the_strategy() -> None:
    body = question(PROMPT, JUDGE)
    assert json.loads(body["messages"][1]["content"]) == {"prompt": PROMPT.text}
    assert (body["model"], body["max_tokens"], body["temperature"]) == ("strong", 64, 0)
    assert body["response_format"]["type"] == "json_schema"


def test_a_judge_that_reasons_gets_room_for_it_and_no_temperature() -> None:
    body = question(PROMPT, Judge("thinker", 1.0, 5.0, takes_schema=False, reasons=True))
    assert (body["max_tokens"], "temperature" in body, "response_format" in body) == (2_000, False, False)


def test_a_long_prompt_is_judged_by_its_ends() -> None:
    body = question(UnlabelledPrompt("p", "a" * 100_000 + "z"), JUDGE)
    assert len(json.loads(body["messages"][1]["content"])["prompt"]) == 4_001


def test_the_cost_is_estimated_from_all_that_is_sent() -> None:
    byte_count = [len(message["content"]) for message in question(PROMPT, JUDGE)["messages"]]
    tokens = sum(-(-count // 4) for count in byte_count)
    assert most_cost_usd([PROMPT, PROMPT], JUDGE) == pytest.approx(2 * (tokens * 2.0 + 64 * 8.0) / 1e6)
    assert most_cost_usd([PROMPT], Judge("free", 0.0, 0.0, takes_schema=False, reasons=False)) == 0.0
    assert most_cost_usd([PROMPT], Judge("odd", None, None, takes_schema=False, reasons=False)) is None


def test_an_answer_is_a_label_with_its_cost() -> None:
    labelled = labelled_of(PROMPT, completion(json.dumps(VERDICT)))
    assert labelled == Labelled(PROMPT, LlmAnswer("math", Difficulty.EASY, 0.1, 0.0), None, 0.002)


@pytest.mark.parametrize(
    "answer",
    [
        completion("no idea"),
        completion(None),
        {"choices": []},
        {"choices": [None]},
        {},
        completion(json.dumps({**VERDICT, "category": "x"})),
    ],
    ids=["prose", "nothing", "no choices", "null choice", "empty", "unknown category"],
)
def test_what_is_no_judgement_is_a_failure(answer: dict[str, Any]) -> None:
    labelled = labelled_of(PROMPT, answer)
    assert (labelled.answer, labelled.failure) == (None, "the answer is not what was asked for")


def test_all_prompts_are_asked_about_and_no_more_than_so_many_at_a_time() -> None:
    running, most, lock = 0, 0, threading.Lock()

    def ask(prompt: UnlabelledPrompt) -> Labelled:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        with lock:
            running -= 1
        return Labelled(prompt, None)

    results = list(Labelling(PROMPTS, ask, concurrency=3).results())
    assert {result.prompt.id for result in results} == {prompt.id for prompt in PROMPTS}
    assert most <= 3


def test_where_it_is_stopped_what_is_under_way_still_comes() -> None:
    gate = threading.Event()

    def ask(prompt: UnlabelledPrompt) -> Labelled:
        gate.wait()
        return Labelled(prompt, None)

    labelling = Labelling(PROMPTS, ask, concurrency=2)
    results = labelling.results()
    starting = threading.Thread(target=lambda: list(results))
    starting.start()
    labelling.stop()
    gate.set()
    starting.join(5)
    assert not starting.is_alive()
    assert list(labelling.results()) == []


def test_what_asking_raises_ends_it() -> None:
    def ask(prompt: UnlabelledPrompt) -> Labelled:
        raise OSError("gone")

    labelling = Labelling(PROMPTS, ask, concurrency=1)
    with pytest.raises(OSError, match="gone"):
        list(labelling.results())
    assert list(labelling.results()) == []
