import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.gateway.core.catalog import Capability
from pointsman.gateway.core.request_shape import MAX_DIGEST_CHARACTERS, prompt_hash_input, shape_of

SYSTEM = {"role": "system", "content": "Be brief."}
ASK = {"role": "user", "content": "What is the weather in Ulm?"}
CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function", "function": {"name": "weather"}}]}
RESULT = {"role": "tool", "tool_call_id": "1", "content": "rain"}
ANSWER = {"role": "assistant", "content": "It rains."}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 10_000}}


def chat(*messages: object, **fields: object) -> dict[str, object]:
    return {"model": "auto", "messages": list(messages), **fields}


@pytest.mark.parametrize(
    ("messages", "turn"),
    [
        pytest.param([ASK], "What is the weather in Ulm?", id="alone"),
        pytest.param([SYSTEM, ASK, CALL, RESULT], "What is the weather in Ulm?", id="tool_results_are_no_human_turn"),
        pytest.param([ASK, ANSWER, {"role": "user", "content": "And in Rome?"}], "And in Rome?", id="the_last_one"),
        pytest.param([ASK, ANSWER], "What is the weather in Ulm?", id="before_an_answer"),
        pytest.param([{"role": "user", "content": [{"type": "text", "text": "Look"}, PICTURE]}], "Look", id="text_of_parts"),
        pytest.param([ASK, {"role": "user", "content": [PICTURE]}], "What is the weather in Ulm?", id="a_picture_has_no_words"),
        pytest.param([SYSTEM], "", id="no_human"),
        pytest.param([], "", id="nothing"),
    ],
)
def test_the_last_human_turn(messages: list[object], turn: str) -> None:
    assert shape_of(chat(*messages)).last_human_turn == turn


def test_the_digest_is_what_came_before_without_tools_and_instructions() -> None:
    shape = shape_of(chat(SYSTEM, ASK, CALL, RESULT, ANSWER, {"role": "user", "content": "And in Rome?"}))
    assert shape.context_digest == "user: What is the weather in Ulm?\nassistant: It rains."


@given(st.lists(st.text(max_size=600), max_size=30))
def test_the_digest_keeps_its_limit(texts: list[str]) -> None:
    messages = [{"role": "user", "content": text} for text in texts]
    assert len(shape_of(chat(*messages)).context_digest) <= MAX_DIGEST_CHARACTERS


def test_the_digest_keeps_the_latest() -> None:
    messages = [{"role": "user", "content": f"{number} " + "x" * 500} for number in range(20)]
    digest = shape_of(chat(*messages)).context_digest
    assert "user: 18 " in digest
    assert "user: 0 " not in digest


@pytest.mark.parametrize(
    ("fields", "capabilities"),
    [
        pytest.param({}, {Capability.CHAT}, id="chat"),
        pytest.param({"tools": [{"type": "function"}]}, {Capability.CHAT, Capability.TOOLS}, id="tools"),
        pytest.param({"functions": [{"name": "f"}]}, {Capability.CHAT, Capability.TOOLS}, id="functions"),
        pytest.param({"tools": []}, {Capability.CHAT}, id="no_tools"),
        pytest.param({"response_format": {"type": "json_schema"}}, {Capability.CHAT, Capability.JSON_SCHEMA}, id="schema"),
        pytest.param({"response_format": {"type": "json_object"}}, {Capability.CHAT}, id="json_object_is_no_schema"),
        pytest.param({"response_format": "json_schema"}, {Capability.CHAT}, id="wrong_type"),
    ],
)
def test_what_a_request_needs(fields: dict[str, object], capabilities: set[Capability]) -> None:
    assert shape_of(chat(ASK, **fields)).required_capabilities == capabilities


def test_pictures_need_sight_and_are_no_text() -> None:
    shape = shape_of(chat({"role": "user", "content": [{"type": "text", "text": "Look"}, PICTURE, PICTURE]}))
    assert Capability.VISION in shape.required_capabilities
    assert (shape.image_count, shape.input_byte_count, shape.message_count) == (2, 4, 1)


def test_bytes_are_those_of_utf_8_tools_included() -> None:
    assert shape_of(chat({"role": "user", "content": "Grüße"})).input_byte_count == 7
    tools = [{"type": "function"}]
    assert shape_of(chat({"role": "user", "content": "Grüße"}, tools=tools)).input_byte_count == 7 + len('[{"type":"function"}]')


@pytest.mark.parametrize(
    ("messages", "in_tool_loop"),
    [([ASK], False), ([ASK, CALL, RESULT], True), ([ASK, CALL, RESULT, ANSWER], False), ([], False)],
    ids=["ask", "result", "answer", "nothing"],
)
def test_a_tool_loop_ends_with_a_result(messages: list[object], in_tool_loop: bool) -> None:  # noqa: FBT001  # a table's column
    assert shape_of(chat(*messages)).in_tool_loop is in_tool_loop


@pytest.mark.parametrize("messages", [None, "text", {}, [None, 1, "x", []], [{"role": 1, "content": 2}], [{"content": [1, {"text": 2}]}]])
def test_what_is_no_conversation_counts_as_absent(messages: object) -> None:
    shape = shape_of({"messages": messages})
    assert (shape.last_human_turn, shape.input_byte_count, shape.image_count) == ("", 0, 0)


def test_equal_prompts_hash_alike_whatever_the_order_of_keys_and_the_sampling() -> None:
    one = chat({"role": "user", "content": "Hi"}, temperature=0.1, tools=None)
    other = {"messages": [{"content": "Hi", "role": "user"}], "model": "gpt", "max_tokens": 5}
    assert prompt_hash_input(one) == prompt_hash_input(other)
    assert prompt_hash_input(one) != prompt_hash_input(chat({"role": "user", "content": "Ho"}))
    assert prompt_hash_input(one) != prompt_hash_input(chat({"role": "user", "content": "Hi"}, tools=[{"type": "function"}]))
