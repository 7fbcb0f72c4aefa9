# SPDX-License-Identifier: Apache-2.0
"""Every example of the README, run as it is written."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

README = (Path(__file__).parents[4] / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.M | re.S)


def blocks(language: str, containing: str) -> list[str]:
    found = [text for kind, text in BLOCKS if kind == language and containing in text]
    assert found, f"the README has no {language} block with {containing!r}"
    return found


@pytest.mark.parametrize("block", blocks("sh", "curl"))
def test_curl(block: str) -> None:
    script = block.replace("curl ", "curl --silent --show-error --fail-with-body ")
    done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    if "-N" in block:
        *chunks, last = [line for line in done.stdout.splitlines() if line]
        assert last == "data: [DONE]"
        assert all(json.loads(chunk.removeprefix("data: "))["choices"] for chunk in chunks)
    else:
        assert "42" in json.loads(done.stdout)["output"][0]["content"][0]["text"]


@pytest.mark.parametrize("block", blocks("python", "OpenAI"))
def test_python(block: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(block, "README.md", "exec"), {})
    assert "Ada" in capsys.readouterr().out


def test_the_commands_exist() -> None:
    root = Path(__file__).parents[4]
    binary = os.environ.get("LUKHAS_BINARY")
    assert binary, "the runner says where the binary is"
    # Variables of the suites are no settings.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LUKHAS_")}
    for block in blocks("sh", "lukhas config"):
        for line in block.splitlines():
            words = line.split("#")[0].split()
            if words[:2] != ["lukhas", "config"]:
                continue
            done = subprocess.run(
                [binary, *words[1:]], cwd=root, env=clean, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{line}: {done.stderr}"
