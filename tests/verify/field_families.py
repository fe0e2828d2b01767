"""Fields on Fourier, Chebyshev and graded spline directions, read without the solver: numpy builds the bases from the attributes of the result file, and its values are those of
the slices, for a sum of products and for a tensor train. The solution lies in the space, so both are also the closed form."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import Checks, run

import numpy as np
from sna_file import SnaFile

# y^2 - 3y: zero at 0, and -1 + robin * -2 = 0 at 1; the factor of z has no slope at 0 and 1. The lift is what u is at y = 0.
DECK = """
model: vsna
case: families
dim:
  - x: {domain: [0, 2*pi], basis: fourier, modes: 5, bc: periodic}
  - y: {domain: [0, 1], basis: chebyshev, modes: 5, bc: [dirichlet, robin], robin: [0, -0.5]}
  - z: {domain: [0, 1], degree: 3, cells: 4, knots: [0, 0.1, 0.3, 0.6, 1], bc: neumann}
pde:
  unknown: u
  term:
    - mass: 1
    - lapx: -d(x,2)
    - lapy: -d(y,2)
  source:
    - a: 2*sin(x)*(y^2 - 3*y)*(1 + z^2*(3 - 2*z))
    - b: -2*sin(x)*(1 + z^2*(3 - 2*z))
    - c: 2*cos(x)
  lift:
    - hold: cos(x)
  reference: sin(x)*(y^2 - 3*y)*(1 + z^2*(3 - 2*z)) + cos(x)
output:
  slice:
    - plane: {axes: [x, y], n: [23, 17], at: "z=0.37"}
"""

checks = Checks()
for solver, args in (("cp", ["-vsna_rank", 2]), ("tensor_train", ["-vsna_rtol", 1e-9])):
    done = run(DECK, args=["-vsna_format", solver, *args])
    if not checks.solved(done):
        continue
    checks.below(done.results["error_l2"], 1e-8, f"{solver}: the solution is in the space")
    with SnaFile(done.h5) as file:
        checks.that([d.family for d in file.field.directions] == ["fourier", "chebyshev", "bspline"], f"{solver}: families")
        s = file.slices["plane"]
        X, Y = np.meshgrid(s.grid["x"], s.grid["y"])
        points = dict(x=X, y=Y, z=0.37 + 0 * X)
        checks.below(np.abs(s.values("u", 0) - file.solution(points)).max(), 1e-12, f"{solver}: slice")
        checks.below(np.abs(file.field.evaluate(points, {"y": 1}) - np.sin(X) * (2 * Y - 3) * (1 + 0.37**2 * (3 - 2 * 0.37))).max(), 1e-6, f"{solver}: derivative in y")
checks.end()
