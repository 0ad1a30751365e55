"""Training of SPM from data: both stages together, from tables of pictures to weights that the tracker takes.

The walk of the data: `rows` (one table a source) -> `table`, `pairs` (who is paired with whom in a step, a function of
seed and step) -> `store`, `pictures` (uint8, on the device) -> `augment` -> `batch` -> `forward` (network, `targets`,
`losses`) -> `learner`, `loop` (steps, checkpoints, logs) and `validate` (the real tracker on held-out videos).
"""
