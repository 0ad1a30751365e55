"""A web server on this machine that misbehaves as it is told, one request after the other."""

from __future__ import annotations

import hashlib
import http.server
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

STALL = 5.0
"""Seconds of silence at most, so that no test hangs; tests wait far less."""


@dataclass
class Server:
    """What is served, and what goes wrong.

    Attributes:
        files: Path -> bytes.
        faults: Path -> what goes wrong with the next requests for it, one each; "" for nothing. See `_Handler.fault`.
        always: Path -> what goes wrong with every request for it that has no fault of its own.
        requests: (method, path, Range) of each request that came.
        ranges: Whether parts are sent.
        validators: Whether files have ETags.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=dict)
    always: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    ranges: bool = True
    validators: bool = True
    url: str = ""
    release: threading.Event = field(default_factory=threading.Event)

    def asked(self, path: str) -> list[str]:
        """The ranges of the GET requests for a path, "" for the whole."""
        return [given for method, at, given in self.requests if method == "GET" and at == path]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer(head=True)

    def do_GET(self) -> None:
        self.answer(head=False)

    def answer(self, *, head: bool) -> None:
        server, path, given = self.served, self.path, self.headers.get("Range", "")
        server.requests.append((self.command, path, given))
        fault = ""
        if not head:
            waiting = server.faults.get(path, [])
            fault = waiting.pop(0) if waiting else server.always.get(path, "")
        if self.fault_before(fault):
            return
        if path not in server.files:
            self.empty(404)
            return
        self.send_file(server.files[path], given, fault, head=head)

    def fault_before(self, fault: str) -> bool:
        """The faults that send no file: "404", "503", "503 1" (Retry-After), "redirect /other", "hang up"."""
        if fault == "hang up":
            self.close_connection = True
        elif fault.startswith("redirect "):
            self.empty(302, {"Location": fault.split()[1]})
        elif re.fullmatch(r"\d{3}( .+)?", fault):
            code, _, wait = fault.partition(" ")
            self.empty(int(code), {"Retry-After": wait} if wait else {})
        else:
            return False
        return True

    def empty(self, code: int, headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        for name, value in {"Content-Length": "0", **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()

    def send_file(self, body: bytes, given: str, fault: str, *, head: bool) -> None:
        """The faults of a file: "cut N", "stall N", "garble", "no length", "page"."""
        server = self.served
        tag = f'"{hashlib.md5(body).hexdigest()}"'
        start = int(given[6:-1]) if given else 0
        if given and (not server.ranges or self.headers.get("If-Range", tag) != tag):
            start = 0
        if start and start >= len(body):
            self.empty(416, {"Content-Range": f"bytes */{len(body)}"})
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        if server.validators:
            self.send_header("ETag", tag)
        if fault == "no length":
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(len(body) - start))
        self.send_header("Content-Type", "text/html" if fault == "page" else "application/octet-stream")
        self.end_headers()
        if head:
            return
        rest = body[start:]
        word, _, number = fault.partition(" ")
        if word == "garble":
            rest = bytes(byte ^ 255 for byte in rest)
        if word in ("cut", "stall"):
            rest = rest[: int(number)]
        self.wfile.write(rest)
        self.wfile.flush()
        if word in ("cut", "stall"):
            self.close_connection = True
        if word == "stall":
            server.release.wait(STALL)


@contextmanager
def serve() -> Iterator[Server]:
    """A server on a free port of this machine, closed at the end."""
    served = Server()
    handler = type("Handler", (_Handler,), {"served": served})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    served.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        served.release.set()
        server.shutdown()
        server.server_close()
        thread.join()
