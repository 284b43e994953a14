"""Metrics of generated molecules (MOSES, GuacaMol), of latent spaces and of predictions, and published results."""
