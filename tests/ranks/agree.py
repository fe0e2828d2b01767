"""1, 2, 3 and 4 ranks give the same error and residual to 1e-9 relative, on the plume and on the two small decks."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import DEBUG, Checks, run, shipped

checks = Checks()
cases = [("poisson_2d", ["-vsna_rank", 4]), ("heat_4d", ["-vsna_rank", 4])]
cases.append(("advection_diffusion_6d", ["-vsna_rank", 8 if DEBUG else 24, "-output_slice_mid_frames", 2]))
for name, options in cases:
    one = None
    for np in (1, 2, 3, 4):
        done = run(shipped(name), np=np, args=options)
        if not checks.solved(done, f"{name} on {np} ranks"):
            continue
        checks.that(done.results["ranks"] == np, f"{name}: reports {np} ranks", done)
        one = one or done.results
        for quantity in ("error_l2", "residual"):
            checks.close(done.results[quantity], one[quantity], 1e-9, f"{name}, {np} ranks: {quantity}", done)
        checks.that(done.results["sweeps"] == one["sweeps"], f"{name}, {np} ranks: {done.results['sweeps']:.0f} sweeps")
checks.end()
