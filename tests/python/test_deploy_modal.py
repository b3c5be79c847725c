"""deploy.py with Modal's own code: the real command deploys it to a stand-in, and the real runner runs it."""

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from deploy_support import ROOT, bare_environment, copy_project, run
from modal_proto import api_pb2
from modal_stand_in import StandIn, stand_in

import deploy

TRIAL = {"MODAL_MAX_CONTAINERS": "1", "MAYA_EPHEMERAL_SESSIONS": "1"}
START_SECONDS = 60
SECONDS = 30
# Longer than a change takes to be seen.
WATCHING_SECONDS = 2
# What lies in a folder in which somebody works, and is nobody else's business.
PRIVATE = (
    *(
        ".env",
        ".git/config",
        "data/maya.db",
        "docs/a.md",
        "src/a.md",
        "tests/a.ts",
        "bench/a.ts",
        "grafana/a.json",
    ),
    *("node_modules/a/index.js", ".venv/a.py", "web/dist/a.js", ".cache/a", "asgi_proxy/__pycache__/a.pyc"),
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with private files in it, each of which says so."""
    folder = copy_project(tmp_path_factory.mktemp("project"))
    for name in PRIVATE:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("hush, this is private")
    return folder


def account(modal: StandIn) -> dict[str, str]:
    """A token that only the stand-in takes."""
    return {
        "MODAL_SERVER_URL": modal.url,
        "MODAL_TOKEN_ID": "ak-nobody",
        "MODAL_TOKEN_SECRET": "as-nothing",
    }


def modal_command(
    modal: StandIn, project: Path, folder: Path, *command: str, **settings: str
) -> subprocess.CompletedProcess[str]:
    """The command as a user gives it, in a folder with another `.env` or none."""
    return run("modal", *command, str(project / "deploy.py"), cwd=folder, **account(modal), **settings)


@contextmanager
def deployed(project: Path, folder: Path, **settings: str) -> Iterator[StandIn]:
    with stand_in() as modal:
        modal.named_secrets[deploy.SECRET] = {"MAYA_MASTER_KEY", "GEMINI_API_KEY"}
        made = modal_command(modal, project, folder, "deploy", **settings)
        modal.printed = made.stdout + made.stderr
        assert made.returncode == 0, modal.printed
        yield modal


@pytest.fixture(scope="module")
def trial(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """What the quick start of docs/deploy.md deploys."""
    with deployed(project, tmp_path_factory.mktemp("quick-start"), **TRIAL) as modal:
        yield modal


# What is deployed


def test_the_app_has_its_name_and_one_function_with_the_documented_address(trial: StandIn) -> None:
    (published,) = trial.of("AppPublish")
    assert published.name == "mayamcp"
    assert list(published.function_ids) == ["web"]
    function = trial.function()
    assert function.webhook_config.type == api_pb2.WEBHOOK_TYPE_ASGI_APP
    assert function.webhook_config.requested_suffix == "mayamcp"
    assert not function.webhook_config.requires_proxy_auth


def test_while_somebody_works_on_it_it_is_served_anew_with_every_change_that_is_not_refused(
    tmp_path: Path,
) -> None:
    folder = copy_project(tmp_path)
    trial = "".join(f"{name}={value}\n" for name, value in TRIAL.items())
    (folder / ".env").write_text(trial)
    with stand_in() as modal, serving(modal, folder) as served:
        served.wait_for("Serving...")
        assert [app.app_state for app in modal.of("AppCreate")] == [api_pb2.APP_STATE_EPHEMERAL]
        assert modal.function().webhook_config.requested_suffix == "mayamcp"

        served.change(folder / ".env", f"{trial}MODAL_MEMORY_MB=2048\n")
        served.wait_for("Created objects")
        assert modal.of("FunctionCreate")[-1].function.resources.memory_mb_max == 2048

        functions = len(modal.of("FunctionCreate"))
        served.change(folder / ".env", "MODAL_MEMORY_MB=2 GB\n")
        served.wait_for("This cannot be deployed:")
        assert len(modal.of("FunctionCreate")) == functions


class Serving:
    """A `modal serve` that runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self._lines.put(line)

    def wait_for(self, words: str, seconds: float = START_SECONDS) -> bool:
        """Whether it is said in time, where that is not what the test is about."""
        deadline = time.monotonic() + seconds
        try:
            while words not in self._lines.get(timeout=max(0, deadline - time.monotonic())):
                pass
        except queue.Empty:
            assert seconds < START_SECONDS, f"It never said: {words}"
            return False
        return True

    def change(self, file: Path, text: str) -> None:
        """Writes it until it is seen: when a folder begins to be watched is not said."""
        file.write_text(text)
        while not self.wait_for("triggered an app update", WATCHING_SECONDS):
            assert self.process.poll() is None
            file.write_text(text)


@contextmanager
def serving(modal: StandIn, folder: Path) -> Iterator[Serving]:
    environment = bare_environment(**account(modal), MODAL_LOGLEVEL="DEBUG")
    process = subprocess.Popen(
        ["modal", "serve", "deploy.py"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield Serving(process)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_the_memory_is_a_hard_limit(trial: StandIn) -> None:
    resources = trial.function().resources
    assert (resources.memory_mb, resources.memory_mb_max, resources.milli_cpu) == (4096, 4096, 500)


def test_streams_may_be_an_hour_long_and_the_start_is_bounded(trial: StandIn) -> None:
    function = trial.function()
    assert (function.timeout_secs, function.startup_timeout_secs) == (3600, 120)


def test_requests_in_a_container_follow_from_its_sessions(trial: StandIn) -> None:
    function = trial.function()
    assert (function.target_concurrent_inputs, function.max_concurrent_inputs) == (10, 120)


def test_containers_come_and_go_as_planned(trial: StandIn) -> None:
    scaling = trial.function().autoscaler_settings
    assert (scaling.min_containers, scaling.max_containers) == (0, 1)
    assert (scaling.buffer_containers, scaling.scaledown_window) == (0, 300)


def test_the_image_is_the_dockerfile_with_python_and_the_proxys_packages(trial: StandIn) -> None:
    dockerfile, python, root, packages = (list(image.dockerfile_commands) for image in trial.images.values())
    assert dockerfile == (ROOT / "Dockerfile").read_text("utf8").split("\n")
    assert "COPY /python/. /usr/local" in python
    assert not [line for line in python if line.startswith("RUN")], (
        "It would run as the Dockerfile's last user."
    )
    assert root[1:] == ["USER root", "ENTRYPOINT []"]
    assert packages[-1].startswith("RUN python -m pip install -r ")
    sent = [file.data for image in trial.images.values() for file in image.context_files]
    assert sent == [(ROOT / "requirements.txt").read_bytes()]


def test_nothing_is_sent_to_modal_that_the_image_does_not_need(trial: StandIn) -> None:
    names = {name for mount in trial.mounts.values() for name in mount}
    assert {"/package.json", "/package-lock.json", "/src/main.ts", "/root/deploy.py"} <= names
    assert "/root/asgi_proxy/__init__.py" in names
    private = [
        name
        for mount in trial.mounts.values()
        for name in mount
        if trial.files[mount[name]].startswith(b"hush")
    ]
    assert private == []


def test_where_the_dockerfile_puts_the_server_is_where_it_is_started() -> None:
    last_stage = (ROOT / "Dockerfile").read_text("utf8").rsplit("\nFROM ", 1)[1]
    assert re.findall(r"^WORKDIR (\S+)$", last_stage, re.MULTILINE) == [deploy.IMAGE_FOLDER]


def test_everything_follows_the_environment(project: Path, tmp_path: Path) -> None:
    settings = {
        "MAYA_APP_NAME": "mayamcp-green",
        "MODAL_MEMORY_MB": "8192",
        "MODAL_CPU": "2",
        "MODAL_MAX_CONTAINERS": "7",
        "MODAL_MIN_CONTAINERS": "2",
        "MODAL_BUFFER_CONTAINERS": "1",
        "MODAL_TARGET_INPUTS": "33",
        "MODAL_SCALEDOWN_WINDOW": "60",
        "MODAL_TIMEOUT": "7200",
        "MODAL_STARTUP_TIMEOUT": "90",
        "MODAL_REGIONS": "us-east,eu-west",
        "MODAL_CUSTOM_DOMAINS": "bar.example.com",
        "MAYA_SESSIONS_PER_CONTAINER": "100",
        "MAYA_STORE_URL": "redis://redis.example",
        "MAYA_SECRET_KEYS": "MAYA_MASTER_KEY",
    }
    with deployed(project, tmp_path, **settings) as modal:
        function = modal.function()
        assert modal.of("AppPublish")[0].name == function.webhook_config.requested_suffix == "mayamcp-green"
        assert [domain.name for domain in function.webhook_config.custom_domains] == ["bar.example.com"]
        assert function.resources.memory_mb_max == 8192
        assert function.resources.milli_cpu == 2000
        scaling = function.autoscaler_settings
        assert (scaling.min_containers, scaling.max_containers, scaling.buffer_containers) == (2, 7, 1)
        assert scaling.scaledown_window == 60
        assert (function.timeout_secs, function.startup_timeout_secs) == (7200, 90)
        assert list(function.scheduler_placement.regions) == ["us-east", "eu-west"]
        assert (function.target_concurrent_inputs, function.max_concurrent_inputs) == (33, 220)


# Secrets


def test_without_secret_keys_no_named_secret_is_asked_for(trial: StandIn) -> None:
    (secret,) = trial.of("SecretGetOrCreate")
    assert secret.deployment_name == ""
    assert trial.environment()["MODAL_MEMORY_MB"] == "4096"


def test_the_named_secret_must_have_its_keys_and_local_values_go_before_it(house: StandIn) -> None:
    asked = {
        house.secrets[secret_id].deployment_name: house.secrets[secret_id]
        for secret_id in house.function().secret_ids
    }
    assert list(asked) == ["maya-secrets", ""]
    assert list(asked["maya-secrets"].required_keys) == ["MAYA_MASTER_KEY", "GEMINI_API_KEY"]
    assert asked[""].env_dict["GEMINI_API_KEY"] == "hush-gemini"


def test_a_named_secret_without_its_keys_stops_the_deployment(project: Path, tmp_path: Path) -> None:
    with stand_in() as modal:
        modal.named_secrets[deploy.SECRET] = {"GEMINI_API_KEY"}
        made = modal_command(modal, project, tmp_path, "deploy", **TRIAL, MAYA_SECRET_KEYS="MAYA_MASTER_KEY")
        assert made.returncode == 1
        assert "MAYA_MASTER_KEY" in made.stdout + made.stderr
        assert modal.of("AppPublish") == []


def test_a_deployment_prints_no_secret_and_keeps_them_out_of_everything_else(house: StandIn) -> None:
    assert house.environment()["CARTESIA_API_KEY"] == "hush-cartesia"
    assert "hush" not in house.printed
    others = [request for name, request in house.requests if name != "SecretGetOrCreate"]
    assert [request for request in others if "hush-" in str(request)] == []


def test_the_modal_command_refuses_what_the_check_refuses(project: Path, tmp_path: Path) -> None:
    with stand_in() as modal:
        address = "redis://maya:hush@redis.example"
        made = modal_command(modal, project, tmp_path, "deploy", MAYA_STORE_URL=address)
        assert made.returncode == deploy.EX_CONFIG
        assert made.stderr.startswith(
            "This cannot be deployed:\n  Containers that share a store need the same MAYA_MASTER_KEY."
        )
        assert "hush" not in made.stdout + made.stderr
        assert modal.of("AppCreate") == []


# The container


class Container:
    """Modal's own runner, with the files and the environment that the deployment gave it."""

    def __init__(self, modal: StandIn, folder: Path) -> None:
        for mount in modal.mounts.values():
            for name, digest in mount.items():
                if name.startswith("/root/"):
                    file = folder / name.removeprefix("/root/")
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(modal.files[digest])
        arguments = folder / "arguments"
        arguments.write_bytes(modal.container_arguments())
        environment = {
            **bare_environment(),
            **modal.environment(),
            "MODAL_SERVER_URL": modal.url,
            "MODAL_IS_REMOTE": "1",
            "MODAL_TASK_ID": "ta-1",
            "MODAL_CONTAINER_ARGUMENTS_PATH": str(arguments),
            "PYTHONPATH": str(folder),
            deploy.FOLDER: str(ROOT),
        }
        command = [sys.executable, "-m", "modal._container_entrypoint"]
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(self.process.stdout)

    def server(self) -> int:
        """The number of the Node process."""
        found = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        (pid,) = [int(pid) for file in found for pid in file.read_text().split()]
        return pid

    def wait(self) -> str:
        """Waits for the end, and gives all that was printed."""
        self.process.wait(SECONDS)
        self._reader.join(SECONDS)
        return "".join(self.lines)


@contextmanager
def container(modal: StandIn, folder: Path) -> Iterator[Container]:
    running = Container(modal, folder)
    try:
        yield running
    finally:
        running.process.kill()
        running.wait()


def is_answered(messages: list[dict[str, Any]]) -> bool:
    return any(
        message["type"] == "http.response.body" and not message.get("more_body") for message in messages
    )


def body_of(messages: list[dict[str, Any]]) -> bytes:
    return b"".join(
        message.get("body", b"") for message in messages if message["type"] == "http.response.body"
    )


@pytest.fixture(scope="module")
def house(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """A deployment with secrets from everywhere, whose containers need nobody else."""
    folder = tmp_path_factory.mktemp("house")
    (folder / ".env").write_text("CARTESIA_API_KEY=hush-cartesia\n")
    settings = {"MAYA_STORE_URL": "memory:", "MAYA_LLM_PROVIDER": "house"}
    secrets = {"GEMINI_API_KEY": "hush-gemini", "MAYA_SECRET_KEYS": "MAYA_MASTER_KEY,GEMINI_API_KEY"}
    with deployed(project, folder, **TRIAL, **settings, **secrets) as modal:
        yield modal


def test_modals_runner_serves_guests_and_ends_without_leaving_anything(
    house: StandIn, tmp_path: Path
) -> None:
    with container(house, tmp_path) as running:
        alive = house.request("/livez").wait_for(is_answered, START_SECONDS)
        assert alive[0]["status"] == 200
        server = running.server()
        command = Path(f"/proc/{server}/cmdline").read_bytes().split(b"\0")
        assert b"--max-old-space-size=3584" in command

        json_type = (b"content-type", b"application/json")
        made = house.request("/api/v1/sessions", method="POST", body=b"{}", headers=[json_type])
        start, *_ = made.wait_for(is_answered, SECONDS)
        cookies = [value for name, value in start["headers"] if name.lower() == b"set-cookie"]
        assert start["status"] == 201
        assert [b"Secure" in cookie for cookie in cookies] == [True]

        said = json.dumps({"user_input": "Two martinis, please."}).encode()
        session = (b"cookie", cookies[0].split(b";")[0])
        order = house.request("/api/v1/chat/stream", method="POST", body=said, headers=[json_type, session])
        events = body_of(order.wait_for(is_answered, SECONDS)).decode()
        assert '"type":"complete"' in events
        assert len([message for message in order.messages if message.get("body")]) > 3, (
            "They come one by one."
        )

        house.stop_container()
        printed = running.wait()
        assert running.process.returncode == 0
        assert "hush" not in printed
        assert not Path(f"/proc/{server}").exists()


def test_a_container_whose_server_dies_asks_modal_to_be_replaced(house: StandIn, tmp_path: Path) -> None:
    with container(house, tmp_path) as running:
        house.request("/livez").wait_for(is_answered, START_SECONDS)
        os.kill(running.server(), signal.SIGKILL)
        printed = running.wait()
        assert [(stop.task_id, stop.graceful) for stop in house.of("ContainerStop")] == [("ta-1", True)], (
            printed
        )


def test_a_preempted_container_lets_the_server_close(house: StandIn, tmp_path: Path) -> None:
    with container(house, tmp_path) as running:
        house.request("/livez").wait_for(is_answered, START_SECONDS)
        server = running.server()
        running.process.send_signal(signal.SIGINT)
        printed = running.wait()
        assert '"msg":"closed"' in printed
        assert not Path(f"/proc/{server}").exists()
