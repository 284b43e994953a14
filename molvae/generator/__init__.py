"""`MolVAE`, the class that users work with, and what its methods are made of.

`molvae.py` holds the class. `sampling/` draws distinct, valid molecules from the prior. `exploration/` works in the
latent space: interpolation, mixing, neighbors, maps.
"""
