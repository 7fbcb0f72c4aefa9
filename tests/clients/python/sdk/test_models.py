"""Models: listed, fetched one by one."""

import pytest
from openai import NotFoundError
from shared import EMBEDDER, MODEL, user


# One that every server has, and the one that the other tests ask for.
NAMES = [EMBEDDER, pytest.param(MODEL, marks=pytest.mark.needs("known_models"))]


@pytest.mark.parametrize("name", NAMES)
def test_list_names_the_models_of_the_server(client, name):
    page = client.models.list()
    assert page.object == "list"
    models = {model.id: model for model in page}
    assert name in models
    for model in models.values():
        assert model.object == "model"
        # 0 when nobody has said when an upstream's model was made.
        assert model.created >= 0
        assert model.owned_by


@pytest.mark.parametrize("name", NAMES)
def test_retrieve_gives_what_the_list_gave(client, name):
    listed = next(model for model in client.models.list() if model.id == name)
    assert client.models.retrieve(name) == listed


def test_an_unknown_model_is_not_found(client):
    with pytest.raises(NotFoundError) as caught:
        client.models.retrieve("no-such-model")
    assert caught.value.code == "model_not_found"
    assert "`no-such-model`" in caught.value.message


@pytest.mark.lacks("known_models")
def test_a_name_that_is_not_listed_is_asked_of_the_upstream(client):
    completion = client.chat.completions.create(model="not-listed", messages=user("What is 6 * 7?"))
    assert completion.model == "not-listed"
    assert "42" in completion.choices[0].message.content


@pytest.mark.anyio
async def test_the_asynchronous_client_sees_the_same(async_client, client):
    listed = [model.id async for model in async_client.models.list()]
    assert listed == [model.id for model in client.models.list()]
    assert (await async_client.models.retrieve(EMBEDDER)).id == EMBEDDER
