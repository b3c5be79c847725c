"""Our proxy with the whole of Maya behind it, as the container on Modal has it."""

import json
import os
import sys
from pathlib import Path

from proxy_serving import serve

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from asgi_proxy import create_app

if __name__ == "__main__":
    serve(create_app(json.loads(os.environ["NODE_COMMAND"])))
