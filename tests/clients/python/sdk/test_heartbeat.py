# SPDX-License-Identifier: Apache-2.0
"""Streams that say they are alive, before their first event and between two."""

from shared import user

MODEL = "mock+slow_first=500ms+delay=300ms"
QUESTION = "Say alpha bravo"
ANSWER = "alpha bravo"


def check_is_alive(lines):
    """`lines` of a stream hold comments before the answer's first piece and behind it."""
    assert ": keep-alive" in lines
    pieces = [number for number, line in enumerate(lines) if "alpha" in line]
    assert ": keep-alive" in lines[: pieces[0]]
    assert ": keep-alive" in lines[pieces[0] :]


def test_chat_completions_are_read_through_comments(slow_client):
    create = {"model": MODEL, "messages": user(QUESTION), "stream": True}
    with slow_client.chat.completions.with_streaming_response.create(**create) as answer:
        check_is_alive(list(answer.iter_lines()))
    choices = [c for chunk in slow_client.chat.completions.create(**create) for c in chunk.choices]
    assert "".join(choice.delta.content or "" for choice in choices) == ANSWER
    assert choices[-1].finish_reason == "stop"


def test_responses_are_read_through_comments(slow_client):
    create = {"model": MODEL, "input": QUESTION, "stream": True}
    with slow_client.responses.with_streaming_response.create(**create) as answer:
        check_is_alive(list(answer.iter_lines()))
    events = list(slow_client.responses.create(**create))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].type == "response.completed"
    assert events[-1].response.output_text == ANSWER
