"""The one error that a user can mend: bad input."""


class InputError(ValueError):
    """Bad input. The message is one line: what is wrong, where (file, row, value), how to fix it.

    Command lines print it and exit 2. Any other exception is a defect of imgfp.
    """
