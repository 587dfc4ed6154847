"""What density and the covers are in terms of neighbour ratios: identities on any sample, and the limits they
imply."""

from __future__ import annotations

import math

import numpy as np
import pytest
from factories import gaussian
from hypothesis import given
from hypothesis import strategies as st

import fidiv
from fidiv.neighbors import count_within, knn


def ratios(own, other, k):
    """(own / other) N / (M + 1) in the open ball of each own point up to its k-th own neighbour."""
    radii = knn(own, nearest_k=k)[0][:, -1]
    others = count_within(own, radii, other, closed=False)
    same = count_within(own, radii, own, closed=False) - 1  # less the point itself
    return len(own) / len(other) * others / (same + 1)


shapes = st.tuples(st.integers(8, 40), st.integers(8, 40), st.integers(1, 6), st.integers(1, 7))


@given(shapes, st.floats(0, 3))
def test_density_is_the_mean_neighbour_ratio_at_the_reals(shape, shift):
    """Noshad's J for alpha = 1, of the fakes over the reals, in balls of a fixed number of reals."""
    n, m, d, k = shape
    real, fake = gaussian(n, d, n), gaussian(m, d, m + 100, shift=shift)
    for closed in (True, False):  # no ties here
        density = fidiv.density_coverage(real, fake, nearest_k=k, closed=closed).density
        assert density == pytest.approx(ratios(real, fake, k).mean(), rel=1e-12, abs=0)


@given(shapes, st.integers(1, 6), st.floats(0, 3))
def test_covers_are_shares_of_points_whose_ratio_reaches_a_threshold(shape, count, shift):
    """Precision cover: fakes at which the estimate of real over fake density is at least (m / n) c / K."""
    n, m, d, k = shape
    real, fake = gaussian(n, d, n), gaussian(m, d, m + 100, shift=shift)
    got = fidiv.precision_recall_cover(real, fake, ball_k=k, min_count=count)
    at_fake, at_real = ratios(fake, real, k), ratios(real, fake, k)
    # A hair below the threshold: the same product, rounded otherwise.
    assert got.precision_cover == (at_fake >= m / n * count / k * (1 - 1e-12)).mean()
    assert got.recall_cover == (at_real >= n / m * count / k * (1 - 1e-12)).mean()
    coverage = fidiv.density_coverage(real, fake, nearest_k=k).coverage
    assert coverage == (at_real > 0).mean()  # coverage is the recall cover of min_count 1
    assert coverage == fidiv.precision_recall_cover(real, fake, ball_k=k, min_count=1).recall_cover


def test_so_density_sees_only_how_many_fakes_lie_where_reals_do():
    """The mean over real data of fake over real density is the mass of the fakes on its support: 1 for a law
    that is wrong but inside, 1 / 2 when half of the fakes are elsewhere; and the union's ratios agree."""
    rng = np.random.default_rng(0)
    real = rng.uniform(size=(4000, 1))
    triangle = rng.triangular(0, 0.5, 1, size=(3000, 1))
    for fake, mass in ((triangle, 1.0), (np.concatenate([triangle, triangle + 50]), 0.5)):
        assert fidiv.density_coverage(real, fake, nearest_k=30).density == pytest.approx(mass, abs=0.04)
        of_union = fidiv.entropy.renyi_divergence_result(fake, real, alpha=1).mean_ratio
        assert of_union == pytest.approx(mass, abs=0.04)


@pytest.mark.parametrize(("n", "m"), [(4000, 4000), (5000, 2500)])
@pytest.mark.parametrize("shift", [1.0, 2.0])
def test_and_precision_cover_tends_to_a_share_of_the_fakes(n, m, shift):
    """P = N(0, 1), Q = N(s, 1): Q(p / q >= t) = Phi((-ln t - s^2 / 2) / s), with t = (m / n) c / K."""
    real, fake = gaussian(n, 1, 1), gaussian(m, 1, 2, shift=shift)
    got = fidiv.precision_recall_cover(real, fake, ball_k=120, min_count=40)
    t = m / n * 40 / 120
    z = (-math.log(t) - shift**2 / 2) / shift
    assert got.precision_cover == pytest.approx((1 + math.erf(z / math.sqrt(2))) / 2, abs=0.04)
