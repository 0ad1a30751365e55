"""The tables that pages ask for by ```` ```made NAME ````."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from making.commands import commands
from making.names import metrics, protocols, suites, trackers, variants
from making.rules import one_pass_rules, one_pass_sets
from making.start_rules import ao_rules, ao_sets, start_rules, start_sets
from making.vot_rules import vot_rules, vot_sets

TABLES: Mapping[str, Callable[[], str]] = {
    "commands": commands,
    "metrics": metrics,
    "protocols": protocols,
    "suites": suites,
    "trackers": trackers,
    "variants": variants,
    "one-pass-sets": one_pass_sets,
    "one-pass-rules": one_pass_rules,
    "vot-sets": vot_sets,
    "vot-rules": vot_rules,
    "start-sets": start_sets,
    "start-rules": start_rules,
    "ao-sets": ao_sets,
    "ao-rules": ao_rules,
}
