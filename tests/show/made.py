"""Runs to show, made once a session by the fixture `shown_runs`."""

from __future__ import annotations

from pathlib import Path

from spm_bench.run import Request, run_suite

LENGTH = 36


def make_runs(out: Path) -> None:
    """Track look-alikes: by SPM-lite, its variants and KCF, by a variant under resets, without them, by the clock."""

    def make(*trackers: str, protocol: str = "one_pass", variants: tuple[str, ...] = (), calm: bool = False) -> None:
        sequences = ("calm", "lookalike-4") if calm else ("lookalike-4",)
        done = run_suite(
            Request(
                trackers=trackers,
                variants=variants,
                out=out / protocol,
                sequences=sequences,
                protocol=protocol,
                repetitions=None if protocol == "one_pass" else 1,
                device="cpu",
                report=False,
                quiet=True,
            )
        )
        assert not done.failures

    make("SPM-lite", "KCF", calm=True)
    make("SPM-lite", variants=("cm_only", "no_near"))
    make("SPM-lite", variants=("series",), protocol="supervised")
    make("SPM-lite", protocol="unsupervised")
    make("SPM-lite", protocol="realtime")


def folder_of(runs: Path, label: str, protocol: str = "one_pass") -> Path:
    """The run folder of a label."""
    (found,) = [path for path in (runs / protocol / "demo").iterdir() if path.name.rpartition("-")[0] == label]
    return found
