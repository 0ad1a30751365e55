"""Which program is meant: `trax:COMMAND`, or `trackers.ini#NAME` for a section of the file that the vot toolkit reads.

Of a section these fields count: `protocol` (trax or traxpython), `command`, `paths` and `python` (traxpython),
`linkpaths`, `timeout`, `restart`, `env_*` and `arg_*`; paths in it are relative to the file. What a run's boxes depend
on is the command and the content of the files that it names; a change of anything else is not seen.
"""

from __future__ import annotations

import configparser
import hashlib
import math
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path, PurePath
from typing import Any

from spm_bench.errors import TrackerError, UsageError, unknown_name
from spm_bench.trackers.base import TrackerSpec

PREFIX = "trax:"
SUFFIX = ".ini"
TARGET = "spm_bench.trackers.trax:TraxTracker"
PATIENCE = 60.0
"""Seconds for one answer where the file names none; the toolkit's own 30 are short for loading a network."""
PROTOCOLS = ("trax", "traxpython")
_INTERPOLATED = "the file is read as the vot toolkit reads it: write %% for a percent sign"


@dataclass(frozen=True)
class Program:
    """What is started.

    Attributes:
        name: For tables and folders.
        asked: How it was named, in a form that means the same in every folder.
        command: Words, not for a shell.
        folder: Where it is started.
        environment: Variables that it gets besides those of this process.
        arguments: Told with every start of a sequence.
        timeout: Seconds for one answer.
        restart: Start the program anew for every start of a sequence.
    """

    name: str
    asked: str
    command: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: Mapping[str, str] = field(default_factory=dict)
    timeout: float = PATIENCE
    restart: bool = False


def is_program(name: str) -> bool:
    """Tell whether a tracker's name means a program: `trax:COMMAND`, `FILE.ini` or `FILE.ini#NAME`."""
    return name.startswith(PREFIX) or name.partition("#")[0].casefold().endswith(SUFFIX)


def read_program(name: str) -> Program:
    """Find the program that is meant.

    Raises:
        UsageError: No such file, section or program, or a field that cannot be used.
    """
    if name.startswith(PREFIX):
        text = name.removeprefix(PREFIX)
        words = _words(text, where=name)
        _find(words[0], Path.cwd(), {}, name)
        first = _absolute(words[0]) if os.sep in words[0] else words[0]
        asked = PREFIX + shlex.join([first, *map(_absolute, words[1:])])
        return Program(short_name(words), asked, words, Path.cwd())
    file, _, section = name.partition("#")
    return read_section(Path(file), section)


def read_section(path: Path, section: str) -> Program:
    """A section of a trackers.ini; an empty name means the only one.

    Raises:
        UsageError: As `read_program`.
    """
    sections = _sections(path)
    if not section and len(sections) == 1:
        (section,) = sections
    if section not in sections:
        if not section:
            remedy = f"Say which: {path}#{min(sections, default='NAME')}"
            raise UsageError(f"it names {len(sections)} trackers", where=path, remedy=remedy)
        error = unknown_name("tracker", section, sections)
        raise UsageError(error.problem, where=path, remedy=error.remedy)
    return _program(path, section, sections[section])


def describe_program(name: str) -> TrackerSpec:
    """The description from which the tracker is built.

    Raises:
        UsageError: As `read_program`.
        TrackerError: This system has no process groups.
    """
    program = read_program(name)
    if not hasattr(os, "killpg"):
        raise TrackerError("programs over TraX run on Linux and macOS only", where=name)
    options = {
        "asked": program.asked,
        "command": list(program.command),
        "folder": str(program.folder),
        "environment": dict(program.environment),
        "arguments": dict(program.arguments),
        "timeout": program.timeout,
        "restart": program.restart,
    }
    places = ("asked", "command", "folder", "environment", "timeout")
    return TrackerSpec(name=program.name, target=TARGET, options=options, identity=_identity(program), places=places)


def short_name(words: tuple[str, ...]) -> str:
    """What to call a command: its script or module where it has one, else the program.

    >>> short_name(("python", "-u", "trackers/mine.py", "--fast")), short_name(("python", "-m", "a.mine"))
    ('mine', 'mine')
    >>> short_name(("./build/mine", "3"))
    'mine'
    """
    named = words[0]
    for before, word in pairwise(words):
        if before == "-m":
            named = word.rpartition(".")[2] + ".py"
            break
        if not word.startswith("-") and PurePath(word).suffix in {".py", ".sh", ".jar", ".m", ".jl", ".lua", ".js"}:
            named = word
            break
    return re.sub(r"[^A-Za-z0-9_-]+", "_", PurePath(named).stem).strip("_-") or "program"


def _sections(path: Path) -> dict[str, dict[str, str]]:
    config = configparser.ConfigParser()
    try:
        with path.open(encoding="utf-8") as file:
            config.read_file(file)
        return {name: dict(config[name]) for name in config.sections()}
    except OSError as error:
        remedy = "A tracker over TraX is named as trackers.ini#NAME"
        raise UsageError(f"cannot be read ({error.strerror or error})", where=path, remedy=remedy) from None
    except UnicodeDecodeError as error:
        raise UsageError(f"is no text ({error.reason})", where=path) from None
    except configparser.InterpolationError as error:
        raise UsageError(_flat(error), where=path, remedy=_INTERPOLATED) from None
    except configparser.Error as error:
        line = getattr(error, "lineno", None) or next((n for n, _ in getattr(error, "errors", ())), None)
        raise UsageError(f"is no trackers.ini ({_flat(error)})", where=path, line=line) from None


def _program(path: Path, name: str, fields: Mapping[str, str]) -> Program:
    where, folder = f"{path}#{name}", path.resolve().parent
    protocol = fields.get("protocol", "trax")
    if protocol not in PROTOCOLS:
        remedy = f"Known: {', '.join(PROTOCOLS)}; any other program is started with protocol = trax and its command"
        raise UsageError(f"protocol {protocol!r} cannot be run here", where=where, remedy=remedy)
    if _is_true(fields.get("socket", "")):
        raise UsageError("it wants a socket", where=where, remedy="Leave socket out: standard input and output will do")
    text = fields.get("command", "").strip()
    if not text:
        raise UsageError("it has no command", where=where, remedy="command = python /path/to/program.py")
    environment = {k[4:].upper(): os.path.expandvars(v) for k, v in fields.items() if k.startswith("env_") and k[4:]}
    words = _python_words(text, fields, folder, environment) if protocol == "traxpython" else _words(text, where)
    if links := _paths(fields.get("linkpaths", ""), folder):
        variable = "DYLD_LIBRARY_PATH" if sys.platform == "darwin" else "LD_LIBRARY_PATH"
        environment[variable] = os.pathsep.join(filter(None, [environment.get(variable, ""), *links]))
    _find(words[0], folder, environment, where)
    return Program(
        name=re.sub(r"[^A-Za-z0-9_.-]+", "_", name),
        asked=f"{path.resolve()}#{name}",
        command=words,
        folder=folder,
        environment=environment,
        arguments={k[4:]: v for k, v in fields.items() if k.startswith("arg_") and k[4:]},
        timeout=_seconds(fields.get("timeout", ""), where),
        restart=_is_true(fields.get("restart", "")),
    )


def _python_words(text: str, fields: Mapping[str, str], folder: Path, environment: dict[str, str]) -> tuple[str, ...]:
    """The command of the protocol traxpython: a module or a line of Python, with `paths` to import from."""
    paths = _paths(fields.get("paths", ""), folder)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [*paths, environment.get("PYTHONPATH", "")]))
    environment.setdefault("PYTHONUNBUFFERED", "1")
    python = fields.get("python", "") or sys.executable
    return (python, "-m" if re.fullmatch(r"[A-Za-z_][\w.]*", text) else "-c", text)


def _words(text: str, where: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(f"the command cannot be read ({error})", where=where) from None
    if not words:
        raise UsageError("there is no command", where=where, remedy='Example: --tracker "trax:python my_program.py"')
    return words


def _find(program: str, folder: Path, environment: Mapping[str, str], where: str) -> None:
    """Refuse what cannot be started before anything runs."""
    if os.sep not in program:
        if shutil.which(program, path=environment.get("PATH", os.environ.get("PATH"))) is None:
            remedy = "A program that is on no PATH is named by its path, as in ./program"
            raise UsageError(f"there is no program {program!r} on the PATH", where=where, remedy=remedy)
    elif not (folder / program).is_file():
        raise UsageError(f"there is no program {program}", where=where, remedy=f"It was looked for in {folder}")
    elif not os.access(folder / program, os.X_OK):
        remedy = f"chmod +x {program}, or put before it what runs it"
        raise UsageError(f"{program} is not executable", where=where, remedy=remedy)


def _identity(program: Program) -> dict[str, Any]:
    """What boxes depend on, wherever the files lie: words and values by name, and the content of files they name."""
    digests: dict[str, str] = {}
    for name, path in _files(program):
        digests[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return {
        "command": [_placeless(word, program.folder) for word in program.command],
        "environment": {name: _placeless(value, program.folder) for name, value in sorted(program.environment.items())},
        "files": dict(sorted(digests.items())),
    }


def _files(program: Program) -> Iterator[tuple[str, Path]]:
    from spm_bench.results.provenance import script_files

    roots = [program.folder, *map(Path, filter(None, program.environment.get("PYTHONPATH", "").split(os.pathsep)))]
    before = ""
    for number, word in enumerate((*program.command, *program.arguments.values())):
        path = program.folder / word
        if before == "-m":
            path = next((p for root in roots for p in _module_files(root, word) if p.is_file()), path)
        if path.is_file() and (number or os.sep in word):
            if path.suffix == ".py":
                yield from script_files(path).items()
            else:
                yield path.name, path
        before = word


def _module_files(root: Path, module: str) -> tuple[Path, Path]:
    base = root.joinpath(*module.split("."))
    return base.with_name(f"{base.name}.py"), base / "__main__.py"


def _placeless(text: str, folder: Path) -> str:
    """A path by its last name, any other text as it is."""
    path = PurePath(text)
    return path.name if path.is_absolute() or (os.sep in text and (folder / path).exists()) else text


def _absolute(word: str) -> str:
    return str(Path(word).absolute()) if Path(word).exists() else word


def _paths(text: str, folder: Path) -> list[str]:
    return [str((folder / part.strip()).resolve()) for part in text.split(os.pathsep) if part.strip()]


def _seconds(text: str, where: str) -> float:
    if not text.strip():
        return PATIENCE
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not (seconds > 0 and math.isfinite(seconds)):
        raise UsageError(f"timeout = {text} is no number of seconds", where=where)
    return seconds


def _is_true(text: str) -> bool:
    return text.strip().casefold() in {"true", "1", "t", "y", "yes"}


def _flat(error: Exception) -> str:
    return " ".join(str(error).split())
