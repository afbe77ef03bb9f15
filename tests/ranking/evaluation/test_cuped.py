"""CUPED against an ordinary regression, and against what it is for: the same mean with less noise."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from ranking.evaluation import adjusted

RNG = np.random.default_rng(0)
X = RNG.gamma(2.0, size=400)
Y = 3.0 * X + RNG.normal(size=400) * 2.0


@pytest.mark.parametrize("mean", [None, 0.0, 2.5])
def test_it_is_the_line_of_a_regression_at_the_mean_and_what_the_line_leaves(mean):
    """Another way to the same numbers: where the line passes the mean, plus the residuals."""
    line = LinearRegression().fit(X[:, None], Y)
    at = X.mean() if mean is None else mean
    wanted = line.predict([[at]]) + Y - line.predict(X[:, None])
    np.testing.assert_allclose(adjusted(Y, X, mean), wanted, atol=1e-9)


def test_the_variance_left_is_what_the_correlation_says():
    rho = np.corrcoef(X, Y)[0, 1]
    assert adjusted(Y, X).var() == pytest.approx((1.0 - rho**2) * Y.var(), rel=1e-12)
    assert adjusted(Y, X).mean() == pytest.approx(Y.mean(), rel=1e-12)


def test_a_sample_that_happens_to_be_rich_is_put_right():
    """Samples of a known population: the adjusted mean scatters less around the truth, and is not off."""
    means = {"raw": [], "adjusted": []}
    for _ in range(400):
        rows = RNG.choice(len(X), 60, replace=False)
        means["raw"].append(Y[rows].mean())
        means["adjusted"].append(adjusted(Y[rows], X[rows], X.mean()).mean())
    assert np.std(means["adjusted"]) < 0.6 * np.std(means["raw"])
    assert np.mean(means["adjusted"]) == pytest.approx(Y.mean(), abs=0.05)


@pytest.mark.parametrize(
    ("values", "covariate", "named"),
    [
        ([1.0, 2.0], [1.0, 2.0, 3.0], "values"),
        ([1.0], [1.0], "values"),
        ([[1.0, 2.0]], [[1.0, 2.0]], "values"),
        ([1.0, 2.0], [3.0, 3.0], "covariate must differ"),
        ([1.0, 2.0], [1e200, -1e200], "squares"),
    ],
)
def test_what_cannot_be_adjusted_is_refused(values, covariate, named):
    with pytest.raises(ValueError, match=named):
        adjusted(values, covariate)
