"""A model that really runs, behind the server: llama.cpp's, in each of its three dialects.

The model counts to ten, and goes on without an end when it is asked to go on (see `server.py`). The
names of the models here are the dialects that the server speaks with llama.cpp.
"""

import json

import pytest
from openai import BadRequestError, InternalServerError
from shared import CHAT_TOOLS, user

ANSWER = "one two three four five six seven eight nine ten"
# The words and the end.
TOKENS = 11

DIALECTS = ["chat", "responses", "messages"]
# Where llama.cpp says that an answer was cut short: its Responses are always `completed`.
THAT_TELL_LENGTH = ["chat", "messages"]

# A schema with a single value, so that any model writes it.
FORMAT = {
    "type": "json_schema",
    "json_schema": {
        "name": "paint",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"colour": {"type": "string", "enum": ["red"]}},
            "required": ["colour"],
            "additionalProperties": False,
        },
    },
}

every_dialect = pytest.mark.parametrize("model", DIALECTS)


def chat(client, model, text, **options):
    return client.chat.completions.create(model=model, messages=user(text), **options)


def respond(client, model, text, **options):
    return client.responses.create(model=model, input=text, **options)


@every_dialect
def test_a_chat_completion_is_the_whole_answer(client, model):
    completion = chat(client, model, "Count.")
    assert completion.model == model
    [choice] = completion.choices
    assert (choice.message.content, choice.finish_reason) == (ANSWER, "stop")
    usage = completion.usage
    assert usage.completion_tokens == TOKENS
    assert usage.total_tokens == usage.prompt_tokens + TOKENS


@every_dialect
def test_a_streamed_chat_completion_is_the_same(client, model):
    chunks = list(chat(client, model, "Count.", stream=True, stream_options={"include_usage": True}))
    choices = [choice for chunk in chunks for choice in chunk.choices]
    pieces = [choice.delta.content for choice in choices if choice.delta.content]
    assert pieces == [word if word == "one" else f" {word}" for word in ANSWER.split()]
    assert [choice.finish_reason for choice in choices if choice.finish_reason] == ["stop"]
    whole = chat(client, model, "Count.").usage
    usage = chunks[-1].usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (whole.prompt_tokens, TOKENS)


@every_dialect
def test_a_response_is_the_whole_answer(client, model):
    response = respond(client, model, "Count.")
    assert (response.status, response.output_text) == ("completed", ANSWER)
    assert response.usage.output_tokens == TOKENS
    again = respond(client, model, "Count.", previous_response_id=response.id)
    assert again.output_text == ANSWER
    assert again.usage.input_tokens > response.usage.input_tokens + TOKENS


@every_dialect
def test_a_streamed_response_is_the_same(client, model):
    events = list(respond(client, model, "Count.", stream=True))
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == ANSWER
    assert len(deltas) == len(ANSWER.split())
    assert events[-1].type == "response.completed"
    assert events[-1].response.usage.output_tokens == TOKENS


@pytest.mark.parametrize("model", THAT_TELL_LENGTH)
def test_a_token_limit_cuts_the_answer_and_says_so(client, model):
    [choice] = chat(client, model, "Count.", max_completion_tokens=3).choices
    assert (choice.message.content, choice.finish_reason) == ("one two three", "length")
    response = respond(client, model, "Then go on.", max_output_tokens=16)
    assert response.status == "incomplete"
    assert response.incomplete_details.reason == "max_output_tokens"
    assert response.usage.output_tokens == 16
    *_, last = respond(client, model, "Then go on.", max_output_tokens=16, stream=True)
    assert last.type == "response.incomplete"


@pytest.mark.parametrize("model", ["chat", "messages"])
def test_a_stop_text_ends_the_answer_before_it(client, model):
    [choice] = chat(client, model, "Count.", stop=["five"]).choices
    assert (choice.message.content, choice.finish_reason) == ("one two three four ", "stop")


def test_a_stop_text_is_refused_where_the_dialect_has_no_place_for_it(client):
    with pytest.raises(BadRequestError) as caught:
        chat(client, "responses", "Count.", stop=["five"])
    assert (caught.value.code, caught.value.param) == ("unsupported_parameter", "stop")


def test_an_answer_has_the_format_that_was_asked_for(client):
    [choice] = chat(client, "chat", "Paint.", response_format=FORMAT).choices
    assert json.loads(choice.message.content) == {"colour": "red"}


@pytest.mark.parametrize("model", ["responses", "messages"])
def test_an_answer_without_the_format_that_was_asked_for_is_a_failure(client, model):
    # llama.cpp has no formats in these dialects, and answers in words.
    with pytest.raises(InternalServerError) as caught:
        chat(client, model, "Paint.", response_format=FORMAT)
    assert (caught.value.status_code, caught.value.code) == (502, "upstream_error")


@every_dialect
def test_an_answer_without_the_call_that_was_asked_for_is_a_failure(client, model):
    # The model's template knows no tools, so llama.cpp answers in words.
    with pytest.raises(InternalServerError) as caught:
        chat(client, model, "Count.", tools=CHAT_TOOLS, tool_choice="required")
    assert (caught.value.status_code, caught.value.code) == (502, "upstream_error")


@every_dialect
@pytest.mark.parametrize("call", [chat, respond])
@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_that_is_too_long_is_refused_as_such(client, model, call, stream):
    with pytest.raises(BadRequestError) as caught:
        call(client, model, "x" * 70_000, stream=stream)
    assert caught.value.code == "context_length_exceeded"
    assert "exceeds the available context size" in caught.value.message


@pytest.mark.parametrize("stream", [False, True])
def test_a_key_that_the_upstream_refuses_is_not_the_clients_fault(client, stream):
    with pytest.raises(InternalServerError) as caught:
        chat(client, "wrong_key", "Count.", stream=stream)
    assert (caught.value.status_code, caught.value.code) == (502, "upstream_error")
    assert "refused this server's key" in caught.value.message


@every_dialect
@pytest.mark.parametrize("call", [chat, respond])
def test_a_client_that_leaves_ends_the_answer(client, model, call):
    with call(client, model, "Go on: go on.", stream=True) as events:
        for _, _event in zip(range(20), events):
            pass
    # The upstream answers one request at a time, and that answer would take it half a minute.
    [choice] = chat(client.with_options(timeout=10), model, "Count.").choices
    assert choice.message.content == ANSWER


@pytest.mark.anyio
async def test_the_asynchronous_client_gets_the_same(async_client):
    for model in DIALECTS:
        completion = await async_client.chat.completions.create(model=model, messages=user("Count."))
        assert completion.choices[0].message.content == ANSWER
        events = await async_client.responses.create(model=model, input="Count.", stream=True)
        deltas = [e.delta async for e in events if e.type == "response.output_text.delta"]
        assert "".join(deltas) == ANSWER
