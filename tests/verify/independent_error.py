"""The reported error against independent ones: numpy reads the field from the HDF5 file and evaluates its own B-splines and the closed form. Once by Gauss quadrature: for
fixed (t, omega, kappa) the closed form is a product in (x, y, z), so the six-dimensional integrals are sums of products of 1-D ones. Once by Monte Carlo, as
postproc/compare_reference.py does it. Also each stored value of the slices against numpy's."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import DEBUG, Checks, run, shipped

import numpy as np
from compare_reference import compare
from sna_file import SnaFile

S, R0 = 0.12, 0.3


def gauss(direction, count):
    """Composite Gauss-Legendre rule on the cells of a direction."""
    x, w = np.polynomial.legendre.leggauss(count)
    h = (direction.hi - direction.lo) / direction.cells
    left = direction.lo + h * np.arange(direction.cells)
    return (left[:, None] + h * (x + 1) / 2).ravel(), np.tile(w * h / 2, direction.cells)


def factors(direction, C, x):
    """The 1-D functions of the field and of the initial condition at points x: shape (points, R + 1)."""
    columns = direction.functions(C, x)
    centre = R0 if direction.name == "x" else 0.0
    lift = np.exp(-((x - centre) ** 2) / (2 * S * S)) if direction.name in "xyz" else np.ones(x.size)
    return np.column_stack([columns, lift])


def exact_error(field):
    rules = {d.name: gauss(d, 6) for d in field.directions}
    F = {d.name: factors(d, C, rules[d.name][0]) for d, C in zip(field.directions, field.factors)}
    gram = 1.0
    for name, (x, w) in rules.items():
        gram = gram * (F[name].T * w @ F[name])
    uu = gram.sum()
    T, O, K = (a.ravel() for a in np.meshgrid(*(rules[n][0] for n in ("t", "omega", "kappa")), indexing="ij"))
    W = np.einsum("i,j,k->ijk", *(rules[n][1] for n in ("t", "omega", "kappa"))).ravel()
    v = S * S + 2 * K * T
    amplitude = (S * S / v) ** 1.5
    tail = np.einsum("ir,jr,kr->ijkr", F["t"], F["omega"], F["kappa"]).reshape(T.size, -1)
    vu = vv = 0.0
    for begin in range(0, T.size, 4096):
        q = slice(begin, begin + 4096)
        product, square = tail[q] * (W[q] * amplitude[q])[:, None], W[q] * amplitude[q] ** 2
        for name, centre in (("x", R0 * np.cos(O[q] * T[q])), ("y", R0 * np.sin(O[q] * T[q])), ("z", 0 * T[q])):
            x, w = rules[name]
            g = np.exp(-((x - centre[:, None]) ** 2) / (2 * v[q, None])) * w
            product *= g @ F[name]
            square *= (g * g / w).sum(axis=1)
        vu, vv = vu + product.sum(), vv + square.sum()
    return np.sqrt((uu - 2 * vu + vv) / vv)


checks = Checks()
done = run(shipped("advection_diffusion_6d"), args=["-vsna_rank", 8 if DEBUG else 24, "-output_slice_mid_n", "33,17"])
if not checks.solved(done):
    checks.end()
with SnaFile(done.h5) as file:
    exact = exact_error(file.field)
    reported, reported_spread = done.results["error_l2"], done.results["error_standard_error"]
    print(f"      exact {exact:.6e}, solver {reported:.6e} +- {reported_spread:.1e}")
    checks.below(abs(exact - reported) / reported_spread, 4, "difference from the exact error in the solver's standard errors")
    checks.below(reported_spread / exact, 0.02, "the solver's relative standard error")
    error, spread, _ = compare(file, 200000 if DEBUG else 600000)
    print(f"      Monte Carlo {error:.5e} +- {spread:.1e}")
    checks.below(spread / error, 0.03, "relative standard error of compare_reference")
    checks.below(abs(error - exact) / spread, 4, "difference of compare_reference from the exact error in its standard errors")
    s, theta = file.slices["mid"], 2 * np.pi / 3
    checks.that(s.axes == ["x", "y"] and [s.grid[a].size for a in s.axes] == [33, 17], f"slice axes {s.axes}, sizes {[s.grid[a].size for a in s.axes]}")
    checks.that(s.values("u", 0).shape == (17, 33), "arrays are stored slowest axis first")
    checks.that(np.allclose(s.times, np.linspace(0, 1, 11), atol=1e-14), f"times {s.times}")
    X, Y = np.meshgrid(s.grid["x"], s.grid["y"])
    for step in (0, 4, 10):
        points = dict(x=X, y=Y, z=0 * X, t=s.times[step] + 0 * X, omega=theta + 0 * X, kappa=1e-3 + 0 * X)
        v = 0.12**2 + 2e-3 * s.times[step]
        exact = (0.12**2 / v) ** 1.5 * np.exp(-((X - 0.3 * np.cos(theta * s.times[step])) ** 2 + (Y - 0.3 * np.sin(theta * s.times[step])) ** 2) / (2 * v))
        checks.below(np.abs(s.values("u", step) - file.solution(points)).max(), 1e-11, f"slice step {step}: u")
        checks.below(np.abs(s.values("reference", step) - exact).max(), 1e-13, f"slice step {step}: reference")
        checks.below(np.abs(s.values("error", step) - (s.values("u", step) - exact)).max(), 1e-13, f"slice step {step}: error = u - reference")
    # The initial condition is kept exactly: at t = 0 the error is round-off.
    checks.below(np.abs(s.values("error", 0)).max(), 1e-13, "error at t = 0")
checks.end()
