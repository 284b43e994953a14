"""Train in a run folder, from a file of molecules to a model, and resume.

`start.py` has `train` and `resume`, `runner.py` trains, `folder.py` and `request.py` write and read the run folder,
`finetune_source.py` is the model to fine-tune, `memorization.py` compares it with the result, `console_reporter.py`
writes progress as text.
"""

from molvae.training.run.console_reporter import LineReporter, Reporter
from molvae.training.run.start import resume, train

__all__ = ["LineReporter", "Reporter", "resume", "train"]
