"""docs/deploy.md: its commands exist, those without an account are run, its tables and sums are true."""

import ast
import inspect
import operator
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import click
import modal
import pytest
from click.testing import CliRunner
from deploy_support import COMMAND_SECONDS, ROOT, bare_environment, run
from modal.cli.entry_point import entrypoint_cli

import deploy

PAGE = (ROOT / "docs" / "deploy.md").read_text("utf8")
README = (ROOT / "README.md").read_text("utf8")
ACCOUNT = "# needs an account\n"
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
SHELL = [text for language, text in BLOCKS if language == "sh"]
TABLE_ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| ")
]


def modal_commands() -> list[str]:
    """Every command of Modal's on the page, in blocks and within the text, without settings before it."""
    lines = [line.split("  #")[0] for text in SHELL for line in text.splitlines()]
    inline = re.findall(r"`((?:[A-Z_]+=\S+ )*modal [a-z][^`]*)`", PAGE)
    bare = [re.sub(r"^(?:[A-Z_]+=\S+ )+", "", line).strip() for line in [*lines, *inline]]
    return sorted({line for line in bare if line.startswith("modal ")})


# Commands


def test_the_page_has_commands() -> None:
    assert len(modal_commands()) > 15


@pytest.mark.parametrize("line", modal_commands())
def test_every_modal_command_is_one_that_modal_takes(line: str) -> None:
    words = shlex.split(line)[1:]
    command, names = resolve(words)
    if len(words) > len(names):  # Else it is only spoken of.
        command.make_context(" ".join(names), words[len(names) :])


def resolve(words: list[str]) -> tuple[click.Command, list[str]]:
    """Goes down the groups of the real command line."""
    command: click.Command = entrypoint_cli
    names: list[str] = []
    while isinstance(command, click.Group):
        name = words[len(names)]
        found = command.get_command(click.Context(command), name)
        assert found is not None, f"modal has no {' '.join([*names, name])}"
        command = found
        names.append(name)
    return command, names


@pytest.mark.parametrize(
    "words", sorted({tuple(resolve(shlex.split(line)[1:])[1]) for line in modal_commands()})
)
def test_every_option_is_in_the_help_of_the_installed_command(words: tuple[str, ...]) -> None:
    help_text = CliRunner().invoke(entrypoint_cli, [*words, "--help"]).output
    lines = [line for line in modal_commands() if tuple(shlex.split(line)[1 : len(words) + 1]) == words]
    options = {word for line in lines for word in shlex.split(line.split(" -- ")[0]) if word.startswith("-")}
    assert {option for option in options if option not in re.split(r"[\s,]+", help_text)} == set()


@pytest.mark.parametrize(
    "line", ["modal serve --log-level debug deploy.py", "modal app rollback --to v3 mayamcp"]
)
def test_commands_that_other_guides_carry_are_found_out(line: str) -> None:
    words = shlex.split(line)[1:]
    command, names = resolve(words)
    with pytest.raises(click.UsageError):
        command.make_context(" ".join(names), words[len(names) :])


def test_what_modal_is_asked_by_python_exists() -> None:
    (program,) = [text for language, text in BLOCKS if language == "python"]
    assert program.startswith(ACCOUNT)
    (call,) = [node for node in ast.walk(ast.parse(program)) if isinstance(node, ast.Call) and node.keywords]
    assert {word.arg for word in call.keywords} <= {
        *inspect.signature(modal.Function.update_autoscaler).parameters
    }


def test_blocks_that_ask_modal_say_that_they_need_an_account() -> None:
    unmarked = [text for text in SHELL if not text.startswith(ACCOUNT)]
    assert [text for text in unmarked if re.search(r"^([A-Z_]+=\S+ )*modal ", text, re.MULTILINE)] == []


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what the commands touch, so that no `.env` of anybody is overwritten."""
    for name in (".env.example", "deploy.py"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "asgi_proxy", tmp_path / "asgi_proxy")
    (tmp_path / "src").symlink_to(ROOT / "src")
    return tmp_path


def run_block(text: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    program = f"set -euo pipefail\n{text}"
    environment = bare_environment(**settings)
    return subprocess.run(
        ["bash", "-c", program],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
    )


def blocks_with(pattern: str) -> list[str]:
    return [text for text in SHELL if not text.startswith(ACCOUNT) and re.search(pattern, text)]


@pytest.mark.parametrize("text", blocks_with(r"deploy\.py --check"))
def test_the_plans_of_the_page_can_be_deployed(text: str, project: Path) -> None:
    made = run_block(text, project)
    assert made.returncode == 0, made.stdout + made.stderr
    assert made.stdout.startswith("mayamcp on Modal\n")


@contextmanager
def server(folder: Path, **settings: str) -> Iterator[str]:
    """A real server as long as it is needed; its address."""
    process = subprocess.Popen(
        ["node", str(ROOT / "src/main.ts")],
        cwd=folder,
        env=bare_environment(
            PORT="0",
            HOST="127.0.0.1",
            MAYA_HOUSE_PACE_MS="0",
            MAYA_EVENT_LOOP_DELAY_MS="0",
            MAYA_METRICS_TOKEN="",
            **settings,
        ),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        hello = process.stdout.readline()
        yield hello.split()[-1]
    finally:
        process.terminate()
        process.wait(COMMAND_SECONDS)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server to ask, in the place of a deployed one."""
    folder = tmp_path_factory.mktemp("server")
    with server(folder, MAYA_STORE_URL="memory:", MODAL_MEMORY_MB="4096") as address:
        yield address


@pytest.mark.parametrize("text", blocks_with(r"\$URL"))
def test_the_questions_to_a_deployed_server_are_answered(text: str, url: str, tmp_path: Path) -> None:
    made = run_block(text, tmp_path, URL=url, MAYA_METRICS_TOKEN="none-is-needed-here")
    assert made.returncode == 0, made.stdout + made.stderr
    assert made.stdout


@pytest.mark.parametrize("text", blocks_with(r"npm run state"))
def test_the_state_can_be_kept_and_brought_back(text: str, tmp_path: Path) -> None:
    store = f"sqlite:{tmp_path}/maya.db"
    with server(tmp_path, MAYA_STORE_URL=store):
        pass  # It has made its database and its key.
    kept = text.replace("maya-state.jsonl", str(tmp_path / "maya-state.jsonl"))
    made = run_block(kept, ROOT, MAYA_STORE_URL=store)
    assert made.returncode == 0, made.stderr
    assert made.stderr == "0 exported\n0 imported, 0 skipped\n"


def test_no_block_is_left_out() -> None:
    run_by_a_test = [
        *blocks_with(r"deploy\.py --check"),
        *blocks_with(r"\$URL"),
        *blocks_with(r"npm run state"),
    ]
    assert [text for text in SHELL if not text.startswith(ACCOUNT) and text not in run_by_a_test] == []


# Tables and sums


def test_every_setting_of_the_deployment_is_listed_with_its_default() -> None:
    listed = {
        row[0].strip("`"): row[1].strip("`") for row in TABLE_ROWS if re.fullmatch(r"`[A-Z_]+`", row[0])
    }
    of_the_server = set(deploy.server_variables()) - {"MODAL_MEMORY_MB", "MODAL_MAX_CONTAINERS"}
    ours = {line.metadata["variable"]: line.metadata["default"] for line in fields(deploy.Settings)}
    assert listed == {name: default for name, default in ours.items() if name not in of_the_server}


TIERS = [row for row in TABLE_ROWS if len(row) == 8 and row[1].isdigit()]


@pytest.mark.parametrize("row", TIERS, ids=[row[0] for row in TIERS])
def test_each_tier_is_what_the_check_says_about_it(row: list[str]) -> None:
    _, sessions, each, memory, threshold, containers, fit, verdict = row
    plan = deploy.make_plan(
        {
            "MAYA_SESSIONS_PER_CONTAINER": sessions,
            "MAYA_DEFAULT_SESSION_MEMORY_MB": each,
            "MODAL_MEMORY_MB": memory,
            "MAYA_CONTAINER_MEMORY_THRESHOLD": threshold,
            "MODAL_MAX_CONTAINERS": containers,
            "MAYA_STORE_URL": "redis://redis.example",
            "MAYA_SECRET_KEYS": "MAYA_MASTER_KEY",
        }
    )
    assert plan.refusals == []
    assert plan.sessions_that_fit == int(fit)
    said = [warning for warning in plan.warnings if "do not fit" in warning]
    assert verdict == ("does not fit" if said else "as it is")
    assert [warning for warning in said if f"warning    {warning}" not in PAGE] == []


def test_the_tiers_are_there() -> None:
    assert [row[0].split(",")[0] for row in TIERS] == [
        *("small", "small", "medium"),
        *("large", "large", "large"),
    ]


MEMORY_PAGE = (ROOT / "docs" / "memory.md").read_text("utf8")
MEMORY_ROWS = re.findall(r"^\| (\d+) \| ([\d.]+) \| (\d+) \| (\d+) \|$", MEMORY_PAGE, re.MULTILINE)


@pytest.mark.parametrize("row", MEMORY_ROWS, ids=[" ".join(row[:2]) for row in MEMORY_ROWS])
def test_the_page_about_memory_counts_as_the_check_does(row: tuple[str, ...]) -> None:
    memory, threshold, *counts = row
    settings = {"MODAL_MEMORY_MB": memory, "MAYA_CONTAINER_MEMORY_THRESHOLD": threshold}
    plans = [deploy.make_plan({**settings, "MAYA_DEFAULT_SESSION_MEMORY_MB": each}) for each in ("50", "75")]
    assert [plan.sessions_that_fit for plan in plans] == [int(count) for count in counts]


def test_both_pages_name_the_memory_that_the_check_takes_for_used() -> None:
    assert len(MEMORY_ROWS) == 6
    assert f"counts with {deploy.BASE_MB} MB" in MEMORY_PAGE
    assert f"(memory x threshold - {deploy.BASE_MB} MB) / reservation" in PAGE


def test_the_readme_starts_as_the_page_does() -> None:
    assert [text for text in blocks_with(r"cp \.env\.example \.env") if text in README] != []


def test_page_and_readme_name_the_client_that_the_tests_use() -> None:
    (version,) = {*re.findall(r"pip install modal==([\d.]+)", PAGE + README)}
    assert run(sys.executable, "-c", "import modal; print(modal.__version__)").stdout.strip() == version
    assert f"modal=={version}" in (ROOT / "tests/python/requirements.txt").read_text("utf8")


SUMS = [
    line.split(" = ")
    for language, text in BLOCKS
    if language == ""
    for line in text.splitlines()
    if re.match(r"[\d(]", line)
]


@pytest.mark.parametrize(("left", "right"), SUMS)
def test_the_sums_are_right(left: str, right: str) -> None:
    decimals = len(right.partition(".")[2])
    assert f"{value_of(ast.parse(left.replace(' x ', ' * '), mode='eval').body):.{decimals}f}" == right


OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def value_of(node: ast.expr) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    assert isinstance(node, ast.BinOp)
    return OPERATORS[type(node.op)](value_of(node.left), value_of(node.right))


def test_the_sums_reckon_with_the_defaults() -> None:
    settings = deploy.make_plan({}).settings
    assert SUMS[0][0].startswith(f"{settings.cpu_cores:g} x ")
    assert SUMS[1][0].startswith(f"{settings.memory_mb // 1024} x ")
    assert f"24 x {settings.scaledown_seconds} / 3600" in PAGE
    assert f"1000 / ({settings.sessions_max} x 6)" in PAGE
    assert f"1000 / ({deploy.make_plan({}).target_inputs} x 6)" in PAGE


def test_the_links_of_the_page_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", PAGE)
    assert links
    assert [link for link in links if not os.path.exists(ROOT / "docs" / link)] == []
