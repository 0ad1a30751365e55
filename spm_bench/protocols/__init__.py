"""When to start, restart and repeat: one-pass and OTB's robustness, VOT's experiments, GOT-10k."""
