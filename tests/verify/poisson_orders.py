"""Order of convergence on poisson_2d: the L2 error of a least-squares solution of -lap u = f with splines of degree p falls as
h^min(p+1, 2(p-1)): p+1 for p >= 3, and 2 for p = 2 (the residual is measured in L2, so duality gains p-1 orders over the H2 error h^(p-1))."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import math

from run_case import DEBUG, Checks, run, shipped

checks = Checks()
deck = shipped("poisson_2d")
for degree, cells, order in ((2, (8, 16, 32), 2), (3, (8, 16, 32), 4), (4, (6, 12, 24), 5), (5, (6, 12, 24), 6)):
    cells = cells[:2] if DEBUG else cells
    errors = []
    for n in cells:
        options = []
        for d in "xy":
            options += [f"-dim_{d}_degree", degree, f"-dim_{d}_cells", n]
        done = run(deck, args=[*options, "-vsna_als_rtol", 1e-12, "-vsna_rank", 2, "-output_slice_plane_n", "9,9"])
        if not checks.solved(done, f"degree {degree}, {n} cells"):
            checks.end()
        errors.append(done.results["error_l2"])
    slopes = [math.log(b / a) / math.log(n / m) for a, b, m, n in zip(errors, errors[1:], cells, cells[1:])]
    print(f"      degree {degree}: errors {' '.join(f'{e:.3e}' for e in errors)}, slopes {' '.join(f'{s:.2f}' for s in slopes)}")
    checks.below(slopes[-1], -order + 0.1, f"degree {degree}: slope of the finest pair")
    checks.below(-slopes[-1], order + 0.9, f"degree {degree}: not steeper than the theory (minus the slope)")
checks.end()
