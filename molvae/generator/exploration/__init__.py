"""Work in the latent space of a model.

`paths.py` interpolates, `mixing.py` combines several molecules, `neighbors.py` looks around one, and `decoration.py`
puts groups on a scaffold; each gives a `Walk` (`walk.py`). `radius.py` measures how similar molecules are at a latent
distance, `fidelity.py` how well molecules are reconstructed. `latent_map.py` and `projection.py` draw maps. `space.py`
is what all of them need of a model.
"""
