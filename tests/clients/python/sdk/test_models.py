"""Models: listed, fetched one by one."""

import pytest
from openai import NotFoundError
from shared import EMBEDDER, MODEL


def test_list_names_the_built_in_models(client):
    page = client.models.list()
    assert page.object == "list"
    models = {model.id: model for model in page}
    assert {MODEL, EMBEDDER} <= models.keys()
    for model in models.values():
        assert model.object == "model"
        assert model.created > 0
        assert model.owned_by


@pytest.mark.parametrize("name", [MODEL, EMBEDDER])
def test_retrieve_gives_what_the_list_gave(client, name):
    listed = next(model for model in client.models.list() if model.id == name)
    assert client.models.retrieve(name) == listed


def test_an_unknown_model_is_not_found(client):
    with pytest.raises(NotFoundError) as caught:
        client.models.retrieve("no-such-model")
    assert caught.value.code == "model_not_found"
    assert "`no-such-model`" in caught.value.message


@pytest.mark.anyio
async def test_the_asynchronous_client_sees_the_same(async_client, client):
    listed = [model.id async for model in async_client.models.list()]
    assert listed == [model.id for model in client.models.list()]
    assert (await async_client.models.retrieve(MODEL)).id == MODEL
