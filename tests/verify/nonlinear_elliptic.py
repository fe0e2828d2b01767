"""-kappa Laplace u + sigma u^2 = f with sigma as a direction: the shipped deck falls at the order of its splines; a cubic term in one space direction and a parameter; a linear
equation written with the unknown's name gives what alternating least squares gives."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import math

from run_case import Checks, run, shipped

checks = Checks()
DECK = shipped("reaction_quadratic")
SMALL = ["-output_slice_plane_n", 9, "-vsna_rank", 2]


def slope(deck, cells, directions, expected, options=(), title=""):
    errors = []
    for n in cells:
        args = [*options]
        for d in directions:
            args += [f"-dim_{d}_cells", n]
        done = run(deck, np=1, args=args)
        if not checks.that(done.exit == 0, f"{title}, {n} cells: exit {done.exit}", done):
            return
        errors.append(done.results["error_l2"])
    got = math.log(errors[-2] / errors[-1]) / math.log(cells[-1] / cells[-2])
    checks.that(got > expected - 0.3, f"{title}: errors {' '.join(f'{e:.2e}' for e in errors)}, order {got:.2f}")


slope(DECK, (4, 8, 16), "xy", 4, SMALL, "quadratic, degree 3")
slope(DECK, (4, 8), "xy", 5, [*SMALL, "-dim_x_degree", 4, "-dim_y_degree", 4], "quadratic, degree 4")

# u = sin(pi x) exp(-p), -u_xx + p u^3 = pi^2 sin(pi x) exp(-p) + p sin(pi x)^3 exp(-3 p)
CUBIC = """---
model: vsna
case: cubic
dim:
  - x: {domain: [0, 1], degree: 3, cells: 8, bc: dirichlet}
  - p: {domain: [0, 2], basis: chebyshev, modes: 12}
pde:
  unknown: u
  term:
    - diff: -d(x,2)
    - react: p * u^3
  source:
    - a: pi^2 * sin(pi*x) * exp(-p)
    - b: p * sin(pi*x)^3 * exp(-3*p)
  reference: sin(pi*x)*exp(-p)
vsna: {rank: 2}
output: {dir: out}
"""
slope(CUBIC, (4, 8, 16), "x", 4, (), "cubic, degree 3")

# Linear, with an inhomogeneous lift: u - u_xx = 0, u = cosh(x) on [0, 1] from the lift 1 + x (cosh(1) - 1); `0 * u^2` makes it a nonlinear problem by name.
LINEAR = """---
model: vsna
case: linear
dim:
  - x: {domain: [0, 1], degree: 4, cells: 8, bc: dirichlet}
  - p: {domain: [1, 2], basis: legendre, modes: 3}
pde:
  unknown: u
  term:
    - mass: p * u
    - diff: -p * d(u,x,2)
  lift:
    - one: 1 + 0*x
    - slope: x * (cosh(1) - 1)
  reference: cosh(x)
vsna: {rank: 1}
output: {dir: out}
"""
linear = run(LINEAR, np=1)
named = run(LINEAR.replace("  lift:", "    - none: 1e-30 * u^2\n  lift:"), np=1)
if checks.that(linear.exit == 0 and named.exit == 0, f"linear: exits {linear.exit}, {named.exit}", named):
    checks.that("newton" in named.out and "als" in linear.out, "  by Newton and by alternating least squares", named)
    checks.below(linear.results["error_l2"], 1e-6, "  least squares", linear)
    checks.below(named.results["error_l2"], 1e-6, "  weakly, the same", named)
checks.end()
