"""The API document is valid OpenAPI 3.1, as a file and as the server gives it."""

import json
import os
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator


def committed():
    return yaml.safe_load(Path(os.environ["LUKHAS_DOCUMENT"]).read_text(encoding="utf-8"))


def served():
    key = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}
    request = Request(os.environ["LUKHAS_BASE_URL"] + "/openapi.json", headers=key)
    with urlopen(request, timeout=10) as answer:
        assert answer.headers.get_content_type() == "application/json"
        return json.load(answer)


@pytest.mark.parametrize("document", [committed, served])
def test_the_document_is_valid(document):
    errors = OpenAPIV31SpecValidator(document()).iter_errors()
    assert [f"{list(error.absolute_path)}: {error.message}" for error in errors] == []


def test_the_server_gives_what_is_committed():
    assert served() == committed()
