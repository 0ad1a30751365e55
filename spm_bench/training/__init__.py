"""Training of SPM from data: pairs, targets, losses and the loop."""
