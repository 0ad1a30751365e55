"""Fuzz every parser with atheris, guided by coverage; the exit code is not 0 where one broke.

    python tests/fuzz/fuzz.py --seconds 60
    python tests/fuzz/fuzz.py --only vot --seconds 600 --keep corpus
    python tests/fuzz/fuzz.py --replay crash-...

The first byte of an input chooses the parser (or `--only` does). What breaks one is left in the current folder by
libFuzzer, as `crash-...`, for `--replay`. Needs atheris (extra `dev`).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--runs", type=int, help="so many inputs, however long it takes; the same ones each time")
    parser.add_argument("--only", help="name of one parser")
    parser.add_argument("--keep", type=Path, help="folder of inputs that were interesting, kept for the next time")
    parser.add_argument("--replay", type=Path, help="one input, once")
    return parser.parse_args(arguments)


def main() -> None:
    args = parse()
    import atheris

    with atheris.instrument_imports(include=["spm_bench.results", "spm_bench.suites", "spm_bench.checking"]):
        from tests.fuzz.targets import TARGETS, feed
    names = list(TARGETS)
    if args.only is not None and args.only not in names:
        sys.exit(f"no parser is called {args.only!r}; known: {', '.join(names)}")
    warnings.simplefilter("error")  # a parser that warns has met what nobody thought of
    folder = Path(tempfile.mkdtemp(prefix="spm-fuzz-"))

    def one(data: bytes) -> None:
        if args.only is not None:
            feed(args.only, data, folder)
        elif data:
            feed(names[data[0] % len(names)], data[1:], folder)

    if args.replay is not None:
        one(args.replay.read_bytes())
        return
    corpus = args.keep or folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(names):
        for number, example in enumerate(TARGETS[name].examples):
            first = b"" if args.only is not None else bytes([index])
            if args.only in (None, name):
                (corpus / f"{name.replace(' ', '-')}-{number}").write_bytes(first + example)
    length = f"-max_total_time={args.seconds}" if args.runs is None else f"-runs={args.runs}"
    options = [length, "-timeout=10", "-rss_limit_mb=2048", "-max_len=400", "-seed=1"]
    atheris.Setup([sys.argv[0], *options, "-print_final_stats=1", str(corpus)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
