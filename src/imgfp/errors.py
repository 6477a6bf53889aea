"""The error for bad input, the only one a user can fix, and the exit codes of every command."""

OK, BAD_INPUT, LEFT_OUT, INTERRUPTED = 0, 2, 3, 130


class InputError(ValueError):
    """Bad input. The message is one line: what is wrong, where (file, row, value), how to fix it.

    Command-line programs print it and exit with code 2. Any other exception is a bug in imgfp.
    """
