"""The one error that a user can fix, bad input, and the exit codes of every command."""

OK, BAD_INPUT, LEFT_OUT, INTERRUPTED = 0, 2, 3, 130


class InputError(ValueError):
    """Bad input. The message is one line: what is wrong, where (file, row, value), how to fix it.

    Command lines print it and exit 2. Any other exception is a defect of imgfp.
    """
