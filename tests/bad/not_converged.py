"""The limit of sweeps: exit code 3, files written all the same, and the run says that it did not converge."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import Checks, run, shipped

checks = Checks()
done = run(shipped("advection_diffusion_6d"), args=["-vsna_rank", 8, "-vsna_als_max_sweeps", 4, "-output_slice_mid_frames", 2])
checks.that(done.exit == 3, f"exit {done.exit}", done)
checks.that(done.h5 is not None, f"files are written: {done.files}", done)
checks.that(done.results.get("sweeps") == 4, f"{done.results.get('sweeps')} sweeps", done)
checks.that("not converged" in (done.out + done.err).lower() or "did not converge" in (done.out + done.err).lower() or "max_sweeps" in done.out + done.err, "says so", done)
checks.end()
