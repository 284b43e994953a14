"""molvae: a molecule generator built on SMILES variational autoencoders.

    from molvae import MolVAE, train

    vae = train("smiles.csv")                        # or MolVAE.from_pretrained("molvae-runs/...")
    vae.sample(100, seed=0)                          # valid, distinct, canonical SMILES
    z = vae.encode(["CCO", "c1ccccc1"])              # (2, D) posterior means

Importing molvae is fast: all names but the errors are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from molvae._version import __version__
from molvae.errors import ConfigError, InputError, ModelError, MolVAEError, SamplingError, TokenError

if TYPE_CHECKING:
    from molvae.config import CleanConfig, Decoding, ModelConfig, TrainConfig
    from molvae.corpus.tokenizer import SmilesTokenizer
    from molvae.generator.molvae import MolVAE
    from molvae.optimization.run.start import optimize
    from molvae.training.run import resume, train

__all__ = [
    "CleanConfig",
    "ConfigError",
    "Decoding",
    "InputError",
    "ModelConfig",
    "ModelError",
    "MolVAE",
    "MolVAEError",
    "SamplingError",
    "SmilesTokenizer",
    "TokenError",
    "TrainConfig",
    "__version__",
    "optimize",
    "resume",
    "train",
]

_LAZY = {
    **dict.fromkeys(("CleanConfig", "Decoding", "ModelConfig", "TrainConfig"), "molvae.config"),
    "SmilesTokenizer": "molvae.corpus.tokenizer",
    "MolVAE": "molvae.generator.molvae",
    "optimize": "molvae.optimization.run.start",
    "resume": "molvae.training.run",
    "train": "molvae.training.run",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
