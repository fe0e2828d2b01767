"""poisson_2d has a solution of rank one: more rank must not change the error, and one product must reach it."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import Checks, run, shipped

checks = Checks()
errors = {}
for rank in (1, 2, 4, 8):
    done = run(shipped("poisson_2d"), args=["-vsna_rank", rank, "-vsna_als_rtol", 1e-12])
    if not checks.solved(done, f"rank {rank}"):
        checks.end()
    errors[rank] = done.results["error_l2"]
    checks.that(done.results["rank"] == rank, f"reports rank {done.results['rank']:.0f}", done)
    checks.that(done.results["parameters"] == rank * 2 * (16 + 3 - 2), f"reports {done.results['parameters']:.0f} parameters", done)
print("      errors", errors)
for rank in (2, 4, 8):
    checks.close(errors[rank], errors[1], 0.05, f"error of rank {rank} against rank 1")
# The best cubic spline of sin(pi x) on 16 cells: error about (pi h)^4 sqrt(|B_8|/8!) = 1.3e-5 relative, per direction.
checks.below(errors[1], 5e-5, "error of rank 1")
checks.end()
