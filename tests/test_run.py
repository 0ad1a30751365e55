"""What `run_suite` decides before anything runs: which tracker takes which option."""

import pytest

from spm_bench.errors import UsageError, WeightsError
from spm_bench.run import choose_trackers
from spm_bench.trackers.base import TrackerSpec


class Picky:
    """Has one variant, and takes no weights but "good"; without any it finds its own."""

    def init(self, frame, box): ...

    def update(self, frame): ...

    @classmethod
    def resolve(cls, *, name, variant, weights, device):
        if variant not in (None, "fast"):
            raise UsageError(f"no variant {variant}")
        if weights == "lost":
            raise WeightsError("no such file")
        if weights not in (None, "good"):
            raise UsageError(f"bad weights {weights}")
        options = {"weights": weights or "its own"}
        return TrackerSpec(name, "tests.test_run:build", variant or "base", options, places=("weights",))


def build(weights):
    return Picky()


PICKY = "tests.test_run:Picky"


@pytest.mark.parametrize(
    ("variants", "weights", "taken"),
    [
        ([], None, ("base", "its own")),
        (["fast"], None, ("fast", "its own")),
        ([], "good", ("base", "good")),
        (["fast"], "good", ("fast", "good")),
    ],
)
def test_what_is_taken(variants, weights, taken):
    (spec,) = choose_trackers([PICKY], variants, weights)
    assert (spec.variant, spec.options["weights"]) == taken


@pytest.mark.parametrize(
    ("names", "variants", "weights", "message"),
    [
        ([PICKY], [], "bad", "bad weights bad"),
        ([PICKY], ["fast"], "bad", "bad weights bad"),
        ([PICKY], ["slow"], "good", "no variant slow"),
        ([PICKY], ["slow"], "bad", "no variant slow|bad weights bad"),
        ([PICKY, "static"], ["fast"], "bad", "bad weights bad"),
        (["static"], ["fast"], "good", "static"),
    ],
)
def test_what_nobody_takes_is_an_error_and_never_left_out(names, variants, weights, message):
    with pytest.raises(UsageError, match=message):
        choose_trackers(names, variants, weights)


def test_weights_that_are_broken_end_it_with_their_own_message():
    with pytest.raises(WeightsError, match="no such file"):
        choose_trackers([PICKY, "static"], ["fast"], "lost")
