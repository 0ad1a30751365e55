"""Which rules and which evaluator go with a family of results: the one place that knows all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from spm_bench.errors import unknown_name
from spm_bench.metrics.conventions import default_convention, get_convention
from spm_bench.metrics.vot_conventions import (
    get_multistart_convention,
    get_no_reset_convention,
    get_vot_convention,
)

Kind = Literal["one pass", "supervised", "multi-start", "no reset"]


@dataclass(frozen=True)
class Family:
    """How results of a family are scored.

    Attributes:
        kind: In words.
        convention: Looks a rule set up by name; None gives the default. Raises UsageError for an unknown one.
        evaluator: "module:function" with the signature of `evaluate_supervised`.
        headline: The metric the benchmark ranks by.
    """

    kind: Kind
    convention: Callable[[str | None], Any]
    evaluator: str
    headline: str

    def rules(self, name: str | None, own: str | None = None) -> Any:
        """The rule set of a name, or without one the suite's own (which only one-pass suites have), or the default.

        Raises:
            UsageError: An unknown name.
        """
        return self.convention(own if name is None and self.kind == "one pass" else name)


def _one_pass(name: str | None, family: str) -> Any:
    return default_convention(family) if name is None else get_convention(name)


_SUPERVISED = Family("supervised", get_vot_convention, "spm_bench.scoring.supervised:evaluate_supervised", "eao")
_STARTS = Family("multi-start", get_multistart_convention, "spm_bench.scoring.multistart:evaluate_multistart", "eao")
_NO_RESET = Family("no reset", get_no_reset_convention, "spm_bench.scoring.no_reset:evaluate_no_reset", "vot_ao")
_ONE_PASS = "spm_bench.scoring.one_pass:evaluate_one_pass"

FAMILIES = {
    "otb": Family("one pass", partial(_one_pass, family="otb"), _ONE_PASS, "auc"),
    "otb-tre": Family("one pass", partial(_one_pass, family="otb-tre"), _ONE_PASS, "auc"),
    "otb-sre": Family("one pass", partial(_one_pass, family="otb-sre"), _ONE_PASS, "auc"),
    "got10k": Family("one pass", partial(_one_pass, family="got10k"), _ONE_PASS, "ao"),
    "vot": _SUPERVISED,
    "vot-realtime": _SUPERVISED,
    "vot-multistart": _STARTS,
    "vot-multistart-realtime": _STARTS,
    "vot-unsupervised": _NO_RESET,
    "vot-unsupervised-realtime": _NO_RESET,
}


def family_of(name: str) -> Family:
    """Look a family up. Raises UsageError for an unknown one."""
    if name not in FAMILIES:
        raise unknown_name("family of results", name, FAMILIES)
    return FAMILIES[name]
