"""A stand-in for Modal's servers, on the protocol of the real client, for deployments and for one container.

Modal's own mock of them is in its repository and not in the package that it publishes, so this one is built
on the package's protocol. It answers what a deployment and a container ask for, and remembers every request.
"""

import asyncio
import base64
import inspect
import json
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpclib.server
from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]
from grpclib import GRPCError, Status
from modal._serialization import deserialize_data_format, serialize, serialize_data_format
from modal_proto import api_grpc, api_pb2

START_SECONDS = 10
POLL_SECONDS = 1


class Call:
    """One request of a guest's to the container: what goes in and what comes out, as ASGI messages."""

    def __init__(self, call_id: str, loop: asyncio.AbstractEventLoop) -> None:
        self.id = call_id
        self.incoming: asyncio.Queue[Any] = asyncio.Queue()
        self.messages: list[dict[str, Any]] = []
        self._loop = loop
        self._changed = threading.Condition()

    def send(self, message: dict[str, Any]) -> None:
        self._loop.call_soon_threadsafe(self.incoming.put_nowait, message)

    def take(self, message: dict[str, Any]) -> None:
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()

    def wait_for(
        self, expected: Callable[[list[dict[str, Any]]], bool], seconds: float
    ) -> list[dict[str, Any]]:
        with self._changed:
            assert self._changed.wait_for(lambda: expected(self.messages), seconds), self.messages
            return list(self.messages)


class StandIn:
    """The requests that came, and what a deployment left behind."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.url = ""
        self._loop = loop
        self._calls: dict[str, Call] = {}
        self._inputs: asyncio.Queue[Any] = asyncio.Queue()
        self._has_left = asyncio.Event()
        # What the command said that deployed it.
        self.printed = ""
        self.requests: list[tuple[str, Any]] = []
        self.files: dict[str, bytes] = {}
        self.mounts: dict[str, dict[str, str]] = {}
        self.images: dict[str, Any] = {}
        self.secrets: dict[str, Any] = {}
        self.named_secrets: dict[str, set[str]] = {}
        self.functions: dict[str, Any] = {}

    def of(self, name: str) -> list[Any]:
        return [request for method, request in self.requests if method == name]

    def function(self) -> Any:
        (request,) = self.of("FunctionCreate")
        return request.function

    def request(self, path: str, *, method: str = "GET", body: bytes = b"", headers: Any = ()) -> Call:
        """Gives the container a request, as Modal does."""
        call = Call(f"fc-{len(self._calls) + 1}", self._loop)
        self._calls[call.id] = call
        scope = {
            "type": "http",
            "http_version": "2",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(b"host", b"someone--mayamcp.modal.run"), *headers],
            "client": ("203.0.113.9", 4711),
        }
        given = api_pb2.FunctionInput(args=serialize(((scope,), {})), data_format=api_pb2.DATA_FORMAT_PICKLE)
        item = api_pb2.FunctionGetInputsItem(input_id=f"in-{call.id}", function_call_id=call.id, input=given)
        self._loop.call_soon_threadsafe(self._inputs.put_nowait, item)
        call.send({"type": "http.request", "body": body, "more_body": False})
        return call

    def stop_container(self) -> None:
        """No more requests: the container ends when the running ones have."""
        self._loop.call_soon_threadsafe(
            self._inputs.put_nowait, api_pb2.FunctionGetInputsItem(kill_switch=True)
        )

    def container_arguments(self) -> bytes:
        """What Modal's runner is told about the function that was deployed."""
        function = self.function()
        objects = [
            api_pb2.Object(object_id=dependency.object_id) for dependency in function.object_dependencies
        ]
        metadata = api_pb2.FunctionHandleMetadata(function_name=function.function_name)
        objects.append(api_pb2.Object(object_id="fu-1", function_handle_metadata=metadata))
        layout = api_pb2.AppLayout(objects=objects, function_ids={function.function_name: "fu-1"})
        arguments = api_pb2.ContainerArguments(
            task_id="ta-1", function_id="fu-1", app_id="ap-1", function_def=function, app_layout=layout
        )
        return bytes(arguments.SerializeToString())

    def environment(self) -> dict[str, str]:
        """A container's environment, made of the function's secrets: later ones go before earlier ones."""
        found: dict[str, str] = {}
        for secret_id in self.function().secret_ids:
            found.update(self.secrets[secret_id].env_dict)
        return found

    # One method for each call of the client's, named like it.

    def ClientHello(self, request: Any) -> Any:
        return api_pb2.ClientHelloResponse()

    def AuthTokenGet(self, request: Any) -> Any:
        claims = json.dumps({"exp": int(time.time()) + 3600}).encode()
        parts = (
            base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (b'{"alg":"none"}', claims, b"x")
        )
        return api_pb2.AuthTokenGetResponse(token=".".join(parts))

    def EnvironmentGetOrCreate(self, request: Any) -> Any:
        settings = api_pb2.EnvironmentSettings(image_builder_version="2025.06")
        metadata = api_pb2.EnvironmentMetadata(name=request.deployment_name or "main", settings=settings)
        return api_pb2.EnvironmentGetOrCreateResponse(environment_id="en-1", metadata=metadata)

    def AppGetByDeploymentName(self, request: Any) -> Any:
        return api_pb2.AppGetByDeploymentNameResponse()

    def AppCreate(self, request: Any) -> Any:
        return api_pb2.AppCreateResponse(app_id="ap-1", app_page_url="https://modal.invalid/ap-1")

    def AppHeartbeat(self, request: Any) -> Any:
        return empty()

    def AppClientDisconnect(self, request: Any) -> Any:
        self._has_left.set()
        return empty()

    def AppPublish(self, request: Any) -> Any:
        return api_pb2.AppPublishResponse(url="https://modal.invalid/ap-1", deployed_at=time.time())

    def AppGetLayout(self, request: Any) -> Any:
        return api_pb2.AppGetLayoutResponse()

    async def AppGetLogs(self, request: Any) -> AsyncIterator[Any]:
        """None, until who serves the app leaves."""
        await self._has_left.wait()
        yield api_pb2.TaskLogsBatch(app_done=True)

    def TaskList(self, request: Any) -> Any:
        return api_pb2.TaskListResponse()

    def BlobCreate(self, request: Any) -> Any:
        raise GRPCError(Status.INVALID_ARGUMENT, "No file of this project is so large.")

    def MountPutFile(self, request: Any) -> Any:
        if request.WhichOneof("data_oneof") is not None:
            self.files[request.sha256_hex] = request.data
        return api_pb2.MountPutFileResponse(exists=request.sha256_hex in self.files)

    def MountBatchedCheckExistence(self, request: Any) -> Any:
        missing = [digest for digest in request.sha256_hex_hashes if digest not in self.files]
        return api_pb2.MountBatchedCheckExistenceResponse(missing_sha256_hex_hashes=missing)

    def MountGetOrCreate(self, request: Any) -> Any:
        mount_id = f"mo-{len(self.mounts) + 1}"
        self.mounts[mount_id] = {file.filename: file.sha256_hex for file in request.files}
        metadata = api_pb2.MountHandleMetadata(content_checksum_sha256_hex="00")
        return api_pb2.MountGetOrCreateResponse(mount_id=mount_id, handle_metadata=metadata)

    def ImageGetOrCreate(self, request: Any) -> Any:
        image_id = f"im-{len(self.images) + 1}"
        self.images[image_id] = request.image
        metadata = api_pb2.ImageMetadata(image_builder_version=request.builder_version)
        return api_pb2.ImageGetOrCreateResponse(image_id=image_id, metadata=metadata)

    def ImageJoinStreaming(self, request: Any) -> Any:
        result = api_pb2.GenericResult(status=api_pb2.GenericResult.GENERIC_STATUS_SUCCESS)
        metadata = api_pb2.ImageMetadata(image_builder_version="2025.06")
        return api_pb2.ImageJoinStreamingResponse(result=result, metadata=metadata)

    def SecretGetOrCreate(self, request: Any) -> Any:
        if not request.env_dict:
            missing = set(request.required_keys) - self.named_secrets.get(request.deployment_name, set())
            if request.deployment_name not in self.named_secrets or missing:
                raise GRPCError(Status.NOT_FOUND, f"Secret {request.deployment_name} lacks {sorted(missing)}")
        secret_id = f"st-{len(self.secrets) + 1}"
        self.secrets[secret_id] = request
        return api_pb2.SecretGetOrCreateResponse(secret_id=secret_id)

    def FunctionPrecreate(self, request: Any) -> Any:
        metadata = api_pb2.FunctionHandleMetadata(
            function_name=request.function_name,
            function_type=request.function_type,
            web_url=self._web_url(request),
        )
        return api_pb2.FunctionPrecreateResponse(function_id="fu-1", handle_metadata=metadata)

    def FunctionCreate(self, request: Any) -> Any:
        function = api_pb2.Function()
        function.CopyFrom(request.function)
        function.web_url = self._web_url(request.function)
        metadata = api_pb2.FunctionHandleMetadata(
            function_name=function.function_name,
            function_type=function.function_type,
            web_url=function.web_url,
        )
        ranked = api_pb2.FunctionData.RankedFunction(rank=0, function=function)
        data = api_pb2.FunctionData(ranked_functions=[ranked], web_url=function.web_url)
        return api_pb2.FunctionCreateResponse(
            function_id="fu-1", function=function, function_data=data, handle_metadata=metadata
        )

    # And those of the runner in the container.

    def ContainerHello(self, request: Any) -> Any:
        return empty()

    def ContainerHeartbeat(self, request: Any) -> Any:
        return api_pb2.ContainerHeartbeatResponse()

    def ContainerStop(self, request: Any) -> Any:
        self.stop_container()
        return api_pb2.ContainerStopResponse()

    def FunctionGetDynamicConcurrency(self, request: Any) -> Any:
        return api_pb2.FunctionGetDynamicConcurrencyResponse(concurrency=request.target_concurrency)

    async def FunctionGetInputs(self, request: Any) -> Any:
        try:
            item = await asyncio.wait_for(self._inputs.get(), POLL_SECONDS)
        except TimeoutError:
            return api_pb2.FunctionGetInputsResponse()
        return api_pb2.FunctionGetInputsResponse(inputs=[item])

    async def FunctionCallGetDataIn(self, request: Any) -> AsyncIterator[Any]:
        call = self._calls[request.function_call_id]
        index = request.last_index
        while True:
            message = await call.incoming.get()
            index += 1
            data = serialize_data_format(message, api_pb2.DATA_FORMAT_ASGI)
            yield api_pb2.DataChunk(data_format=api_pb2.DATA_FORMAT_ASGI, data=data, index=index)

    def FunctionCallPutDataOut(self, request: Any) -> Any:
        call = self._calls[request.function_call_id]
        for chunk in request.data_chunks:
            call.take(deserialize_data_format(chunk.data, chunk.data_format, None))
        return empty()

    def FunctionPutOutputs(self, request: Any) -> Any:
        return empty()

    def TaskResult(self, request: Any) -> Any:
        return empty()

    def _web_url(self, definition: Any) -> str:
        return f"https://someone--{definition.webhook_config.requested_suffix}.modal.run"


def empty() -> Any:
    return Empty()


@contextmanager
def stand_in() -> Iterator[StandIn]:
    """Serves on a free port of this machine, in a thread of its own."""
    loop = asyncio.new_event_loop()
    state = StandIn(loop)
    server = loop.run_until_complete(_serve(state))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(START_SECONDS)


async def _serve(state: StandIn) -> grpclib.server.Server:
    server = grpclib.server.Server([_servicer(state)])
    await server.start("127.0.0.1", 0)
    listening: Any = server._server
    state.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    return server


def _servicer(state: StandIn) -> Any:
    """Every call that the stand-in does not know is an error that names it."""

    def answered(name: str) -> Callable[[Any, Any], Awaitable[None]]:
        async def method(self: Any, stream: Any) -> None:
            request = await stream.recv_message()
            state.requests.append((name, request))
            answer = getattr(state, name, None)
            if answer is None:
                raise GRPCError(Status.UNIMPLEMENTED, f"{name} is not known here")
            given = answer(request)
            if inspect.isasyncgen(given):
                async for message in given:
                    await stream.send_message(message)
            else:
                await stream.send_message(await given if inspect.isawaitable(given) else given)

        return method

    base = api_grpc.ModalClientBase
    calls = [name for name in dir(base) if name[0].isupper()]
    return type("Servicer", (base,), {name: answered(name) for name in calls})()
