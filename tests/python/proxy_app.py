"""The application that the ASGI servers of the tests serve: built from what the environment says."""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from asgi_proxy import create_app


async def say_lost() -> None:
    print("the hook was called", flush=True)


settings = json.loads(os.environ["PROXY_SETTINGS"])
app = create_app(settings.pop("command"), settings.pop("env"), on_upstream_lost=say_lost, **settings)
