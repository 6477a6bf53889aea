"""Builds the report on the duplicates of a collection: groups of images side by side."""

from imgfp.images import Failure, read_rgb
from imgfp.pipeline.answers import Answer
from imgfp.pipeline.duplicates import Duplicates
from imgfp.pipeline.groups import Group, Member
from imgfp.reports import GroupImage, ImageGroup, Report, draw_image

GROUPS, MEMBERS = 36, 12
_HEIGHT = 200  # of the drawn images, in pixels; images are decoded at a reduced size


def duplicates_report(found: Duplicates, settings: dict[str, str]) -> Report:
    """Draws the first images of the first groups; the report states how many more there are."""
    shown = found.groups[:GROUPS]
    best_pairs = _best_pairs(found.pairs, {member.image_id for group in shown for member in group[:MEMBERS]})
    return Report(
        title="Duplicates",
        summary=f"{found.summary}.",
        notes=(
            f"{found.precision[0].upper()}{found.precision[1:]}.",
            "Groups are connected components of pairs: one wrong pair can join two groups.",
        ),
        settings=settings,
        figures={},
        curves=(),
        best=(),
        false_positives=(),
        missed=(),
        failures=found.failures,
        stages=found.stages,
        pairs_total=len(found.pairs),
        groups=tuple(_drawn(group, best_pairs) for group in shown),
        groups_total=len(found.groups),
    )


def _best_pairs(pairs: tuple[Answer, ...], wanted: set[str]) -> dict[str, Answer]:
    """The most probable pair of each image; `pairs` are sorted by descending probability."""
    found: dict[str, Answer] = {}
    for answer in pairs:
        for image_id in (answer.query_id, answer.reference_id):
            if image_id in wanted:
                found.setdefault(image_id, answer)
    return found


def _drawn(group: Group, best_pairs: dict[str, Answer]) -> ImageGroup:
    images = [_image(member, "likely original") for member in group[:1]]
    images += [_image(member, _note(member, best_pairs[member.image_id])) for member in group[1:MEMBERS]]
    return ImageGroup(len(group), tuple(images))


def _image(member: Member, note: str) -> GroupImage:
    rgb = read_rgb(member.path, _HEIGHT)
    return GroupImage(
        member.image_id, member.size, note, draw_image(None if isinstance(rgb, Failure) else rgb, _HEIGHT)
    )


def _note(member: Member, answer: Answer) -> str:
    """Label, other image and probability of the image's most probable pair."""
    other = answer.reference_id if member.image_id == answer.query_id else answer.query_id
    words = [f"{answer.label} with {other}"]
    if answer.evidence is not None:
        words += [name for name in ("mirrored", "inverted") if getattr(answer.evidence, name)]
    return ", ".join([*words, f"probability {answer.score:.3f}"])
