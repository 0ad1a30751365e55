"""Data sets on this machine: getting them, checking them, making known where they are."""
