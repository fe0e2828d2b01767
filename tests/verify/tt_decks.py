"""Small problems by tensor trains: with a source, without parameters, in one and two directions, several initial terms; the error integrated in three ways is one number."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import Checks, run, shipped

checks = Checks()
TT = ["-vsna_format", "tensor_train"]

heat = {}
FEW = [word for name, n in zip("x y t kappa".split(), (6, 6, 4, 2)) for word in (f"-dim_{name}_cells", n, f"-dim_{name}_quadrature", 6)]
for method in ("grid", "separable", "qmc"):
    done = run(shipped("heat_4d"), args=[*TT, *FEW, "-vsna_rtol", 1e-2, "-error_method", method, "-error_points", 65536])
    if checks.solved(done, f"heat_4d, error by {method}"):
        heat[method] = done.results
        checks.below(done.results["error_l2"], 1e-2, "  below rtol", done)
if len(heat) == 3:
    checks.close(heat["separable"]["error_l2"], heat["grid"]["error_l2"], 1e-6, "heat_4d: separable and grid")
    spread = 5 * heat["qmc"]["error_standard_error"]
    checks.that(abs(heat["qmc"]["error_l2"] - heat["grid"]["error_l2"]) <= spread, f"heat_4d: qmc {heat['qmc']['error_l2']:.6e} and grid {heat['grid']['error_l2']:.6e} agree within {spread:.1e}")

done = run(shipped("poisson_2d"), args=[*TT, "-vsna_rtol", 1e-3])
if checks.solved(done, "poisson_2d"):
    checks.below(done.results["error_l2"], 1e-3, "poisson_2d: error", done)

ODE = """---
model: vsna
case: ode
dim:
  - t: {domain: [0, 1], cells: 16, initial: true}
pde:
  term:
    - rate: d(t)
    - decay: "1"
  initial:
    - one: "1"
  reference: exp(-t)
vsna: {format: tensor_train, rtol: 1e-6}
"""
done = run(ODE, np=1)
if checks.solved(done, "one direction"):
    checks.below(done.results["error_l2"], 1e-6, "one direction: error", done)
checks.end()
