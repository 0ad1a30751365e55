"""Which weights SPM runs with, and fetching the released ones."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import spm_bench.models
from spm_bench.errors import FetchError, WeightsError
from spm_bench.fetch.download import Patience, Wanted, download
from spm_bench.fetch.progress import Meter
from spm_bench.models.checkpoint import (
    OFFICIAL_FILES,
    Weights,
    git_blob_id,
    random_weights,
    read_official,
    read_safetensors,
)
from spm_bench.models.published import read_published
from spm_bench.results.lock import held

UPSTREAM = (
    "https://raw.githubusercontent.com/microsoft/SPM-Tracker/"
    "f3e997ce0d0e2a7cf26d7c716f31ca821c28f7d1/data/models/spm_tracker/AlexNet_C42_OTB"
)
"""Where the authors publish the two files of the released model."""

LARGEST_FILE = 256 * 2**20
"""Bytes; the coarse stage is about 85 MB. More than this is not the released model."""

CACHE_VARIABLE = "SPM_BENCH_CACHE"


def cache_root() -> Path:
    """Folder of what is fetched or drawn once: `$SPM_BENCH_CACHE`, or the platform's user cache."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named)
    from platformdirs import user_cache_path

    return Path(user_cache_path("spm_bench", appauthor=False))


def cache_folder() -> Path:
    """Folder of downloaded weights."""
    return cache_root() / "weights"


def official_folder() -> Path:
    """Where the two released files are kept."""
    return cache_folder() / "AlexNet_C42_OTB"


def has_official() -> bool:
    """Whether both released files are in the cache (their content is checked when they are read)."""
    return all((official_folder() / name).is_file() for name, _ in OFFICIAL_FILES.values())


SHIPPED_FOLDER = Path(spm_bench.models.__file__).parent / "shipped"
"""Weights that come with the package, each with its model card."""


def shipped() -> dict[str, Path]:
    """Name -> file of the weights that come with the package."""
    return {path.stem: path for path in sorted(SHIPPED_FOLDER.glob("*.safetensors"))}


def find_weights(wanted: str | None) -> Weights:
    """Resolve the value of `--weights`.

    Args:
        wanted: "official" (the cache), the name of shipped weights, "random" or "random:SEED", a folder with the two
            released files, a safetensors file, a file that others published (see `spm_bench.models.published`), or
            None for the released model.

    Raises:
        WeightsError: None are at hand, the files are broken, or the value has none of these forms.
    """
    if wanted is None:
        if has_official():
            return read_official(official_folder(), verify=True)
        raise WeightsError(
            "SPM has no trained weights on this machine, and an untrained tracker is no result",
            remedy="Get the released model with `spm-bench weights get official`, name a file with --weights PATH, "
            "run the compact model that comes with the package (--tracker SPM-lite), "
            "or run it untrained on purpose with --weights random",
        )
    if wanted == "official":
        if not has_official():
            raise WeightsError("the released model is not in the cache", where=official_folder(), remedy=_manual())
        return read_official(official_folder(), verify=True)
    if wanted == "random" or wanted.startswith("random:"):
        seed = wanted.partition(":")[2] or "0"
        if not seed.isdecimal():
            raise WeightsError(f"the seed in --weights {wanted} is not a whole number", remedy="Example: random:7")
        return random_weights(int(seed))
    if wanted in shipped():
        return read_safetensors(shipped()[wanted])
    path = Path(wanted).expanduser()
    if path.is_dir():
        return read_official(path)
    if path.suffix == ".safetensors":
        return read_safetensors(path)
    if path.exists():
        return read_published(path)
    known = ", ".join((*shipped(), "official", "random", "random:SEED"))
    raise WeightsError("there is no such file or folder", where=wanted, remedy=f"Known words: {known}")


def download_official(
    source: str = UPSTREAM,
    *,
    patience: Patience = Patience(),  # noqa: B008 - immutable
    meter: Meter | None = None,
) -> Path:
    """Fetch the released model into the cache, unless it is there; every file is verified before it is kept.

    Args:
        source: URL of the folder that holds both files.
        patience: How long to try.
        meter: Who is told how far it is.

    Returns:
        The folder.

    Raises:
        WeightsError: No connection, a wrong or cut file; the message tells the manual way. What came of a file that
            was cut off is kept, and the next call goes on from there.
    """
    folder = official_folder()
    if all(_is_released(folder / name, blob) for name, blob in OFFICIAL_FILES.values()):
        return folder
    try:
        with held(
            cache_folder(), "is fetching weights", refused=FetchError, kind=FetchError, option=CACHE_VARIABLE
        ):  # two at once would write into one part of a file
            for name, blob in OFFICIAL_FILES.values():
                if not _is_released(folder / name, blob):
                    url = f"{source}/{name}"
                    wanted = Wanted(url, largest=LARGEST_FILE, check=partial(_check_blob, blob, url))
                    download(wanted, folder / name, patience=patience, meter=meter, option=CACHE_VARIABLE)
    except FetchError as error:
        told = ". ".join(filter(None, (error.remedy, _manual())))
        raise WeightsError(error.problem, where=error.where, remedy=told) from error
    return folder


def _is_released(path: Path, blob: str) -> bool:
    return path.is_file() and git_blob_id(path.read_bytes()) == blob


def _check_blob(blob: str, url: str, path: Path) -> None:
    data = path.read_bytes()
    if git_blob_id(data) != blob:
        raise FetchError(
            f"not the released file ({len(data):,} bytes, blob id {git_blob_id(data)}); nothing was kept", where=url
        )


def _manual() -> str:
    files = " and ".join(name for name, _ in OFFICIAL_FILES.values())
    return (
        f"By hand: on a machine with a connection download {files} from {UPSTREAM} "
        f"and put them into {official_folder()}, then run this again"
    )
