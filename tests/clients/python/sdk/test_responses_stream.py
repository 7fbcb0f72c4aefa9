"""Responses, streamed."""

import pytest
from shared import (
    MODEL,
    RESPONSE_TOOLS,
    WEATHER_QUESTION,
    Report,
    check_weather_arguments,
)

TEXT = "alpha bravo charlie delta"


def stream(client, text, **options):
    return client.responses.create(model=MODEL, input=text, stream=True, **options)


def kinds(events):
    """The types of the events in order, runs of one type taken together."""
    found = []
    for event in events:
        kind = event.type.removeprefix("response.")
        if not found or found[-1] != kind:
            found.append(kind)
    return found


def check_frame(events):
    """What holds for the events of every stream."""
    numbers = [event.sequence_number for event in events]
    assert numbers == sorted(set(numbers))
    created, in_progress, *_, last = events
    assert (created.response.status, created.response.output) == ("in_progress", [])
    assert in_progress.response.id == last.response.id == created.response.id


def test_events_come_in_order_and_agree(client):
    events = list(stream(client, TEXT))
    check_frame(events)
    assert kinds(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    by_type = {event.type.removeprefix("response."): event for event in events}
    final = by_type["completed"].response
    deltas = [event for event in events if event.type == "response.output_text.delta"]
    assert len(deltas) > 1
    assert "".join(event.delta for event in deltas) == final.output_text
    assert by_type["output_text.done"].text == final.output_text
    assert by_type["content_part.done"].part.text == final.output_text
    assert by_type["output_item.added"].item.status == "in_progress"
    assert by_type["output_item.added"].item.content == []
    assert by_type["output_item.done"].item.to_dict() == final.output[0].to_dict()
    places = {(e.item_id, e.output_index, e.content_index) for e in deltas}
    assert places == {(final.output[0].id, 0, 0)}
    assert final.status == "completed"
    assert final.usage.total_tokens > 0


def test_the_stream_ends_with_what_is_stored(client):
    *_, last = stream(client, TEXT)
    stored = client.responses.retrieve(last.response.id)
    assert stored.to_dict() == last.response.to_dict()


def test_the_pieces_are_the_whole_answer(client):
    *_, last = stream(client, TEXT, temperature=0)
    whole = client.responses.create(model=MODEL, input=TEXT, temperature=0)
    assert last.response.output_text == whole.output_text
    assert last.response.usage == whole.usage


def test_a_tool_call_comes_in_pieces(client):
    events = list(stream(client, WEATHER_QUESTION, tools=RESPONSE_TOOLS))
    check_frame(events)
    assert kinds(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    by_type = {event.type.removeprefix("response."): event for event in events}
    added = by_type["output_item.added"].item
    assert (added.type, added.name, added.arguments) == ("function_call", "get_weather", "")
    deltas = [e.delta for e in events if e.type == "response.function_call_arguments.delta"]
    done = by_type["function_call_arguments.done"]
    assert "".join(deltas) == done.arguments
    assert (done.name, done.item_id) == ("get_weather", added.id)
    check_weather_arguments(done.arguments)
    item = by_type["output_item.done"].item
    assert (item.status, item.arguments) == ("completed", done.arguments)


def test_a_token_limit_ends_with_incomplete(client):
    events = list(stream(client, TEXT * 30, max_output_tokens=16))
    check_frame(events)
    last = events[-1]
    assert last.type == "response.incomplete"
    assert last.response.status == "incomplete"
    assert last.response.incomplete_details.reason == "max_output_tokens"
    assert last.response.output[-1].status == "incomplete"


def test_the_helper_gives_snapshots_and_the_whole(client):
    with client.responses.stream(model=MODEL, input=TEXT) as events:
        deltas = [event for event in events if event.type == "response.output_text.delta"]
        final = events.get_final_response()
    assert "".join(event.delta for event in deltas) == final.output_text
    assert deltas[-1].snapshot == final.output_text
    assert final.status == "completed"


def test_the_helper_parses_into_a_type(client):
    with client.responses.stream(
        model=MODEL, input="Review line 3.", text_format=Report
    ) as events:
        done = [event for event in events if event.type == "response.output_text.done"]
        final = events.get_final_response()
    assert isinstance(final.output_parsed, Report)
    assert done[0].parsed == final.output_parsed


def test_the_helper_collects_tool_arguments(client):
    with client.responses.stream(
        model=MODEL, input=WEATHER_QUESTION, tools=RESPONSE_TOOLS
    ) as events:
        deltas = [e for e in events if e.type == "response.function_call_arguments.delta"]
        final = events.get_final_response()
    [call] = final.output
    assert deltas[-1].snapshot == call.arguments
    check_weather_arguments(call.arguments)


def test_a_streamed_response_can_be_continued_at_once(client):
    *_, last = stream(client, "My name is Ada")
    events = list(stream(client, "What is my name?", previous_response_id=last.response.id))
    assert "Ada" in events[-1].response.output_text


@pytest.mark.anyio
async def test_the_asynchronous_client_gets_the_same_events(async_client, client):
    events = await async_client.responses.create(model=MODEL, input=TEXT, stream=True)
    here = [event async for event in events]
    check_frame(here)
    assert kinds(here) == kinds(stream(client, TEXT))


@pytest.mark.anyio
async def test_the_asynchronous_helper_gives_the_whole(async_client):
    async with async_client.responses.stream(
        model=MODEL, input="Review line 3.", text_format=Report
    ) as events:
        deltas = [e.delta async for e in events if e.type == "response.output_text.delta"]
        final = await events.get_final_response()
    assert "".join(deltas) == final.output_text
    assert isinstance(final.output_parsed, Report)
