# SPDX-License-Identifier: Apache-2.0
"""Rate limits: the SDK, as it is, succeeds when it comes back as it was told."""

import pytest
from openai import RateLimitError
from shared import user

MODEL = "lukhas-matriz"


def chat(client, **options):
    return client.chat.completions.create(model=MODEL, messages=user("hello"), **options)


def embed(client):
    return client.embeddings.create(model="lukhas-lexical-hash-1024", input="hello")


@pytest.mark.parametrize("call", [chat, embed, lambda client: client.models.list()])
def test_the_first_retry_succeeds(limited, call):
    statuses = []
    with limited("requests: {amount: 5, per: second, burst: 1}", 1, statuses) as client:
        for _ in range(6):
            call(client)
    assert statuses.count(200) == 6
    # Each but the first had to wait: 200 ms are longer than a call takes.
    assert statuses.count(429) >= 3


def test_a_limit_of_tokens_lets_the_first_retry_in(limited):
    statuses = []
    with limited("tokens: {amount: 6000, per: minute, burst: 60}", 1, statuses) as client:
        for _ in range(4):
            chat(client, max_tokens=40)
    assert statuses.count(200) == 4


def test_a_limit_is_an_error_of_its_own_kind(limited):
    with limited("requests: {amount: 1, per: minute}", 0, []) as client:
        first = client.chat.completions.with_raw_response.create(
            model=MODEL, messages=user("hello")
        )
        assert first.headers["x-ratelimit-limit-requests"] == "1"
        assert first.headers["x-ratelimit-remaining-requests"] == "0"
        assert first.headers["x-ratelimit-reset-requests"] == "1m0s"
        with pytest.raises(RateLimitError) as caught:
            chat(client)
    error = caught.value
    assert (error.type, error.code) == ("rate_limit_exceeded", "rate_limit_exceeded")
    assert "1 requests per minute" in error.message
    assert 1 <= int(error.response.headers["retry-after"]) <= 60


def test_what_can_never_succeed_is_not_tried_again(limited):
    statuses = []
    with limited("tokens: {amount: 100, per: minute}", 2, statuses) as client:
        with pytest.raises(RateLimitError):
            chat(client, max_tokens=1000)
    assert statuses == [429]
