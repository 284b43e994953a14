"""The model as a function of tensors: no strings in this room."""

from molvae.model.gaussian import DiagonalGaussian, slerp
from molvae.model.generation import generate
from molvae.model.gru import GRU
from molvae.model.heads import LabelScale
from molvae.model.vae import SmilesVAE, VAEOutput
from molvae.model.vocabulary_expansion import equip, grown

__all__ = ["GRU", "DiagonalGaussian", "LabelScale", "SmilesVAE", "VAEOutput", "equip", "generate", "grown", "slerp"]
