"""Clients of the server whose address and key are in the environment.

Responses are validated against the SDK's own types, so a missing or wrongly typed field fails the
call. Nothing is retried: an error that a retry would hide is an error.

Embeddings are the exception: the SDK asks for base64 and would validate that text as a list of
numbers before it decodes it, so their tests use a client that does not validate.
"""

import pytest
from openai import AsyncOpenAI, OpenAI

PLAIN = {"max_retries": 0, "timeout": 30}
OPTIONS = {**PLAIN, "_strict_response_validation": True}


@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="session")
def client():
    """The synchronous client, set up from the environment alone."""
    with OpenAI(**OPTIONS) as client:
        yield client


@pytest.fixture
async def async_client():
    """The asynchronous client, set up from the environment alone."""
    async with AsyncOpenAI(**OPTIONS) as client:
        yield client


@pytest.fixture(scope="session")
def embedding_client():
    """The synchronous client without validation."""
    with OpenAI(**PLAIN) as client:
        yield client


@pytest.fixture
async def async_embedding_client():
    """The asynchronous client without validation."""
    async with AsyncOpenAI(**PLAIN) as client:
        yield client


@pytest.fixture(scope="session")
def stranger():
    """A client with a key that is nobody's, made of parts so that no scanner takes it for one."""
    key = "_".join(["lk", "live", "0" * 32])
    with OpenAI(api_key=key, **OPTIONS) as client:
        yield client
