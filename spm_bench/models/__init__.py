"""Torch modules only: the padded AlexNet, the coarse and the fine stage, and reading and writing of checkpoints."""
