"""The command line: one verb per file. Verb files import only typer and pathlib at the top: `--help` is instant."""

from __future__ import annotations

import contextlib
import inspect
import os
import re
import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from spm_bench.errors import SpmBenchError

_OptionError: type[Exception] = typer.BadParameter.__mro__[1]
"""Typer's error for an option that does not exist or a value it cannot have; click's or its own, by version."""
EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130
"""All well; some sequence failed; the user must mend something; Ctrl-C."""
_GOES_ON = frozenset({"run", "sweep", "search", "train", "reproduce", "weights", "data", "vot"})
"""Verbs that keep what they have finished when interrupted, and go on from there."""


def _print_version(asked: bool) -> None:
    if asked:
        from spm_bench import __version__

        typer.echo(f"spm-bench {__version__}")
        raise typer.Exit


def build_app() -> typer.Typer:
    """Collect the verbs into one application."""
    from spm_bench.cli import (
        bench,
        check,
        check_tracker,
        compare,
        data,
        ls,
        new_tracker,
        report,
        reproduce,
        run,
        score,
        search,
        show,
        submit,
        sweep,
        train,
        vot,
        weights,
    )

    app = typer.Typer(
        name="spm-bench",
        help="Run visual object trackers on OTB, VOT and GOT-10k under the real protocols; score, compare and report.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_options_of_all)
    app.command("run")(run.run)
    app.command("score")(score.score)
    app.command("report")(report.report)
    app.command("compare")(compare.compare)
    app.command("reproduce")(reproduce.reproduce)
    app.command("check")(check.check)
    app.command("show")(show.show)
    app.command("bench")(bench.bench)
    app.command("check-tracker")(check_tracker.check_tracker)
    app.command("new-tracker")(new_tracker.new_tracker)
    app.command("ls")(ls.ls)
    app.command("search")(search.search)
    app.command("submit")(submit.submit)
    app.command("sweep")(sweep.sweep)
    app.command("train")(train.train)
    app.add_typer(weights.app, name="weights")
    app.add_typer(data.app, name="data")
    app.add_typer(vot.app, name="vot")
    return app


def _options_of_all(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
) -> None: ...


@contextlib.contextmanager
def stdout_for_rows() -> Iterator[None]:
    """Send to stderr whatever is printed inside (by a tracker, a worker, native code): stdout is for the rows alone."""
    sys.stdout.flush()
    real = os.dup(1)
    os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(real, 1)
        os.close(real)


def _let_help_flow(app: typer.Typer) -> None:
    """Join the lines of each paragraph of the verbs' texts, else they would be broken twice in narrow terminals."""
    for info in app.registered_commands:
        text = inspect.getdoc(info.callback) or ""
        info.help = info.help or re.sub(r"(?<=\S)\n(?=\S)", " ", text)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            _let_help_flow(group.typer_instance)


def guarded(app: typer.Typer, arguments: list[str] | None = None, verb: str | None = None) -> int:
    """Run `app`; turn a user's mistake into one line on stderr and Ctrl-C into a quiet end. Returns the exit code.

    Args:
        app: The verbs, or one of them.
        arguments: None: those of the process.
        verb: Which it is, for an application of one; None: the first argument says.
    """
    _let_help_flow(app)
    try:
        code = app(args=arguments, standalone_mode=False)
    except SpmBenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    except _OptionError as error:
        error.show()  # type: ignore[attr-defined]
        return EXIT_USAGE
    except (KeyboardInterrupt, typer.Abort):
        code = EXIT_INTERRUPTED
    if code == EXIT_INTERRUPTED:  # typer itself turns Ctrl-C into this code
        verb = verb or next(iter(sys.argv[1:] if arguments is None else arguments), "")
        kept = ": what was finished is kept; run the same command again to go on" if verb in _GOES_ON else ""
        print(f"interrupted{kept}", file=sys.stderr)
    return code if isinstance(code, int) else EXIT_OK


def main() -> None:
    """Entry point of the console script `spm-bench`."""
    sys.exit(guarded(build_app()))
