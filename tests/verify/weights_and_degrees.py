"""Different degrees, cells, boundary conditions per direction and a weight in one deck: u = x (1-x)^2 y^2 (1 + t) is a polynomial inside the space, so it is found to round-off."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import Checks, run

DECK = """---
model: vsna
case: inside
dim:
  - x: {domain: [0, 1], degree: 3, cells: 5, bc: dirichlet}
  - y: {domain: [0, 2], degree: 5, cells: 3, bc: [dirichlet, none], weight: 1 + y}
  - t: {domain: [0, 1], degree: 2, cells: 4, initial: true, weight: 1.05 - t}
pde:
  unknown: u
  term:
    - rate: d(t)
    - move: y * d(x)
    - slow: d(y) / 2
  source:
    - a: x * (1-x)^2 * y^2
    - b: y^3 * (1 - 4*x + 3*x^2) * (1 + t)
    - c: x * (1-x)^2 * y * (1 + t)
  initial:
    - start: x * (1-x)^2 * y^2
  reference: x*(1-x)^2*y^2*(1+t)
vsna: {rank: 3, als: {rtol: 1e-12, final_sweeps: 100}}
"""
checks = Checks()
done = run(DECK)
if checks.that(done.exit in (0, 3), f"exit {done.exit}", done):
    checks.below(done.results["error_l2"], 1e-7, "error", done)
checks.end()
