"""The registry of faults: what each kind does to a running system, and for how long."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.faults.mix.world import World

Hurt = Callable[[World, random.Random], Iterator[None]]
"""Hurts the system, yields once, and heals it after that; returns False if nothing happened."""


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One kind of fault. What it does is held for so many seconds before it is healed."""

    name: str
    seconds: float
    hurt: Hurt
    on_disk: bool = False
    """Whether it changes watched files: no step of the disk comes in between then."""


KINDS: dict[str, FaultKind] = {}


def fault(name: str, seconds: float = 0.0, *, on_disk: bool = False) -> Callable[[Hurt], Hurt]:
    """Register a kind of fault. Names need no quotes inside those of a shell, and are joined by `+` and `,`."""
    assert not set(name) & set("'+,"), name

    def register(hurt: Hurt) -> Hurt:
        KINDS[name] = FaultKind(name, seconds, hurt, on_disk)
        return hurt

    return register


def begin(world: World, kind: FaultKind, seed: int) -> Iterator[None]:
    """Hurt the system; going on with what this returns heals it."""
    hurting = kind.hurt(world, random.Random(seed))
    next(hurting)
    return hurting


def heal(hurting: Iterator[None]) -> bool:
    """Heal the system; return whether what the fault waited for has happened."""
    try:
        next(hurting)
    except StopIteration as end:
        return end.value is not False
    raise AssertionError("a fault yields once")
