"""What can be set: one small frozen class a concept, one line of meaning a field, checked when it is made.

The command line takes its options, their defaults and their help from here; ``--config file.toml`` and the
``config.toml`` of a run folder are the same fields by the same names. No torch, so that ``--help`` answers at once.
"""

from __future__ import annotations

import csv
import io
import json
import math
import tomllib
from collections.abc import Iterable
from numbers import Integral
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from molvae.errors import ConfigError

LONGEST_MOLECULE = 10_000
"""Tokens of the longest molecule that can be asked for."""

__all__ = [
    "LONGEST_MOLECULE",
    "SIZES",
    "CleanConfig",
    "Decoding",
    "ModelConfig",
    "Size",
    "TrainConfig",
    "check_batch_size",
    "check_seed",
    "default_fine_tuning",
    "default_size",
    "default_training",
    "join_names",
    "read_toml",
    "split_names",
    "to_toml",
]

Size = Literal["small", "medium", "large"]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Settings(BaseModel):
    """Base of the classes below: frozen, unknown names refused, `ConfigError` for a bad value."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(map(str, first["loc"])) or type(self).__name__
            if first["type"] == "extra_forbidden":
                known = ", ".join(type(self).model_fields)
                raise ConfigError(f"there is no setting {name!r}; there are: {known}") from None
            reason = first["msg"][0].lower() + first["msg"][1:]
            raise ConfigError(f"{name}: {reason}, not {first['input']!r}") from None

    def replace(self, **changes: Any) -> Self:
        """These settings with some changed, checked again."""
        return type(self)(**{**self.model_dump(exclude_unset=True), **changes})


class CleanConfig(Settings):
    """How the molecules of a file are cleaned."""

    stereo: bool = Field(True, description="Keep stereochemistry; off removes it and merges stereoisomers.")
    neutralize: bool = Field(True, description="Neutralize charges where that is sound.")
    min_heavy_atoms: int = Field(1, ge=1, description="Reject molecules with fewer heavy atoms.")
    max_length: int = Field(120, ge=1, le=LONGEST_MOLECULE, description="Reject molecules of more SMILES tokens.")
    elements: str = Field(
        "B, C, N, O, F, Si, P, S, Cl, Se, Br, I", description="Reject molecules with other elements; 'any' allows all."
    )


class ModelConfig(Settings):
    """Everything that fixes the shapes of a model but the vocabulary."""

    latent_dim: int = Field(64, ge=1, le=4096, description="Number of latent dimensions.")
    embedding_dim: int = Field(32, ge=1, le=4096, description="Size of a token's embedding.")
    encoder_hidden: int = Field(256, ge=1, le=8192, description="Hidden units of the encoder's GRU, per direction.")
    encoder_layers: int = Field(1, ge=1, le=8, description="Layers of the encoder's bidirectional GRU.")
    decoder_hidden: int = Field(512, ge=1, le=8192, description="Hidden units of the decoder's GRU.")
    decoder_layers: int = Field(1, ge=1, le=8, description="Layers of the decoder's GRU.")
    dropout: float = Field(0.0, ge=0.0, lt=1.0, description="Share of the decoder's outputs dropped in training.")
    properties: str = Field(
        "",
        description="Train a head on each: numeric columns of the file, or what RDKit computes (qed,logp,mycolumn).",
    )
    head_hidden: int = Field(64, ge=1, le=8192, description="Hidden units of the head of a property.")

    @field_validator("properties")
    @classmethod
    def _distinct(cls, text: str) -> str:
        return join_names(split_names(text))

    @property
    def heads(self) -> tuple[str, ...]:
        """The properties by name, in the order of their heads."""
        return split_names(self.properties)


class TrainConfig(Settings):
    """How a model is trained."""

    init_from: str = Field(
        "",
        description="Model to start from: a model or run folder, a Hugging Face id, bundled or medchem; by the "
        "number of molecules by default.",
    )
    epochs: int = Field(20, ge=1, description="Passes over the training molecules; by the number of them by default.")
    minutes: float = Field(
        0.0, ge=0.0, description="Train for so long instead: the number of steps is measured at the start; 0: epochs."
    )
    steps: int = Field(0, ge=0, description="Train for so many steps instead; 0: epochs or minutes say how many.")
    batch_size: int = Field(128, ge=1, description="Molecules of a step; by the number of them by default.")
    optimizer: Literal["muon", "adamw"] = Field("muon", description="What changes the weights.")
    learning_rate: float = Field(7e-3, gt=0.0, description="Peak learning rate.")
    schedule: Literal["cosine", "stable"] = Field(
        "cosine", description="The learning rate falls by half a cosine, or stays until the last --decay of the steps."
    )
    decay: Share = Field(0.3, description="Share of the steps in which a stable learning rate falls to zero.")
    warmup: Share = Field(0.02, description="Share of the steps in which the learning rate rises.")
    weight_decay: float = Field(0.1, ge=0.0, description="Weight decay, on matrices only.")
    clip_norm: float = Field(1.0, gt=0.0, description="Gradients are scaled down to this norm (nats per token).")
    average_decay: float = Field(
        0.999, ge=0.0, lt=1.0, description="Decay of the averaged weights, which become the model; 0 turns it off."
    )
    beta: float = Field(0.1, ge=0.0, description="Weight of the KL in the ELBO.")
    beta_schedule: Literal["constant", "linear", "cyclical"] = Field("linear", description="How beta is reached.")
    beta_warmup: Share = Field(0.1, description="Share of the steps (of each cycle) in which beta rises from 0.")
    beta_cycles: int = Field(4, ge=1, description="Cycles of the cyclical schedule.")
    free_bits: float = Field(0.0, ge=0.0, description="Nats per latent dimension that the KL is not charged for.")
    token_dropout: float = Field(0.0, ge=0.0, lt=1.0, description="Share of the decoder's input tokens masked.")
    randomized: Share = Field(
        0.0, description="Share of the molecules that the encoder reads in a randomized spelling."
    )
    coupling_weight: float = Field(1.0, ge=0.0, description="Weight of the coupled prior term; 0 turns it off.")
    coupling_start: Share = Field(0.3, description="Share of the epochs after which the coupled prior term starts.")
    pool_size: int = Field(12_800, ge=1, description="Molecules matched to prior draws at a time.")
    block_size: int = Field(1_600, ge=1, description="Molecules of one optimal transport; time grows with its square.")
    valid: float = Field(
        0.02, gt=0.0, lt=1.0, description="Share held out to watch training; by the number of molecules by default."
    )
    test: float = Field(0.0, ge=0.0, lt=1.0, description="Share of the molecules held out and never looked at.")
    split: Literal["random", "scaffold"] = Field("random", description="Hold out molecules, or whole scaffolds.")
    property_weight: float = Field(
        1.0, ge=0.0, description="Weight of the loss of each property in the objective (nats per label)."
    )
    health_samples: int = Field(1000, ge=2, description="Molecules of each figure that is measured every epoch.")
    check_epochs: int = Field(1, ge=1, description="Epochs from one measurement to the next; the last is measured.")
    patience: int = Field(0, ge=0, description="Epochs without a better validation objective to stop after; 0: never.")
    checkpoint_seconds: float = Field(60.0, ge=0.0, description="Seconds of training between checkpoints.")
    precision: Literal["auto", "fp32", "bf16"] = Field("auto", description="Arithmetic of the matrix products.")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:N or mps.")
    seed: int = Field(0, ge=0, lt=2**32, description="Of the split, the initial weights and every draw.")


class Decoding(Settings):
    """How a token is drawn from the decoder's distribution."""

    temperature: float = Field(1.0, ge=0.0, description="Logits are divided by it; 0 takes the most likely token.")
    top_p: float = Field(
        1.0, gt=0.0, le=1.0, description="Draw from the smallest set of tokens with this much probability."
    )
    max_length: int = Field(
        120,
        ge=1,
        le=LONGEST_MOLECULE,
        description="Tokens after which a molecule is cut off, ends in '...', and is invalid; by the number that "
        "training molecules could have by default.",
    )
    constrained: bool = Field(
        False, description="Draw only tokens from which a valid molecule can still come, so that every string is one."
    )

    def for_model(self, max_length: int) -> Self:
        """These settings for a model of this `max_length`, where they were given none of their own."""
        return self if "max_length" in self.model_fields_set else self.replace(max_length=max_length)


def check_batch_size(batch_size: int) -> None:
    """Raise `ConfigError` for a batch size below 1."""
    if batch_size < 1:
        raise ConfigError(f"batch_size must be at least 1, not {batch_size}")


def check_seed(seed: object) -> None:
    """Raise `ConfigError` for a number below 0; a generator, or None, is no number."""
    if isinstance(seed, Integral) and int(seed) < 0:
        raise ConfigError(f"seed must be at least 0, not {seed}")


SIZES: dict[Size, ModelConfig] = {
    "small": ModelConfig(encoder_hidden=192, decoder_hidden=320, latent_dim=48),
    "medium": ModelConfig(),
    "large": ModelConfig(embedding_dim=64, encoder_hidden=384, decoder_hidden=768, decoder_layers=2, latent_dim=128),
}
"""The presets of ``--size``."""


def default_size(n: int) -> Size:
    """The preset for n molecules."""
    return "small" if n < 10_000 else "medium" if n < 500_000 else "large"


def default_training(n: int) -> dict[str, Any]:
    """The fields of `TrainConfig` that depend on the number of molecules, where the user does not set them.

    About 650,000 molecules are shown to the model, small files at most 100 times and large ones at least 10 times;
    about a thousand are held out.
    """
    return {
        "epochs": min(100, max(10, round(650_000 / n))),
        "batch_size": 128 if n >= 10_000 else 64 if n >= 2_000 else 32,
        "valid": min(0.1, max(0.001, 1_000 / n)),
    }


def default_fine_tuning(n: int) -> dict[str, Any]:
    """As `default_training`, for a run that starts from a trained model.

    Some hundred steps turn a model to a series; what comes after is mostly learned by heart. The latent space is there
    from the start, so that nothing has to wait for it: neither beta nor the coupled prior term.
    """
    epochs = min(60, max(8, round(630 / math.sqrt(n))))
    return {
        "epochs": epochs,
        "batch_size": 128 if n >= 20_000 else 64 if n >= 5_000 else 32 if n >= 500 else 16,
        "optimizer": "adamw",
        "learning_rate": 2e-3,
        "weight_decay": 0.01,
        "average_decay": 0.99,
        "beta_schedule": "constant",
        "coupling_start": 0.0,
        "randomized": 0.5,
        "valid": min(0.1, max(0.001, 1_000 / n)),
        "health_samples": min(1_000, max(200, n)),
        "patience": max(5, epochs // 4),
    }


def split_names(text: str) -> tuple[str, ...]:
    """The distinct names of a list such as ``qed,logp,"IC50, nM"``, without white space around them.

    Raises:
        ConfigError: a quote is not closed.
    """
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise ConfigError(f"{text!r} is no list of names, separated by commas ({error})") from None
    return tuple(dict.fromkeys(name.strip() for row in rows for name in row if name.strip()))


def join_names(names: Iterable[str]) -> str:
    """Names as `split_names` reads them."""
    text = io.StringIO()
    csv.writer(text).writerow(names)
    return text.getvalue().removesuffix("\r\n")


def to_toml(sections: dict[str, Settings]) -> str:
    """Settings as a TOML text, one table each; `read_toml` is its inverse."""
    lines: list[str] = []
    for name, settings in sections.items():
        lines += [f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in settings.model_dump().items()), ""]
    return "\n".join(lines)


def _toml(value: Any) -> str:
    # JSON writes a character beyond the first 65,536 as two escapes, which TOML does not read, and DEL as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def read_toml(path: Path, known: dict[str, type[Settings]]) -> dict[str, dict[str, Any]]:
    """The tables of a TOML file, by name; a table that is missing is empty.

    Raises:
        ConfigError: the file cannot be read, is no TOML, or has a table, a name or a value that will not do.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as a TOML file: {error}") from None
    for name, table in data.items():
        if name not in known or not isinstance(table, dict):
            raise ConfigError(f"{path} has {name!r} at its top; it may hold the tables {', '.join(known)}")
        for key in table.keys() - known[name].model_fields.keys():
            raise ConfigError(f"{path}: there is no setting {key!r} in [{name}]")
        try:
            known[name](**table)
        except ConfigError as error:
            raise ConfigError(f"{path}, [{name}]: {error}") from None
    return {name: data.get(name, {}) for name in known}
