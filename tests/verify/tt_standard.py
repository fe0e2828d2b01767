"""timeout: 120
The tensor train on the plume of six directions: a tolerance goes in, and the true error (closed form, quasi-Monte Carlo) is below it with the number of parameters that
the exact solution needs (its ranks at 1e-4 are 5, 11, 29, 37, 11: 22,500 numbers); the estimate is within a factor 3 of the error; the order
reversed and a residual weighted in time meet the tolerance too. Coarser in a Debug build."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import DEBUG, Checks, run, shipped

checks = Checks()
DECK = shipped("advection_diffusion_6d_tt")


def cells(*numbers):
    return [word for name, n in zip("x y z t omega kappa".split(), numbers) for word in (f"-dim_{name}_cells", n)]


MIDDLE = ["-vsna_rtol", 1e-3, "-error_points", 131072, *cells(48, 48, 48, 16, 10, 5)]
COARSE = ["-vsna_rtol", 1e-2, "-error_points", 131072, *cells(32, 32, 32, 12, 6, 4)]
NAMES = "x y z t omega kappa".split()


def solve(title, rtol, options):
    done = run(DECK, args=["-output_slice_mid_frames", 2, "-output_slice_mid_n", 9, *options])
    if not checks.solved(done, title):
        return None
    error, estimate = done.results["error_l2"], done.results["error_estimate"]
    checks.below(error, rtol, f"{title}: error", done)
    checks.that(error / 3 <= estimate <= 3 * error, f"{title}: estimate {estimate:.2e} of the error {error:.2e}", done)
    parts = sum(done.results[f"error_{part}"] ** 2 for part in ("algebraic", "rounding", "spline", "ranks")) ** 0.5
    checks.close(estimate, parts, 1e-9, f"{title}: the estimate is the root of the sum of its parts' squares")
    order, ranks = done.texts["order"].split(","), [int(r) for r in done.texts["ranks_tt"].split(",")]
    checks.that(sorted(order) == sorted(NAMES) and ranks[0] == ranks[-1] == 1 and max(ranks) == done.results["rank"], f"{title}: order {order}, ranks {ranks}")
    print(f"      {title}: error {error:.3e}, {done.results['parameters']:.0f} parameters, {done.results['seconds']:.2f} s, {done.results['sweeps']:.0f} half sweeps")
    return done


if DEBUG:
    rtol, options = 1e-2, COARSE
else:
    rtol, options = 1e-3, MIDDLE
    standard = solve("standard problem", 1e-4, [])
    if standard:
        checks.below(standard.results["parameters"], 22500, "standard problem: parameters", standard)
first = solve("coarser", rtol, options)
if first:
    order = first.texts["order"].split(",")
    back = solve("order reversed", rtol, [*options, "-vsna_order", ",".join(reversed(order))])
    checks.that(back is not None and back.texts["order"].split(",") == order[::-1], "order reversed: it is the deck's")
solve("weight in time", rtol, [*options, "-dim_t_weight", "1.05 - t"])
checks.end()
