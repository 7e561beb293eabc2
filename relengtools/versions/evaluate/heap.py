"""What evaluation changes, and how a change is taken back, or kept where nobody knows whether it happens.

Whoever is about to change a container calls `touch`. Work of which it isn't known whether it is done runs in a layer:
what it changed is noted and undone, and then what all its outcomes agree on is kept.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from operator import is_
from typing import Any, NamedTuple

from relengtools.versions.evaluate.values import (
    SPOILT,
    Bytes,
    Fields,
    File,
    Missing,
    Module,
    Namespace,
    Opaque,
    RaisedError,
    Spoilt,
    Stream,
    Text,
    Unknown,
    Value,
    first_unknown,
)

Container = Any
"""A list, set, dictionary, File, Stream or Module."""
State = dict[int, tuple[Container, Any]]
"""By its id a container and what it holds."""
_CHANGED = Unknown("something computed may have changed it")
_SIZED = (dict, list, set)
_CONTAINERS = (*_SIZED, File, Stream, Module)


class Returned(Exception):
    """A `return` in the code under evaluation."""

    def __init__(self, value: Value) -> None:
        super().__init__()
        self.value = value


class Jumped(Exception):
    """A `break` or `continue` (`further`) in the code under evaluation."""

    def __init__(self, further: bool) -> None:
        super().__init__()
        self.further = further


class Broken(Exception):
    """What may have been raised somewhere in a piece of work that goes on else."""


Early = Returned | Jumped | RaisedError | Broken


class Outcome(NamedTuple):
    """One way in which a piece of work can come out: the jump that ended it, if one did, and what it had changed.

    `written` are keys of dictionaries, by their ids, that were given values meanwhile, maybe the same as before.
    """

    end: Early | None
    state: State
    written: "Mapping[int, set[Value]]" = {}  # noqa: RUF012  (never changed)


@dataclass(slots=True)
class Layer:
    """What containers held before a piece of work, how it may have ended before its end, and what it may have left.

    `since` is the time when it began; `broken` are the containers as they may be where something was raised in it.
    """

    since: int
    saved: State = field(default_factory=dict)
    exits: list[Outcome] = field(default_factory=list)
    broken: State = field(default_factory=dict)
    written: dict[int, set[Value]] = field(default_factory=dict)
    breaks: bool = False

    def outcomes(self, end: Early | None, state: State) -> list[Outcome]:
        """All ways in which the work can come out, if else it comes out like this."""
        broken = [Outcome(Broken(), self.broken)] if self.breaks else []
        return [Outcome(end, state, self.written), *self.exits, *broken]


class Heap:
    """The layers of work under way.

    `links` are containers that may be the same ones as another, `merged` those made to stand for one of several.
    """

    def __init__(self, step: Callable[[int], None]) -> None:
        self.step = step
        self.layers: list[Layer] = []
        self.links: dict[int, list[Container]] = {}
        self.births: dict[int, int] = {}
        self.merged: dict[int, Container] = {}
        self.clock = self.guesses = 0
        self.spreading = False

    def touch(self, container: Container, *keys: Value) -> None:
        """Note what a container holds before it changes, a dictionary at these keys."""
        key = id(container)
        if self.layers:
            layer = self.layers[-1]
            if key not in layer.saved:
                layer.saved[key] = container, _contents(container)
                self.step(len(container) // 64 if isinstance(container, _SIZED) else 0)
            if keys:
                layer.written.setdefault(key, set()).update(keys)
        if key in self.links and not self.spreading:
            self._spread(container)

    def _spread(self, container: Container) -> None:
        """Spoil the containers that may be this one."""
        todo, seen = [container], {id(container)}
        while todo:
            others = [other for other in self.links.get(id(todo.pop()), ()) if id(other) not in seen]
            seen |= {id(other) for other in others}
            todo += others
            self.spreading = True
            for other in others:
                self.spoil(other)
            self.spreading = False

    def spoil(self, container: Container) -> None:
        """Forget what a container holds, because somebody unknown may have changed it."""
        self.touch(container)
        if isinstance(container, _SIZED):
            inner = container.values() if isinstance(container, dict) else container
            lost = Spoilt(_CHANGED.reason, holds=tuple(inner))
            _put(container, {SPOILT: lost} if isinstance(container, dict) else [lost])
        elif isinstance(container, File):
            container.text = _CHANGED
        elif isinstance(container, Stream):
            container.lost = _CHANGED

    def fresh(self, container: Container) -> Container:
        """A container was made now; where work ended earlier it isn't, whatever that work left of others."""
        if not is_container(container):
            return container
        self.clock += 1
        self.births[id(container)] = self.clock
        return container

    def forget(self, container: Container) -> None:
        """Nobody can see a container any more."""
        if self.layers:
            self.layers[-1].saved.pop(id(container), None)

    def attempt(self, work: Callable[[], None], keep: bool = False) -> list[Outcome]:
        """The ways in which a piece of work can come out, its changes taken back; raises TooMuchError.

        With `keep` they stay where there is but one way, which then has no state.
        """
        layer, end = Layer(self.clock), None
        self.layers.append(layer)
        self.guesses += not keep
        try:
            work()
        except (Returned, Jumped, RaisedError) as early:
            end = early
        except BaseException:
            self._commit(layer)
            raise
        finally:
            self.guesses -= not keep
        if keep and not layer.exits:
            self._commit(layer)
            return layer.outcomes(end, {})
        self.layers.pop()
        self._pass_on(layer)
        state = {key: (container, _contents(container)) for key, (container, _) in layer.saved.items()}
        for container, held in layer.saved.values():
            _put(container, held)
        return layer.outcomes(end, state)

    def after(self, outcome: Outcome, work: Callable[[], None]) -> list[Outcome]:
        """The ways in which work can come out that is done where an outcome left things."""

        def both() -> None:
            self.join([outcome.state], _CHANGED)
            work()

        return self.attempt(both)

    def interrupted(self, outcomes: Iterable[Outcome]) -> Outcome:
        """What may have been left by work that broke off in the middle."""
        state: State = {}
        for outcome in outcomes:
            for key, (container, held) in outcome.state.items():
                before = state[key][1] if key in state else _contents(container)
                state[key] = container, _halfway(container, before, held, outcome.written.get(key, set()))
        return Outcome(None, state)

    def settled(self, since: int, outcomes: Sequence[Outcome], why: Unknown) -> bool:
        """Go on as by `proceed`; whether nothing has changed by it that was there at the time `since`."""
        state = {key: container for each in outcomes for key, (container, _) in each.state.items()}
        touched = {key: container for key, container in state.items() if self.births.get(key, 0) <= since}
        before = {key: _contents(container) for key, container in touched.items()}
        self.proceed(outcomes, why)
        return all(_equal(before[key], _contents(container)) for key, container in touched.items())

    def _commit(self, layer: Layer) -> None:
        self.layers.pop()
        if self.layers:
            for key, saved in layer.saved.items():
                self.layers[-1].saved.setdefault(key, saved)
            self._pass_on(layer)

    def _pass_on(self, layer: Layer) -> None:
        """What was written in a layer was written in the one around it."""
        for key, keys in layer.written.items() if self.layers else ():
            self.layers[-1].written.setdefault(key, set()).update(keys)

    def proceed(self, outcomes: Sequence[Outcome], why: Unknown) -> None:
        """Go on as do those outcomes that nothing ended, and leave the others to the work around; raises their end."""
        going = [outcome for outcome in outcomes if outcome.end is None]
        ended = [outcome for outcome in outcomes if isinstance(outcome.end, Returned | Jumped)]
        raising = [outcome for outcome in outcomes if isinstance(outcome.end, RaisedError | Broken)]
        chosen = going or ended[-1:] or raising
        self.leave([each for each in (*ended, *raising) if all(each is not other for other in chosen)], why)
        self.join([outcome.state for outcome in chosen], why)
        if not going:
            raise _together([outcome.end for outcome in chosen])

    def leave(self, outcomes: Iterable[Outcome], why: Unknown) -> None:
        """Let the work around this one know that it may have ended; those alike become one."""
        if not self.layers:
            return
        layer = self.layers[-1]
        for outcome in outcomes:
            if isinstance(outcome.end, RaisedError | Broken):
                self._break(layer, outcome)
                continue
            now = {key: (each, _contents(each)) for key, (each, _) in layer.saved.items() if key not in outcome.state}
            whole = Outcome(outcome.end, now | outcome.state)
            alike = next((i for i, other in enumerate(layer.exits) if _alike(other.end, outcome.end)), None)
            if alike is None:
                layer.exits.append(whole)
            else:
                layer.exits[alike] = self._one(layer, layer.exits[alike], whole, why)

    @staticmethod
    def _break(layer: Layer, outcome: Outcome) -> None:
        layer.breaks = True
        for key, (container, held) in outcome.state.items():
            before = layer.broken[key][1] if key in layer.broken else _contents(container)
            layer.broken[key] = container, _halfway(container, before, held, outcome.written.get(key, set()))

    def _one(self, layer: Layer, first: Outcome, second: Outcome, why: Unknown) -> Outcome:
        """Two outcomes that end alike."""
        state: State = {}
        self.step(len(first.state) // 10)
        for key in first.state | second.state:
            container, held = first.state.get(key) or second.state[key]
            if self.births.get(key, 0) > layer.since and not (key in first.state and key in second.state):
                state[key] = container, held
                continue
            before = layer.saved[key][1] if key in layer.saved else _contents(container)
            both = [other.state[key][1] if key in other.state else before for other in (first, second)]
            state[key] = container, held if both[0] is both[1] else self._merged(container, both, why)
        end = first.end
        if isinstance(end, Returned) and isinstance(second.end, Returned):
            end = Returned(self.agreed([end.value, second.end.value], why))
        return Outcome(end, state)

    def join(self, states: Sequence[State], why: Unknown) -> None:
        """Keep of several states what they agree on."""
        for key, (container, _) in {key: entry for state in states for key, entry in state.items()}.items():
            now = _contents(container)
            held = [state[key][1] if key in state else now for state in states]
            self.touch(container)
            _put(container, held[0] if len(held) == 1 else self._merged(container, held, why))

    def _merged(self, container: Container, held: list[Any], why: Unknown) -> Any:
        if all(_untouched(held[0], each) for each in held[1:]):
            return held[0]
        self.step(1 + sum(len(each) for each in held if isinstance(each, list | dict | set)) // 10)
        if isinstance(container, dict):
            return self._dictionary(held, why, isinstance(container, Namespace))
        if isinstance(container, list):
            if len({len(each) for each in held}) == 1:
                return [self.agreed(list(row), why) for row in zip(*held, strict=True)]
            return [Spoilt(why.reason, holds=tuple(item for each in held for item in each))]
        if isinstance(container, set):
            return held[0] if all(each == held[0] for each in held) else {Spoilt(why.reason)}
        if isinstance(container, File):
            return self.agreed(held, why)
        if isinstance(container, Module):
            return held[0] if all(each == held[0] for each in held) else ("failed", "", (*held[0][2], why))
        return None

    def _dictionary(self, held: list[dict[Value, Value]], why: Unknown, names: bool) -> dict[Value, Value]:
        keys = dict.fromkeys(key for each in held for key in each)
        missing = Missing("it may not be assigned" if names else why.reason)
        found: dict[Value, Value] = {}
        for key in keys:
            values = [each.get(key, missing) for each in held]
            agreed = found[key] = self.agreed(values, why)
            if agreed is not values[0] and any(value is missing for value in values):
                found[key] = Missing(agreed.reason, agreed.provider, agreed.holds)
        if SPOILT in found or not (names or all([k for k in keys if k in each] == list(each) for each in held)):
            found[SPOILT] = Spoilt(why.reason, holds=tuple(each[SPOILT] for each in held if SPOILT in each))
        return found

    def agreed(self, values: list[Value], why: Unknown) -> Value:
        """What several outcomes leave of a value; of lists and dictionaries their elements."""
        first, *others = values
        if all(map(is_, others, repeat(first))):
            return first
        if all(map(same, others, repeat(first))):
            return _without_place(values) if isinstance(first, str) else first
        if all(type(value) is dict for value in values) or all(type(value) is list for value in values):
            made = type(first)()
            self.merged[id(made)] = made
            _put(made, self._merged(made, values, why))
            for one, other in ((one, other) for one in (made, *values) for other in (made, *values)):
                if one is not other:
                    self.links.setdefault(id(one), [one]).append(other)
            return made
        said = first_unknown(*values, why)
        kind = next((kind for kind in (Spoilt, Missing) if any(isinstance(value, kind) for value in values)), Unknown)
        return kind(said.reason, said.provider, tuple(values))


def _together(ends: Sequence[Early | None]) -> Early:
    """The end of work that surely ended early, in one of several ways."""
    first = next(end for end in ends if end is not None and not isinstance(end, Broken))
    if isinstance(first, RaisedError) and any(getattr(end, "kinds", None) != first.kinds for end in ends):
        return RaisedError("Exception", certain=False)
    return first


def same(one: Value, other: Value) -> bool:
    """Whether two values surely can't be told apart."""
    if one is other:
        return True
    if isinstance(one, str) and isinstance(other, str):
        return one == other
    if type(one) is not type(other):
        return False
    if isinstance(one, tuple):
        alike = len(one) == len(other) and all(map(same, one, other))
        return alike and (not isinstance(one, Fields) or one.of is other.of)
    if isinstance(one, float):
        return repr(one) == repr(other)
    return isinstance(one, int | Bytes | Opaque | Unknown | frozenset) and bool(one == other)


def _untouched(one: Any, other: Any) -> bool:
    """Whether a container holds the very same objects."""
    if isinstance(one, dict):
        return len(one) == len(other) and list(one) == list(other) and all(map(is_, one.values(), other.values()))
    return one is other or (isinstance(one, list) and len(one) == len(other) and all(map(is_, one, other)))


def _equal(one: Value, other: Value) -> bool:
    """Whether two values are alike all through."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, Unknown) and isinstance(other, Unknown):
        return type(one) is type(other)
    return same(one, other) or (isinstance(one, set | tuple) and bool(one == other))


def _halfway(container: Container, before: Any, after: Any, written: set[Value]) -> Any:
    """What a container may hold while it is changed from one state to another."""
    if isinstance(container, dict):
        both = before | after
        keys = [key for key in both if key in written or key not in before or before[key] is not after.get(key)]
        reason = "it may have been changed before something raised"
        sure = {key for key in keys if key in before and key in after}
        changed = {
            key: (Unknown if key in sure else Missing)(reason, None, (before.get(key), after.get(key))) for key in keys
        }
        return before | changed
    if isinstance(container, list | set):
        return type(container)([Spoilt(_CHANGED.reason, holds=(*before, *after))])
    return _CHANGED if isinstance(container, File) else before


def _without_place(texts: list[str]) -> str:
    """Where a text is written that several branches have is not to be told, unless it is one."""
    places = {(id(t.document), t.start, t.end) if isinstance(t, Text) else None for t in texts}
    return texts[0] if len(places) == 1 else str.__str__(texts[0])


def _alike(one: Early | None, other: Early | None) -> bool:
    if isinstance(one, Jumped) and isinstance(other, Jumped):
        return one.further == other.further
    return type(one) is type(other)


def _contents(container: Container) -> Any:
    if isinstance(container, dict):
        return dict(container)
    if isinstance(container, list | set):
        return container.copy()
    if isinstance(container, File):
        return container.text
    return (container.state, container.failure, container.starred) if isinstance(container, Module) else None


def _put(container: Container, held: Any) -> None:
    if isinstance(container, list):
        container[:] = held
    elif isinstance(container, dict | set):
        container.clear()
        container.update(held)
    elif isinstance(container, File):
        container.text = held
    elif isinstance(container, Module):
        container.state, container.failure, container.starred = held
    elif isinstance(container, Stream):  # what has been taken from it can't be put back
        container.lost = _CHANGED


def is_spoilt(container: Container) -> bool:
    """Whether nothing is known of a container that could be forgotten."""
    if isinstance(container, _SIZED):
        if len(container) != 1:
            return False
        return SPOILT in container if isinstance(container, dict) else isinstance(next(iter(container)), Spoilt)
    if isinstance(container, File):
        return isinstance(container.text, Unknown)
    return isinstance(container, Stream) and container.lost is not None


def is_container(value: Value) -> bool:
    """Whether a value can be changed."""
    return isinstance(value, _CONTAINERS)
