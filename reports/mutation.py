"""Put a sample of small faults into `metrics/` and `protocols/`, and report which of them no test finds.

    python reports/mutation.py                  # 120 faults, seed 1; writes reports/mutation.md
    python reports/mutation.py --number 20 --only metrics/eao.py --out /tmp/eao.md

Nothing in the checkout is changed while it runs: the faulty module exists in the memory of the test process only.
Outcomes are kept in `--state`, so that an interrupted run goes on: a mutant is tried again when its module changed, and
one that survived also when the tests of its module did.

Why not a library: cosmic-ray (8.7) changes the files in place, has one test command for all of them, and draws no
sample with a seed of the thousands of mutants that it finds. mutmut (3.8) did not find the code by
itself.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

from mutating.document import Sample, write_report
from mutating.operators import Mutant, find_mutants
from mutating.trial import ROOT, SURVIVED, Limits, Outcome, own_tests, try_mutant

ROOMS = ("metrics", "protocols")


def main() -> None:
    """Draw, try, report."""
    options = _options()
    started = time.monotonic()
    everything = [m for path in _modules(options.only) for m in find_mutants(ROOT, path)]
    drawn = _draw(everything, options.number, options.seed)
    known = _read_state(options.state)
    missing = [mutant for mutant in drawn if not _is_known(mutant, known)]
    print(f"{len(drawn)} of {len(everything)} mutants, {len(missing)} to try", file=sys.stderr)
    if missing:
        limits = Limits()
        with ThreadPoolExecutor(options.jobs) as pool:
            for tried in pool.map(lambda mutant: try_mutant(mutant, limits), missing):
                outcome = replace(tried, tests=_tests_digest(tried.mutant))
                known[_key(outcome.mutant)] = outcome
                _write_state(options.state, known)
                _tell(outcome)
    outcomes = [known[_key(mutant)] for mutant in drawn]
    seconds = max(time.monotonic() - started, sum(outcome.seconds for outcome in outcomes) / options.jobs)
    sample = Sample(options.seed, len(everything), "python reports/mutation.py", seconds)
    options.out.write_text(write_report(outcomes, sample), encoding="utf-8")
    print(options.out)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--number", type=int, default=120, help="how many mutants to draw")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument("--only", nargs="*", default=[], help="modules, as metrics/eao.py")
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "mutation.md")
    parser.add_argument("--state", type=Path, default=ROOT / "runs" / "mutation.json", help="outcomes so far")
    return parser.parse_args()


def _modules(only: list[str]) -> list[Path]:
    found = [p for room in ROOMS for p in sorted((ROOT / "spm_bench" / room).rglob("*.py"))]
    return [p for p in found if not only or p.relative_to(ROOT / "spm_bench").as_posix() in only]


def _draw(everything: list[Mutant], number: int, seed: int) -> list[Mutant]:
    """Draw mutants by a hash of what they are: where code is added, most of a sample stays as it was."""
    lines = {name: (ROOT / name).read_text(encoding="utf-8").splitlines() for name in {m.module for m in everything}}
    seen: Counter[str] = Counter()
    ranks = {}
    for mutant in everything:
        what = f"{mutant.module} {lines[mutant.module][mutant.line - 1].strip()} {mutant.kind}"
        seen[what] += 1
        ranks[mutant] = hashlib.sha256(f"{seed} {what} {seen[what]}".encode()).hexdigest()
    return sorted(sorted(everything, key=ranks.__getitem__)[:number], key=lambda m: (m.module, m.number))


def _key(mutant: Mutant) -> str:
    """The fault and the module it is in."""
    return f"{mutant.module}:{mutant.number}:{_digest(ROOT / mutant.module)}"


def _is_known(mutant: Mutant, known: dict[str, Outcome]) -> bool:
    """Whether its outcome can be taken over: what one test found out, more tests find out as well."""
    outcome = known.get(_key(mutant))
    return outcome is not None and (outcome.state != SURVIVED or outcome.tests == _tests_digest(mutant))


def _tests_digest(mutant: Mutant) -> str:
    paths = [ROOT / name for name in own_tests(mutant.module)]
    return _digest(*(file for path in paths for file in (sorted(path.rglob("*.py")) if path.is_dir() else [path])))


def _digest(*files: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _read_state(path: Path) -> dict[str, Outcome]:
    if not path.is_file():
        return {}
    fields = json.loads(path.read_text(encoding="utf-8"))
    return {key: Outcome(**{**value, "mutant": Mutant(**value["mutant"])}) for key, value in fields.items()}


def _write_state(path: Path, known: dict[str, Outcome]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".tmp")
    partial.write_text(json.dumps({key: asdict(outcome) for key, outcome in known.items()}), encoding="utf-8")
    partial.replace(path)


def _tell(outcome: Outcome) -> None:
    mutant = outcome.mutant
    print(
        f"{outcome.state:9} {outcome.seconds:5.1f} s  {mutant.module}:{mutant.line}: {mutant.kind}",
        file=sys.stderr,
        flush=True,
    )


if __name__ == "__main__":
    main()
