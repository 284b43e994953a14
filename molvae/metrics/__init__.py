"""How good molecules and latent spaces are: metrics of MOSES and GuacaMol, and published rows to compare with."""
