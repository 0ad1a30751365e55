"""The command reference, read from the application that runs the commands."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from making.names import table
from spm_bench.cli import build_app


def commands() -> str:
    """A section for each command: what it does, arguments and options with their defaults."""
    return "\n\n".join(_sections(get_command(build_app()), "spm-bench"))


def _sections(command: Any, name: str) -> Iterator[str]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield _section(command, name)
    for word, one in (inner or {}).items():
        yield from _sections(one, f"{name} {word}")


def _section(command: Any, name: str) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and "--help" not in p.opts]
    usage = " ".join([name, *(["[OPTIONS]"] if options else []), *map(_argument_name, arguments)])
    parts = [f"## {name}", f"```sh\n{usage}\n```", _text(command.help or "")]
    if arguments:
        parts.append(table(("argument", "what"), ((f"`{_argument_name(p)}`", p.help or "") for p in arguments)))
    if options:
        parts.append(table(("option", "what", "default"), map(_option, options)))
    return "\n\n".join(parts)


def _argument_name(parameter: Any) -> str:
    name = parameter.metavar or parameter.name.upper()
    name += "..." * (parameter.nargs == -1)
    return str(name) if parameter.required else f"[{name}]"


def _option(parameter: Any) -> tuple[str, str, str]:
    # "/" stands between an option and its opposite
    names = " / ".join(f"`{max(given, key=len)}`" for given in (parameter.opts, parameter.secondary_opts) if given)
    text = parameter.help or ""
    default = parameter.default
    if default is None or default is False or callable(default) or default == () or "Default:" in text:
        return names, text, ""
    if parameter.secondary_opts:
        return names, text, f"`{max(parameter.opts, key=len)}`"
    return names, text, f"`{default}`"


def _text(docstring: str) -> str:
    """A command's docstring as Markdown: its examples become blocks."""
    lines: list[str] = []
    examples: list[str] = []
    for line in inspect.cleandoc(docstring).splitlines():
        start = line.strip().removeprefix("Example:").strip()
        if start.startswith("spm-bench "):
            examples.append(start)
        elif line.strip() not in ("Examples:", "Example:"):
            lines.append(line)
    text = "\n".join(lines).strip()
    return f"{text}\n\n```sh\n" + "\n".join(examples) + "\n```" if examples else text
