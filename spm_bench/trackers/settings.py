"""What the settings of trackers have in common: frozen, checked, refused with the field's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spm_bench.errors import UsageError, unknown_name

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class Settings(BaseModel):
    """Settings of a tracker; a subclass names the fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @classmethod
    def build(cls, changes: Mapping[str, Any]) -> Self:
        """Apply changes to the defaults.

        Raises:
            UsageError: Unknown field ("did you mean"), wrong type, or a value out of range.
        """
        name = cls.__name__
        title = name.removesuffix("Config").upper() if name.endswith("Config") else name.removesuffix("Settings")
        for name in changes:
            if name not in cls.model_fields:
                raise unknown_name(f"{title} setting", name, cls.model_fields)
        try:
            # JSON has no tuples: a configuration read back from run.json carries lists.
            return cls.model_validate({k: tuple(v) if isinstance(v, list) else v for k, v in changes.items()})
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(p) for p in first["loc"])
            message = first["msg"].removeprefix("Value error, ")
            raise UsageError(f"{place}: {message}" if place else message, where=f"{title} configuration") from None
