# SPDX-License-Identifier: Apache-2.0
"""Idempotency keys: the SDK loses its connection, comes back, and gets the one answer."""

import json
import socket
import threading
import time
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from openai import APIConnectionError, ConflictError, OpenAI
from shared import MODEL, user

SLOW = "mock+slow_head=400ms+slow_first=400ms"


def chat(client, **options):
    return client.chat.completions.create(model=SLOW, messages=user("Say alpha"), **options)


def respond(client, **options):
    return client.responses.create(model=SLOW, input="Say alpha", **options)


def chat_stream(client, **options):
    chunks = list(chat(client, stream=True, **options))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "alpha"
    return chunks[0]


def asked(mock):
    """The requests that the upstream got, and how each went."""
    with urlopen(f"{mock}/__mock/stats") as stats:
        return json.load(stats)["recent"]


def pipe(source, target):
    with suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def cutting(url, mock):
    """The address of a proxy that cuts its first connection once the upstream has been asked."""
    place = urlsplit(url)
    connections = []

    def serve(listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection((place.hostname, place.port))
            connections.append((client, server))
            for ends in ((client, server), (server, client)):
                threading.Thread(target=pipe, args=ends, daemon=True).start()
            if len(connections) == 1:
                while not asked(mock):
                    time.sleep(0.01)
                for end in (client, server):
                    # The other end may have gone with the first.
                    with suppress(OSError):
                        end.shutdown(socket.SHUT_RDWR)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", connections
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for ends in connections:
                for end in ends:
                    end.close()


@contextmanager
def cut_client(mocked, retries):
    mock, url, key = mocked
    with cutting(url, mock) as (proxy, connections):
        options = {"base_url": f"{proxy}/v1", "api_key": key, "max_retries": retries, "timeout": 10}
        with OpenAI(**options) as client:
            yield client, connections


@pytest.mark.parametrize("call", [chat, respond, chat_stream])
def test_a_retry_after_a_cut_connection_gets_the_one_answer(mocked, call):
    with cut_client(mocked, retries=1) as (client, connections):
        header = {"Idempotency-Key": "one"}
        answer = call(client, extra_headers=header)
        assert len(connections) == 2, "the first was cut"
        again = call(client, extra_headers=header)
    assert again.id == answer.id
    assert [request["ending"] for request in asked(mocked[0])] == ["answered"]


def test_the_key_that_the_sdk_makes_is_kept_over_its_retries(mocked):
    with cut_client(mocked, retries=1) as (client, connections):
        # It makes one for each request, and sends it where it is told in which header.
        client._idempotency_header = "Idempotency-Key"
        first = chat(client)
        assert len(connections) == 2
        assert len(asked(mocked[0])) == 1
        assert chat(client).id != first.id, "a request of its own"
    assert len(asked(mocked[0])) == 2


def test_without_a_key_a_retry_is_another_run(mocked):
    with cut_client(mocked, retries=1) as (client, connections):
        chat(client)
        assert len(connections) == 2
    assert [request["ending"] for request in asked(mocked[0])] == ["client_left", "answered"]


def test_what_the_sdk_does_not_retry_can_be_asked_for_again(mocked):
    with cut_client(mocked, retries=0) as (client, _):
        header = {"Idempotency-Key": "one"}
        with pytest.raises(APIConnectionError):
            respond(client, extra_headers=header)
        assert respond(client, extra_headers=header).output_text == "alpha"
    assert len(asked(mocked[0])) == 1


def test_a_key_of_another_request_is_a_conflict_that_is_not_retried(client):
    header = {"Idempotency-Key": "test-conflict"}
    statuses = []
    client = client.with_options(max_retries=2)
    chat = client.chat.completions.with_raw_response
    for text in ("one", "two"):
        try:
            chat.create(model=MODEL, messages=user(text), extra_headers=header)
        except ConflictError as error:
            statuses.append((error.status_code, error.code, error.response.request.headers))
    [(status, code, headers)] = statuses
    assert (status, code) == (409, "idempotency_key_reused")
    assert headers["x-stainless-retry-count"] == "0"
