# SPDX-License-Identifier: Apache-2.0
"""Schema-valid bodies are accepted, but for the few refusals that a schema cannot express: two
fields that contradict each other, or one that names what the request or server does not have."""

import schemathesis

# The fields that such refusals blame, by the beginning of their path.
BEYOND_SCHEMA = (
    "dimensions",
    "input",
    "max_tokens",
    "messages",
    "model",
    "previous_response_id",
    "stream_options",
    "tool_choice",
    "tools",
)


@schemathesis.check
def schema_valid_bodies_are_accepted(ctx, response, case):
    meta = case.meta
    if meta is None or not meta.generation.mode.is_positive or response.status_code != 400:
        return None
    error = response.json()["error"]
    if (error["param"] or "").startswith(BEYOND_SCHEMA):
        return None
    raise AssertionError(f"schema-valid, but refused: {error}")
