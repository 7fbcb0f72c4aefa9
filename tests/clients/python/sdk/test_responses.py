"""Responses, whole."""

import json

import pytest
from openai import NotFoundError
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage
from shared import (
    MODEL,
    PIXEL,
    RESPONSE_TOOLS,
    WEATHER_QUESTION,
    WEATHER_REPORT,
    Report,
    check_weather_arguments,
)

# Every key of a response is there, null where there is nothing to say.
KEYS = {
    "id", "object", "created_at", "completed_at", "status", "incomplete_details", "model",
    "previous_response_id", "instructions", "output", "error", "tools", "tool_choice",
    "truncation", "parallel_tool_calls", "text", "top_p", "presence_penalty",
    "frequency_penalty", "top_logprobs", "temperature", "reasoning", "usage",
    "max_output_tokens", "max_tool_calls", "store", "background", "service_tier", "metadata",
    "safety_identifier", "prompt_cache_key",
}  # fmt: skip


def ask(client, text, **options):
    return client.responses.create(model=MODEL, input=text, **options)


def only_call(response):
    """The function call that is all of `response`."""
    assert response.status == "completed"
    [call] = response.output
    assert isinstance(call, ResponseFunctionToolCall)
    assert call.id.startswith("fc_")
    assert call.call_id.startswith("call_")
    assert call.status == "completed"
    return call


def test_a_whole_answer(client):
    response = ask(client, "What is 17 + 25?", metadata={"team": "blue"})
    assert response.id.startswith("resp_")
    assert (response.object, response.status, response.model) == ("response", "completed", MODEL)
    assert (response.error, response.incomplete_details) == (None, None)
    assert response.metadata == {"team": "blue"}
    [message] = response.output
    assert isinstance(message, ResponseOutputMessage)
    assert message.id.startswith("msg_")
    assert (message.role, message.status) == ("assistant", "completed")
    [part] = message.content
    assert (part.type, part.annotations, part.logprobs) == ("output_text", [], [])
    assert response.output_text == part.text
    assert "42" in response.output_text
    usage = response.usage
    assert usage.input_tokens > 0
    assert usage.output_tokens > 0
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens
    assert usage.input_tokens_details.cached_tokens == 0
    assert usage.output_tokens_details.reasoning_tokens == 0


def test_every_key_is_there(client):
    raw = client.responses.with_raw_response.create(model=MODEL, input="hello")
    body = json.loads(raw.text)
    assert KEYS <= body.keys()


def test_what_was_asked_is_echoed(client):
    response = ask(
        client,
        "hello",
        instructions="Be brief.",
        temperature=0.5,
        max_output_tokens=64,
        tools=RESPONSE_TOOLS,
        tool_choice="none",
        parallel_tool_calls=False,
        truncation="auto",
    )
    assert response.instructions == "Be brief."
    assert (response.temperature, response.max_output_tokens) == (0.5, 64)
    assert (response.tool_choice, response.truncation) == ("none", "auto")
    assert response.parallel_tool_calls is False
    assert [tool.to_dict() for tool in response.tools] == RESPONSE_TOOLS


def test_a_token_limit_makes_it_incomplete(client):
    response = ask(client, "alpha bravo charlie delta " * 30, max_output_tokens=16)
    assert response.status == "incomplete"
    assert response.incomplete_details.reason == "max_output_tokens"
    assert response.output[-1].status == "incomplete"
    assert response.usage.output_tokens <= 16


def test_an_image_is_accepted(client):
    content = [
        {"type": "input_text", "text": "Look at this."},
        {"type": "input_image", "image_url": PIXEL, "detail": "auto"},
    ]
    response = client.responses.create(model=MODEL, input=[{"role": "user", "content": content}])
    assert response.status == "completed"
    assert response.output_text


@pytest.mark.parametrize(
    "choice",
    [
        "auto",
        "required",
        {"type": "function", "name": "get_weather"},
        {
            "type": "allowed_tools",
            "mode": "required",
            "tools": [{"type": "function", "name": "get_weather"}],
        },
    ],
    ids=["auto", "required", "named", "allowed"],
)
def test_a_relevant_tool_is_called(client, choice):
    call = only_call(ask(client, WEATHER_QUESTION, tools=RESPONSE_TOOLS, tool_choice=choice))
    assert call.name == "get_weather"
    check_weather_arguments(call.arguments)


def test_a_tool_that_is_not_allowed_is_not_called(client):
    choice = {
        "type": "allowed_tools",
        "mode": "required",
        "tools": [{"type": "function", "name": "get_time"}],
    }
    call = only_call(ask(client, WEATHER_QUESTION, tools=RESPONSE_TOOLS, tool_choice=choice))
    assert call.name == "get_time"


def test_words_are_the_answer_when_no_tool_may_be_called(client):
    response = ask(client, WEATHER_QUESTION, tools=RESPONSE_TOOLS, tool_choice="none")
    assert [item.type for item in response.output] == ["message"]
    assert response.output_text


@pytest.mark.parametrize("by", ["id", "items"])
def test_a_tool_loop_comes_to_its_end(client, by):
    first = ask(client, WEATHER_QUESTION, tools=RESPONSE_TOOLS)
    call = only_call(first)
    output = {"type": "function_call_output", "call_id": call.call_id, "output": WEATHER_REPORT}
    if by == "id":
        request = {"input": [output], "previous_response_id": first.id}
    else:
        question = {"role": "user", "content": WEATHER_QUESTION}
        request = {"input": [question, call.to_dict(), output]}
    last = client.responses.create(model=MODEL, tools=RESPONSE_TOOLS, **request)
    assert [item.type for item in last.output] == ["message"]
    assert "18" in last.output_text


def test_an_answer_is_parsed_into_a_type(client):
    response = client.responses.parse(model=MODEL, input="Review line 3.", text_format=Report)
    assert isinstance(response.output_parsed, Report)
    assert response.output_parsed == Report.model_validate_json(response.output_text)
    assert response.text.format.type == "json_schema"
    assert response.text.format.name == "Report"


def test_a_fact_told_before_is_recalled(client):
    first = ask(client, "My name is Ada")
    second = ask(client, "I live in Turin", previous_response_id=first.id)
    third = ask(client, "What is my name?", previous_response_id=second.id)
    assert third.previous_response_id == second.id
    assert "Ada" in third.output_text
    assert third.usage.input_tokens > first.usage.input_tokens


def test_a_stored_response_is_retrieved_as_it_was(client):
    response = ask(client, "hello")
    again = client.responses.retrieve(response.id)
    assert again.to_dict() == response.to_dict()


def test_the_input_is_listed_newest_first_or_as_asked(client):
    messages = [
        {"role": "user", "content": "first"},
        {"role": "user", "content": [{"type": "input_text", "text": "second"}]},
    ]
    response = client.responses.create(model=MODEL, input=messages)

    def texts(**options):
        page = client.responses.input_items.list(response.id, **options)
        assert page.object == "list"
        assert page.first_id == page.data[0].id
        assert page.last_id == page.data[-1].id
        return [item.content[0].text for item in page.data]

    assert texts() == ["second", "first"]
    assert texts(order="asc") == ["first", "second"]
    assert texts(order="asc", limit=1) == ["first"]
    paged = client.responses.input_items.list(response.id, order="asc", limit=1)
    assert [item.content[0].text for item in paged] == ["first", "second"]


def test_a_deleted_response_is_gone(client):
    response = ask(client, "hello")
    client.responses.delete(response.id)
    for call in (client.responses.retrieve, client.responses.delete):
        with pytest.raises(NotFoundError) as caught:
            call(response.id)
        assert caught.value.code == "not_found"
    with pytest.raises(NotFoundError):
        client.responses.input_items.list(response.id)


def test_a_response_that_is_not_stored_is_not_there(client):
    response = ask(client, "hello", store=False)
    assert response.store is False
    with pytest.raises(NotFoundError):
        client.responses.retrieve(response.id)


def test_tokens_are_counted_as_a_run_would(client):
    request = {"model": MODEL, "input": "How many tokens?", "instructions": "Be brief."}
    count = client.responses.input_tokens.count(**request)
    assert count.object == "response.input_tokens"
    assert count.input_tokens == client.responses.create(**request).usage.input_tokens


@pytest.mark.anyio
async def test_the_asynchronous_client_does_all_of_it(async_client):
    first = await async_client.responses.create(model=MODEL, input="My name is Ada")
    second = await async_client.responses.create(
        model=MODEL, input="What is my name?", previous_response_id=first.id
    )
    assert "Ada" in second.output_text
    called = await async_client.responses.create(
        model=MODEL, input=WEATHER_QUESTION, tools=RESPONSE_TOOLS, tool_choice="required"
    )
    check_weather_arguments(only_call(called).arguments)
    parsed = await async_client.responses.parse(
        model=MODEL, input="Review line 3.", text_format=Report
    )
    assert isinstance(parsed.output_parsed, Report)
    assert (await async_client.responses.retrieve(first.id)).to_dict() == first.to_dict()
    items = [item async for item in async_client.responses.input_items.list(first.id)]
    assert [item.content[0].text for item in items] == ["My name is Ada"]
    count = await async_client.responses.input_tokens.count(model=MODEL, input="My name is Ada")
    assert count.input_tokens == first.usage.input_tokens
    await async_client.responses.delete(first.id)
    with pytest.raises(NotFoundError):
        await async_client.responses.retrieve(first.id)
