"""The plan of deploy.py: what it makes of settings, warns of, refuses, and never shows."""

import io
import re
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import fields
from itertools import product
from pathlib import Path

import pytest
from deploy_support import ROOT, ask_node, run

import deploy

WORKING = {"MODAL_MAX_CONTAINERS": "1", "MAYA_EPHEMERAL_SESSIONS": "1"}
MASTER_KEY = "q83vEjRWeJASNFZ4kBI0VniQEjRWeJASNFZ4kBI0Vng="
SHARED = {"MAYA_STORE_URL": "redis://redis.example:6379", "MAYA_MASTER_KEY": MASTER_KEY}
LARGE = {
    **SHARED,
    "MODAL_MEMORY_MB": "8192",
    "MAYA_CONTAINER_MEMORY_THRESHOLD": "0.75",
    "MAYA_SESSIONS_PER_CONTAINER": "100",
    "MAYA_DEFAULT_SESSION_MEMORY_MB": "75",
    "MODAL_MAX_CONTAINERS": "10",
}


def check(**settings: str) -> tuple[int, str, str]:
    """`python deploy.py --check` in this process: its exit code, what it prints, what it complains of."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = deploy.check(deploy.make_plan(settings))
    return code, out.getvalue(), err.getvalue()


# Settings


def test_unset_settings_have_the_documented_defaults() -> None:
    settings = deploy.make_plan({}).settings
    assert (settings.app_name, settings.memory_mb, settings.containers_max) == ("mayamcp", 4096, 5)
    assert (settings.input_seconds, settings.containers_min, settings.store.name) == (3600, 0, "sqlite")


def test_the_servers_settings_have_the_servers_defaults() -> None:
    script = """
      import { settingDefaults } from './src/config/settings.ts'
      answer(Object.fromEntries(settingDefaults))"""
    servers = ask_node(script, None)
    ours = {line.metadata["variable"]: line.metadata["default"] for line in fields(deploy.Settings)}
    shared = {name: default for name, default in ours.items() if servers.get(name)}
    assert {name for name in shared if shared[name] != servers[name]} == {"MAYA_SHUTDOWN_SECONDS"}
    assert int(shared["MAYA_SHUTDOWN_SECONDS"]) < int(servers["MAYA_SHUTDOWN_SECONDS"])


def test_the_servers_settings_may_be_what_the_server_allows() -> None:
    numbers = [
        "0",
        "1",
        "01",
        "+1",
        "1.0",
        "1e3",
        "50",
        "3600",
        "3601",
        "65536",
        "65537",
        "100000",
        "100001",
        "x",
        " 7 ",
        "-1",
        "1_000",
        "1 000",
        "1\u0660",
        "0x10",
        "9" * 400,
    ]
    parts = ["0.1", "0.09", "0.8", ".8", "0.95", "0.951", "1", "0,8", "0.\u0668", "8e-1", "-0.5", "nan"]
    stores = [
        "memory:",
        "memory:x",
        "sqlite:a.db",
        "sqlite:/a/b.db",
        "sqlite://a",
        "sqlite::x",
        "sqlite:file:x",
        "sqlite:a/",
        "redis://redis.example",
        "redis://redis.example.:6379/15",
        "rediss://maya:p%40ss@[::1]:6380/",
        "redis://:pass@10.0.0.1",
        "redis://maya@redis.example",
        "redis://maya:p@ss@redis.example",
        "redis://redis.example/sessions",
        "redis://redis example",
        "redis:redis.example",
        "REDIS://redis.example",
    ]
    keys = [
        MASTER_KEY,
        MASTER_KEY[:-1],
        MASTER_KEY + "=",
        MASTER_KEY.replace("+", "-"),
        MASTER_KEY.replace("g=", "h="),
        MASTER_KEY[1:],
        "secret",
        "ä" * 43,
    ]
    given = [
        *product(["MAYA_SESSIONS_PER_CONTAINER", "MAYA_DEFAULT_SESSION_MEMORY_MB"], numbers),
        *product(["MAYA_TURN_SECONDS", "MAYA_SHUTDOWN_SECONDS"], numbers),
        *product(["MAYA_CONTAINER_MEMORY_THRESHOLD"], parts),
        *product(["MAYA_STORE_URL"], [*stores, "postgres://x", "sqlite:"]),
        *product(["MAYA_MASTER_KEY"], keys),
    ]
    script = """
      import { readSettings } from './src/config/settings.ts'
      answer(given.map(([name, text]) => readSettings({ [name]: text }).ok))"""
    allowed = ask_node(script, given)
    ours = [deploy.read_settings({name: text})[1] == [] for name, text in given]
    assert [pair for pair, one, other in zip(given, allowed, ours, strict=True) if one != other] == []


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("MAYA_APP_NAME", "My App"),
        ("MAYA_APP_NAME", "-maya"),
        ("MAYA_APP_NAME", "m" * 41),
        ("MODAL_MEMORY_MB", "4 GB"),
        ("MODAL_MEMORY_MB", "511"),
        ("MODAL_CPU", "many"),
        ("MODAL_MAX_CONTAINERS", "0"),
        ("MODAL_SCALEDOWN_WINDOW", "1"),
        ("MODAL_TIMEOUT", "86401"),
        ("MODAL_REGIONS", "US East"),
        ("MODAL_CUSTOM_DOMAINS", "https://bar.example.com"),
        ("MAYA_EPHEMERAL_SESSIONS", "yes"),
        ("MAYA_SECRET_KEYS", "maya-secrets"),
    ],
)
def test_a_bad_value_is_refused_with_what_came_and_what_is_allowed(variable: str, text: str) -> None:
    refusals = deploy.make_plan({**WORKING, variable: text}).refusals
    assert [refusal for refusal in refusals if refusal.startswith(f"{variable} is {text!r}, allowed is ")]


def test_all_that_is_wrong_is_said_at_once() -> None:
    code, _, problems = check(MODAL_MEMORY_MB="x", MAYA_APP_NAME="X", MAYA_STORE_URL="redis://r")
    assert code == deploy.EX_CONFIG
    assert [name in problems for name in ("MODAL_MEMORY_MB", "MAYA_APP_NAME", "MAYA_MASTER_KEY")] == [
        True
    ] * 3


def test_an_empty_value_is_unset_and_blanks_do_not_count() -> None:
    settings = deploy.make_plan({"MODAL_MEMORY_MB": "", "MAYA_APP_NAME": "  bar  "}).settings
    assert (settings.memory_mb, settings.app_name) == (4096, "bar")


def test_a_dot_env_file_is_read_as_the_server_reads_it(tmp_path: Path) -> None:
    lines = [
        "# a comment",
        "PLAIN=one",
        "  SPACES  =  two words  ",
        "export EXPORTED=three",
        "EMPTY=",
        "COMMENTED=four # not five",
        "HASH=a#b",
        'DOUBLE="six # seven"',
        "SINGLE='eight \\n nine'",
        "BACK=`ten`",
        'NEWLINE="a\\nb"',
        'LINES="first',
        'second"',
        "EQUALS=a=b=",
        "no assignment",
        "TWICE=1",
        "TWICE=2",
        "#OFF=1",
        "export  SPACED=2",
        "OPEN='two # words",
        "BYTE=\udcff",
        "LAST=end",
    ]
    for end in ("\n", "\r\n"):
        file = tmp_path / ".env"
        file.write_bytes(end.join(lines).encode(errors="surrogateescape"))
        script = """
          import { readFileSync } from 'node:fs'
          import { parseEnv } from 'node:util'
          answer(parseEnv(readFileSync(given, 'utf8')))"""
        assert deploy.read_env_file(file) == ask_node(script, str(file))


def test_a_dot_env_file_sets_what_the_environment_does_not(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "MODAL_MAX_CONTAINERS=1\nMAYA_EPHEMERAL_SESSIONS=1\nMAYA_APP_NAME=from-file\n"
    )
    made = run(sys.executable, str(ROOT / "deploy.py"), "--check", cwd=tmp_path, MAYA_APP_NAME="from-here")
    assert (made.returncode, made.stdout.splitlines()[0]) == (0, "from-here on Modal")


def test_no_dot_env_file_is_no_settings(tmp_path: Path) -> None:
    assert deploy.read_env_file(tmp_path / ".env") == {}


# Memory and requests


def test_the_sessions_that_fit_are_those_that_the_server_counts() -> None:
    given = [
        {"memory": memory, "session": session, "threshold": threshold}
        for memory, session, threshold in product(
            (512, 1000, 2048, 4096, 8192, 65_536), (1, 25, 50, 75, 333), (0.1, 0.75, 0.8, 0.95)
        )
    ]
    script = f"""
      import {{ capacityWarning }} from './src/config/settings.ts'
      const mb = 1024 * 1024
      answer(given.map(({{ memory, session, threshold }}) => capacityWarning({{
        sessionsMax: 1e9, sessionMemoryBytes: session * mb, limitBytes: memory * mb, threshold,
        usageBytes: {deploy.BASE_MB} * mb,
      }})))"""
    counted = [int(re.findall(r"(\d+) do\.", sentence)[0]) for sentence in ask_node(script, given)]
    ours = [
        deploy.make_plan(
            {
                "MODAL_MEMORY_MB": str(one["memory"]),
                "MAYA_DEFAULT_SESSION_MEMORY_MB": str(one["session"]),
                "MAYA_CONTAINER_MEMORY_THRESHOLD": str(one["threshold"]),
            }
        ).sessions_that_fit
        for one in given
    ]
    assert ours == counted


def test_settings_that_promise_more_than_fits_are_warned_of_with_the_number_that_does() -> None:
    code, out, _ = check(**LARGE)
    assert code == 0
    assert (
        "100 sessions of 75 MB do not fit in 8192 MB at a threshold of 0.75 with 400 MB in use: 76 do." in out
    )
    assert "MAYA_SESSIONS_PER_CONTAINER=76, or MODAL_MEMORY_MB=10534." in out


@pytest.mark.parametrize("threshold", ["0.75", "0.8", "0.95"])
def test_the_memory_that_is_proposed_is_the_least_that_does(threshold: str) -> None:
    asked = {**LARGE, "MAYA_CONTAINER_MEMORY_THRESHOLD": threshold}
    enough = deploy.memory_for(deploy.make_plan(asked).settings, 100)
    assert deploy.make_plan({**asked, "MODAL_MEMORY_MB": str(enough)}).sessions_that_fit >= 100
    assert deploy.make_plan({**asked, "MODAL_MEMORY_MB": str(enough - 1)}).sessions_that_fit < 100


def test_no_memory_is_proposed_that_modal_does_not_have() -> None:
    (warning,) = deploy.make_plan({**LARGE, "MAYA_SESSIONS_PER_CONTAINER": "5000"}).warnings
    assert warning.endswith(": 76 do. Set MAYA_SESSIONS_PER_CONTAINER=76.")
    (refusal,) = deploy.make_plan(
        {**LARGE, "MAYA_DEFAULT_SESSION_MEMORY_MB": "65536", "MAYA_CONTAINER_MEMORY_THRESHOLD": "0.1"}
    ).refusals
    assert refusal.endswith("Set a lower MAYA_DEFAULT_SESSION_MEMORY_MB.")


@pytest.mark.parametrize("memory_mb", [512, 1024, 2048, 4096, 8192, 65_536])
def test_nodes_heap_holds_what_is_admitted_and_leaves_room_for_the_rest(memory_mb: int) -> None:
    heap = deploy.heap_mb(memory_mb)
    assert memory_mb * 0.8 - deploy.BASE_MB <= heap <= memory_mb - 256


@pytest.mark.parametrize("sessions", [5, 10, 50, 60, 400])
def test_another_container_starts_before_guests_who_type_meet_a_full_one(sessions: int) -> None:
    """Each sends a message every 20 seconds, and its answer takes 5."""
    plan = deploy.make_plan({"MAYA_SESSIONS_PER_CONTAINER": str(sessions), "MODAL_MEMORY_MB": "65536"})
    requests_when_full = sessions * 5 / 20
    assert plan.target_inputs < requests_when_full


@pytest.mark.parametrize("sessions", [1, 2, 10, 50, 60, 400])
def test_a_full_container_takes_a_stream_and_a_microphone_of_each_guest(sessions: int) -> None:
    plan = deploy.make_plan({"MAYA_SESSIONS_PER_CONTAINER": str(sessions), "MODAL_MEMORY_MB": "65536"})
    assert plan.target_inputs >= 1
    assert plan.max_inputs > 2 * sessions


def test_requests_are_sized_by_the_sessions_that_really_fit() -> None:
    plan = deploy.make_plan(LARGE)
    assert (plan.sessions, plan.target_inputs, plan.max_inputs) == (76, 15, 172)


def test_how_many_requests_start_another_container_can_be_set_up_to_what_one_takes() -> None:
    assert deploy.make_plan({"MODAL_TARGET_INPUTS": "40"}).target_inputs == 40
    assert deploy.make_plan({"MODAL_TARGET_INPUTS": "1000"}).target_inputs == 120


def test_no_more_requests_are_asked_for_than_modal_gives() -> None:
    many = {**SHARED, "MAYA_SESSIONS_PER_CONTAINER": "2000", "MAYA_DEFAULT_SESSION_MEMORY_MB": "1"}
    plan = deploy.make_plan(many)
    assert (plan.target_inputs, plan.max_inputs) == (400, 1000)
    assert [warning for warning in plan.warnings if "the 1000 requests" in warning]
    assert deploy.make_plan({**many, "MODAL_MEMORY_MB": "1500"}).warnings == [
        "2000 sessions of 1 MB do not fit in 1500 MB at a threshold of 0.8 with 400 MB in use: 800 do. "
        "Set MAYA_SESSIONS_PER_CONTAINER=800, or MODAL_MEMORY_MB=3000."
    ]


# Refusals and warnings

CANNOT_WORK = [
    ("a store of one container for several", {"MAYA_EPHEMERAL_SESSIONS": "1"}),
    (
        "a store of one container for several, in memory",
        {"MAYA_EPHEMERAL_SESSIONS": "1", "MAYA_STORE_URL": "memory:"},
    ),
    ("sessions that are lost with the container", {"MODAL_MAX_CONTAINERS": "1"}),
    (
        "sessions that are lost with the container, in memory",
        {"MODAL_MAX_CONTAINERS": "1", "MAYA_STORE_URL": "memory:"},
    ),
    ("a shared store without a master key", {"MAYA_STORE_URL": "redis://r"}),
    (
        "memory in which not one session fits",
        {**WORKING, "MODAL_MEMORY_MB": "1024", "MAYA_DEFAULT_SESSION_MEMORY_MB": "500"},
    ),
    (
        "more containers at least than at most",
        {**SHARED, "MODAL_MIN_CONTAINERS": "3", "MODAL_MAX_CONTAINERS": "2"},
    ),
]


@pytest.mark.parametrize(
    "environment", [case[1] for case in CANNOT_WORK], ids=[case[0] for case in CANNOT_WORK]
)
def test_what_cannot_work_is_refused(environment: dict[str, str]) -> None:
    code, out, refusals = check(**environment)
    assert code == deploy.EX_CONFIG
    assert out.startswith("mayamcp on Modal\n")
    assert refusals.startswith("This cannot be deployed:\n  ")
    assert len(refusals.splitlines()) == 2


@pytest.mark.parametrize(
    ("environment", "way_out"),
    [
        (CANNOT_WORK[0][1], {"MODAL_MAX_CONTAINERS": "1"}),
        (CANNOT_WORK[0][1], SHARED),
        (CANNOT_WORK[2][1], {"MAYA_EPHEMERAL_SESSIONS": "1"}),
        (CANNOT_WORK[2][1], SHARED),
        (CANNOT_WORK[4][1], {"MAYA_MASTER_KEY": MASTER_KEY}),
        (CANNOT_WORK[4][1], {"MAYA_SECRET_KEYS": "MAYA_MASTER_KEY"}),
        (CANNOT_WORK[5][1], {"MODAL_MEMORY_MB": "1125"}),
        (CANNOT_WORK[5][1], {"MAYA_DEFAULT_SESSION_MEMORY_MB": "50"}),
        (CANNOT_WORK[6][1], {"MODAL_MIN_CONTAINERS": "2"}),
    ],
)
def test_every_refusal_names_a_way_out_that_is_one(
    environment: dict[str, str], way_out: dict[str, str]
) -> None:
    (refusal,) = deploy.make_plan(environment).refusals
    assert all(name in refusal for name in way_out if name in ("MODAL_MAX_CONTAINERS", "MAYA_SECRET_KEYS")), (
        refusal
    )
    assert "Set " in refusal
    assert deploy.make_plan({**environment, **way_out}).refusals == []


HEAP_TOO_SMALL = {
    **WORKING,
    "MODAL_MEMORY_MB": "65536",
    "MAYA_SESSIONS_PER_CONTAINER": "1200",
    "MAYA_CONTAINER_MEMORY_THRESHOLD": "0.95",
}


@pytest.mark.parametrize(
    ("word", "environment"),
    [
        ("MAYA_EPHEMERAL_SESSIONS", {**SHARED, "MAYA_EPHEMERAL_SESSIONS": "1"}),
        ("MAYA_SHUTDOWN_SECONDS", {**WORKING, "MAYA_SHUTDOWN_SECONDS": "24"}),
        ("MODAL_BUFFER_CONTAINERS", {**WORKING, "MODAL_BUFFER_CONTAINERS": "1"}),
        ("MAYA_TURN_SECONDS", {**WORKING, "MAYA_TURN_SECONDS": "150"}),
        ("MODAL_TIMEOUT", {**WORKING, "MODAL_TIMEOUT": "120"}),
        ("MAYA_CONTAINER_MEMORY_THRESHOLD", HEAP_TOO_SMALL),
    ],
)
def test_what_can_hardly_be_meant_is_warned_of_and_deployed(word: str, environment: dict[str, str]) -> None:
    plan = deploy.make_plan(environment)
    assert plan.refusals == []
    assert [warning for warning in plan.warnings if word in warning]


@pytest.mark.parametrize(
    "environment",
    [
        WORKING,
        SHARED,
        {**WORKING, "MAYA_SHUTDOWN_SECONDS": "23"},
        {**WORKING, "MAYA_CONTAINER_MEMORY_THRESHOLD": "0.95"},
        {**SHARED, "MODAL_BUFFER_CONTAINERS": "4"},
    ],
)
def test_a_plan_that_works_has_no_warnings(environment: dict[str, str]) -> None:
    code, out, err = check(**environment)
    assert (code, err) == (0, "")
    assert "warning" not in out


def test_a_value_that_is_not_text_is_refused_by_name() -> None:
    """Modal's client would fail over it in the middle of a deployment, without saying which one it is."""
    for bad in ("hush-\udcff", "hush-\0"):
        code, out, err = check(**WORKING, GEMINI_API_KEY=bad)
        assert code == deploy.EX_CONFIG
        assert "  GEMINI_API_KEY is not text in UTF-8.\n" in err
        assert "hush" not in out + err


def test_a_master_key_that_the_server_would_refuse_is_refused_and_not_shown() -> None:
    code, out, err = check(**{**SHARED, "MAYA_MASTER_KEY": "hush"})
    assert code == deploy.EX_CONFIG
    assert "MAYA_MASTER_KEY is a text of 4 characters (not shown), allowed is 32 bytes in base64" in err
    assert "hush" not in out + err


def test_the_check_names_containers_memory_sessions_requests_and_store() -> None:
    _, out, _ = check(**WORKING, MODAL_MIN_CONTAINERS="1", MODAL_REGIONS="us-east,eu-west")
    lines = {line.split()[0]: line.split(maxsplit=1)[1] for line in out.splitlines()[1:]}
    assert lines["address"] == "https://<workspace>--mayamcp.modal.run"
    assert lines["containers"].startswith("1 to 1, ")
    assert lines["regions"] == "us-east, eu-west"
    assert lines["memory"].startswith("4096 MB at most, 3584 of them for Node's heap")
    assert lines["sessions"].startswith("50 of 50 MB in a container (50 asked for, 57 fit), 50 in all")
    assert lines["requests"] == "120 at most in a container; from 10 in each on, Modal starts another"
    assert lines["store"] == "sqlite, in the container, lost with it"


@pytest.mark.parametrize(
    ("environment", "code"),
    [({}, deploy.EX_CONFIG), (WORKING, 0), (LARGE, 0), (CANNOT_WORK[6][1], deploy.EX_CONFIG)],
)
def test_the_command_prints_the_plan_and_exits_accordingly(
    environment: dict[str, str], code: int, tmp_path: Path
) -> None:
    made = run(sys.executable, str(ROOT / "deploy.py"), "--check", cwd=tmp_path, **environment)
    assert (made.returncode, made.stdout, made.stderr) == check(**environment)
    assert made.returncode == code


def test_without_check_the_command_says_how_to_use_it() -> None:
    made = run(sys.executable, "deploy.py")
    assert made.returncode == 2
    assert "--check" in made.stderr


# What is passed on, and what is shown


def test_every_setting_of_the_server_that_is_set_is_passed_on() -> None:
    names = deploy.server_variables()
    plan = deploy.make_plan(dict.fromkeys(names, "1"))
    assert len(names) > 50
    assert {*plan.environment, *plan.secrets} >= {*names} - deploy.NOT_PASSED_ON


def test_nothing_of_the_machine_is_passed_on() -> None:
    plan = deploy.make_plan(
        {
            "PATH": "/bin",
            "HOST": "laptop",
            "PORT": "80",
            "MAYA_TRUSTED_PROXIES": "10.0.0.1",
            "AWS_SECRET_ACCESS_KEY": "x",
            "MAYA_API_KEYS": " ",
        }
    )
    passed_on = {*plan.environment, *plan.secrets}
    assert not {"PATH", "HOST", "PORT", "MAYA_TRUSTED_PROXIES", "AWS_SECRET_ACCESS_KEY"} & passed_on
    assert "MAYA_API_KEYS" not in passed_on


def test_the_container_is_told_its_memory_and_how_many_there_may_be() -> None:
    plan = deploy.make_plan({"MODAL_MEMORY_MB": "2048"})
    assert plan.environment["MODAL_MEMORY_MB"] == "2048"
    assert plan.environment["MODAL_MAX_CONTAINERS"] == "5"
    assert plan.environment["MODAL_STARTUP_TIMEOUT"] == "120"
    assert plan.environment["MAYA_SHUTDOWN_SECONDS"] == "20"


def test_what_the_server_treats_as_a_secret_is_one_here() -> None:
    text = (ROOT / "src/config/settings.ts").read_text("utf8")
    lines = re.findall(r"(?:setting|optional)\(\s*'([A-Z_]+)',([^)]*)", text)
    secret = {
        name
        for name, kind in lines
        if re.search(r"\b(token|masterKey|apiKeys|headers|headerPairs|storeAddress)\b", kind)
    }
    assert len(secret) >= 10
    assert secret == {name for name in deploy.server_variables() if deploy.SECRET_NAMES.search(name)}


def test_no_secret_is_ever_shown() -> None:
    names = [name for name in deploy.server_variables() if deploy.SECRET_NAMES.search(name)]
    values = {name: f"hush-{index}-secret" for index, name in enumerate(names)}
    values["MAYA_STORE_URL"] = "redis://maya:hush-password@redis.example"
    values["MAYA_MASTER_KEY"] = "hush" * 10 + "-AA"
    code, out, err = check(**values)
    assert code == 0
    assert "hush" not in out + err
    assert all(name in out for name in names)
    assert "hush" not in repr(deploy.make_plan(values))


def test_not_even_a_refused_address_of_a_store_is_shown() -> None:
    code, out, err = check(MAYA_STORE_URL="redis:maya:hush@redis.example")
    assert code == deploy.EX_CONFIG
    assert "hush" not in out + err
    assert "a text of 29 characters (not shown)" in err


def test_a_store_whose_address_only_modal_knows_is_a_shared_one() -> None:
    code, out, err = check(MAYA_SECRET_KEYS="MAYA_MASTER_KEY,MAYA_STORE_URL")
    assert (code, err) == (0, "")
    assert "kept in maya-secrets, shared by all containers" in out
    assert deploy.make_plan({"MAYA_SECRET_KEYS": "MAYA_STORE_URL"}).refusals != []


def test_secrets_are_listed_by_name_and_by_where_they_come_from() -> None:
    _, out, _ = check(
        **WORKING, GEMINI_API_KEY="hush-hush", MAYA_SECRET_KEYS="MAYA_MASTER_KEY,CARTESIA_API_KEY"
    )
    assert "from here: GEMINI_API_KEY; from maya-secrets: CARTESIA_API_KEY, MAYA_MASTER_KEY" in out
