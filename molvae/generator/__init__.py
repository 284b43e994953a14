"""`MolVAE`: strings on one side, arrays on the other."""

from molvae.generator.facade import MolVAE

__all__ = ["MolVAE"]
