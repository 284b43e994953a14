"""Operators that make candidate molecules: `latent` in the latent space, the others by edits of molecular graphs.

`graph_mutation` and `graph_crossover` are the operators, `atom_edits` and `ring_edits` their edits; `graphs` has their
data structures, and `flaws` rejects unrealistic molecules.
"""
