"""Many streams at a time."""

import asyncio

import pytest
from shared import MODEL, user

STREAMS = 20


async def chat(client, text):
    chunks = await client.chat.completions.create(model=MODEL, messages=user(text), stream=True)
    choices = [choice async for chunk in chunks for choice in chunk.choices]
    assert choices[-1].finish_reason == "stop"
    return "".join(choice.delta.content or "" for choice in choices)


async def respond(client, text):
    events = await client.responses.create(model=MODEL, input=text, stream=True)
    events = [event async for event in events]
    numbers = [event.sequence_number for event in events]
    assert numbers == sorted(set(numbers))
    assert events[-1].type == "response.completed"
    return events[-1].response.output_text


@pytest.mark.anyio
@pytest.mark.parametrize("call", [chat, respond])
async def test_streams_side_by_side_keep_apart(async_client, call):
    texts = [f"stream number {number} " * 20 for number in range(STREAMS)]
    alone = [await call(async_client, text) for text in texts]
    together = await asyncio.gather(*(call(async_client, text) for text in texts))
    assert together == alone
    assert len(set(alone)) == STREAMS
