"""Commands as a shell runs them, for the tests of the command line."""

import csv
import io

from typer.testing import CliRunner

from molvae.cli import app


def molvae(*arguments, **options):
    return CliRunner().invoke(app, [str(one) for one in arguments], **options)


def works(*arguments, **options):
    """What a command gives that ends with exit code 0."""
    result = molvae(*arguments, **options)
    assert result.exit_code == 0, result.output
    return result


def assert_error(result, *facts):
    """Exit code 1, one message with these facts, nothing on stdout, no traceback."""
    assert (result.exit_code, result.stdout) == (1, ""), result.output
    message = " ".join(result.stderr.split())
    assert "error: " in message and "Traceback" not in message
    for fact in facts:
        assert fact in message, message


def rows(text):
    """The rows of csv, as dicts."""
    return list(csv.DictReader(io.StringIO(text)))
