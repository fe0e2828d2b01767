"""Error of the standard problem against rank: a slope of -1.1 or steeper between rank 16 and 64 (the prototype's six points give -1.2 there and -1.3 up to rank 128,
which the benchmark measures), and each rank better than the one before."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import math

from run_case import DEBUG, SKIP, Checks, run, shipped

if DEBUG:
    print("skipped: a Release test")
    sys.exit(SKIP)
checks = Checks()
errors = {}
for rank in (16, 24, 32, 48, 64):
    done = run(shipped("advection_diffusion_6d"), args=["-vsna_rank", rank, "-output_slice_mid_frames", 2])
    if not checks.solved(done, f"rank {rank}"):
        checks.end()
    errors[rank] = done.results["error_l2"]
ranks = list(errors)
slope = math.log(errors[64] / errors[16]) / math.log(4)
print("      errors", {r: f"{e:.3e}" for r, e in errors.items()}, f"slope {slope:.2f}")
for a, b in zip(ranks, ranks[1:]):
    checks.below(errors[b], 0.95 * errors[a], f"rank {b} is better than rank {a}")
checks.below(slope, -1.1, "slope")
checks.end()
