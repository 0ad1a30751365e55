"""Packages that a borrowed machine may lack, taken along as wheels. Needs the standard library only.

The project's own code comes with the checkout, but asks for its version: a wheel of its metadata alone tells it.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

FOLDER = "wheels"
PROJECT = "spm_bench"
NEEDED = ("pydantic", "platformdirs", "typer", "rich", "safetensors", "pandas", "cv2", "numpy", "torch")
"""Modules that a training imports."""
TAKEN = ("pydantic", "pydantic-core", "annotated-types", "typing-inspection", "typing-extensions", "platformdirs")
"""Distributions that are taken along: small, and not part of the usual scientific set."""
PLATFORMS = ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64")


class LackingError(Exception):
    """Packages are missing; says which, and the remedy. The project's own errors may not be importable yet."""


def fetch(folder: Path, python: str) -> list[Path]:
    """Download wheels of `TAKEN`, in the versions used here, and write one that names this project's version.

    Raises:
        LackingError: pip cannot get them.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    named = [f"{name}=={metadata.version(name)}" for name in TAKEN]
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    options = ["--no-deps", "--only-binary=:all:", "--implementation", "cp", "--python-version", python, *platforms]
    _pip("download", "-q", "-d", str(folder), *options, *named, remedy=". Connect, or pack with --no-wheels")
    write_own_wheel(folder)
    return sorted(folder.glob("*.whl"))


def write_own_wheel(folder: Path) -> Path:
    """A wheel with this project's metadata alone: the code comes with the checkout, and asks for its own version."""
    version = metadata.version(PROJECT)
    info = f"{PROJECT}-{version}.dist-info"
    files = {
        f"{info}/METADATA": metadata.distribution(PROJECT).read_text("METADATA") or "",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: {PROJECT}\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in (*files, f"{info}/RECORD"))
    path = folder / f"{PROJECT}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in files.items():
            wheel.writestr(name, content)
    return path


def install(folder: Path, site: Path) -> None:
    """Make what a training imports importable, here and in child processes; nothing happens where all of it is.

    Into a folder of its own: the machine's Python may itself be a virtual environment, which another one on top of it
    would not see.

    Raises:
        LackingError: Something is missing and there are no wheels, or they do not help.
    """
    _use(site)
    if not missing_modules():
        return
    wheels = sorted(str(path) for path in folder.glob("*.whl"))
    if wheels:
        shutil.rmtree(site, ignore_errors=True)
        _pip("install", "-q", "--no-index", "--no-deps", "--no-compile", "--target", str(site), *wheels, remedy="")
        importlib.invalidate_caches()
    missing = missing_modules()
    if missing:
        python = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise LackingError(
            f"this Python lacks {', '.join(missing)}, and {folder} has no wheels of them. "
            f"Take them along (pack --python {python}), or install the project"
        )


def missing_modules() -> list[str]:
    """What cannot be imported of `NEEDED`, and the project itself if its version is unknown."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    try:
        metadata.version(PROJECT)
    except metadata.PackageNotFoundError:
        missing.append(PROJECT)
    return missing


def _use(site: Path) -> None:
    here = str(site.resolve())
    if here not in sys.path:
        sys.path.insert(0, here)
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH", ""))))


def _pip(*words: str, remedy: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise LackingError(f"pip failed: {last}{remedy}")
