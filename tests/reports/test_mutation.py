"""The faults of the mutation tests: each is one change of behaviour, all are made, and tests are run on them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from mutating.document import Sample, write_report
from mutating.operators import Mutant, find_mutants, make_mutant
from mutating.trial import KILLED, ROOT, SURVIVED, Outcome, own_tests, run_tests

SOURCE = '''"""About 3 things."""

from __future__ import annotations

LIMIT: int = 3


def f(x: int, *, side: str = "left") -> float:
    """Is 1 more than 2."""
    if x < 1 and not side:
        raise ValueError(f"{x + 1} is wrong")
    total = max(x, 2.0)
    total += g(x, key=True)
    log(total)
    return -total
'''

CHANGES = {
    ("LIMIT: int = 3", "LIMIT: int = 4"),
    ("side: str='left'", "side: str='right'"),
    ("if x < 1 and (not side):", "if not (x < 1 and (not side)):"),
    ("if x < 1 and (not side):", "if x < 1 or not side:"),
    ("if x < 1 and (not side):", "if x <= 1 and (not side):"),
    ("if x < 1 and (not side):", "if x < 2 and (not side):"),
    ("if x < 1 and (not side):", "if x < 1 and side:"),
    ("raise ValueError(f'{x + 1} is wrong')", "pass"),
    ("total = max(x, 2.0)", "total = min(x, 2.0)"),
    ("total = max(x, 2.0)", "total = max(x, 2.2)"),
    ("total += g(x, key=True)", "pass"),
    ("total += g(x, key=True)", "total -= g(x, key=True)"),
    ("total += g(x, key=True)", "total += g(x)"),
    ("total += g(x, key=True)", "total += g(x, key=False)"),
    ("log(total)", "pass"),
    ("return -total", "return total"),
}


def test_all_faults_and_no_others(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(SOURCE)
    mutants = find_mutants(tmp_path, module)
    made = {make_mutant(SOURCE, mutant.number)[1:] for mutant in mutants}
    short = {(b.removeprefix("def f(x: int, *, ").removesuffix(") -> float:"), a) for b, a in made}
    assert {(b, a.removeprefix("def f(x: int, *, ").removesuffix(") -> float:")) for b, a in short} == CHANGES
    assert len(mutants) == len(CHANGES)


@pytest.mark.parametrize("name", ["metrics/paired.py", "protocols/supervised.py"])
def test_every_fault_of_a_real_module_is_one_change(name: str) -> None:
    path = ROOT / "spm_bench" / name
    source = path.read_text()
    plain = ast.unparse(ast.parse(source))
    mutants = find_mutants(ROOT, path)
    assert len(mutants) > 15
    texts = {make_mutant(source, mutant.number)[0] for mutant in mutants}
    assert plain not in texts
    assert len(texts) > 0.95 * len(mutants)  # `a < b < c` turned in two places may read the same
    for text in texts:
        ast.parse(text)


def test_tests_see_the_fault_and_the_file_does_not_change() -> None:
    path = ROOT / "spm_bench" / "metrics" / "average_overlap.py"
    source, tests = path.read_text(), own_tests("spm_bench/metrics/average_overlap.py")
    assert tests == ("tests/metrics/test_average_overlap.py",)
    broken = source.replace("\ndef ", "\nraise RuntimeError('seen')\n\ndef ", 1)
    assert run_tests(tests, 100, (path, broken))[0] == KILLED
    assert path.read_text() == source


def test_the_report_counts_and_quotes() -> None:
    mutant = Mutant("spm_bench/metrics/eao.py", 3, 17, "Lt becomes LtE")
    outcomes = [
        Outcome(mutant, KILLED, "tests/x.py::y", 1.0, "a < b", "a <= b"),
        Outcome(mutant, SURVIVED, "", 1.0, "c < d", "c <= d"),
    ]
    text = write_report(outcomes, Sample(1, 500, "python x", 60.0))
    assert "**1 of 2 were found out**; 1 survived, of which 0 were looked at" in text
    assert "| `metrics/eao.py` | 2 | 1 | 0 | 1 |" in text
    assert "`c < d` → `c <= d`" in text
    assert "`a < b`" not in text
