"""All data sources by name; section `data` of params.yaml, which chooses one."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from cxr.params import STRICT
from cxr.sources import directory, kaggle, mendeley, phantoms
from cxr.sources.source import Source

SOURCES: dict[str, Source] = {
    "kaggle": kaggle.SOURCE,
    "mendeley": mendeley.SOURCE,
    "directory": directory.SOURCE,
    "phantom": phantoms.SOURCE,
}


def _known(name: str) -> str:
    if name not in SOURCES:
        *names, last = (f"'{known}'" for known in SOURCES)
        raise ValueError(f"should be {', '.join(names)} or {last}")
    return name


@dataclass(frozen=True, config=STRICT)
class DataParams:
    """Section `data` of params.yaml; `revision` tells DVC that the content of `directory` has changed."""

    source: Annotated[str, AfterValidator(_known)]
    directory: str | None
    revision: Annotated[int, Field(ge=0)]
