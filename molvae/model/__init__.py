"""The model as a function of tensors.

`vae.py` is the model: `encoder.py`, `gaussian.py` (the latent distribution), `decoder.py` and `heads.py` (property
heads). `gru.py` is the recurrent layer, `generation.py` the sampling loop, and `grammar_constraint.py`
constrains it to valid molecules. `vocabulary_expansion.py` adds tokens and heads to a trained model. `latent_codec.py`
adds a vocabulary: strings to latent points and back.

To use another decoder, write a subclass of `molvae.model.decoder.Decoder` and return it from `make_decoder` in that
file. Training, generation, vocabulary expansion and the benchmarks use only what `Decoder` declares.
"""

from molvae.model.gaussian import DiagonalGaussian, slerp
from molvae.model.generation import generate
from molvae.model.gru import GRU
from molvae.model.heads import LabelScale
from molvae.model.vae import SmilesVAE, VAEOutput
from molvae.model.vocabulary_expansion import expand_vocabulary, set_property_heads

__all__ = [
    "GRU",
    "DiagonalGaussian",
    "LabelScale",
    "SmilesVAE",
    "VAEOutput",
    "expand_vocabulary",
    "generate",
    "set_property_heads",
    "slerp",
]
