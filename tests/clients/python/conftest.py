"""Clients of the server whose address and key are in the environment.

Responses are validated against the SDK's own types, so a missing or wrongly typed field fails the
call. Nothing is retried: an error that a retry would hide is an error.

Embeddings are the exception: the SDK asks for base64 and would validate that text as a list of
numbers before it decodes it, so their tests use a client that does not validate.

What answers behind the server is one of several backends. A test that not every one of them can
pass is marked with what it `needs`, or what it `lacks`. The runner says what the backend lacks; the
end of a run says which tests that left out. They may need:

- `known_models`: the server knows the names of its models. Else every name is an upstream's.
- `seed`, `stop`: fields of a chat completion for which not every API has a place.
"""

import os
import re
import subprocess
import textwrap
from collections import Counter
from contextlib import contextmanager

import pytest
from openai import AsyncOpenAI, DefaultHttpxClient, OpenAI
from shared import BACKEND, LACKED

PLAIN = {"max_retries": 0, "timeout": 30}
OPTIONS = {**PLAIN, "_strict_response_validation": True}


LEFT_OUT = pytest.StashKey[Counter]()


def pytest_collection_modifyitems(config, items):
    left_out = Counter()
    kept, others = [], []
    for item in items:
        needed, absent = (
            {what for mark in item.iter_markers(name) for what in mark.args}
            for name in ("needs", "lacks")
        )
        reasons = [f"needs {what}" for what in needed & LACKED]
        reasons += [f"is for one without {what}" for what in absent - LACKED]
        left_out.update(reasons[:1])
        (others if reasons else kept).append(item)
    config.hook.pytest_deselected(items=others)
    items[:] = kept
    config.stash[LEFT_OUT] = left_out


def pytest_terminal_summary(terminalreporter, config):
    left_out = config.stash.get(LEFT_OUT, Counter())
    terminalreporter.write_line(f"backend `{BACKEND}` left out {left_out.total()} tests")
    for reason, count in sorted(left_out.items()):
        terminalreporter.write_line(f"  {reason}: {count}")


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


@contextmanager
def running(*arguments, folder):
    """The banner of a `lukhas` process of one's own, on a free port."""
    # Variables of the suites are no settings.
    ours = ("LUKHAS_", "OPENAI_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    command = [os.environ["LUKHAS_BINARY"], *arguments, "--listen", "127.0.0.1:0"]
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(command, cwd=folder, env=clean, **output) as process:
        try:
            banner = ""
            while banner.count("curl ") < 3:
                line = process.stdout.readline()
                assert line, f"it ended instead of becoming ready: {banner}"
                banner += line
            yield banner
        finally:
            process.terminate()


@contextmanager
def before_mock(folder, settings=""):
    """A server before an upstream that takes its time if told: both addresses, and the key."""
    with running("mock", folder=folder) as mock:
        mock_url = re.search(r"http://[\d.:]+", mock)[0]
        upstream = f"""
            upstreams: {{mock: {{base_url: "{mock_url}/v1"}}}}
            models: {{other: mock}}
        """
        (folder / "lukhas.yaml").write_text(textwrap.dedent(upstream) + settings)
        with running("serve", "--config", "lukhas.yaml", folder=folder) as server:
            url = re.search(r"http://[\d.:]+", server)[0]
            yield mock_url, url, re.search(r"lk_live_\w+", server)[0]


@pytest.fixture(scope="session")
def slow_client(tmp_path_factory):
    """A client of a server that says it is alive, with an upstream that takes its time if told."""
    settings = "timeouts: {heartbeat_ms: 100}\n"
    with before_mock(tmp_path_factory.mktemp("slow"), settings) as (_, url, key):
        with OpenAI(base_url=f"{url}/v1", api_key=key, **OPTIONS) as client:
            yield client


@pytest.fixture
def mocked(tmp_path):
    """The addresses of an upstream and of a server before it, and the server's key."""
    with before_mock(tmp_path) as places:
        yield places


@pytest.fixture
def limited(tmp_path):
    """Makes a client of a server with one rate limit, which retries so often; it notes statuses."""

    @contextmanager
    def make(limit, retries, statuses):
        rule = f"limits: [{{name: all, per: [key], {limit}}}]"
        (tmp_path / "lukhas.yaml").write_text(rule)
        with running("serve", "--config", "lukhas.yaml", folder=tmp_path) as server:
            url = re.search(r"http://[\d.:]+", server)[0]
            key = re.search(r"lk_live_\w+", server)[0]
            hooks = {"response": [lambda response: statuses.append(response.status_code)]}
            http = DefaultHttpxClient(event_hooks=hooks)
            options = {**PLAIN, "max_retries": retries, "http_client": http}
            with OpenAI(base_url=f"{url}/v1", api_key=key, **options) as client:
                yield client

    return make


@pytest.fixture(scope="session")
def stranger():
    """A client with a key that is nobody's, made of parts so that no scanner takes it for one."""
    key = "_".join(["lk", "live", "0" * 32])
    with OpenAI(api_key=key, **OPTIONS) as client:
        yield client
