"""When to start, restart and repeat: one-pass, VOT supervised, GOT-10k."""
