"""A real HTTP server on this machine that speaks the chat completions API, for tests of targets.

Use the fixture `chat_server` (import it in your conftest.py: ``from servers import chat_server``)::

    def test_it(chat_server):
        chat_server.answer = lambda call: completion("hello")      # or a list of answers, in order
        target = make_target("openai:m", base_url=chat_server.url)
        ...
        assert chat_server.calls[0].body["messages"]
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


@dataclass(frozen=True)
class Call:
    """A request as the server got it."""

    number: int  # 0 for the first
    path: str
    headers: Mapping[str, str]  # by lower-case name
    body: Any
    at: float  # time.monotonic()

    @property
    def last(self) -> str:
        """The content of the last message."""
        return self.body["messages"][-1]["content"]


@dataclass(frozen=True)
class Answer:
    """What goes over the wire; `hang_up` closes the connection without a word."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    hang_up: bool = False


def completion(
    content: str | None = "ok",
    *,
    tool_calls: Sequence[tuple[str, str]] = (),
    usage: tuple[int, int] | None = (10, 5),
    finish_reason: str | None = None,
    model: str = "test-model-2024",
    delay_s: float = 0.0,
    **message: Any,
) -> Answer:
    """A chat completion; `tool_calls` are (name, arguments as text) pairs."""
    calls = [
        {"id": f"c{n}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for n, (name, arguments) in enumerate(tool_calls)
    ]
    body: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "system_fingerprint": "fp_1",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": content,
                    **({"tool_calls": calls} if calls else {}),
                    **message,
                },
                "finish_reason": finish_reason or ("tool_calls" if calls else "stop"),
            }
        ],
    }
    if usage is not None:
        body["usage"] = {
            "prompt_tokens": usage[0],
            "completion_tokens": usage[1],
            "total_tokens": sum(usage),
        }
    return Answer(200, json.dumps(body).encode(), delay_s=delay_s)


def error(status: int, message: str, code: str | None = None, **headers: str) -> Answer:
    """An error in the form of the API; headers as ``Retry_After="1"``."""
    body = {"error": {"message": message, "type": "error", "param": None, "code": code}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, json.dumps(body).encode(), named)


class ChatServer:
    """The server: `answer` is a function of the call, or answers in order (the last one stays)."""

    def __init__(self) -> None:
        self.answer: Callable[[Call], Answer] | Sequence[Answer] = [completion()]
        self.calls: list[Call] = []
        self.lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                outer.handle(self)

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # a client that went away (was killed) is part of the tests

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        with self.lock:
            headers = {name.lower(): value for name, value in handler.headers.items()}
            call = Call(len(self.calls), handler.path, headers, body, time.monotonic())
            self.calls.append(call)
        if callable(self.answer):
            answer = self.answer(call)
        else:
            answer = self.answer[min(call.number, len(self.answer) - 1)]
        time.sleep(answer.delay_s)
        if answer.hang_up:
            handler.close_connection = True
            return
        handler.send_response(answer.status)
        headers = {"Content-Type": "application/json", **answer.headers}
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(answer.body)))
        handler.end_headers()
        handler.wfile.write(answer.body)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def chat_server() -> Iterator[ChatServer]:
    """A running server, and its calls."""
    server = ChatServer()
    yield server
    server.close()
