"""What did the user declare: which columns decide, which direction is bad, what is too small?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Literal, get_args

from ..errors import InputError

Direction = Literal["up", "down"]
NumericTest = Literal["auto", "ks", "welch", "anderson-darling", "cramer-von-mises", "wasserstein"]
LevelTest = Literal["auto", "permutation"]
EffectName = Literal[
    "standardised_mean_difference", "ks_distance", "rate_difference", "total_variation"
]
NUMERIC_TESTS: tuple[NumericTest, ...] = get_args(NumericTest)
LEVEL_TESTS: tuple[LevelTest, ...] = get_args(LevelTest)

_DEFAULTS: Mapping[EffectName, float] = {
    "standardised_mean_difference": 0.05,
    "ks_distance": 0.02,
    "rate_difference": 0.01,
    "total_variation": 0.02,
}
_SHORT: Mapping[str, EffectName] = {
    "sd": "standardised_mean_difference",
    "ks": "ks_distance",
    "rate": "rate_difference",
    "tv": "total_variation",
}
_PRIMARY_RATE = 0.005
_KS_OF_ONE_SD = 0.4  # a normal distribution moved by a little moves by this much in KS distance
_WORTH_SEEING = 5

# The columns of a run whose bad direction needs no saying.
_KNOWN_DIRECTIONS: Mapping[str, Direction] = {
    "passed": "down",
    "score": "down",
    "errored": "up",
    "latency_s": "up",
    "cost_usd": "up",
}


@dataclass(frozen=True, slots=True)
class MinimumEffects:
    """How small a change does not matter, by effect and by column.

    Defaults: 0.05 standard deviations, a KS distance of 0.02, 0.01 of a rate (0.005 where the rate
    is a primary), a total variation of 0.02. What one would not want to miss is five times as
    much: where even that could have gone unseen, nothing was shown either way.
    """

    effects: Mapping[EffectName, float] = field(default_factory=lambda: dict(_DEFAULTS))
    columns: Mapping[str, float] = field(default_factory=dict)
    rate_declared: bool = False

    def of(self, effect: EffectName, column: str, *, primary: bool = False) -> float:
        """The smallest effect that counts in a column."""
        if column in self.columns:
            own = self.columns[column]
            return _KS_OF_ONE_SD * own if effect == "ks_distance" else own
        if effect == "rate_difference" and primary and not self.rate_declared:
            return _PRIMARY_RATE
        return self.effects[effect]

    def worth_seeing(self, effect: EffectName, column: str) -> float:
        """A change that one would not want to miss."""
        return _WORTH_SEEING * self.of(effect, column)

    def __str__(self) -> str:
        values = self.effects
        text = (
            f"{values['standardised_mean_difference']:g} standard deviations or a KS distance of "
            f"{values['ks_distance']:g}, {values['rate_difference']:g} of a rate"
        )
        if not self.rate_declared:
            text += f" ({_PRIMARY_RATE:g} of a primary one)"
        text += f", a total variation of {values['total_variation']:g}"
        return text + "".join(f", {value:g} in {name}" for name, value in self.columns.items())


def minimum_effects(
    declared: float | Mapping[str, float] | None, columns: Iterable[str]
) -> MinimumEffects:
    """Minimum effects as the user gave them.

    A number holds for every column, in the unit of its effect. A mapping goes by effect (``sd``,
    ``ks``, ``rate``, ``tv`` or their long names) or by column. A KS distance that is not declared
    goes with the declared standard deviations, at 0.4 to one.
    """
    if declared is None:
        return MinimumEffects()
    if not isinstance(declared, Mapping):
        declared = {"sd": declared, "rate": declared, "tv": declared}
    known = set(columns)
    effects: dict[EffectName, float] = {}
    own: dict[str, float] = {}
    for name, value in declared.items():
        effect = _SHORT.get(name) or next((long for long in _DEFAULTS if long == name), None)
        if not isinstance(value, int | float) or not isfinite(value) or value < 0:
            raise InputError(
                f"a minimum effect is a number of at least 0, got {value!r}", field=name
            )
        if name in known:
            own[name] = float(value)
        elif effect is not None:
            effects[effect] = float(value)
        else:
            raise InputError(
                f"min_effect: {name!r} is neither an effect nor a column",
                hint=f"effects are {', '.join(_SHORT)}",
            )
    if "standardised_mean_difference" in effects:
        scaled = _KS_OF_ONE_SD * effects["standardised_mean_difference"]
        effects.setdefault("ks_distance", scaled)
    return MinimumEffects({**_DEFAULTS, **effects}, own, "rate_difference" in effects)


def primaries(declared: str | Sequence[str], columns: Iterable[str]) -> dict[str, Direction | None]:
    """The columns that decide, each with its bad direction (None: not declared).

    Written ``COL``, ``COL:up`` or ``COL:down``; text is split at commas.
    """
    known = set(columns)
    parts = declared.split(",") if isinstance(declared, str) else declared
    result: dict[str, Direction | None] = {}
    for part in (text.strip() for text in parts):
        if not part:
            continue
        name, direction = part, _KNOWN_DIRECTIONS.get(part)
        if part not in known and ":" in part:
            name, _, after = part.rpartition(":")
            if after not in ("up", "down"):
                raise InputError(
                    f"primary {part!r}: {after!r} is no direction",
                    hint=f"write {name}:up or {name}:down, whichever is bad",
                )
            direction = "up" if after == "up" else "down"
        result[name] = direction
    return result
