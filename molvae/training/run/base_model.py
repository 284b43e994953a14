"""Which model a run starts from: the one that was named, for few molecules the bundled one, or none."""

from __future__ import annotations

from typing import Any, NamedTuple

from molvae.config import SIZES, ModelConfig
from molvae.errors import ConfigError, ModelError, pluralize
from molvae.generator.molvae import MolVAE
from molvae.pretrained import BUNDLED, shipped
from molvae.training.run.request import Request

__all__ = ["Base", "default_base", "named_base"]

_FEW = 50_000  # molecules below which a model from nothing is worse than one that has seen many others


class Base(NamedTuple):
    """A model to start from."""

    name: str
    """as `find_model` takes it"""
    vae: MolVAE


def named_base(request: Request) -> Base | None:
    """The model that the user named; None where none was, or to start from nothing was asked for.

    Raises:
        ModelError: it cannot be read.
        ConfigError: the settings are of a model of another shape.
    """
    name = request.given["training"].get("init_from")
    if not name:
        return None
    try:
        vae = MolVAE.from_pretrained(name)
    except ModelError as error:
        raise ModelError(f"{error} (the run was to start from it)") from None
    _check_shape(request, name, vae.config)
    return Base(name, vae)


def default_base(request: Request, molecules: int) -> tuple[Base | None, str | None]:
    """What a run starts from by default, and what to say of it, if anything."""
    if "init_from" in request.given["training"] or molecules >= _FEW or shipped(BUNDLED) is None:
        return None, None
    few = pluralize(molecules, "molecule")
    if request.size is not None or _shape(request.given["model"]):
        what = "a size" if request.size is not None else "the shape of a model"
        return (
            None,
            f"{few}: starting from nothing, since {what} was asked for; without it the bundled model is the start",
        )
    return Base(BUNDLED, MolVAE.from_pretrained(BUNDLED)), (
        f"{few}: starting from the bundled model; --from-scratch trains from nothing"
    )


def _shape(model: dict[str, Any]) -> dict[str, Any]:
    """The settings of [model] that a trained model has fixed: all but dropout and its heads, which may change."""
    return {name: value for name, value in model.items() if name not in ("dropout", "properties", "head_hidden")}


def _check_shape(request: Request, name: str, config: ModelConfig) -> None:
    """Whether what was asked for is the shape that the model has."""
    preset = SIZES[request.size].model_dump() if request.size is not None else {}
    given = request.given["model"]
    heads = {"head_hidden": given["head_hidden"]} if config.heads and "head_hidden" in given else {}
    for field, value in {**_shape({**preset, **given}), **heads}.items():
        own = getattr(config, field)
        if value != own:
            asked = f"{field} {value}" if field in given else f"size {request.size} ({field} {value})"
            raise ConfigError(
                f"{asked} contradicts the model {name}, whose {field} is {own}: "
                "leave it out, or train from nothing (--from-scratch)"
            )
