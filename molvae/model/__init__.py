"""The model as a function of tensors: no strings in this room."""

from molvae.model.gaussian import DiagonalGaussian, slerp
from molvae.model.generation import generate
from molvae.model.growth import grown
from molvae.model.vae import SmilesVAE, VAEOutput

__all__ = ["DiagonalGaussian", "SmilesVAE", "VAEOutput", "generate", "grown", "slerp"]
