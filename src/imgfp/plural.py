"""Counts with their noun in messages."""


def counted(count: int, one: str, many: str | None = None) -> str:
    """ "1 pair", "2 pairs"; `many` is the irregular plural."""
    return f"{count} {one if count == 1 else many or one + 's'}"
