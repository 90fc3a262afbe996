"""Turn a section of params.yaml into a frozen, checked dataclass."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import ConfigDict, Field, ValidationError

from cxr.errors import UserError

Params = TypeVar("Params")

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

# NumPy, Keras and scikit-learn take 32 bits.
Seed = Annotated[int, Field(ge=0, lt=2**32)]
BootstrapSamples = Annotated[int, Field(ge=100, le=100_000)]


def parse(kind: type[Params], section: str, values: Any) -> Params:
    """The section's values as a `kind`, a pydantic dataclass that carries STRICT.

    Raises UserError with one line that names every key that is missing, unknown or out of range.
    """
    if not isinstance(values, Mapping):
        raise UserError(f"params.yaml: section '{section}' is missing or not a mapping of keys")
    try:
        return kind(**{str(key): value for key, value in values.items()})
    except ValidationError as error:
        complaints = "; ".join(_complaint(section, details) for details in error.errors())
        raise UserError(f"params.yaml: {complaints}") from None


def _complaint(section: str, error: Any) -> str:
    """One pydantic error as `section.key: what is wrong`; what several keys have wrong names them itself."""
    if not error["loc"]:
        return str(error["msg"]).removeprefix("Value error, ")
    key = ".".join([section, *(str(part) for part in error["loc"][:1])])
    match error["type"]:
        case "missing":
            return f"{key} is missing"
        case "unexpected_keyword_argument":
            return f"{key} is not a known key (misspelt?)"
        case _:
            message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
            is_number = error["type"] == "string_type" and isinstance(error["input"], int | float)
            # As YAML has it: 1, true.
            advice = f"; write it in quotes, such as '{str(error['input']).lower()}'" if is_number else ""
            return f"{key} {message}, got {error['input']!r:.100}{advice}"
