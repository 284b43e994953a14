"""The entry point of the command ``molvae``, also as ``python -m molvae``."""

import os
import signal


def main() -> None:
    """Run the command. Ctrl-C while modules are imported ends it quietly, with exit code 130."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:  # else somebody has the signal ignored
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    from molvae.cli import main as run

    signal.signal(signal.SIGINT, before)
    run()


if __name__ == "__main__":
    main()
