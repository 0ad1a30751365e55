"""Memory: how much there is, and that it is kept where the C library lets us say so."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest
import torch

from spm_bench.trackers.spm import device as device_module
from spm_bench.trackers.spm.device import LARGEST_KEPT, MOST_KEPT, keep_memory, memory_at_hand

CPU = torch.device("cpu")


def test_memory_at_hand_reads_what_the_system_tells(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told = tmp_path / "meminfo"
    told.write_text("MemTotal:       24000000 kB\nMemFree:         1000000 kB\nMemAvailable:    8000000 kB\n")
    monkeypatch.setattr(device_module, "Path", lambda _: told)
    assert memory_at_hand(CPU) == 8_000_000 * 1024
    told.write_text("MemTotal:       24000000 kB\n")
    assert memory_at_hand(CPU) == 2**31
    told.unlink()
    assert memory_at_hand(CPU) == 2**31


def test_memory_is_kept_where_there_is_a_setting_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    class Library:
        @staticmethod
        def mallopt(name: int, value: int) -> int:
            asked.append((name, value))
            return 1

    monkeypatch.setattr(ctypes, "CDLL", lambda _: Library)
    keep_memory()
    assert sorted(asked) == [(-3, LARGEST_KEPT), (-1, MOST_KEPT)]
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    keep_memory()
    assert len(asked) == 2
