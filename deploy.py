"""Maya on Modal.

`modal deploy deploy.py` puts the image of the Dockerfile on Modal, behind the ASGI proxy.
`python deploy.py --check` prints what that would be, and what is wrong with it, without an account.

It reads from top to bottom: what may be set, where it comes from, what follows from it, the app, the check.
"""

import argparse
import math
import multiprocessing
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import modal
import modal.experimental

if TYPE_CHECKING:
    from asgi_proxy.asgi import App

ROOT = Path(__file__).parent
IMAGE_FOLDER = "/app"
FOLDER = "MAYA_FOLDER"
PYTHON = "3.13"
SECRET = "maya-secrets"

# --- What may be set ---


@dataclass(frozen=True)
class Kind:
    """What the text of a setting may be: `allowed` completes the sentence "allowed is ...", None refuses."""

    allowed: str
    parse: Callable[[str], Any]
    may_be_shown: bool = True


def whole(minimum: int, maximum: int) -> Kind:
    def parse(text: str) -> int | None:
        value = int(text) if re.fullmatch(r"0|[1-9][0-9]{0,9}", text) else -1
        return value if minimum <= value <= maximum else None

    return Kind(f"a whole number from {minimum} to {maximum}", parse)


def decimal(minimum: float, maximum: float) -> Kind:
    def parse(text: str) -> float | None:
        value = float(text) if re.fullmatch(r"[0-9]{1,6}(\.[0-9]+)?", text) else -1.0
        return value if minimum <= value <= maximum else None

    return Kind(f"a number from {minimum:g} to {maximum:g}", parse)


def comma_list(pattern: str, allowed: str) -> Kind:
    def parse(text: str) -> tuple[str, ...] | None:
        parts = tuple(part.strip() for part in text.split(","))
        return parts if all(re.fullmatch(pattern, part) for part in parts) else None

    return Kind(f"a comma list of {allowed}", parse)


@dataclass(frozen=True)
class Store:
    """A way to keep sessions. One that is shared is seen by every container and outlives each of them."""

    name: str
    address: str
    is_shared: bool


STORES = (
    Store("memory", r"memory:", is_shared=False),
    Store("sqlite", r"sqlite:(?!//|:|file:).*[^/]", is_shared=False),
    Store(
        "redis",
        r"rediss?://([^\s:@/]*:[^\s@/]+@)?(\[[0-9a-fA-F:.]+\]|[\w-]+(\.[\w-]+)*\.?)(:[0-9]{1,5})?(/[0-9]{0,5})?",
        is_shared=True,
    ),
    # A store over Modal's own Dict gets its line here.
)
# Its address is a secret that is not known here. Nobody needs a secret for a store in a container.
STORE_IN_SECRET = Store(f"kept in {SECRET}", "", is_shared=True)

APP_NAME = Kind(
    "1 to 40 lower-case letters, digits and inner hyphens, because it is a part of the address",
    lambda text: text if re.fullmatch(r"(?!\d+$)[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", text) else None,
)
STORE = Kind(
    "`memory:`, `sqlite:FILE`, `redis://...` or `rediss://...`",
    lambda text: next((store for store in STORES if re.fullmatch(store.address, text)), None),
    may_be_shown=False,
)
# The last of 43 characters stands for four bits of the key and two that are zero.
MASTER_KEY = Kind(
    "32 bytes in base64, such as `openssl rand -base64 32` prints",
    lambda text: bool(re.fullmatch(r"[\w+/-]{42}[AEIMQUYcgkosw048]=?", text, re.ASCII)) or None,
    may_be_shown=False,
)
YES_OR_NO = Kind("0 or 1", {"0": False, "1": True}.get)
REGIONS = comma_list(r"[a-z0-9-]+", "regions, such as us-east,eu-west")
DOMAINS = comma_list(r"([a-z0-9-]+\.)+[a-z]{2,}", "host names, such as bar.example.com")
VARIABLES = comma_list(r"[A-Z][A-Z0-9_]*", "variables, such as MAYA_MASTER_KEY,GEMINI_API_KEY")


def setting(variable: str, default: str, kind: Kind) -> Any:
    return field(metadata={"variable": variable, "default": default, "kind": kind})


# The most that Modal gives to one container.
MEMORY_MB_MAX = 344_064
INPUTS_MAX = 1000


@dataclass(frozen=True)
class Settings:
    """What decides about the deployment. An empty default is None: nothing of the kind."""

    app_name: str = setting("MAYA_APP_NAME", "mayamcp", APP_NAME)
    is_ephemeral: bool = setting("MAYA_EPHEMERAL_SESSIONS", "0", YES_OR_NO)
    secret_keys: tuple[str, ...] | None = setting("MAYA_SECRET_KEYS", "", VARIABLES)
    memory_mb: int = setting("MODAL_MEMORY_MB", "4096", whole(512, MEMORY_MB_MAX))
    cpu_cores: float = setting("MODAL_CPU", "0.5", decimal(0.125, 64))
    containers_max: int = setting("MODAL_MAX_CONTAINERS", "5", whole(1, 1000))
    containers_min: int = setting("MODAL_MIN_CONTAINERS", "0", whole(0, 1000))
    containers_buffer: int = setting("MODAL_BUFFER_CONTAINERS", "0", whole(0, 1000))
    target_inputs: int | None = setting("MODAL_TARGET_INPUTS", "", whole(1, INPUTS_MAX))
    scaledown_seconds: int = setting("MODAL_SCALEDOWN_WINDOW", "300", whole(2, 3600))
    # Every stream of events and every WebSocket is one input of Modal's, and ends when this is over.
    input_seconds: int = setting("MODAL_TIMEOUT", "3600", whole(60, 86_400))
    startup_seconds: int = setting("MODAL_STARTUP_TIMEOUT", "120", whole(10, 3600))
    # Not MODAL_REGION: Modal sets that one itself in each container.
    regions: tuple[str, ...] | None = setting("MODAL_REGIONS", "", REGIONS)
    domains: tuple[str, ...] | None = setting("MODAL_CUSTOM_DOMAINS", "", DOMAINS)
    # The following are the server's own; they are passed on with all others of it.
    store: Store = setting("MAYA_STORE_URL", "sqlite:data/maya.db", STORE)
    has_master_key: bool | None = setting("MAYA_MASTER_KEY", "", MASTER_KEY)
    sessions_max: int = setting("MAYA_SESSIONS_PER_CONTAINER", "50", whole(1, 100_000))
    session_mb: int = setting("MAYA_DEFAULT_SESSION_MEMORY_MB", "50", whole(1, 65_536))
    threshold: float = setting("MAYA_CONTAINER_MEMORY_THRESHOLD", "0.8", decimal(0.1, 0.95))
    turn_seconds: int = setting("MAYA_TURN_SECONDS", "120", whole(1, 3600))
    # Less than the server's own 25, so that it has ended before Modal kills the container.
    shutdown_seconds: int = setting("MAYA_SHUTDOWN_SECONDS", "20", whole(1, 3600))


# What the proxy decides: where the server listens, and whom it believes.
NOT_PASSED_ON = {"HOST", "PORT", "MAYA_TRUSTED_PROXIES"}
SECRET_NAMES = re.compile(r"(_KEYS?|_KEY_PREVIOUS|_SECRET|_TOKEN|_HEADERS|_STORE_URL)$")

# A zero byte, and what Python makes of bytes that are not UTF-8.
NOT_TEXT = re.compile("[\0\ud800-\udfff]")

# --- Where it comes from ---

ENV_LINE = re.compile(
    r"""^[ \t]*(?:export [ \t]*)?(?P<name>[\w.-]+)[ \t]*=[ \t]*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|"""
    r"""`(?P<back>[^`]*)`|(?P<bare>["'`][^\n]*|[^#\n]*))""",
    re.MULTILINE | re.ASCII,
)


def read_env_file(file: Path) -> dict[str, str]:
    """The variables of a `.env`, read as the server reads it (Node's `util.parseEnv`)."""
    values: dict[str, str] = {}
    text = file.read_bytes().decode("utf8", "replace").replace("\r", "") if file.exists() else ""
    for line in ENV_LINE.finditer(text):
        double, single, back, bare = line.group("double", "single", "back", "bare")
        if double is not None:
            values[line["name"]] = double.replace("\\n", "\n")
        else:
            values[line["name"]] = single or back or (bare or "").strip(" \t")
    return values


def server_variables() -> list[str]:
    """All settings of the server: `.env.example` has a line for each. In a container nothing is passed on."""
    example = ROOT / ".env.example"
    lines = example.read_text("utf8") if example.exists() else ""
    return re.findall(r"^#? ?([A-Z][A-Z0-9_]*)=", lines, re.MULTILINE)


def read_settings(environment: Mapping[str, str]) -> tuple[Settings, list[str]]:
    """Reads every setting, and says all that is wrong. What is refused counts as unset for the rest."""
    problems: list[str] = []
    values: dict[str, Any] = {}
    for line in fields(Settings):
        variable, default, kind = (line.metadata[name] for name in ("variable", "default", "kind"))
        text = environment.get(variable, "").strip()
        value = kind.parse(text) if text else None
        if text and value is None:
            came = repr(text[:80]) if kind.may_be_shown else f"a text of {len(text)} characters (not shown)"
            problems.append(f"{variable} is {came}, allowed is {kind.allowed}.")
        values[line.name] = value if value is not None else kind.parse(default) if default else None
    is_kept_by_modal = "MAYA_STORE_URL" in (values["secret_keys"] or ())
    if is_kept_by_modal and not environment.get("MAYA_STORE_URL", "").strip():
        values["store"] = STORE_IN_SECRET
    return Settings(**values), problems


# --- What follows from it ---

MB = 1024 * 1024
# What a container uses beside its sessions, measured as resident memory outside Modal (docs/memory.md): Node
# 290 MB when 50 guests have talked for a while, 330 with the embedded voice, Python with the proxy 60 MB.
BASE_MB = 400
# Modal starts another container when those that run have as many requests as this part of their sessions. It
# counts requests, and guests who type have one only now and then: in 5 of 20 seconds, while they have their
# place all the time. So this is what four fifths of the places have. With a microphone that stays open and a
# stream a guest has two. Probes and short requests come on top.
TARGET_SHARE = 0.8 * 5 / 20
INPUTS_PER_SESSION = 2
INPUTS_BESIDE = 20
KILL_SECONDS = 30
# After the time for running turns: the server needs some to close, and the proxy some to see that.
SERVER_CLOSING_SECONDS = 5
PROXY_CLOSING_SECONDS = 2
REDIRECT_SECONDS = 150


@dataclass(frozen=True)
class Plan:
    """What is deployed. Values that came from the outside are kept out of its `repr`."""

    settings: Settings
    sessions_that_fit: int
    sessions: int
    heap_mb: int
    target_inputs: int
    max_inputs: int
    environment: Mapping[str, str] = field(repr=False)
    secrets: Mapping[str, str] = field(repr=False)
    warnings: list[str]
    refusals: list[str]


def make_plan(environment: Mapping[str, str]) -> Plan:
    settings, problems = read_settings(environment)
    fit = sessions_that_fit(settings)
    sessions = max(1, min(settings.sessions_max, fit))
    max_inputs = min(INPUTS_MAX, sessions * INPUTS_PER_SESSION + INPUTS_BESIDE)
    passed = {
        name: environment[name].strip()
        for name in server_variables()
        if name not in NOT_PASSED_ON and environment.get(name, "").strip()
    }
    problems += [f"{name} is not text in UTF-8." for name in passed if NOT_TEXT.search(passed[name])]
    secrets = {name: value for name, value in passed.items() if SECRET_NAMES.search(name)}
    given = {name: value for name, value in passed.items() if name not in secrets}
    own = {
        "MAYA_APP_NAME": settings.app_name,
        "MAYA_SECRET_KEYS": ",".join(settings.secret_keys or ()),
        FOLDER: IMAGE_FOLDER,
        "MODAL_MEMORY_MB": str(settings.memory_mb),
        "MODAL_MAX_CONTAINERS": str(settings.containers_max),
        "MODAL_STARTUP_TIMEOUT": str(settings.startup_seconds),
        "MAYA_SHUTDOWN_SECONDS": str(settings.shutdown_seconds),
    }
    return Plan(
        settings=settings,
        sessions_that_fit=fit,
        sessions=sessions,
        heap_mb=heap_mb(settings.memory_mb),
        target_inputs=min(max_inputs, settings.target_inputs or max(1, math.floor(sessions * TARGET_SHARE))),
        max_inputs=max_inputs,
        environment={**given, **own},
        secrets=secrets,
        warnings=warnings_of(settings, fit),
        refusals=problems + refusals_of(settings, fit),
    )


def sessions_that_fit(settings: Settings) -> int:
    """As the server counts it: `capacityWarning` in src/config/settings.ts."""
    room = settings.memory_mb * MB * settings.threshold - BASE_MB * MB
    return max(0, math.floor(room / (settings.session_mb * MB)))


def memory_for(settings: Settings, sessions: int) -> int:
    """The least memory that holds so many sessions."""
    return math.ceil((sessions * settings.session_mb + BASE_MB) / settings.threshold)


def with_memory_for(settings: Settings, sessions: int) -> str:
    """The end of an advice: the memory as the other way, where Modal has so much."""
    memory_mb = memory_for(settings, sessions)
    return f", or MODAL_MEMORY_MB={memory_mb}." if memory_mb <= MEMORY_MB_MAX else "."


def heap_mb(memory_mb: int) -> int:
    """Node's heap: more than the sessions that are admitted may take, and less than the container has.

    Beside it live the Python process, Node's own code and the buffers. Without a limit Node believes to have
    the memory of the whole machine, and collects its garbage too late.
    """
    return memory_mb - max(256, memory_mb // 8)


def warnings_of(settings: Settings, fit: int) -> list[str]:
    """What is allowed and yet can hardly be meant, one sentence each."""
    asked = f"{settings.sessions_max} sessions of {settings.session_mb} MB"
    turn, shutdown = settings.turn_seconds, settings.shutdown_seconds
    closing = SERVER_CLOSING_SECONDS + PROXY_CLOSING_SECONDS
    sessions = min(settings.sessions_max, fit)
    warnings = (
        (
            0 < fit < settings.sessions_max,
            f"{asked} do not fit in {settings.memory_mb} MB at a threshold of {settings.threshold:g} with "
            f"{BASE_MB} MB in use: {fit} do. Set MAYA_SESSIONS_PER_CONTAINER={fit}"
            + with_memory_for(settings, settings.sessions_max),
        ),
        (
            settings.is_ephemeral and settings.store.is_shared,
            "MAYA_EPHEMERAL_SESSIONS is 1, and the store keeps the sessions all the same.",
        ),
        (
            shutdown + closing > KILL_SECONDS,
            f"MAYA_SHUTDOWN_SECONDS is {shutdown}: Modal kills a container {KILL_SECONDS} s after it told it "
            f"to stop, and server and proxy need {closing} of them to close.",
        ),
        (
            turn >= REDIRECT_SECONDS,
            f"MAYA_TURN_SECONDS is {turn}: Modal redirects a request whose answer has not begun after "
            f"{REDIRECT_SECONDS} s, and POST /api/v1/chat answers when the turn ends. Streams begin at once.",
        ),
        (
            settings.input_seconds <= turn,
            f"MODAL_TIMEOUT is {settings.input_seconds}: a stream ends before its turn may.",
        ),
        (
            sessions * settings.session_mb > heap_mb(settings.memory_mb),
            "MAYA_CONTAINER_MEMORY_THRESHOLD admits more sessions than Node's heap can hold. Set it to 0.8.",
        ),
        (
            sessions > INPUTS_MAX,
            f"{sessions} sessions in a container are more than the {INPUTS_MAX} requests that it may get.",
        ),
        (
            settings.containers_buffer >= settings.containers_max,
            f"MODAL_BUFFER_CONTAINERS is {settings.containers_buffer}, and MODAL_MAX_CONTAINERS leaves room for "
            f"{settings.containers_max - 1} beside one in use.",
        ),
    )
    return [sentence for applies, sentence in warnings if applies]


def refusals_of(settings: Settings, fit: int) -> list[str]:
    """What cannot work, each with the way out."""
    store = settings.store
    has_master_key = settings.has_master_key or "MAYA_MASTER_KEY" in (settings.secret_keys or ())
    refusals = (
        (
            not store.is_shared and settings.containers_max > 1,
            f"The sessions are in a {store.name} store, which is one container's own, and there may be "
            f"{settings.containers_max} containers: a guest would be unknown in the next one. "
            "Set MODAL_MAX_CONTAINERS=1, or MAYA_STORE_URL=redis://... for a store that all of them share.",
        ),
        (
            not store.is_shared and not settings.is_ephemeral,
            f"A {store.name} store is in the container and is lost with it: {settings.scaledown_seconds} s "
            "after the last request, and with every deployment. Set MAYA_STORE_URL=redis://..., or "
            "MAYA_EPHEMERAL_SESSIONS=1 if that is meant.",
        ),
        (
            store.is_shared and not has_master_key,
            "Containers that share a store need the same MAYA_MASTER_KEY. Set it to what "
            f"`openssl rand -base64 32` prints, or put it into Modal's secret {SECRET} and say so with "
            "MAYA_SECRET_KEYS=MAYA_MASTER_KEY.",
        ),
        (
            fit == 0,
            f"Not one session of {settings.session_mb} MB fits in {settings.memory_mb} MB at a threshold of "
            f"{settings.threshold:g} with {BASE_MB} MB in use. Set a lower MAYA_DEFAULT_SESSION_MEMORY_MB"
            + with_memory_for(settings, 1),
        ),
        (
            settings.containers_min > settings.containers_max,
            f"MODAL_MIN_CONTAINERS is {settings.containers_min}, which is more than MODAL_MAX_CONTAINERS. "
            f"Set it to {settings.containers_max} or less.",
        ),
    )
    return [sentence for applies, sentence in refusals if applies]


# --- The app ---

plan = make_plan({**read_env_file(Path(".env")), **os.environ})

image = (
    modal.Image.from_dockerfile(ROOT / "Dockerfile", context_dir=ROOT, add_python=PYTHON)
    # The Dockerfile ends as a user who may not install anything, and Modal starts its own process.
    .dockerfile_commands("USER root", "ENTRYPOINT []")
    .pip_install_from_requirements(str(ROOT / "requirements.txt"))
    .add_local_python_source("asgi_proxy")
)

# As many in the container as here, or it does not start: so they may depend on nothing that is not passed on.
# Later ones go before earlier ones: what is set here overrides what Modal keeps.
secrets = [modal.Secret.from_dict({**plan.environment, **plan.secrets})]
if plan.settings.secret_keys:
    secrets.insert(0, modal.Secret.from_name(SECRET, required_keys=list(plan.settings.secret_keys)))

app = modal.App(plan.settings.app_name)


@app.function(
    image=image,
    secrets=secrets,
    cpu=plan.settings.cpu_cores,
    # The second is the limit: who exceeds it is killed. The server knows it, and admits only what fits.
    memory=(plan.settings.memory_mb, plan.settings.memory_mb),
    min_containers=min(plan.settings.containers_min, plan.settings.containers_max),
    max_containers=plan.settings.containers_max,
    buffer_containers=plan.settings.containers_buffer,
    scaledown_window=plan.settings.scaledown_seconds,
    timeout=plan.settings.input_seconds,
    startup_timeout=plan.settings.startup_seconds,
    region=plan.settings.regions,
)
@modal.concurrent(max_inputs=plan.max_inputs, target_inputs=plan.target_inputs)
@modal.asgi_app(label=plan.settings.app_name, custom_domains=plan.settings.domains)
def web() -> "App":
    """The server behind its proxy. It runs here as well: `deploy.web.local()`."""
    from asgi_proxy import create_app  # Whoever only deploys does not need what it needs.

    is_on_modal = FOLDER in os.environ
    return create_app(
        ["node", f"--max-old-space-size={plan.heap_mb}", "src/main.ts"],
        plan.environment,
        cwd=os.environ.get(FOLDER, str(ROOT)),
        # Both before Modal does it, so that the last lines of the server are in the log.
        start_timeout=plan.settings.startup_seconds - SERVER_CLOSING_SECONDS,
        grace=KILL_SECONDS - PROXY_CLOSING_SECONDS,
        # Modal speaks TLS to the guests and HTTP to us.
        scheme="https" if is_on_modal else None,
        # A container whose server has died takes no more requests, and Modal replaces it.
        on_upstream_lost=modal.experimental.stop_fetching_inputs.aio if is_on_modal else None,
    )


# --- The check ---

EX_CONFIG = 78


def describe(made: Plan) -> str:
    """The plan in words. Of what is secret it shows the names."""
    settings = made.settings
    hosts = (f"<workspace>--{settings.app_name}.modal.run", *(settings.domains or ()))
    fit = min(settings.sessions_max, made.sessions_that_fit)
    where = "shared by all containers" if settings.store.is_shared else "in the container, lost with it"
    lines = {
        "address": ", ".join(f"https://{host}" for host in hosts),
        "containers": f"{settings.containers_min} to {settings.containers_max}, {settings.containers_buffer} "
        f"in reserve, each ends after {settings.scaledown_seconds} s without a request",
        "regions": ", ".join(settings.regions or ("any",)),
        "memory": f"{settings.memory_mb} MB at most, {made.heap_mb} of them for Node's heap; "
        f"{settings.cpu_cores:g} cores at least",
        "sessions": f"{fit} of {settings.session_mb} MB in a container ({settings.sessions_max} asked for, "
        f"{made.sessions_that_fit} fit), {fit * settings.containers_max} in all",
        "requests": f"{made.max_inputs} at most in a container; from {made.target_inputs} in each on, "
        "Modal starts another",
        "time-outs": f"{settings.input_seconds} s for a stream, {settings.startup_seconds} s to start, "
        f"{settings.shutdown_seconds} s for running turns at the end",
        "store": f"{settings.store.name}, {where}",
        "secrets": f"from here: {listed(made.secrets)}; from {SECRET}: {listed(settings.secret_keys or ())}",
        "passed on": listed(tuple(name for name in made.environment if name in server_variables())),
    }
    return "\n".join([f"{settings.app_name} on Modal", *(f"  {name:<11}{lines[name]}" for name in lines)])


def listed(names: Mapping[str, str] | tuple[str, ...]) -> str:
    return ", ".join(sorted(names)) or "none"


def check(made: Plan) -> int:
    """Prints the plan and what is to be said about it. The exit code is the server's for bad settings."""
    print(describe(made))
    for warning in made.warnings:
        print(f"  warning    {warning}")
    sys.stdout.flush()
    refuse(made)
    return EX_CONFIG if made.refusals else 0


def refuse(made: Plan) -> None:
    lines = ["This cannot be deployed:", *(f"  {refusal}" for refusal in made.refusals)]
    if made.refusals:
        print("\n".join(lines), file=sys.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(description="Maya on Modal. To deploy: modal deploy deploy.py")
    parser.add_argument(
        "--check", action="store_true", required=True, help="print the plan and what is wrong"
    )
    parser.parse_args()
    return check(plan)


if __name__ == "__main__":
    sys.exit(main())

# The modal command refuses what the check refuses, and so does the process of `modal serve` that reads this file
# anew after a change. Everybody else may import it with any settings.
is_command = click.get_current_context(silent=True) is not None
is_reloading = multiprocessing.parent_process() is not None
if plan.refusals and (is_command or is_reloading):
    refuse(plan)
    sys.exit(EX_CONFIG)
