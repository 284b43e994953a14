"""Training: from token ids to a trained model.

`trainer.py` is the loop. `plan.py` orders the molecules, `batch_inputs.py` makes the inputs of a step, `coupling.py`
matches prior draws to molecules, `objective.py` and `labels.py` are the loss, `optimizer.py` takes the step.
`health.py` measures the model on held-out molecules, `progress.py` holds figures and speed, `checkpoint.py` saves the
state.
`run/` trains in a folder that can be resumed; `report/` writes its report.
"""

from molvae.training.batch_inputs import SmilesRandomization
from molvae.training.health import Health, HealthCheck
from molvae.training.labels import HeadCheck, Labels, label_scale
from molvae.training.progress import Epoch, Progress
from molvae.training.trainer import Trainer

__all__ = [
    "Epoch",
    "HeadCheck",
    "Health",
    "HealthCheck",
    "Labels",
    "Progress",
    "SmilesRandomization",
    "Trainer",
    "label_scale",
]
