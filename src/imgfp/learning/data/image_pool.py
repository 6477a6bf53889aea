"""All images that a training may use, numbered."""

from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class ImagePool:
    """Images by number: the photographs from 0 on, then the references of ground-truth pairs.

    Plain tuples of texts, because it is sent to worker processes.

    Attributes:
        photographs: Paths; synthetic pairs, backgrounds and overlays come from them.
        references: Paths; none without ground truth.
        queries: Path of each ground-truth pair's query.
        query_references: The number of each pair's reference.
    """

    photographs: tuple[str, ...]
    references: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()
    query_references: tuple[int, ...] = ()

    def path(self, number: int) -> str:
        """The file of an image."""
        own = len(self.photographs)
        return self.photographs[number] if number < own else self.references[number - own]

    @property
    def images(self) -> int:
        """How many there are."""
        return len(self.photographs) + len(self.references)

    @property
    def negatives(self) -> range:
        """The numbers that unedited negatives are drawn from: references where there are any, else photographs."""
        return range(len(self.photographs) if self.references else 0, self.images)
