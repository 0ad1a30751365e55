import os
import signal
import threading

import pytest
import torch

from spm_bench.training import guards
from spm_bench.training.guards import Stop, Watch, arithmetic

CPU = torch.device("cpu")


def test_means_are_of_the_steps_since_the_last_call():
    watch = Watch(("a", "b"), frozenset({"a", "b"}), CPU)
    watch.add(0, torch.tensor([1.0, 10.0]))
    watch.add(1, torch.tensor([3.0, 20.0]))
    assert watch.means() == {"a": 2.0, "b": 15.0}
    watch.add(2, torch.tensor([5.0, 5.0]))
    assert watch.means() == {"a": 5.0, "b": 5.0}
    assert watch.broken() is None


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_the_first_step_that_was_not_finite_is_remembered(bad):
    watch = Watch(("a", "b", "gradient"), frozenset({"a", "b"}), CPU)
    for step, numbers in enumerate(([1, 1, 1], [1, 1, bad], [1, bad, 1], [bad, bad, bad])):
        watch.add(step, torch.tensor(numbers, dtype=torch.float32))
    assert watch.broken() == (2, ("b",))  # the gradient is not watched


def test_numbers_that_break_together_are_named_together():
    watch = Watch(("a", "b"), frozenset({"a", "b"}), CPU)
    watch.add(7, torch.tensor([float("nan"), float("inf")]))
    assert watch.broken() == (7, ("a", "b"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_asks_to_stop_and_a_later_one_is_answered_as_before(number, monkeypatch):
    before = signal.getsignal(number)
    got = []
    try:
        signal.signal(number, lambda *_: got.append("usual"))
        with Stop(None) as stop:
            assert stop.reason == ""
            os.kill(os.getpid(), number)
            assert (stop.reason, got) == (number.name, [])
            os.kill(os.getpid(), number)  # its echo
            assert (stop.reason, got) == (number.name, [])
            monkeypatch.setattr(guards, "ECHO", 0.0)
            os.kill(os.getpid(), number)
            assert got == ["usual"]
        os.kill(os.getpid(), number)
        assert got == ["usual", "usual"]
    finally:
        signal.signal(number, before)


def test_the_budget_is_over_when_it_is_over():
    with Stop(0.0) as stop:
        assert stop.reason == "time"
    with Stop(60.0) as stop:
        assert stop.reason == ""


def test_another_thread_leaves_signals_alone():
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def work():
        with Stop(None) as stop:
            seen.append((stop.reason, signal.getsignal(signal.SIGTERM)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [("", before)]


def flags():
    return (
        torch.get_num_threads(),
        torch.get_float32_matmul_precision(),
        (torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic),
        (torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()),
    )


def put(values):
    torch.set_num_threads(values[0])
    torch.set_float32_matmul_precision(values[1])
    torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = values[2]
    torch.use_deterministic_algorithms(values[3][0], warn_only=values[3][1])


@pytest.fixture
def usual(monkeypatch):
    """The way torch computes, put back whatever a test does to it."""
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    before = flags()
    yield before
    put(before)


def fail_inside(device, deterministic, expected):
    with arithmetic(device, deterministic=deterministic, threads=expected[0]):
        assert flags() == expected
        raise ValueError


BEFORE = {
    "usual": ("highest", (False, False), (False, False)),
    "unusual": ("medium", (True, True), (True, False)),
    "half": ("medium", (True, False), (True, True)),
}


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
@pytest.mark.parametrize("deterministic", [True, False])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_way_torch_computes_is_put_back(usual, before, deterministic, device):
    """The flags of an accelerator can be set without one."""
    first = (usual[0] + 1, *before)
    put(first)
    inside = (usual[0] + 2, *before)
    if device == "cuda":
        asked = (True, True) if deterministic else before[2]
        inside = (usual[0] + 2, "high", (False, deterministic), asked)
    with pytest.raises(ValueError):
        fail_inside(torch.device(device), deterministic, inside)
    assert flags() == first
