"""What the tests of deploy.py share: the project's folder, its Node, and environments without settings."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
NODE_FOLDER = ROOT / "node_modules" / ".bin"
COMMAND_SECONDS = 60

if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))


def bare_environment(**settings: str) -> dict[str, str]:
    """As on a new machine: no settings of ours, no account with Modal, the project's own Node."""
    return {
        "PATH": os.pathsep.join(
            [str(NODE_FOLDER), str(Path(sys.executable).parent), os.environ.get("PATH", "")]
        ),
        "HOME": "/nonexistent",
        "MODAL_CONFIG_PATH": "/nonexistent/modal.toml",
        "COLUMNS": "200",
        **settings,
    }


def copy_project(folder: Path) -> Path:
    """What a deployment needs of the project. Nobody changes it while a test deploys, and it is soon looked through."""
    names = (
        *("deploy.py", "asgi_proxy", "requirements.txt", ".env.example", "Dockerfile", ".dockerignore"),
        *("package.json", "package-lock.json", ".npmrc", "tsconfig.json", "src", "web"),
    )
    for name in names:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("dist", "__pycache__"))
        else:
            shutil.copy(source, folder)
    return folder


def run(*command: str, cwd: Path = ROOT, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env=bare_environment(**settings),
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
    )


def ask_node(script: str, given: object) -> Any:
    """Runs a script of the server's language. It finds `given`, and its last expression is `answer(...)`."""
    helpers = f"const given = {json.dumps(given)}; const answer = (it) => console.log(JSON.stringify(it))"
    program = f"{helpers}\n{script}"
    made = run("node", "--input-type=module", "--eval", program)
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout)
