"""Fetching files over HTTP so that they can be trusted, and unpacking archives so that nothing else is touched."""
