"""Hooks on a network: there while the watch is open, gone after it, whatever happens."""

from __future__ import annotations

import pytest
import torch

from spm_bench.trackers.static import StaticTracker
from spm_bench.trackers.stopwatch import NetworkWatch, devices_of, parts_of, waiter


def hooks(module):
    return len(module._forward_hooks) + len(module._forward_pre_hooks)


class Breaking(torch.nn.Module):
    def forward(self, _):
        raise ZeroDivisionError("inside")


def test_adds_passes_up_and_leaves_nothing_behind():
    ticks = iter(range(100))
    part = torch.nn.Linear(2, 2)
    with NetworkWatch([part, part], lambda: None, lambda: next(ticks)) as watch:
        assert hooks(part) == 2
        part(torch.zeros(2))
        part(torch.zeros(2))
        assert (watch.take(), watch.take()) == (2.0, 0.0)
    part(torch.zeros(2))
    assert (hooks(part), watch.take()) == (0, 0.0)


def test_a_pass_that_breaks_is_closed():
    ticks = iter(range(100))
    good, bad = torch.nn.Identity(), Breaking()
    with NetworkWatch([good, bad], lambda: None, lambda: next(ticks)) as watch:
        with pytest.raises(ZeroDivisionError):
            bad(1)
        good(1)
        assert watch.take() == 2.0
    assert hooks(good) == hooks(bad) == 0


def test_only_trackers_that_say_so_have_a_network():
    assert parts_of(StaticTracker()) == ()


def test_on_the_cpu_nothing_is_waited_for():
    assert devices_of([torch.nn.Linear(2, 2)]) == ()
    assert devices_of([torch.nn.Linear(2, 2, device="meta")]) == ("meta",)
    waiter(())()


def test_every_device_of_a_tracker_is_waited_for(monkeypatch):
    waited = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: waited.append(str(device)))
    monkeypatch.setattr(torch.mps, "synchronize", lambda: waited.append("mps"))
    waiter(["cuda:0", "cuda:1", "mps:0"])()
    assert waited == ["cuda:0", "cuda:1", "mps"]


def test_a_tracker_that_does_not_say_is_taken_to_use_the_card_in_use(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    assert devices_of(()) == ("cuda:1",)
    assert devices_of([torch.nn.Linear(2, 2)]) == ()
