"""All settings as frozen classes with checked fields.

The command line takes options, defaults and help from here; ``--config file.toml`` and the ``config.toml`` of a run
folder use the same field names. This module does not import torch, so ``--help`` is fast.
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
"""The largest allowed length of a molecule, in tokens."""

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
    """Base of the classes below: frozen; an unknown name or an invalid value raises `ConfigError`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(map(str, first["loc"])) or type(self).__name__
            if first["type"] == "extra_forbidden":
                known = ", ".join(type(self).model_fields)
                raise ConfigError(f"there is no setting {name!r}; the settings are {known}") from None
            reason = first["msg"][0].lower() + first["msg"][1:]
            raise ConfigError(f"{name}: {reason}, not {first['input']!r}") from None

    def replace(self, **changes: Any) -> Self:
        """A copy with some settings changed, checked again."""
        return type(self)(**{**self.model_dump(exclude_unset=True), **changes})


class CleanConfig(Settings):
    """How to clean the molecules of a file."""

    stereo: bool = Field(True, description="Keep stereochemistry; otherwise remove it and merge stereoisomers.")
    neutralize: bool = Field(True, description="Neutralize charges where possible.")
    min_heavy_atoms: int = Field(1, ge=1, description="Reject molecules with fewer heavy atoms.")
    max_length: int = Field(120, ge=1, le=LONGEST_MOLECULE, description="Reject molecules with more SMILES tokens.")
    elements: str = Field(
        "B, C, N, O, F, Si, P, S, Cl, Se, Br, I",
        description="Reject molecules with other elements; 'any' allows all elements.",
    )


class ModelConfig(Settings):
    """The architecture of a model: with the vocabulary it determines the shapes of the weights."""

    latent_dim: int = Field(64, ge=1, le=4096, description="Number of latent dimensions.")
    embedding_dim: int = Field(32, ge=1, le=4096, description="Size of the token embeddings.")
    encoder_hidden: int = Field(256, ge=1, le=8192, description="Hidden units of the encoder GRU, per direction.")
    encoder_layers: int = Field(1, ge=1, le=8, description="Layers of the bidirectional encoder GRU.")
    decoder_hidden: int = Field(512, ge=1, le=8192, description="Hidden units of the decoder GRU.")
    decoder_layers: int = Field(1, ge=1, le=8, description="Layers of the decoder GRU.")
    dropout: float = Field(0.0, ge=0.0, lt=1.0, description="Dropout rate of the decoder outputs.")
    properties: str = Field(
        "",
        description="Properties to predict: numeric columns or RDKit properties, such as qed,logp,mycolumn.",
    )
    log: str = Field(
        "",
        description="Properties whose log10 is learned, as for concentrations; predictions are in the original unit.",
    )
    head_hidden: int = Field(64, ge=1, le=8192, description="Hidden units of each property head.")

    @field_validator("properties", "log")
    @classmethod
    def _distinct(cls, text: str) -> str:
        return join_names(split_names(text))

    @property
    def heads(self) -> tuple[str, ...]:
        """The names of the properties, in the order of their heads."""
        return split_names(self.properties)

    @property
    def quantities(self) -> tuple[str, ...]:
        """What each head learns: ``log10 NAME`` for a property of `log`, else the property itself."""
        logs = split_names(self.log)
        return tuple(f"log10 {name}" if name in logs else name for name in self.heads)


class TrainConfig(Settings):
    """How to train a model."""

    init_from: str = Field(
        "",
        description="Model to start from: a model or run folder, a Hugging Face id, bundled or medchem; the default "
        "depends on the number of molecules.",
    )
    epochs: int = Field(
        20, ge=1, description="Passes over the training molecules; the default depends on their number."
    )
    minutes: float = Field(
        0.0,
        ge=0.0,
        description="Training time instead of epochs; the speed at the start gives the number of steps; 0: use epochs.",
    )
    steps: int = Field(0, ge=0, description="Number of training steps instead of epochs or minutes; 0: use these.")
    batch_size: int = Field(128, ge=1, description="Molecules per step; the default depends on their number.")
    optimizer: Literal["muon", "adamw"] = Field("muon", description="Optimizer.")
    learning_rate: float = Field(7e-3, gt=0.0, description="Peak learning rate.")
    schedule: Literal["cosine", "stable"] = Field(
        "cosine", description="Learning rate schedule: cosine decay, or stable until the last --decay of the steps."
    )
    decay: Share = Field(
        0.3, description="Fraction of the steps in which the stable learning rate falls to zero at the end."
    )
    warmup: Share = Field(0.02, description="Fraction of the steps in which the learning rate rises at the start.")
    weight_decay: float = Field(0.1, ge=0.0, description="Weight decay of the weight matrices.")
    clip_norm: float = Field(
        1.0, gt=0.0, description="Largest gradient norm; larger gradients are scaled down (nats per token)."
    )
    average_decay: float = Field(
        0.999,
        ge=0.0,
        lt=1.0,
        description="Decay of the moving average of the weights, which becomes the model; 0 turns averaging off.",
    )
    beta: float = Field(0.1, ge=0.0, description="Weight of the KL term in the ELBO.")
    beta_schedule: Literal["constant", "linear", "cyclical"] = Field("linear", description="How beta rises from 0.")
    beta_warmup: Share = Field(0.1, description="Fraction of the steps (of each cycle) in which beta rises from 0.")
    beta_cycles: int = Field(4, ge=1, description="Number of cycles of the cyclical beta schedule.")
    free_bits: float = Field(0.0, ge=0.0, description="KL per latent dimension, in nats, that has no cost.")
    token_dropout: float = Field(
        0.0, ge=0.0, lt=1.0, description="Fraction of the decoder's input tokens that are masked."
    )
    randomized: Share = Field(0.0, description="Fraction of the molecules that the encoder gets as randomized SMILES.")
    coupling_weight: float = Field(
        1.0, ge=0.0, description="Weight of the coupled prior term in the loss; 0 turns it off."
    )
    coupling_start: Share = Field(0.3, description="Fraction of the epochs after which the coupled prior term starts.")
    pool_size: int = Field(12_800, ge=1, description="Molecules matched to draws from the prior at a time.")
    block_size: int = Field(
        1_600, ge=1, description="Molecules per optimal transport problem; the time grows with its square."
    )
    valid: float = Field(
        0.02,
        gt=0.0,
        lt=1.0,
        description="Fraction of the molecules held out for validation; the default depends on their number.",
    )
    test: float = Field(
        0.0, ge=0.0, lt=1.0, description="Fraction of the molecules held out as a test set, which training never uses."
    )
    split: Literal["random", "scaffold"] = Field(
        "random", description="Hold out single molecules (random), or all molecules of a scaffold."
    )
    property_weight: float = Field(
        1.0, ge=0.0, description="Weight of each property's loss in the objective (nats per label)."
    )
    health_samples: int = Field(
        1000, ge=2, description="Number of molecules for each metric that is measured during training."
    )
    check_epochs: int = Field(1, ge=1, description="Epochs between measurements; the last epoch is always measured.")
    patience: int = Field(
        0,
        ge=0,
        description="Stop at a measurement this many epochs or more after the best one; 0: never.",
    )
    checkpoint_seconds: float = Field(60.0, ge=0.0, description="Seconds of training between checkpoints.")
    precision: Literal["auto", "fp32", "bf16"] = Field("auto", description="Precision of matrix products.")
    device: str = Field("auto", description="Device: auto, cpu, cuda, cuda:N or mps.")
    seed: int = Field(0, ge=0, lt=2**32, description="Random seed of the split, the initial weights and all draws.")


class Decoding(Settings):
    """How to draw tokens from the decoder's distribution."""

    temperature: float = Field(
        1.0,
        ge=0.0,
        description="Sampling temperature: the logits are divided by it; 0 always takes the most likely token.",
    )
    top_p: float = Field(
        1.0,
        gt=0.0,
        le=1.0,
        description="Nucleus sampling: draw from the smallest set of tokens with this total probability.",
    )
    max_length: int = Field(
        120,
        ge=1,
        le=LONGEST_MOLECULE,
        description="Largest number of tokens; a longer molecule is cut off, ends in '...' and is invalid; the default "
        "is the limit of the training molecules.",
    )
    constrained: bool = Field(
        False,
        description="Let the decoder write only what can become a valid molecule; free, it writes invalid strings too.",
    )

    def for_model(self, max_length: int) -> Self:
        """These settings, with the `max_length` of a model unless it was set explicitly."""
        return self if "max_length" in self.model_fields_set else self.replace(max_length=max_length)


def check_batch_size(batch_size: int) -> None:
    """Raise `ConfigError` for a batch size below 1."""
    if batch_size < 1:
        raise ConfigError(f"batch_size must be at least 1, not {batch_size}")


def check_seed(seed: object) -> None:
    """Raise `ConfigError` for an integer below 0; generators and None are accepted."""
    if isinstance(seed, Integral) and int(seed) < 0:
        raise ConfigError(f"seed must be at least 0, not {seed}")


SIZES: dict[Size, ModelConfig] = {
    "small": ModelConfig(encoder_hidden=192, decoder_hidden=320, latent_dim=48),
    "medium": ModelConfig(),
    "large": ModelConfig(embedding_dim=64, encoder_hidden=384, decoder_hidden=768, decoder_layers=2, latent_dim=128),
}
"""The presets of ``--size``."""


def default_size(n: int) -> Size:
    """The default preset for n molecules."""
    return "small" if n < 10_000 else "medium" if n < 500_000 else "large"


def default_training(n: int) -> dict[str, Any]:
    """Defaults of `TrainConfig` that depend on the number of molecules.

    The model sees about 650,000 molecules, each at most 100 times and at least 10 times; about 1,000 are held out.
    """
    return {
        "epochs": min(100, max(10, round(650_000 / n))),
        "batch_size": 128 if n >= 10_000 else 64 if n >= 2_000 else 32,
        "valid": min(0.1, max(0.001, 1_000 / n)),
    }


def default_fine_tuning(n: int) -> dict[str, Any]:
    """As `default_training`, for a run that starts from a trained model.

    A few hundred steps adapt a model to a series; more steps mostly memorize it. The latent space is already trained,
    so beta and the coupled prior term start at once.
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
        "valid": min(0.1, max(0.001, 1_000 / n)),
        "health_samples": min(1_000, max(200, n)),
        "patience": max(5, epochs // 4),
    }


def split_names(text: str) -> tuple[str, ...]:
    """The distinct names in a list such as ``qed,logp,"IC50, nM"``, without surrounding white space.

    Raises:
        ConfigError: a quote is not closed.
    """
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise ConfigError(f"{text!r} is not a comma-separated list of names ({error})") from None
    return tuple(dict.fromkeys(name.strip() for row in rows for name in row if name.strip()))


def join_names(names: Iterable[str]) -> str:
    """Join names so that `split_names` splits them again."""
    text = io.StringIO()
    csv.writer(text).writerow(names)
    return text.getvalue().removesuffix("\r\n")


def to_toml(sections: dict[str, Settings]) -> str:
    """Settings as TOML, one table each; `read_toml` reads them again."""
    lines: list[str] = []
    for name, settings in sections.items():
        lines += [f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in settings.model_dump().items()), ""]
    return "\n".join(lines)


def _toml(value: Any) -> str:
    # TOML accepts JSON strings, except surrogate escapes (hence ensure_ascii) and a bare DEL.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def read_toml(path: Path, known: dict[str, type[Settings]]) -> dict[str, dict[str, Any]]:
    """The tables of a TOML file by name; a missing table is empty.

    Raises:
        ConfigError: the file cannot be read, is not TOML, or has an unknown table or setting or an invalid value.
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
