"""Our proxy, before a server that is there already: what it starts as its own does nothing."""

import sys
from pathlib import Path
from urllib.parse import urlsplit

from proxy_serving import UPSTREAM_URL, serve

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from asgi_proxy import create_app

if __name__ == "__main__":
    serve(create_app(["sleep", "infinity"], port=urlsplit(UPSTREAM_URL).port, grace=1.0))
