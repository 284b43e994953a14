"""`MolVAE`: SMILES on one side, latent points on the other.

`facade` is the class. `sampling` gives as many distinct, valid molecules as were asked for; `exploration` walks through
the latent space: interpolation, mixing, neighbours, maps.
"""
