"""Walks through a latent space, and what is measured on the way."""
