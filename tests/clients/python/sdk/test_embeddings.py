"""Embeddings."""

import base64
import math

import pytest
from openai import BadRequestError
from shared import DIMENSIONS, EMBEDDER

# "hello world" and "hello" in cl100k_base, as tools that tokenize first send them.
HELLO_WORLD = [15339, 1917]
HELLO = [15339]


def embed(client, text, **options):
    return client.embeddings.create(model=EMBEDDER, input=text, **options)


def vectors(response):
    return [entry.embedding for entry in response.data]


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def test_a_text_becomes_a_unit_vector(embedding_client):
    response = embed(embedding_client, "The quick brown fox")
    assert (response.object, response.model) == ("list", EMBEDDER)
    [entry] = response.data
    assert (entry.object, entry.index) == ("embedding", 0)
    assert len(entry.embedding) == DIMENSIONS
    assert math.isclose(dot(entry.embedding, entry.embedding), 1, rel_tol=1e-5)
    assert response.usage.prompt_tokens > 0
    assert response.usage.total_tokens == response.usage.prompt_tokens


def test_the_two_encodings_are_the_same_numbers(embedding_client):
    # The SDK asks for base64 unless told otherwise.
    packed = embed(embedding_client, "The quick brown fox")
    plain = embed(embedding_client, "The quick brown fox", encoding_format="float")
    [packed], [plain] = vectors(packed), vectors(plain)
    assert packed == pytest.approx(plain, rel=1e-6, abs=1e-9)


def test_base64_that_is_asked_for_is_left_as_it_is(embedding_client):
    response = embed(embedding_client, "fox", encoding_format="base64")
    [packed] = vectors(response)
    assert len(base64.b64decode(packed)) == 4 * DIMENSIONS


def test_a_batch_keeps_its_order(embedding_client):
    texts = ["alpha", "bravo", "charlie"]
    batch = embed(embedding_client, texts)
    assert [entry.index for entry in batch.data] == [0, 1, 2]
    assert vectors(batch) == [vectors(embed(embedding_client, text))[0] for text in texts]


@pytest.mark.parametrize("length", [64, 256, DIMENSIONS])
def test_a_length_can_be_asked_for(embedding_client, length):
    [vector] = vectors(embed(embedding_client, "The quick brown fox", dimensions=length))
    assert len(vector) == length
    assert math.isclose(dot(vector, vector), 1, rel_tol=1e-5)


@pytest.mark.parametrize("length", [0, -1, 250_000_000_000_000])
def test_a_length_that_cannot_be_is_refused(embedding_client, length):
    with pytest.raises(BadRequestError) as caught:
        embed(embedding_client, "fox", dimensions=length)
    assert caught.value.param == "dimensions"


def test_tokens_are_the_text_they_stand_for(embedding_client):
    expected = vectors(embed(embedding_client, ["hello world", "hello"]))
    assert vectors(embed(embedding_client, HELLO_WORLD)) == expected[:1]
    both = embed(embedding_client, [HELLO_WORLD, HELLO])
    assert vectors(both) == expected
    assert both.usage.prompt_tokens == 3


def test_words_in_common_bring_texts_together(embedding_client):
    near, same, far = vectors(
        embed(embedding_client, ["a red bicycle", "the red bicycle", "quarterly tax report"])
    )
    assert dot(near, same) > 0.5 > dot(near, far)


@pytest.mark.anyio
async def test_the_asynchronous_client_gets_the_same_vectors(async_embedding_client, embedding_client):
    here = await async_embedding_client.embeddings.create(model=EMBEDDER, input=["alpha", "bravo"])
    assert vectors(here) == vectors(embed(embedding_client, ["alpha", "bravo"]))
