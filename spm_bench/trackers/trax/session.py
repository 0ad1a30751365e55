"""A program that speaks TraX: started, asked, held to the protocol and to a time, and ended, whatever happens.

What it prints besides messages, and on stderr, is kept for error messages. It runs in a process group of its own, which
is killed at the end: on Ctrl-C, on an error, when the session is dropped, and, by a guard (a shell that waits for the
end of a pipe), when this process is killed.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import tempfile
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from spm_bench.errors import TrackerError
from spm_bench.suites.base import Frame
from spm_bench.trackers.base import Box
from spm_bench.trackers.trax import protocol
from spm_bench.trackers.trax.program import Program

ANSWERS = {"hello", "state", "status", "quit"}
"""Messages that a tracker may send; the third is the name of the second in early versions."""
NEWEST = 4
"""Version of the protocol; a newer one may say other things."""
LONGEST = 1 << 24
"""Bytes of a line: more than any mask has."""
KEPT_LINES, KEPT_LETTERS, KEPT_BYTES = 6, 600, 4096
"""Of what a program said: in an error message, and in memory."""
LAST_WORDS = 0.2
"""Seconds to wait for what a program that failed still says."""
FAREWELL = 3.0
"""Seconds to end by itself once it was told to quit."""
_GUARD = 'read -r never; kill -s KILL -- "-$1" 2> /dev/null'


class Session:
    """One process of a program.

    Args:
        program: What to start.
        beside: Files that lie beside the pictures, name -> text.

    Attributes:
        pid: Of the process, and of its process group.
        pictures: The folder in which the program finds its pictures.
        single: Whether the program follows one target only and has to be started anew for the next: wrappers of the vot
            toolkit say so.

    Raises:
        TrackerError: It cannot be started, did not say hello, or wants what cannot be given.
    """

    def __init__(self, program: Program, beside: Mapping[str, str] = MappingProxyType({})) -> None:
        self._program = program
        self._said = {"stdout": b"", "stderr": b""}
        self._line = b""
        self._messages: list[tuple[str, list[str]]] = []
        self._folder = tempfile.TemporaryDirectory(prefix="spm_bench_trax_")
        self.pictures = Path(self._folder.name)
        for name, text in beside.items():
            (self.pictures / name).write_text(text, encoding="utf-8")
        self._shown, self._started_once = 0, False
        process = self._launched()
        self.pid = process.pid
        self._ends = _Ends(process)
        self._close = weakref.finalize(self, _end, self._ends, self._folder)
        try:
            self._greet()
        except BaseException:
            self.kill()
            raise

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._close.alive

    def start(self, frame: Frame, box: Box) -> None:
        """Start on a target. Raises TrackerError as `update`, or if the box cannot be given."""
        region = protocol.region_of(box, self._regions, frame.shape[:2])
        facts = self._version, self._picture(frame), region, self._program.arguments
        request = protocol.start_messages(*facts, again=self._started_once)
        self._ask(request, "when it was started on a target")
        self._started_once = True

    def update(self, frame: Frame) -> Box | None:
        """The box in the next frame; None where it says that there is none (an empty mask).

        Raises:
            TrackerError: It ended, gave no answer in time, or another one than a region.
        """
        words = self._ask(protocol.message("frame", [self._picture(frame)]), "when it was asked for the next box")
        regions = [word for word in words if "=" not in word]
        if len(regions) != 1:
            raise self._broken(f"it answered with {len(regions)} regions, one was asked for")
        try:
            return protocol.box_of(regions[0])
        except (ValueError, OverflowError) as error:
            raise self._broken(f"it answered with {regions[0][:80]!r}: {error}") from None

    def close(self) -> bool:
        """Tell it to quit and wait a little; tells whether it ended by itself."""
        self._close()
        return self._ends.gone_by_itself

    def kill(self) -> None:
        """End it at once."""
        self._ends.polite = False
        self._close()

    def _launched(self) -> subprocess.Popen[bytes]:
        program = self._program
        try:
            return subprocess.Popen(
                program.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=program.folder,
                env={**os.environ, "TRAX": "1", **program.environment},
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            raise TrackerError(f"it cannot be started ({error.strerror or error})", where=program.asked) from None

    def _greet(self) -> None:
        words = self._ask(b"", "before it said hello, as programs over TraX do", "hello")
        facts = dict(word.split("=", 1) for word in words if "=" in word)
        version = facts.get("trax.version", "1")
        if not version.isdecimal() or not 1 <= int(version) <= NEWEST:
            raise self._broken(f"it speaks version {version} of TraX; 1 to {NEWEST} are known here")
        self._version = int(version)
        self.single = "vot" in facts
        self._regions = _listed(facts, "trax.region") or [protocol.RECTANGLE]
        forms = _listed(facts, "trax.image") or [protocol.PATH]
        channels = _listed(facts, "trax.channels") or [protocol.COLOUR]
        known = [form for form in (protocol.PATH, protocol.MEMORY, protocol.BUFFER) if form in forms]
        if not known:
            raise self._broken(f"it takes pictures as {' or '.join(forms)}; path, memory or buffer can be given")
        if channels != [protocol.COLOUR]:
            raise self._broken(f"it wants pictures of {' and '.join(channels)}, there is colour only")
        self._form = known[0]

    def _picture(self, frame: Frame) -> str:
        """A frame as the program takes it: in a file (PNG) where it can."""
        if self._form != protocol.PATH:
            return protocol.picture_of(frame, self._form)
        # never the same name again, and the last one stays: programs may read late
        (self.pictures / f"{self._shown - 1:08d}.png").unlink(missing_ok=True)
        self._shown += 1
        path = self.pictures / f"{self._shown:08d}.png"
        path.write_bytes(protocol.png(frame))
        return f"file://{path}"

    def _ask(self, request: bytes, when: str, answer: str = "state") -> list[str]:
        """Send something, and wait for the answer; its words."""
        if not self.alive:
            raise TrackerError("the program is over", where=self._program.asked)
        try:
            if request:
                self._check_quiet()
            return self._answer(request, when, answer)
        except BaseException:
            self.kill()
            raise

    def _check_quiet(self) -> None:
        """Hear what it said since the last answer: no message, or answers and pictures would not belong together."""
        for end in self._ends.ready(b"", 0):
            self._hear(end)
        if self._messages and self._messages[0][0] != "quit":
            raise self._broken(f"it sent a message {self._messages[0][0]!r} without being asked")

    def _answer(self, request: bytes, when: str, answer: str) -> list[str]:
        deadline = time.monotonic() + self._program.timeout
        while not self._messages:
            left = deadline - time.monotonic()
            if left <= 0:
                raise self._broken(f"it gave no answer within {self._program.timeout:g} s {when}")
            for end in self._ends.ready(request, left):
                if end == "stdin":
                    request = self._ends.write(request)
                else:
                    self._hear(end)
            if "stdout" in self._ends.over and not self._messages:
                raise self._over(when)
        name, words = self._messages.pop(0)
        if name == "quit":
            reasons = [word.partition("=")[2] for word in words if word.startswith("trax.reason=")]
            raise self._over(when, reasons[0] if reasons else "")
        if name != answer and not (name == "status" and answer == "state"):
            raise self._broken(f"it sent a message {name!r} {when}")
        return words

    def _hear(self, end: str) -> None:
        data = self._ends.read(end)
        if end == "stderr":
            self._keep(end, data)
            return
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            if line.startswith(protocol.MARK):
                found = protocol.parse(line)
                if found is None or found[0] not in ANSWERS:
                    shown = line[:80].decode(errors="replace")
                    raise self._broken(f"it printed {shown!r}, which is no answer in TraX")
                self._messages.append(found)
                continue
            self._keep(end, line + b"\n")
            if protocol.MARK in line:
                raise self._broken("it put a message of TraX behind other text, without a line break between the two")
        if len(self._line) > LONGEST:
            raise self._broken(f"it printed {len(self._line)} bytes without a line break")

    def _keep(self, end: str, data: bytes) -> None:
        self._said[end] = (self._said[end] + data)[-KEPT_BYTES:]

    def _over(self, when: str, reason: str = "") -> TrackerError:
        """Why there will be no answer."""
        code = self._ends.exit_code()
        told = f"it ended the session {when}" + (f" ({reason})" if reason else "")
        if code is None:
            return self._broken(told if reason else f"it closed its output {when}")
        if code < 0:
            return self._broken(f"it was ended by {signal.Signals(-code).name} {when}")
        return self._broken(told if reason else f"it ended with exit code {code} {when}")

    def _broken(self, problem: str) -> TrackerError:
        """End the program; the error with its last words."""
        self._ends.kill()
        for end in ("stdout", "stderr"):
            self._keep(end, self._ends.rest(end))
        self.kill()
        said = [f"its {end} ended with: {text}" for end in ("stderr", "stdout") if (text := _tail(self._said[end]))]
        where, remedy = self._program.asked, f"It was started in {self._program.folder}"
        return TrackerError("; ".join([problem, *said]), where=where, remedy=remedy)


class _Ends:
    """The pipes and processes of a session. It knows nothing of what is said, and ends them when the session is gone.

    Attributes:
        polite: Whether the program is told to quit before it is killed.
        gone_by_itself: Whether it then ended.
        over: Which of stdout and stderr came to their end.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.polite, self.gone_by_itself = True, False
        self.over: set[str] = set()
        self._process = process
        guard = ["/bin/sh", "-c", _GUARD, "guard", str(process.pid)]
        self._guard = subprocess.Popen(guard, stdin=subprocess.PIPE, start_new_session=True)
        pipes = {"stdin": process.stdin, "stdout": process.stdout, "stderr": process.stderr}
        self._files = {name: pipe.fileno() for name, pipe in pipes.items() if pipe is not None}
        for number in self._files.values():
            os.set_blocking(number, False)

    def ready(self, request: bytes, seconds: float) -> list[str]:
        """Which pipes can be read, and written to if there is something to write, within so many seconds."""
        poll = select.poll()
        for name, number in self._files.items():
            if name == "stdin" and request:
                poll.register(number, select.POLLOUT)
            elif name != "stdin" and name not in self.over:
                poll.register(number, select.POLLIN)
        found = {number for number, _ in poll.poll(1000 * seconds)}
        return [name for name, number in self._files.items() if number in found]

    def read(self, name: str) -> bytes:
        """What is there; nothing at the end."""
        data = os.read(self._files[name], 1 << 16)
        if not data:
            self.over.add(name)
        return data

    def write(self, request: bytes) -> bytes:
        """Write what there is room for; returns the rest. If nobody reads any more, the end of stdout will tell."""
        try:
            return request[os.write(self._files["stdin"], request) :]
        except (BrokenPipeError, BlockingIOError):
            return b"" if self._process.poll() is not None else request

    def rest(self, name: str) -> bytes:
        """What is there and what comes at once."""
        parts, deadline = [], time.monotonic() + LAST_WORDS
        while name not in self.over and (left := deadline - time.monotonic()) > 0:
            for end in self.ready(b"", left):
                if end == name:
                    parts.append(self.read(name))
                else:
                    time.sleep(0.01)  # the other one has something to say, which waits
        return b"".join(parts)

    def exit_code(self) -> int | None:
        """The program's, if it ends soon."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(FAREWELL)
        return None

    def kill(self) -> None:
        """End the program and its children."""
        with contextlib.suppress(ProcessLookupError, PermissionError):  # on macOS the latter, where all are gone
            os.killpg(self._process.pid, signal.SIGKILL)

    def end(self) -> None:
        """Let the program end or kill it, with all its children, and close everything."""
        if self.polite and self._process.poll() is None:
            self.write(protocol.message("quit"))
            self.gone_by_itself = self.exit_code() is not None
        self.kill()
        self._process.wait()
        self._guard.kill()
        self._guard.wait()
        for file in (self._process.stdin, self._process.stdout, self._process.stderr, self._guard.stdin):
            if file is not None:
                file.close()


def processes_of(group: int) -> list[int]:
    """The processes of a group that have not ended, where the system lists them in /proc (Linux); else none."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = entry.read_text(errors="replace").rpartition(")")[2].split()[:3]
        except OSError:  # it ended meanwhile
            continue
        if int(its_group) == group and state != "Z":
            found.append(int(entry.parent.name))
    return found


def _end(ends: _Ends, folder: tempfile.TemporaryDirectory[str]) -> None:
    ends.end()
    folder.cleanup()


def _listed(facts: dict[str, str], name: str) -> list[str]:
    return [part for part in facts.get(name, "").split(";") if part]


def _tail(said: bytes) -> str:
    """The last lines of what a program said, on one line."""
    lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
    text = " | ".join(lines[-KEPT_LINES:])
    return text if len(text) <= KEPT_LETTERS else f"...{text[-KEPT_LETTERS:]}"
