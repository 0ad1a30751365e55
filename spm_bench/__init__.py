"""Benchmark and ablation suite for visual object trackers, built around SPM-Tracker (CVPR 2019)."""

from importlib.metadata import version

__version__ = version("spm_bench")
