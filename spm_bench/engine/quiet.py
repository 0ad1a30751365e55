"""Whether the machine is quiet enough to be timed on: one timing at a time, and what else the machine is doing."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from spm_bench.errors import UsageError, listed
from spm_bench.results.lock import take

_COMMON = Path("/tmp")  # TMPDIR differs between users and jobs; the lock is for all of a machine
LOCK = (_COMMON if _COMMON.is_dir() else Path(tempfile.gettempdir())) / "spm_bench-timing.lock"
"""Held while frames are timed; stays when it is free, as the lock is the kernel's and not the file's existence."""
LOOK_SECONDS = 0.5
"""How long other processes are watched before the first frame."""
MOST_OF_A_CORE = 0.1
"""Share of one core that others may take before it is worth a warning: some percent even of a tracker on one core."""
MOST_OF_A_CARD = 5
"""Percent of a graphics card that may be in use before our own work; an idle one with a display shows some."""
_PROC = Path("/proc")
_WAIT_FOR_DRIVER = 20.0
"""Seconds; the first call of nvidia-smi may have to start the driver."""


@contextlib.contextmanager
def alone(lock: Path | None = None) -> Iterator[None]:
    """Be the only timing of this machine while the block runs.

    Args:
        lock: Another file than `LOCK`.

    Raises:
        UsageError: Another one is running, or the lock's file cannot be opened.
    """
    lock = lock or LOCK
    with contextlib.ExitStack() as held:
        try:
            descriptor, ours = _open(lock)
            held.callback(os.close, descriptor)
            holder = take(descriptor, sign=ours)
        except OSError as error:
            raise UsageError(f"the lock of timings cannot be taken ({error.strerror or error})", where=lock) from error
        if holder is not None:
            raise UsageError(
                f"another timing is running on this machine (process {holder}): both would be slow, and wrong",
                remedy="Wait for it and give the command again",
            )
        yield


def _open(lock: Path) -> tuple[int, bool]:
    """Open the lock's file, whoever made it; also tells whether it may be written (for locking, reading is enough)."""
    flags = os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(lock, os.O_RDWR | flags), True
    except PermissionError:
        return os.open(lock, os.O_RDONLY | flags), False
    except FileNotFoundError:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | flags, 0o666)
        os.fchmod(descriptor, 0o666)  # whatever the umask: other users sign it, too
        return descriptor, True


@dataclass(frozen=True)
class Busy:
    """A process that was computing: its number, its name, and how many cores it kept busy."""

    process: int
    name: str
    cores: float


def busy_processes(seconds: float = LOOK_SECONDS, proc: Path = _PROC) -> list[Busy]:
    """Watch the other processes for a moment; the busiest first. Empty where there is no /proc."""
    before, begin = _ticks_by_process(proc), time.monotonic()
    time.sleep(seconds)
    taken = (time.monotonic() - begin) * _ticks_per_second()
    found = [
        Busy(process, name, (ticks - before[process][1]) / taken)
        for process, (name, ticks) in _ticks_by_process(proc).items()
        if process in before and process != os.getpid()
    ]
    return sorted((b for b in found if b.cores >= MOST_OF_A_CORE), key=lambda b: -b.cores)


def _ticks_by_process(proc: Path) -> dict[int, tuple[str, int]]:
    """Number -> (name, clock ticks of work so far)."""
    found = {}
    for folder in proc.glob("[0-9]*"):
        try:
            text = (folder / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:  # it has ended
            continue
        head, _, tail = text.rpartition(")")  # names may hold blanks and brackets
        fields = tail.split()
        found[int(folder.name)] = (head.partition("(")[2], int(fields[11]) + int(fields[12]))
    return found


class OthersMeter:
    """How many cores all other processes kept busy since it was made."""

    def __init__(self, proc: Path = _PROC) -> None:
        self._proc = proc
        self._begin = self._read()

    def cores(self) -> float | None:
        """Their number, on average; None where the system does not tell."""
        now = self._read()
        if self._begin is None or now is None:
            return None
        machine, own, seconds = (b - a for a, b in zip(self._begin, now, strict=True))
        # Both are counted in ticks: a little less than nothing means nothing.
        return max((machine - own) / seconds, 0.0) if seconds > 0 else None

    def _read(self) -> tuple[float, float, float] | None:
        """Seconds of work of the whole machine and of this process, and the time."""
        try:
            fields = (self._proc / "stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
        except (OSError, UnicodeDecodeError):
            return None
        ticks = [int(field) for field in fields]
        own = os.times()
        work = (sum(ticks) - ticks[3] - ticks[4]) / _ticks_per_second()  # without idle and waiting for disks
        return work, own.user + own.system + own.children_user + own.children_system, time.monotonic()


def _ticks_per_second() -> int:
    return os.sysconf("SC_CLK_TCK")


def load_average() -> float | None:
    """Processes that wanted to run over the last minute; None where the system does not tell."""
    try:
        return os.getloadavg()[0]
    except OSError:
        return None


@dataclass(frozen=True)
class Card:
    """A graphics card: its name, and percent in use before we began (None if it does not tell)."""

    name: str
    percent: int | None


def cards() -> list[Card]:
    """NVIDIA cards of this machine; none without the driver's nvidia-smi."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    query = [tool, "--query-gpu=name,utilization.gpu", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=_WAIT_FOR_DRIVER, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    found = []
    for line in done.stdout.splitlines() if done.returncode == 0 else ():
        name, _, percent = line.rpartition(",")
        found.append(Card(name.strip(), int(percent) if percent.strip().isdigit() else None))
    return found


@dataclass(frozen=True)
class Before:
    """What the machine did before the first frame."""

    load: float | None
    busy: tuple[Busy, ...]
    cards: tuple[Card, ...]

    @classmethod
    def look(cls) -> Before:
        """Look now; takes `LOOK_SECONDS`."""
        return cls(load_average(), tuple(busy_processes()), tuple(cards()))

    def warnings(self, *, card: bool) -> list[str]:
        """What may spoil a timing, one sentence each. `card`: a tracker computes on a graphics card."""
        told = []
        if self.busy:
            names = listed([f"{b.name} ({b.process}, {b.cores:.1f} cores)" for b in self.busy], most=3)
            told.append(f"other processes were busy before the first frame: {names}")
        for c in self.cards if card else ():
            if c.percent is not None and c.percent > MOST_OF_A_CARD:
                told.append(f"{c.name} was {c.percent} percent in use before the first frame")
        return told


def warning_of_others(cores: float | None) -> list[str]:
    """What to say of the work that others did while frames were timed."""
    if cores is None or cores < MOST_OF_A_CORE:
        return []
    return [f"other processes kept {cores:.1f} cores busy on average while frames were timed"]
