"""How many threads the libraries under numpy and torch use. Imports neither, as they look only once: when loaded."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Read by the libraries when they are loaded, which in a worker is before any code of ours."""


@contextlib.contextmanager
def thread_variables(count: int | None) -> Iterator[None]:
    """Set the variables for what is loaded or started inside the block; None leaves them as they are."""
    variables = THREAD_VARIABLES if count is not None else ()
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(dict.fromkeys(variables, str(count)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
