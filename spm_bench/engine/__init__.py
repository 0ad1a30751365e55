"""How to run many trackers over many sequences: one by one or in worker processes, resumable."""
