"""The dynamic program against exact rationals and every way to cut."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fastkm._kernels import dynamic_program
from fastkm._kernels.dynamic_program import (
    BLOCK,
    NOISE,
    accumulate_moments,
    accumulate_side,
    add,
    compute_cost,
    compute_precise_cost,
    compute_trial_costs,
    multiply,
    recentre,
    segment_cost,
    segment_mean,
    solve_layer,
    solve_layers,
    solve_layers_precisely,
    two_product,
    two_sum,
)
from tests import naive

EPS = Fraction(1, 2**52)
SEEDS = st.integers(0, 2**32)
SIZES = st.sampled_from([1, 2, 3, 5, 9])
KINDS = st.sampled_from(
    ["plain", "lattice", "offset", "low outlier", "high outlier", "skewed", "all magnitudes"]
)
STEP = 2.0**-20
"""Distance of neighbouring values within a bin; those of two bins are at least 8 apart."""


def double(number):
    """Round a fraction to double-double."""
    high = float(number)
    return high, float(number - Fraction(high))


def whole(high, low):
    """Return a double-double exactly."""
    return Fraction(float(high)) + Fraction(float(low))


class Data:
    """Values in bins, their exact costs, and what the kernels get."""

    def __init__(self, base, members):
        """members: for each bin its values and their weights, ascending."""
        self.base = np.array(base, float)
        self.values = np.concatenate([values for values, _ in members])
        self.weights = np.concatenate([weights for _, weights in members])
        self.ends = np.cumsum([0, *(len(values) for values, _ in members)])
        self.alone = np.array([len(set(values)) == 1 for values, _ in members])
        self.centre = self.base[len(base) // 2]
        sums = [
            naive.sum_around_centres(values, weights, [0] * len(values), [b])[0]
            for b, (values, weights) in zip(base, members, strict=True)
        ]
        self.sums = np.array([sum(map(double, row), ()) for row in sums]).T.copy()
        self.prefix = np.full((6, len(base) + 1), np.nan)
        accumulate_moments(self.base, self.sums, self.centre, self.prefix)

    def __len__(self):
        return len(self.base)

    def costs(self):
        """Exact costs of all segments of bins."""
        return naive.segment_costs(self.values, self.weights, self.ends)

    def noise(self, j, i):
        """What the cost of a segment cannot be told from, by the essay of the module."""
        return Fraction(NOISE * (abs(self.prefix[4, j]) + abs(self.prefix[4, i]))) + Fraction(
            dynamic_program.FLOOR
        )

    def worst_noise(self, layers):
        """What the cost of any path cannot be told from."""
        return len(layers) * max(self.noise(j, j) for j in {0, len(self)})


def single(values, weights=None):
    """Data whose bins are one value each."""
    weights = np.ones(len(values)) if weights is None else weights
    return Data(values, [([v], [w]) for v, w in zip(values, weights, strict=True)])


def some_data(seed, n, kind):
    """Bins of one value and, where values are on a grid, of several; of weight 1 or less."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    if kind == "lattice":
        x = np.round(x * 3)
    elif kind == "skewed":
        x = np.exp(4 * x)
    base = np.unique(np.round(x / STEP / 8)) * STEP * 8
    if kind == "all magnitudes":
        base = np.sort(x * 10.0 ** rng.integers(-8, 9, n))
    elif kind == "offset":
        base += 1e9
    elif kind == "low outlier":
        base[0] = -1e36
    elif kind == "high outlier":
        base[-1] = 1e36
    members = []
    for b in base:
        size = rng.integers(1, 5) if kind != "all magnitudes" and abs(b) < 1e30 else 1
        values = b + np.sort(rng.integers(0, 8, size)) * STEP
        members.append((values, rng.choice([1.0, 0.25, 0.1], size)))
    return Data(base, members)


def some_layers(rng, data, k, *, windows=True):
    """Positions where each cut may be: in windows of their own, or everywhere."""
    m = len(data)
    if not windows:
        return [[0], *[list(range(m + 1))] * (k - 1), [m]]
    inner = [rng.choice(m + 1, rng.integers(1, m + 2), replace=False) for _ in range(k)]
    return [[0], *(sorted(positions.tolist()) for positions in inner)]


def flat(layers):
    """Return layers as the kernels want them: all positions, and where each layer starts."""
    starts = np.cumsum([0, *map(len, layers)])
    return np.concatenate(layers).astype(np.int64), starts


def run(data, layers, *, slack=None, lower=False):
    """Run the program; return costs and cuts by layer."""
    edges, starts = flat(layers)
    slack = np.zeros(len(edges)) if slack is None else np.concatenate(slack)
    cost, cut = np.full(len(edges), -7.0), np.full(len(edges), -7)
    solve_layers(edges, data.prefix[:, edges], starts, slack, lower, cost, cut)
    return np.split(cost, starts[1:-1]), np.split(cut, starts[1:-1])


def run_back(data, layers, slack):
    """Run the program from the right, on mirrored input; return costs in the order of the layers."""
    edges, starts = flat(layers)
    cost, cut = np.full(len(edges), -7.0), np.full(len(edges), -7)
    mirrored = np.ascontiguousarray(-data.prefix[:, edges[::-1]])
    turned = np.concatenate(slack)[::-1].copy()
    solve_layers(
        len(data) - edges[::-1], mirrored, len(edges) - starts[::-1], turned, True, cost, cut
    )
    return np.split(cost[::-1], starts[1:-1])


def run_precise(data, layers):
    """Run the precise program; return exact costs, None where there is no way, and the noise."""
    edges, starts = flat(layers)
    cost, noise = np.full((2, len(edges)), -7.0), np.full(len(edges), -7.0)
    alone = np.append(data.alone, False)[edges]
    solve_layers_precisely(edges, alone, data.prefix[:, edges].copy(), starts, cost, noise)
    exact = [None if np.isinf(high) else whole(high, low) for high, low in cost.T]
    return [exact[a:b] for a, b in itertools.pairwise(starts)], np.split(noise, starts[1:-1])


MODERATE = st.floats(-1e140, 1e140).filter(lambda x: x == 0 or abs(x) > 1e-130)


@given(st.floats(-1e307, 1e307), st.floats(-1e307, 1e307))
@example(1e300, -5e-324)
def test_a_sum_and_its_error_are_exact(a, b):
    s, e = two_sum(a, b)
    assert s == a + b
    assert whole(s, e) == Fraction(a) + Fraction(b)


@given(MODERATE, MODERATE)
@example(1 + 2.0**-52, 1 - 2.0**-53)
def test_a_product_and_its_error_are_exact(a, b):
    p, e = two_product(a, b)
    assert p == a * b
    assert whole(p, e) == Fraction(a) * Fraction(b)


@given(MODERATE, MODERATE, st.integers(-60, 60), st.integers(-60, 60))
def test_double_doubles_keep_twice_the_digits(a, b, i, j):
    a, a_low = two_sum(a, a * i * 2.0**-60)
    b, b_low = two_sum(b, b * j * 2.0**-60)
    x, y = whole(a, a_low), whole(b, b_low)
    assert abs(whole(*add(a, a_low, b, b_low)) - (x + y)) <= (abs(x) + abs(y)) / 2**103
    assert abs(whole(*multiply(a, a_low, b, b_low)) - x * y) <= abs(x * y) / 2**102


@given(KINDS, SEEDS, st.sampled_from([1, 2, 5, 40]))
def test_moments_have_twice_the_digits_of_what_is_between_them_and_the_middle(kind, seed, n):
    data = some_data(seed, n, kind)
    exact = naive.accumulate_moments(data.values, data.weights, data.centre)
    middle = exact[data.ends[len(data) // 2]]
    for position, end in enumerate(data.ends):
        got = data.prefix[:, position].reshape(3, 2)
        for pair, there, start in zip(got, exact[end], middle, strict=True):
            assert abs(whole(*pair) - (there - start)) <= Fraction(NOISE) * abs(there - start)


@given(SEEDS, st.sampled_from([1, 2, 9]))
def test_mirrored_atoms_have_mirrored_moments(seed, n):
    data = some_data(seed, n, "plain")
    m, signs = len(data), np.array([1.0, 1.0, -1.0, -1.0, 1.0, 1.0])
    right, left = np.full((2, 6, m + 1), 7.0)
    accumulate_side(data.base, data.sums, data.centre, 0, m, 1, right)
    mirrored = np.ascontiguousarray((data.sums.T * signs).T[:, ::-1])
    accumulate_side(-data.base[::-1].copy(), mirrored, -data.centre, m - 1, -1, -1, left)
    np.testing.assert_array_equal(-left[:, m - 1 :: -1].T * signs, right[:, 1:].T)
    assert (right[:, 0] == 7).all()
    assert (left[:, m] == 7).all()


@given(KINDS, SEEDS, st.sampled_from([1, 2, 5, 15]))
def test_the_cost_of_a_segment_is_exact_to_its_last_digits(kind, seed, n):
    data = some_data(seed, n, kind)
    for (j, i), exact in data.costs().items():
        noise = data.noise(j, i)
        cost, told = compute_cost(*data.prefix[:, j], *data.prefix[:, i])
        assert told == pytest.approx(float(noise), rel=1e-9, abs=0)
        assert abs(Fraction(float(cost)) - exact) <= 2 * EPS * exact + noise
        assert segment_cost(data.prefix, j, i) == (cost if cost > told else 0)
        precise = whole(*compute_precise_cost(data.prefix, j, i))
        assert abs(precise - exact) <= noise


@pytest.mark.parametrize("outlier", [-1e36, -1e20, 1e20, 1e36])
def test_an_outlier_costs_the_segments_beside_it_no_digit(outlier):
    data = single(np.sort([outlier, 1.0, 2.0, 3.0, 10.0, 11.0, 12.0]))
    first = int(outlier < 0)
    assert segment_cost(data.prefix, first, first + 3) == 2
    assert segment_cost(data.prefix, first + 3, first + 6) == 2
    assert segment_cost(data.prefix, first, first + 6) == pytest.approx(125.5, rel=4e-16)


def test_a_light_value_far_out_beside_heavy_ones_costs_nothing():
    heavy = 2.0**40 / 3
    data = single([0.0, 1.0, 2.0, 1e6], [heavy, heavy, heavy, 2.0**-20 / 3])
    cost, noise = compute_cost(*data.prefix[:, 3], *data.prefix[:, 4])
    assert abs(cost) <= noise
    assert segment_cost(data.prefix, 3, 4) == 0


def test_the_cost_of_equal_values_and_of_nothing_is_zero():
    data = single([0.1, 0.2], [1e9, 7.0])
    ends = [(0, 0), (0, 1), (1, 2), (2, 2)]
    assert [segment_cost(data.prefix, *pair) for pair in ends] == [0.0] * 4
    assert compute_precise_cost(data.prefix, 1, 1) == (0.0, 0.0)


def some_problem(seed, n, kind, k, windows):
    """Data, layers and slacks, of which a third are 0 and others of the size of the costs."""
    rng = np.random.default_rng(seed)
    data = some_data(seed, n, kind)
    layers = some_layers(rng, data, k, windows=windows)
    costs = data.costs()
    size = float(costs[0, len(data)]) * rng.choice([0.0, 0.01, 1.0])
    slack = [rng.random(len(rows)) * size * rng.choice([0, 1, 1]) for rows in layers]
    slack[0][:] = 0
    return data, layers, costs, slack


@given(KINDS, SEEDS, SIZES, st.integers(1, 5), st.booleans(), st.booleans())
def test_the_program_finds_the_least_of_all_ways(kind, seed, n, k, windows, lower):
    data, layers, costs, slack = some_problem(seed, n, kind, k, windows)
    wanted, _ = naive.solve_layers(costs, layers, slack, empty=True)
    found, cuts = run(data, layers, slack=slack, lower=lower)
    noise = data.worst_noise(layers)
    bare, _ = naive.solve_layers(costs, layers, empty=True)
    for q in range(k + 1):
        for r, exact in enumerate(wanted[q]):
            if exact is None:
                assert found[q][r] == np.inf
                assert 0 <= cuts[q][r] - sum(map(len, layers[: q - 1])) < len(layers[q - 1])
                continue
            scale = bare[q][r] + sum(Fraction(float(s.max())) for s in slack)
            cost = Fraction(float(found[q][r]))
            above = 8 * k * EPS * scale + (0 if lower else noise)
            assert -8 * k * EPS * scale - 2 * noise <= cost - exact <= above


@given(KINDS, SEEDS, SIZES, st.integers(1, 5), st.booleans())
def test_the_cuts_lead_to_the_costs(kind, seed, n, k, windows):
    data, layers, _, slack = some_problem(seed, n, kind, k, windows)
    found, cuts = run(data, layers, slack=slack)
    starts = np.cumsum([0, *map(len, layers)])
    for q in range(1, k + 1):
        for r, i in enumerate(layers[q]):
            if np.isinf(found[q][r]):
                continue
            origin = cuts[q][r] - starts[q - 1]
            j = layers[q - 1][origin]
            step = segment_cost(data.prefix, j, i)
            assert j <= i
            assert found[q][r] == found[q - 1][origin] + step - slack[q][r]


@given(KINDS, SEEDS, SIZES, st.integers(1, 4), st.booleans())
def test_mirrored_input_gives_the_costs_from_each_row_to_the_end(kind, seed, n, k, windows):
    data, layers, costs, slack = some_problem(seed, n, kind, k, windows)
    layers[-1], slack[-1] = [len(data)], np.zeros(1)
    back = run_back(data, layers, slack)
    mirrored = {(len(data) - i, len(data) - j): cost for (j, i), cost in costs.items()}
    turned = [[len(data) - position for position in rows[::-1]] for rows in layers[::-1]]
    wanted, _ = naive.solve_layers(mirrored, turned, [s[::-1] for s in slack[::-1]], empty=True)
    bare, _ = naive.solve_layers(mirrored, turned, empty=True)
    noise = data.worst_noise(layers)
    for comp, ref, scales in zip(back, wanted[::-1], bare[::-1], strict=True):
        for cost, exact, scale in zip(comp, ref[::-1], scales[::-1], strict=True):
            if exact is None:
                assert cost == np.inf
                continue
            bound = 8 * k * EPS * (scale + sum(Fraction(float(s.max())) for s in slack))
            assert -bound - 2 * noise <= Fraction(float(cost)) - exact <= bound


@given(KINDS, SEEDS, SIZES, st.integers(2, 4))
def test_the_cost_through_a_row_is_never_above_the_exact_one(kind, seed, n, k):
    """What `optimal.Search` rules positions out with: both directions, each slack once."""
    data, layers, costs, slack = some_problem(seed, n, kind, k, True)
    layers[-1], slack[-1] = [len(data)], np.zeros(1)
    ahead, _ = run(data, layers, slack=slack, lower=True)
    back = run_back(data, layers, slack)
    for path in itertools.product(*map(range, map(len, layers))):
        cuts = [rows[r] for rows, r in zip(layers, path, strict=True)]
        if sorted(cuts) != cuts:
            continue
        bare = sum(costs[pair] for pair in itertools.pairwise(cuts))
        off = sum(Fraction(float(s[r])) for s, r in zip(slack, path, strict=True))
        for q, r in enumerate(path):
            through = sum(Fraction(float(part[q][r])) for part in (ahead, back, slack))
            assert through <= bare - off + 16 * k * EPS * (bare + off)


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=8, unique=True), st.integers(1, 4))
def test_no_partition_is_cheaper(numbers, k):
    data = single(np.array(sorted(numbers), float))
    k = min(k, len(data))
    least = min(naive.list_partitions(data.values, data.weights, k))[0]
    cost, _ = run(data, some_layers(None, data, k, windows=False))
    assert cost[k][-1] == pytest.approx(float(least), rel=4e-16, abs=0)
    precise, noise = run_precise(data, some_layers(None, data, k, windows=False))
    assert abs(precise[k][-1] - least) <= Fraction(float(noise[k][-1]))


def test_the_twins_agree_with_each_other():
    rng = np.random.default_rng(5)
    values, weights = np.sort(rng.normal(size=9)), rng.integers(1, 5, 9)
    for k in range(1, 6):
        ways = naive.list_partitions(values, weights, k)
        assert naive.find_optimal_cuts(values, weights, k) == min(ways)
        assert min(ways)[0] == naive.partition_cost(values, weights, min(ways)[1])


@pytest.mark.parametrize("k", [2, 3, 4])
@pytest.mark.parametrize("m", [2, 5, 8])
def test_equal_costs_go_to_the_lowest_cut(m, k):
    data = single(np.arange(float(m)))
    layers = some_layers(None, data, k, windows=False)
    _, wanted = naive.solve_layers(data.costs(), layers, empty=True)
    _, cuts = run(data, layers)
    starts = np.cumsum([0, *map(len, layers)])
    for q in range(1, k + 1):
        positions = [layers[q - 1][row - starts[q - 1]] for row in cuts[q]]
        assert positions == wanted[q]


def test_rows_that_cannot_be_reached_do_not_steer():
    data = single(np.array([0.0, 1.0, 2.0, 10.0, 11.0, 12.0, 20.0, 21.0, 22.0]))
    layers = [[0], [3, 6, 7], [0, 1, 2, 4, 6, 7], [0, 5, 9]]
    cost, cut = run(data, layers)
    assert np.isinf(cost[2][:3]).all()
    assert np.isinf(cost[3][0])
    assert layers[1][cut[2][4] - 1] == 3
    assert layers[2][cut[3][2] - 4] == 6
    assert cost[3][2] == 6


def test_a_layer_without_a_candidate_is_out_of_reach():
    data = single(np.arange(4.0))
    cost, cut = run(data, [[0], [3], [1, 2], [2, 4]])
    assert np.isinf(np.concatenate(cost[2:])).all()
    assert cut[3].tolist() == [2, 2]


def test_a_slack_of_the_row_is_taken_off_once():
    data = single(np.array([0.0, 1.0, 5.0, 6.0, 20.0]))
    slack = [np.zeros(1), np.array([0.0, 7.0, 0.0]), np.zeros(1)]
    cost, cut = run(data, [[0], [2, 3, 4], [5]], slack=slack)
    assert cost[1].tolist() == [0.5, 7.0, 26.0]
    assert cost[2].tolist() == [26.0]
    assert cut[2].tolist() == [3]


def test_a_layer_fills_its_own_rows_only():
    data = single(np.arange(6.0))
    edges, starts = flat([[0], [1, 2, 4], [3, 5, 6]])
    prefix, slack = data.prefix[:, edges], np.zeros(7)
    cost, cut = np.full(7, -7.0), np.full(7, -7)
    cost[0] = 0
    solve_layer(edges, prefix, 0, 1, 4, slack, False, cost, cut)
    assert cost.tolist() == [0, 0, 0.5, 5, -7, -7, -7]
    solve_layer(edges, prefix, *starts[1:4], slack, False, cost, cut)
    assert cost.tolist() == [0, 0, 0.5, 5, 0.5, 2.5, 5.5]
    assert cut.tolist() == [-7, 0, 0, 0, 1, 2, 2]


@given(SEEDS, st.booleans())
def test_trials_are_the_costs_before_and_the_segment(seed, lower):
    data = some_data(seed, 20, "skewed")
    rng = np.random.default_rng(seed)
    m = len(data)
    cost, trial = rng.random(m + 1), np.full(BLOCK, -7.0)
    start = int(rng.integers(0, m))
    compute_trial_costs(data.prefix, start, m - start, m, cost, lower, trial)
    for j in range(start, m):
        segment = segment_cost(data.prefix, j, m)
        _, noise = compute_cost(*data.prefix[:, j], *data.prefix[:, m])
        assert trial[j - start] == cost[j] + (max(0.0, segment - noise) if lower else segment)
    assert (trial[m - start :] == -7).all()


@pytest.mark.parametrize("size", [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 1])
@pytest.mark.parametrize("from_the_end", [1, 2, BLOCK])
def test_blocks_of_candidates_join_without_a_seam(size, from_the_end):
    values = np.arange(float(size))
    values[max(1, size - from_the_end) :] += 1e6
    data = single(values)
    cost, cut = run(data, [[0], list(range(1, size)), [size]])
    trials = [cost[1][j - 1] + segment_cost(data.prefix, j, size) for j in range(1, size)]
    assert cost[2][0] == min(trials)
    assert cut[2][0] == 1 + int(np.argmin(trials))


@given(KINDS, SEEDS, SIZES, st.integers(1, 4))
def test_the_precise_program_finds_the_least_of_all_ways(kind, seed, n, k):
    rng = np.random.default_rng(seed)
    data = some_data(seed, n, kind)
    layers = some_layers(rng, data, k)
    wanted, _ = naive.solve_layers(data.costs(), layers)
    found, doubts = run_precise(data, layers)
    bound = data.worst_noise(layers)
    for q in range(k + 1):
        for exact, cost, doubt in zip(wanted[q], found[q], doubts[q], strict=True):
            if exact is None:
                assert cost is None
                assert doubt == 0
            else:
                assert abs(cost - exact) <= bound
                assert 0 <= doubt <= 2 * bound


@pytest.mark.parametrize(("sign", "lowest"), [(1, 2), (0, None), (-1, 1)])
def test_near_ties_are_told_apart(sign, lowest):
    """Values -1, 0, 1 in two: {-1, 0} {1} is cheaper where 1 weighs more."""
    eps = 2.0**-80
    heavy = Fraction(1) + sign * Fraction(eps)
    base = np.array([-1.0, 0.0, 1.0])
    data = single(base)
    data.sums[:2, 2] = 1.0, sign * eps
    accumulate_moments(data.base, data.sums, data.centre, data.prefix)
    layers = [[0], [1, 2], [3]]
    cost, _ = run(data, layers)
    through = [cost[1][r] + segment_cost(data.prefix, j, 3) for r, j in enumerate((1, 2))]
    assert through[0] == through[1] == 0.5  # float64 cannot tell
    exact = {1: heavy / (1 + heavy), 2: Fraction(1, 2)}
    for j, wanted in exact.items():
        ((found,),) = [run_precise(data, [[0], [j], [3]])[0][2]]
        assert abs(found - wanted) < Fraction(1, 2**96)
    found, doubt = run_precise(data, layers)
    assert abs(found[2][0] - min(exact.values())) < Fraction(1, 2**96)
    assert doubt[2][0] < 2.0**-79
    if lowest is not None:
        assert min(exact, key=exact.get) == lowest


def test_an_atom_of_one_value_costs_nothing_and_leaves_no_doubt():
    data = Data([0.1, 0.7], [([0.1], [0.3]), ([0.7, 0.7 + STEP], [0.1, 0.2])])
    found, doubt = run_precise(data, [[0], [1], [2]])
    assert (found[1], doubt[1].tolist()) == ([0], [0])
    assert found[2][0] > 0
    assert doubt[2][0] > 0


def test_the_doubts_of_a_path_add_up():
    data = single(np.arange(6.0) ** 2)
    _, doubt = run_precise(data, [[0], [2], [4], [6]])
    path = [data.noise(*ends) for ends in ((0, 2), (2, 4), (4, 6))]
    for (found,), wanted in zip(doubt[1:], itertools.accumulate(path), strict=True):
        assert found == pytest.approx(float(wanted), rel=1e-9, abs=0)


@given(SEEDS, st.sampled_from([0.0, 1e9, -3.0]), st.sampled_from([1.0, 2.0**-20, 2.0**30]))
def test_recentred_sums_are_the_same_about_the_mean(seed, offset, scale):
    rng = np.random.default_rng(seed)
    values = [offset + np.sort(rng.integers(0, 1000, 8)) / 1024 for _ in range(3)]
    base = np.array([part[0] for part in values])
    exact = [naive.sum_around_centres(v, np.ones(8), [0] * 8, [v[0]])[0] for v in values]
    sums = np.zeros((6, 3))
    sums[0] = 8.0
    sums[2] = [float(row[1]) * scale for row in exact]
    recentre(base, sums, np.full(3, scale))
    for i, part in enumerate(values):
        total = sum(naive.as_fractions(part))
        assert abs(Fraction(base[i]) - total / 8) <= Fraction(np.spacing(abs(base[i])))
        assert whole(*sums[2:4, i]) == total - 8 * Fraction(base[i])


@given(SEEDS, st.sampled_from([0.0, 1e9, 1e15]))
def test_the_mean_of_a_segment_is_rounded_once(seed, offset):
    rng = np.random.default_rng(seed)
    base = np.unique(offset + np.round(rng.normal(size=12) * 100, 1))
    data = Data(base, [([value], [float(rng.integers(1, 9))]) for value in base])
    for j, i in itertools.combinations(range(len(base) + 1), 2):
        part = slice(data.ends[j], data.ends[i])
        weights = naive.as_fractions(data.weights[part])
        terms = zip(naive.as_fractions(data.values[part]), weights, strict=True)
        mean = sum(value * weight for value, weight in terms) / sum(weights)
        got = segment_mean(data.prefix, data.centre, j, i)
        assert abs(Fraction(got) - mean) <= Fraction(np.spacing(abs(got)))
