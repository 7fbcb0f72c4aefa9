"""Errors: the SDK's own classes, with code, parameter and request id."""

import pytest
from openai import AuthenticationError, BadRequestError, NotFoundError
from shared import CHAT_TOOLS, EMBEDDER, MODEL, user


def chat(client, **options):
    request = {"model": MODEL, "messages": user("hello"), **options}
    return client.chat.completions.create(**request)


def respond(client, **options):
    return client.responses.create(**{"model": MODEL, "input": "hello", **options})


def embed(client, **options):
    return client.embeddings.create(**{"model": EMBEDDER, "input": "hello", **options})


def failure(kind, call, *arguments, **options):
    """The error of that kind which the call raises."""
    with pytest.raises(kind) as caught:
        call(*arguments, **options)
    error = caught.value
    assert error.message
    assert error.request_id == error.response.headers["x-request-id"]
    assert set(error.body) == {"message", "type", "param", "code"}
    return error


@pytest.mark.parametrize("call", [chat, respond, embed, lambda client: client.models.list()])
def test_a_key_of_nobody_is_refused(stranger, call):
    error = failure(AuthenticationError, call, stranger)
    assert error.status_code == 401
    assert (error.type, error.code) == ("invalid_request_error", "invalid_api_key")
    assert error.param is None
    assert stranger.api_key not in error.message


@pytest.mark.needs("known_models")
@pytest.mark.parametrize("call", [chat, respond, embed])
def test_an_unknown_model_is_not_found(client, call):
    error = failure(NotFoundError, call, client, model="no-such-model")
    assert (error.type, error.code) == ("invalid_request_error", "model_not_found")
    assert error.param == "model"


def test_an_unknown_response_is_not_found(client):
    error = failure(NotFoundError, client.responses.retrieve, "resp_" + "0" * 32)
    assert (error.type, error.code) == ("invalid_request_error", "not_found")


def test_an_unknown_route_is_not_found(client):
    error = failure(NotFoundError, client.get, "/no/such/route", cast_to=object)
    assert error.type == "invalid_request_error"


def test_an_unknown_previous_response_is_a_bad_request(client):
    error = failure(
        BadRequestError, respond, client, previous_response_id="resp_" + "0" * 32
    )
    assert error.code == "previous_response_not_found"
    assert error.param == "previous_response_id"


@pytest.mark.parametrize(
    ("call", "options", "param", "code"),
    [
        (chat, {"temperature": 3}, "temperature", "invalid_value"),
        (chat, {"top_p": -0.1}, "top_p", "invalid_value"),
        (chat, {"messages": [{"role": "robot", "content": "hi"}]}, "messages[0].role", "invalid_value"),
        (chat, {"extra_body": {"messages": "hi"}}, "messages", "invalid_type"),
        (chat, {"extra_body": {"surprise": 1}}, "surprise", "unknown_parameter"),
        (respond, {"temperature": 3}, "temperature", "invalid_value"),
        (respond, {"extra_body": {"max_output_tokens": "many"}}, "max_output_tokens", "invalid_type"),
        (respond, {"extra_body": {"surprise": 1}}, "surprise", "unknown_parameter"),
        (embed, {"extra_body": {"input": {}}}, "input", "invalid_type"),
    ],
)  # fmt: skip
def test_a_bad_request_names_its_parameter(client, call, options, param, code):
    error = failure(BadRequestError, call, client, **options)
    assert error.status_code == 400
    assert (error.type, error.param, error.code) == ("invalid_request_error", param, code)


@pytest.mark.parametrize("text", [[], ""])
def test_nothing_to_embed_is_a_bad_request(client, text):
    assert failure(BadRequestError, embed, client, input=text).param == "input"


def test_a_tool_that_is_not_there_cannot_be_forced(client):
    choice = {"type": "function", "function": {"name": "no_such_tool"}}
    error = failure(BadRequestError, chat, client, tools=CHAT_TOOLS, tool_choice=choice)
    assert error.param.startswith("tool_choice")
    assert "`no_such_tool`" in error.message


@pytest.mark.parametrize("call", [chat, respond])
def test_a_bad_request_for_a_stream_is_a_plain_error(client, call):
    error = failure(BadRequestError, call, client, stream=True, temperature=3)
    assert error.response.headers["content-type"].startswith("application/json")
    assert error.param == "temperature"


def test_answers_carry_their_headers(client):
    raw = client.responses.with_raw_response.create(model=MODEL, input="hello")
    assert raw.headers["openai-version"] == "2020-10-01"
    assert int(raw.headers["openai-processing-ms"]) >= 0
    assert raw.headers["x-request-id"] == raw.request_id == raw.parse()._request_id
    again = client.responses.with_raw_response.create(model=MODEL, input="hello")
    assert again.request_id != raw.request_id


def test_streams_carry_their_headers(client):
    with client.responses.with_streaming_response.create(
        model=MODEL, input="hello", stream=True
    ) as raw:
        assert raw.headers["content-type"].startswith("text/event-stream")
        assert raw.headers["openai-version"] == "2020-10-01"
        assert raw.request_id


@pytest.mark.anyio
async def test_the_asynchronous_client_raises_the_same(async_client):
    with pytest.raises(NotFoundError) as caught:
        await async_client.responses.retrieve("resp_" + "0" * 32)
    assert caught.value.code == "not_found"
    with pytest.raises(BadRequestError) as caught:
        await async_client.responses.create(model=MODEL, input="hello", temperature=3)
    assert caught.value.param == "temperature"
