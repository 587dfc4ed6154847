"""Half-samples of one pair of sets: which points, which families, and the values on them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core, _influenced
from ._halves import Halves, Part, Positions, longer_lists, share_of
from ._inputs import as_array
from ._intervals import LAW, REFERENCES, REPEATS, UNDEFINED, Floats, Replicates
from ._needs import Size, family_needs
from ._progress import Report
from ._sweeps import Work
from .metrics import FAMILIES, KEYS, Family, Found, Needs, Options, Outcome, Undefined

# Families whose values on a part come from lists and balls alone.
BY_LISTS = (
    "precision_recall",
    "density_coverage",
    "precision_recall_cover",
    "cross_entropies",
    "copies",
    "rarity",
    "symmetric_precision_recall",
    "clipped_density_coverage",
    "authenticity",
    "divergences",
    "closest_record",
)
# The Fréchet distance of a part is computed anew: some d^3 operations, which dense algebra does about ten
# times slower than a sweep looks at coordinates. So many d^2 times parts may it be for a pair of points.
BY_MOMENTS = "frechet_distance"
MOMENTS_COST = 1500.0
CHEAP_COLUMNS = 32  # so few that it never matters
TOO_DEAR = "on parts of the sets it would cost several times this call"
NOT_PAIRED = "of groups, or of fresh reals, only its standard error is known"
NOT_RESAMPLED = "it is not computed on parts of the sets"

BLOCK = 4  # halves of the fakes against one half of the reals

# With the reals fixed: the terms, one a fake, whose mean is the value.
_Samples = Mapping[str, NDArray[Any]]
TERMS: Mapping[str, Callable[[_Samples], NDArray[Any]]] = {
    "precision": lambda samples: samples["precision_mask"],
    "density": lambda samples: samples["density"],
    "pce": lambda samples: samples["pce"],
    "exact_copies": lambda samples: samples["copy_of"] >= 0,
    "share_outside": lambda samples: np.isnan(samples["rarity"]),
    "p_precision": lambda samples: samples["p_precision"],
    "authpct": lambda samples: 100.0 * samples["authentic"],
}
# Keys that are shares of points, by which points: of so many marks a share is never surer than of so many
# independent ones, which half-samples can miss where the share is near 0 or 1.
SHARES = {
    "fakes": (
        *("precision", "precision_cover", "complement_precision", "exact_copies", "duplicates_in_fake"),
        *("share_outside", "authpct"),
    ),
    "reals": ("recall", "coverage", "recall_cover", "identifiability", "duplicates_in_real"),
}
RARE = 10  # so few points are marked, or so few are not
# Keys that are cut at an end they would go beyond: halves that are all cut do not vary, fresh samples do.
CUT = frozenset({"clipped_density", "clipped_coverage"})
# Keys whose halves show how much they move in proportion. In many dimensions density is made by the few reals
# in whose balls many fakes lie; it grows with the number of points there, and its deviation with it.
IN_PROPORTION = frozenset({"density"})
# Numbers that other keys are compared with; they are no estimates.
LAWS = frozenset(key.expected for key in KEYS.values() if isinstance(key.expected, str))


def resampled_needs(
    families: Sequence[Family],
    options: Mapping[str, Options],
    real: Size,
    fake: Size,
    *,
    pairs: float,
    parts: int,
) -> tuple[dict[str, Needs], dict[str, str]]:
    """What the families need on parts of these sizes, and why the others cannot be computed on them. `pairs`
    is how many pairs of points the call looks at anyway, which says what is dear.
    """
    needs: dict[str, Needs] = {}
    reasons: dict[str, str] = {}
    for family in families:
        if family.name == BY_MOMENTS:
            d = real.shape[1]
            if d > CHEAP_COLUMNS and parts * MOMENTS_COST * d**2 > pairs:
                reasons[family.name] = TOO_DEAR
                continue
        elif family.name not in BY_LISTS:
            reasons[family.name] = NOT_RESAMPLED
            continue
        try:
            needs[family.name] = family_needs(family, for_values(options[family.name]), real, fake)
        except ValueError as error:
            reasons[family.name] = str(error)
    return needs, reasons


def for_values(options: Options) -> dict[str, Any]:
    """The options without the samples, which cost more than the values."""
    return {**options, "samples": False}


def values_on(
    founds: Sequence[Found], families: Sequence[Family], options: Mapping[str, Options]
) -> tuple[dict[str, Floats], dict[str, str]]:
    """The value of each key on each part; a key that has none on some part is left out, and why."""
    values: dict[str, list[float]] = {}
    reasons: dict[str, str] = {}
    for family in families:
        for found in founds:
            try:
                outcome = family.formula(found, for_values(options[family.name]))
            except Undefined as error:
                outcome = Outcome(undefined={key.name: str(error) for key in family.keys})
            for key in family.keys:
                name, value = family.prefix + key.name, outcome.values.get(key.name, math.nan)
                if math.isfinite(value):
                    values.setdefault(name, []).append(value)
                elif name not in reasons:
                    why = outcome.undefined.get(key.name, "it has no value there")
                    reasons[name] = f"on a part of the sets: {why}"
    return {name: np.array(v) for name, v in values.items() if name not in reasons}, reasons


@dataclass(frozen=True)
class Resampling:
    """What is drawn: the same for every set of fakes of a call."""

    reference: str = "fixed"
    repeats: int = REPEATS
    seed: int = 0
    groups: Mapping[str, NDArray[Any]] = field(default_factory=dict)  # of the fakes, by the name of their set
    real_groups: NDArray[Any] | None = None

    @property
    def blocks(self) -> int:
        """How many halves of the reals there are, each with at least `BLOCK` halves of the fakes; 1 where
        each half of the fakes has its own.
        """
        return max(1, self.repeats // BLOCK) if self.reference == "fixed" else 1

    def with_groups(
        self,
        groups: Mapping[str, Any] | None,
        real_groups: Any,
        real: _core.Points,
        fakes: Sequence[_core.Points],
    ) -> Resampling:
        """The same draws, of whole groups."""
        sizes = {fake.name: fake.shape[0] for fake in fakes}
        of_fakes = {}
        for name, array in (groups or {}).items():
            if name not in sizes:
                raise ValueError(
                    f"groups names {name!r}, which is no set of fakes; there are {', '.join(sizes)}"
                )
            label = "groups" if len(sizes) == 1 else f"groups of {name}"
            of_fakes[name] = check_groups(array, sizes[name], label)
        if real_groups is not None and self.reference == "fixed":
            raise ValueError('real_groups says how reals are drawn, and reference="fixed" draws none')
        of_reals = None if real_groups is None else check_groups(real_groups, real.shape[0], "real_groups")
        return replace(self, groups=of_fakes, real_groups=of_reals)

    def plan(
        self,
        families: Sequence[Family],
        options: Mapping[str, Options],
        real: _core.Points,
        fake: _core.Points,
    ) -> ResamplingPlan:
        """Draws the half-samples of one pair of sets, and says what they need."""
        n, m = real.shape[0], fake.shape[0]
        groups = self.groups.get(fake.name)
        fakes = [self._draw(m, groups, repeat, 1) for repeat in range(self.repeats)]
        if self.reference == "fixed":
            halves = [self._draw(n, self.real_groups, block, 0) for block in range(self.blocks)]
            reals: list[Positions | None] = [halves[repeat % self.blocks] for repeat in range(self.repeats)]
        else:
            reals = [self._draw(n, self.real_groups, repeat, 0) for repeat in range(self.repeats)]
        least_n = min(len(at) for at in reals if at is not None)
        least_m = min(map(len, fakes))
        parts = [Part(x, y) for x, y in zip(reals, fakes, strict=True)]
        sizes = [Size((least_n, real.shape[1]), f"half of {real.name}")]
        sizes += [Size((least_m, real.shape[1]), f"half of {fake.name}")]
        needs: dict[str, Needs] = {}
        if min(least_n, least_m) > 0:
            needs, reasons = resampled_needs(
                families, options, sizes[0], sizes[1], pairs=(n + m) ** 2 / 2, parts=self.repeats
            )
        else:
            reasons = {f.name: "there is no half of one point" for f in families}
        union = Needs()
        for need in needs.values():
            union |= need
        longer = longer_lists(union, n, m, (share_of(reals, n), share_of(fakes, m)))
        return ResamplingPlan(self, groups is not None, parts, needs, reasons, union, longer)

    def _draw(self, size: int, groups: NDArray[Any] | None, repeat: int, which: int) -> Positions:
        """Half of the points, or the points of half of the groups. For one size (and number of groups) it is
        always the same draw.
        """
        rng = np.random.default_rng([self.seed, repeat, which])
        if groups is None:
            return np.sort(rng.permutation(size)[: size // 2])
        names, group = np.unique(groups, return_inverse=True)
        taken = np.zeros(len(names), dtype=np.bool_)
        taken[rng.permutation(len(names))[: len(names) // 2]] = True
        return np.flatnonzero(taken[group])


@dataclass(frozen=True)
class ResamplingPlan:
    """The half-samples of one pair of sets."""

    drawn: Resampling
    grouped: bool
    parts: Sequence[Part]
    needs: Mapping[str, Needs]
    reasons: Mapping[str, str]  # why a family is not computed on them
    union: Needs
    longer: Needs  # lists that the sweeps of all points have to keep

    def replicates(
        self,
        real: _core.Points,
        fake: _core.Points,
        found: Found,
        work: Work,
        outcomes: Mapping[str, Outcome],
        options: Mapping[str, Options],
        keys: Sequence[str],
        n_jobs: int | None,
        report: Report | None,
    ) -> Replicates:
        """The values on all of them."""
        families = [FAMILIES[name] for name in self.needs]
        founds = []
        if families:
            founds = Halves(real, fake, found, work, n_jobs, report).found(self.union, self.parts)
        values, missing = values_on(founds, families, options)
        for key in CUT & values.keys():
            least, most = KEYS[key].bounds
            if any(end in (least, most) for end in values[key]):
                del values[key]
                missing[key] = "it is cut at 1 on some half-samples, which then do not show how it moves"
        values = {key: within_blocks(array, self.drawn.blocks) for key, array in values.items()}
        full: dict[str, float] = {}
        terms: dict[str, Floats | None] = {}
        reasons: dict[str, str] = {}
        for key in keys:
            family = FAMILIES[KEYS[key].family]
            outcome = outcomes[family.name]
            full[key] = outcome.values.get(key.removeprefix(family.prefix), math.nan)
            terms[key] = None
            if key in LAWS:
                reasons[key] = LAW
            elif math.isnan(full[key]):
                reasons[key] = UNDEFINED
            elif key in TERMS and self.drawn.reference == "fixed" and not self.grouped:
                terms[key] = np.asarray(TERMS[key](outcome.samples), dtype=np.float64)
            elif key not in values:
                reasons[key] = missing.get(key) or self.reasons.get(family.name, NOT_RESAMPLED)
        for key in IN_PROPORTION & values.keys() & full.keys():
            middle = values[key].mean()
            if middle > 0 and math.isfinite(full[key]):
                values[key] = values[key] * (full[key] / middle)
        groups, real_groups = self.drawn.groups.get(fake.name), self.drawn.real_groups
        influences = _influenced.of_outcomes(outcomes)
        dear = [key for key, reason in reasons.items() if reason == TOO_DEAR and key not in influences]
        if dear:
            try:
                influences |= _influenced.of_distance(found)
            except Undefined as error:
                reasons |= dict.fromkeys(dear, str(error))
        fixed = self.drawn.reference == "fixed"
        errors: dict[str, tuple[float, int]] = {}
        for key in influences.keys() & reasons.keys() - values.keys():
            of_fakes, of_reals = influences[key]
            if math.isnan(full[key]):
                continue
            fresh_reals = None if fixed else of_reals
            errors[key] = _influenced.standard_error(of_fakes, fresh_reals, groups, real_groups)
            if fixed and not self.grouped:
                terms[key] = full[key] + of_fakes
                del reasons[key]
            else:
                # An interval, but no values to compare with those of another set.
                reasons[key] = NOT_PAIRED
        # Of groups only the groups are surely independent.
        fresh = {"fakes": found.m if groups is None else len(np.unique(groups))}
        if self.drawn.reference == "random":
            fresh["reals"] = found.n if real_groups is None else len(np.unique(real_groups))
        shares = {key: size for which, size in fresh.items() for key in SHARES[which] if key in full}
        if self.drawn.reference == "fixed" and not self.grouped:
            # With these reals a mark still depends on the fakes, and rare marks are about independent.
            rare = [key for key in SHARES["reals"] if key in full]
            shares |= {k: found.n for k in rare if min(full[k], 1 - full[k]) * found.n < RARE}
        return Replicates(
            full=full,
            values={key: values[key] for key in keys if key in values and key not in reasons},
            terms=terms,
            reference=self.drawn.reference,
            repeats=self.drawn.repeats,
            freedom=self.drawn.repeats - self.drawn.blocks,
            seed=self.drawn.seed,
            n=found.n,
            m=found.m,
            errors=errors,
            reasons=reasons,
            shares=shares,
            marks={
                key: size
                for which, size in (("fakes", found.m), ("reals", found.n))
                for key in SHARES[which]
                if key in full
            },
        )


def within_blocks(values: Floats, blocks: int) -> Floats:
    """Values of which every `blocks`-th belongs together, each block moved to the mean of all, and the
    deviations from it made larger so that their variance (with len - 1) is that within blocks.
    """
    if blocks == 1:
        return values
    found = values.copy()
    middle = values.mean()
    for block in range(blocks):
        own = values[block::blocks]
        found[block::blocks] = own - own.mean() if np.ptp(own) else 0.0  # no rounding where nothing moves
    larger = math.sqrt((len(values) - 1) / (len(values) - blocks))
    moved: Floats = middle + larger * found
    return moved


def check_reference(reference: Any) -> str:
    if reference not in REFERENCES:
        raise ValueError(f'reference must be "fixed" or "random", got {reference!r}')
    return str(reference)


def check_groups(groups: Any, size: int, name: str) -> NDArray[Any]:
    """The group of each point; at least 4 groups, so that a half of them is more than one."""
    array = as_array(groups, name)
    if array.shape != (size,):
        raise ValueError(f"{name} has shape {array.shape}; one group for each of the {size} points is needed")
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise ValueError(f"{name} has NaN, which names no group")
    if (count := len(np.unique(array))) < 4:
        raise ValueError(f"{name} names {count} groups; at least 4 are needed, whole groups are drawn")
    return array
