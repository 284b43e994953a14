"""The entry point of the command ``molvae``, also as ``python -m molvae``."""

import os
import signal


def main() -> None:
    """Run the command. Ctrl-C before a command runs ends the process quietly, with exit code 130."""
    before = signal.getsignal(signal.SIGINT)
    try:
        if before is signal.default_int_handler:  # an exception inside an import would become another error
            signal.signal(signal.SIGINT, lambda *_: os._exit(130))
        from molvae.cli import main as run

        signal.signal(signal.SIGINT, before)
        run()
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
