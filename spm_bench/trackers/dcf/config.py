"""Every hyper-parameter of the correlation filter, in one frozen and validated record."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from spm_bench.geometry.crops import Border
from spm_bench.models.precision import Precision
from spm_bench.trackers.settings import NotNegative, Positive, Settings, Share

Layer = Annotated[str, Field(pattern="^conv[1-5]$")]


class DcfConfig(Settings):
    """How the filter sees, learns and searches.

    Attributes:
        cells: Side of the filter in cells of 8 pixels; odd, so that one cell is the middle. The picture it looks at has
            8 (cells - 1) + 1 pixels a side.
        area: Side of that square as a multiple of the target's, sqrt(w h). 2.8 in HCF (Ma et al., ICCV 2015).
        layers: Blocks of the network whose channels the filter runs on, one upon the other; all have stride 8.
        label_width: Standard deviation of the desired response as a share of the target's side. 0.1 in KCF and HCF.
        regularisation: Added to the energy of each frequency, as a share of its mean over all frequencies.
        learning_rate: Weight of a new frame in the running averages; 0 never learns again. 0.01 in HCF; 0.03 was better
            on the held-out training videos (`experiments/train/choose_filter.py`).
        update_every: Learn from every so many frames.
        scales: Sizes tried around the last one; odd. 3 in SiamFC (Bertinetto et al., 2016), 5 in its first version and
            here, chosen as the learning rate.
        scale_step: Ratio of neighbouring sizes. 1.0375 in SiamFC.
        scale_penalty: Factor on the response of other sizes than the last. 0.9745 in SiamFC.
        scale_rate: Share of the found size in the new one. 0.59 in SiamFC.
        fine: How many times finer than cells the response is read, by trigonometric interpolation.
        border: What is seen beyond the frame.
        precision: Of the network.
        mean_bgr: Subtracted from the pictures.
        min_size: Smallest width and height.
    """

    cells: Annotated[int, Field(ge=9, le=127)] = 33
    area: Annotated[float, Field(gt=1.0, le=10.0)] = 2.8
    layers: tuple[Layer, ...] = ("conv2", "conv4")
    label_width: Annotated[float, Field(gt=0.0, le=1.0)] = 0.1
    regularisation: Positive = 1e-2
    learning_rate: Share = 0.03
    update_every: Annotated[int, Field(ge=1)] = 1
    scales: Annotated[int, Field(ge=1, le=33)] = 5
    scale_step: Annotated[float, Field(gt=1.0, le=2.0)] = 1.0375
    scale_penalty: Annotated[float, Field(gt=0.0, le=1.0)] = 0.9745
    scale_rate: Share = 0.59
    fine: Annotated[int, Field(ge=1, le=16)] = 8
    border: Border = "mean"
    precision: Precision = "fp32"
    mean_bgr: tuple[NotNegative, NotNegative, NotNegative] = (104.0, 117.0, 123.0)
    min_size: Positive = 10.0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name in ("cells", "scales"):
            if getattr(self, name) % 2 == 0:
                raise ValueError(f"{name} must be odd, so that there is a middle one")
        if not self.layers or len(set(self.layers)) < len(self.layers) or "conv1" in self.layers:
            raise ValueError("layers are one or more of conv2, conv3, conv4 and conv5, each once")
        return self
