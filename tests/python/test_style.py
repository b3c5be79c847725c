"""The Python of the project is checked, formatted and typed, by the settings of pyproject.toml."""

import subprocess
import sys

import pytest
from conftest import ROOT

OURS = ["deploy.py", "asgi_proxy", "tests/python", "bench"]


@pytest.mark.parametrize(
    "command",
    [["ruff", "check", *OURS], ["ruff", "format", "--check", *OURS], ["mypy"]],
    ids=["lint", "format", "types"],
)
def test_nothing_is_found(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
