"""Search the settings of a tracker for better ones, on one part of a suite, and judge what was found on the other.

file (TOML) -> plan -> batches of trials, sequence by sequence -> the best and the base on the held-out part -> document

A trial is a run like any other: its folder is that of `spm-bench run`, named by what it depends on. Whatever a killed
search had finished is found there.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from spm_bench.engine.progress import choose_progress
from spm_bench.engine.runner import Failure
from spm_bench.report.search import SearchDocument, write_search
from spm_bench.results.files import remove_leftovers
from spm_bench.results.lock import locked
from spm_bench.sweep.search_judge import judge
from spm_bench.sweep.search_plan import SearchPlan, SearchRequest, plan_search
from spm_bench.sweep.search_study import open_study
from spm_bench.sweep.search_trials import Work, executor_for


@dataclass(frozen=True, eq=False)
class SearchOutcome:
    """What came of a search.

    Attributes:
        plan: What was run.
        document: Trials, the best, its worth on the held-out part.
        failures: What broke in this session.
        folder: Where the study and its document are.
    """

    plan: SearchPlan
    document: SearchDocument
    failures: tuple[Failure, ...]
    folder: Path


def run_search(request: SearchRequest) -> SearchOutcome:
    """Run what is missing of a search, judge it, write its document.

    Raises:
        UsageError: See `plan_search` and `open_study`.
        ResultsError: The base itself breaks, another process holds the search or one of its runs, or nothing can be
            written.
        SpmBenchError: Data or weights are missing, the tracker cannot be built.
    """
    plan = plan_search(request)
    with contextlib.ExitStack() as held:
        held.enter_context(locked(plan.folder))
        remove_leftovers(plan.folder)
        study = held.enter_context(open_study(plan.folder, plan.sampling(), plan.question()))
        work = Work(
            plan, study, held.enter_context(executor_for(request.workers)), choose_progress(quiet=request.quiet)
        )
        work.run_trials()
        document = judge(work)
    if request.report:
        write_search(document, plan.folder)
    return SearchOutcome(plan, document, tuple(work.failures), plan.folder)
