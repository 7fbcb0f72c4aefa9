"""Chat completions, streamed."""

import pytest
from shared import (
    CHAT_TOOLS,
    MODEL,
    SEED,
    WEATHER_QUESTION,
    Report,
    check_weather_arguments,
    user,
)

TEXT = "alpha bravo charlie delta"


def stream(client, text, **options):
    return client.chat.completions.create(
        model=MODEL, messages=user(text), stream=True, **options
    )


def texts(chunks, index=0):
    """The pieces of text of choice `index`."""
    choices = [choice for chunk in chunks for choice in chunk.choices if choice.index == index]
    return [choice.delta.content for choice in choices if choice.delta.content]


def check_frame(chunks):
    """What holds for the chunks of every stream."""
    assert len({chunk.id for chunk in chunks}) == 1
    assert len({chunk.created for chunk in chunks}) == 1
    assert {(chunk.object, chunk.model) for chunk in chunks} == {("chat.completion.chunk", MODEL)}
    assert chunks[0].choices[0].delta.role == "assistant"


def test_the_pieces_are_the_whole_answer(client):
    chunks = list(stream(client, TEXT, **SEED))
    check_frame(chunks)
    whole = client.chat.completions.create(model=MODEL, messages=user(TEXT), **SEED)
    pieces = texts(chunks)
    assert len(pieces) > 1
    assert "".join(pieces) == whole.choices[0].message.content
    reasons = [choice.finish_reason for chunk in chunks for choice in chunk.choices]
    assert reasons[-1] == "stop"
    assert set(reasons[:-1]) == {None}
    assert all(chunk.usage is None for chunk in chunks)


def test_usage_comes_last_when_asked_for(client):
    chunks = list(stream(client, TEXT, **SEED, stream_options={"include_usage": True}))
    check_frame(chunks)
    *others, last = chunks
    assert all(chunk.usage is None for chunk in others)
    assert last.choices == []
    whole = client.chat.completions.create(model=MODEL, messages=user(TEXT), **SEED)
    assert last.usage == whole.usage


def test_several_choices_each_have_their_pieces(client):
    chunks = list(stream(client, TEXT, n=2))
    check_frame(chunks)
    for index in (0, 1):
        assert "".join(texts(chunks, index))
        reasons = [
            choice.finish_reason
            for chunk in chunks
            for choice in chunk.choices
            if choice.index == index
        ]
        assert reasons[-1] == "stop"


def test_a_tool_call_comes_in_pieces(client):
    chunks = list(stream(client, WEATHER_QUESTION, tools=CHAT_TOOLS))
    check_frame(chunks)
    deltas = [
        call
        for chunk in chunks
        for choice in chunk.choices
        for call in choice.delta.tool_calls or []
    ]
    first = deltas[0]
    assert (first.index, first.type, first.function.name) == (0, "function", "get_weather")
    assert first.id.startswith("call_")
    check_weather_arguments("".join(call.function.arguments or "" for call in deltas))
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_the_helper_gives_snapshots_and_the_whole(client):
    with client.chat.completions.stream(model=MODEL, messages=user(TEXT), **SEED) as events:
        events = list(events) + [events.get_final_completion()]
    *events, final = events
    deltas = [event for event in events if event.type == "content.delta"]
    assert deltas[-1].snapshot == final.choices[0].message.content
    [done] = [event for event in events if event.type == "content.done"]
    assert done.content == final.choices[0].message.content
    whole = client.chat.completions.create(model=MODEL, messages=user(TEXT), **SEED)
    assert final.choices[0].message.content == whole.choices[0].message.content


def test_the_helper_parses_into_a_type(client):
    with client.chat.completions.stream(
        model=MODEL, messages=user("Review line 3."), response_format=Report
    ) as events:
        final = events.get_final_completion()
    message = final.choices[0].message
    assert isinstance(message.parsed, Report)
    assert message.parsed == Report.model_validate_json(message.content)


def test_the_helper_collects_tool_arguments(client):
    with client.chat.completions.stream(
        model=MODEL, messages=user(WEATHER_QUESTION), tools=CHAT_TOOLS
    ) as events:
        done = [e for e in events if e.type == "tool_calls.function.arguments.done"]
    [event] = done
    assert event.name == "get_weather"
    check_weather_arguments(event.arguments)


def test_a_stream_may_be_left_early(client):
    with stream(client, TEXT * 50) as chunks:
        next(iter(chunks))
    assert "".join(texts(list(stream(client, TEXT))))


@pytest.mark.anyio
async def test_the_asynchronous_client_gets_the_same_pieces(async_client, client):
    chunks = await async_client.chat.completions.create(
        model=MODEL, messages=user(TEXT), stream=True, **SEED
    )
    here = [chunk async for chunk in chunks]
    check_frame(here)
    assert texts(here) == texts(list(stream(client, TEXT, **SEED)))


@pytest.mark.anyio
async def test_the_asynchronous_helper_gives_the_whole(async_client):
    async with async_client.chat.completions.stream(model=MODEL, messages=user(TEXT)) as events:
        deltas = [event.delta async for event in events if event.type == "content.delta"]
        final = await events.get_final_completion()
    assert "".join(deltas) == final.choices[0].message.content
