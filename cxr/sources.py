"""Where the images come from: section `data` of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from cxr.params import STRICT


@dataclass(frozen=True, config=STRICT)
class DataParams:
    """Section `data` of params.yaml; `revision` tells DVC that the content of `directory` has changed."""

    source: Literal["kaggle", "mendeley", "directory", "phantom"]
    directory: str | None
    revision: Annotated[int, Field(ge=0)]
