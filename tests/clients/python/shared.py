"""What several tests speak of."""

import json
import os
from enum import Enum

from openai.types.chat import ChatCompletionMessage
from pydantic import BaseModel

# What answers behind the server, what it lacks, and the name of its model, as the runner says.
BACKEND = os.environ.get("LUKHAS_BACKEND", "engine")
LACKED = set(os.environ.get("LUKHAS_BACKEND_LACKS", "").split())
MODEL = os.environ.get("LUKHAS_MODEL", "lukhas-matriz")
EMBEDDER = "lukhas-lexical-hash-1024"
DIMENSIONS = 1024

# A one-pixel image.
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA"
    "WjR9awAAAABJRU5ErkJggg=="
)

# For the same answer twice. A backend that has no place for a seed answers alike without one.
SEED = {} if "seed" in LACKED else {"seed": 1}

WEATHER_PARAMETERS = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "Name of the city"},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
    },
    "required": ["city", "unit"],
    "additionalProperties": False,
}

TIME_PARAMETERS = {
    "type": "object",
    "properties": {"zone": {"type": "string", "description": "Name of a time zone"}},
    "required": ["zone"],
    "additionalProperties": False,
}

FUNCTIONS = [
    {
        "name": "get_weather",
        "description": "Get the current weather in a city",
        "parameters": WEATHER_PARAMETERS,
        "strict": True,
    },
    {
        "name": "get_time",
        "description": "Get the local time of a time zone",
        "parameters": TIME_PARAMETERS,
        "strict": True,
    },
]

CHAT_TOOLS = [{"type": "function", "function": function} for function in FUNCTIONS]
RESPONSE_TOOLS = [{"type": "function", **function} for function in FUNCTIONS]

WEATHER_QUESTION = "What is the weather in Paris?"
WEATHER_REPORT = json.dumps({"city": "Paris", "temperature": 18, "sky": "clear"})


class Severity(str, Enum):
    low = "low"
    high = "high"


class Finding(BaseModel):
    title: str
    severity: Severity
    line: int


class Report(BaseModel):
    """A shape with a list, an enumeration, a nested object, a boolean and an optional part."""

    summary: str
    confident: bool
    findings: list[Finding]
    worst: Finding | None


def user(text):
    return [{"role": "user", "content": text}]


def check_weather_arguments(arguments):
    """`arguments` are what the schema asks for, with the city of the question."""
    arguments = json.loads(arguments)
    assert sorted(arguments) == ["city", "unit"]
    assert arguments["city"] == "Paris"
    assert arguments["unit"] in ("celsius", "fahrenheit")


def check_is_text(message: ChatCompletionMessage):
    """`message` is an answer in words."""
    assert message.role == "assistant"
    assert message.content
    assert message.refusal is None
    assert not message.tool_calls
