"""What makes a molecule good, as numbers to be maximized: benchmark tasks, properties, and whatever a user brings."""

from molvae.objectives.naming import mean_of, objective_names, objective_of
from molvae.objectives.objective import Objective, PerMolecule
from molvae.objectives.user import UserObjective

__all__ = ["Objective", "PerMolecule", "UserObjective", "mean_of", "objective_names", "objective_of"]
