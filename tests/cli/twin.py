"""A second tracker class called Still."""

from tests.engine import fakes


class Still(fakes.Still):
    """Another class, the same name."""
