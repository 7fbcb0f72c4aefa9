"""Chat completions, whole."""

import json

import pytest
from openai import BadRequestError, pydantic_function_tool
from pydantic import BaseModel
from shared import (
    CHAT_TOOLS,
    MODEL,
    PIXEL,
    SEED,
    WEATHER_QUESTION,
    WEATHER_REPORT,
    Report,
    check_is_text,
    check_weather_arguments,
    user,
)


def ask(client, text, **options):
    return client.chat.completions.create(model=MODEL, messages=user(text), **options)


def test_a_whole_answer(client):
    completion = ask(client, "What is 17 + 25?")
    assert completion.id.startswith("chatcmpl-")
    assert completion.object == "chat.completion"
    assert completion.model == MODEL
    assert completion.created > 1_700_000_000
    [choice] = completion.choices
    assert (choice.index, choice.finish_reason, choice.logprobs) == (0, "stop", None)
    check_is_text(choice.message)
    assert "42" in choice.message.content
    usage = completion.usage
    assert usage.prompt_tokens > 0
    assert usage.completion_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


@pytest.mark.needs("seed")
def test_the_same_seed_gives_the_same_answer(client):
    answers = {ask(client, "Tell me something", seed=7).choices[0].message.content for _ in range(3)}
    assert len(answers) == 1


def test_a_fact_told_before_is_recalled(client):
    messages = [
        {"role": "system", "content": "You are brief."},
        {"role": "user", "content": "My name is Ada."},
        {"role": "assistant", "content": "Noted."},
        {"role": "user", "content": "What is my name?"},
    ]
    completion = client.chat.completions.create(model=MODEL, messages=messages)
    assert "Ada" in completion.choices[0].message.content


def test_several_choices(client):
    completion = ask(client, "Name a colour", n=2)
    assert [choice.index for choice in completion.choices] == [0, 1]
    for choice in completion.choices:
        assert choice.finish_reason == "stop"
        check_is_text(choice.message)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        pytest.param("seed", 7, marks=pytest.mark.lacks("seed")),
        pytest.param("stop", ["charlie"], marks=pytest.mark.lacks("stop")),
    ],
)
def test_what_the_upstream_has_no_place_for_is_refused_by_its_name(client, option, value):
    with pytest.raises(BadRequestError) as caught:
        ask(client, "Tell me something", **{option: value})
    assert caught.value.param == option
    assert f"`{option}`" in caught.value.message


@pytest.mark.needs("stop")
def test_a_stop_text_ends_the_answer_before_it(client):
    text = "alpha bravo charlie delta"
    without = ask(client, text).choices[0]
    assert "charlie" in without.message.content
    stopped = ask(client, text, stop=["charlie"]).choices[0]
    assert stopped.finish_reason == "stop"
    assert stopped.message.content == without.message.content.split("charlie")[0]


def test_a_token_limit_ends_the_answer(client):
    completion = ask(client, "alpha bravo charlie delta " * 20, max_completion_tokens=5)
    assert completion.choices[0].finish_reason == "length"
    assert completion.usage.completion_tokens <= 5


def test_an_image_is_accepted(client):
    content = [
        {"type": "text", "text": "Look at this."},
        {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
    ]
    completion = client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": content}]
    )
    check_is_text(completion.choices[0].message)


@pytest.mark.parametrize(
    "choice",
    ["auto", "required", {"type": "function", "function": {"name": "get_weather"}}],
    ids=["auto", "required", "named"],
)
def test_a_relevant_tool_is_called(client, choice):
    completion = ask(client, WEATHER_QUESTION, tools=CHAT_TOOLS, tool_choice=choice)
    [answer] = completion.choices
    assert answer.finish_reason == "tool_calls"
    [call] = answer.message.tool_calls
    assert call.type == "function"
    assert call.id.startswith("call_")
    assert call.function.name == "get_weather"
    check_weather_arguments(call.function.arguments)


def test_a_named_tool_is_called_even_when_another_fits(client):
    choice = {"type": "function", "function": {"name": "get_time"}}
    completion = ask(client, WEATHER_QUESTION, tools=CHAT_TOOLS, tool_choice=choice)
    [call] = completion.choices[0].message.tool_calls
    assert call.function.name == "get_time"
    assert isinstance(json.loads(call.function.arguments)["zone"], str)


@pytest.mark.parametrize("choice", ["none", "auto"])
def test_words_are_the_answer_when_no_tool_may_or_need_be_called(client, choice):
    text = WEATHER_QUESTION if choice == "none" else "What is 6 * 7?"
    completion = ask(client, text, tools=CHAT_TOOLS, tool_choice=choice)
    assert completion.choices[0].finish_reason == "stop"
    check_is_text(completion.choices[0].message)


def test_a_tool_loop_comes_to_its_end(client):
    messages = user(WEATHER_QUESTION)
    called = ask(client, WEATHER_QUESTION, tools=CHAT_TOOLS).choices[0].message
    messages.append(called.to_dict())
    for call in called.tool_calls:
        messages.append({"role": "tool", "tool_call_id": call.id, "content": WEATHER_REPORT})
    completion = client.chat.completions.create(model=MODEL, messages=messages, tools=CHAT_TOOLS)
    assert completion.choices[0].finish_reason == "stop"
    check_is_text(completion.choices[0].message)
    assert "18" in completion.choices[0].message.content


def test_an_answer_is_parsed_into_a_type(client):
    completion = client.chat.completions.parse(
        model=MODEL, messages=user("Review line 3."), response_format=Report
    )
    message = completion.choices[0].message
    assert isinstance(message.parsed, Report)
    assert message.parsed == Report.model_validate_json(message.content)


def test_a_json_object_is_an_object(client):
    completion = ask(client, "Give me JSON.", response_format={"type": "json_object"})
    assert isinstance(json.loads(completion.choices[0].message.content), dict)


def test_tool_arguments_are_parsed_into_a_type(client):
    class Lookup(BaseModel):
        """Look up a word in the dictionary"""

        word: str
        exact: bool

    tools = [pydantic_function_tool(Lookup)]
    completion = client.chat.completions.parse(
        model=MODEL,
        messages=user("Look up the word lantern in the dictionary"),
        tools=tools,
        tool_choice="required",
    )
    [call] = completion.choices[0].message.tool_calls
    assert isinstance(call.function.parsed_arguments, Lookup)


@pytest.mark.anyio
async def test_the_asynchronous_client_gets_the_same_answer(async_client, client):
    options = {"model": MODEL, "messages": user("What is 17 + 25?"), **SEED}
    here = await async_client.chat.completions.create(**options)
    there = client.chat.completions.create(**options)
    assert here.choices == there.choices
    assert here.usage == there.usage


@pytest.mark.anyio
async def test_the_asynchronous_client_runs_tools_and_parses(async_client):
    called = await async_client.chat.completions.create(
        model=MODEL, messages=user(WEATHER_QUESTION), tools=CHAT_TOOLS, tool_choice="required"
    )
    check_weather_arguments(called.choices[0].message.tool_calls[0].function.arguments)
    parsed = await async_client.chat.completions.parse(
        model=MODEL, messages=user("Review line 3."), response_format=Report
    )
    assert isinstance(parsed.choices[0].message.parsed, Report)
