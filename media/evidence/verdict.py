"""The answer to a question about a folder, aspect by aspect, with the findings that led to it."""

from collections import Counter
from dataclasses import dataclass, field

from media.evidence.statements import Aspect, Finding
from models.core.base import TextEnum


class Answer(TextEnum):
    """The three answers."""

    PROVEN = "proven"
    REFUTED = "refuted"
    NOT_PROVABLE = "not provable"


class Level(TextEnum):
    """What is asked."""

    COMPLETE = "complete"
    """Whether everything is there, whole by its own measures."""
    CONTENT = "content"
    """Whether, beyond that, every byte is as stated: whether the source may be wiped."""


REQUIRED_ASPECTS = {
    Level.COMPLETE: (Aspect.PRESENCE,),
    Level.CONTENT: (Aspect.PRESENCE, Aspect.CONTENT),
}


@dataclass(slots=True)
class AspectResult:
    """What is known in one aspect."""

    faults: list[Finding] = field(default_factory=list)
    gaps: list[Finding] = field(default_factory=list)
    proven: int = 0
    """Files or clips that evidence speaks for."""
    by: Counter[str] = field(default_factory=Counter)
    """Statements that held, by the kind of their index."""

    @property
    def answer(self) -> Answer | None:
        """The answer, or None where nothing states this aspect and nothing is open."""
        if self.faults:
            return Answer.REFUTED
        if self.gaps:
            return Answer.NOT_PROVABLE
        return Answer.PROVEN if self.proven else None


@dataclass(slots=True)
class Verdict:
    """The answer to a question about a folder."""

    level: Level
    files: int = 0
    size_bytes: int = 0
    structures: list[str] = field(default_factory=list)
    aspects: dict[Aspect, AspectResult] = field(default_factory=lambda: {one: AspectResult() for one in Aspect})
    unread: dict[str, set[str]] = field(default_factory=dict)
    """Sums to compute, by file: something states them, and its bytes were not read yet."""
    extra_files: int = 0
    """Files that the second copy does not have."""

    @property
    def answer(self) -> Answer:
        """Refuted by any fault; proven only where all required aspects are."""
        if any(one.faults for one in self.aspects.values()):
            return Answer.REFUTED
        open_aspects = [one for one in self.aspects.values() if one.gaps]
        required = [self.aspects[one] for one in REQUIRED_ASPECTS[self.level]]
        if self.level is Level.COMPLETE:
            open_aspects = [one for aspect, one in self.aspects.items() if one.gaps and aspect is not Aspect.CONTENT]
        is_proven = not open_aspects and all(one.answer is Answer.PROVEN for one in required)
        return Answer.PROVEN if is_proven else Answer.NOT_PROVABLE
