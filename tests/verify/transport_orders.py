"""Order p+1 for degrees 1 to 5 on a first-order problem, u_t + u_x = f with inflow at x = 0, where splines of degree 1 suffice:
u = sin(pi x) exp(-t) + x t is in no spline space and is a sum of two products."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import math

from run_case import DEBUG, Checks, run

DECK = """---
model: vsna
case: transport
dim:
  - x: {domain: [0, 1], degree: 3, cells: 8, bc: [dirichlet, none]}
  - t: {domain: [0, 1], degree: 3, cells: 8, initial: true}
pde:
  unknown: u
  term:
    - rate: d(t)
    - move: d(x)
  source:
    - a: -sin(pi*x) * exp(-t)
    - b: pi * cos(pi*x) * exp(-t)
    - c: x
    - e: t
  initial:
    - start: sin(pi*x)
  reference: sin(pi*x)*exp(-t) + x*t
vsna: {rank: 6, als: {rtol: 1e-12, final_sweeps: 200}}
output: {dir: out}
"""

checks = Checks()
for degree in range(1, 6):
    # The objective is a difference of large numbers, so residuals end at 1e-8 and errors near 2e-8: the finest cells stay above.
    cells = {1: (8, 16, 32), 2: (8, 16, 32), 3: (4, 8, 16), 4: (4, 8), 5: (3, 6)}[degree]
    if DEBUG:
        cells = cells[:2]
    errors = []
    for n in cells:
        options = []
        for d in "xt":
            options += [f"-dim_{d}_degree", degree, f"-dim_{d}_cells", n]
        done = run(DECK, args=options)
        if not checks.that(done.exit in (0, 3), f"degree {degree}, {n} cells: exit {done.exit}", done):
            checks.end()
        errors.append(done.results["error_l2"])
    slopes = [math.log(b / a) / math.log(n / m) for a, b, m, n in zip(errors, errors[1:], cells, cells[1:])]
    print(f"      degree {degree}: errors {' '.join(f'{e:.3e}' for e in errors)}, slopes {' '.join(f'{s:.2f}' for s in slopes)}")
    checks.below(slopes[-1], -(degree + 1) + (0.15 if degree > 1 or not DEBUG else 0.25), f"degree {degree}: slope of the finest pair")
checks.end()
