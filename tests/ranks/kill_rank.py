"""kill -9 of one rank in the middle of a run: the launcher ends the job with a code that is none of ours, no result file appears, and -restart from the periodic checkpoint
ends at the uninterrupted answer."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import os
import signal
import time

from run_case import DEBUG, Checks, run, shipped, start

checks = Checks()
deck = shipped("advection_diffusion_6d")
options = ["-vsna_rank", 8 if DEBUG else 32, "-vsna_als_rtol", 0, "-vsna_als_final_sweeps", 60, "-output_slice_mid_frames", 2]
straight = run(deck, args=options)
checks.that(straight.exit in (0, 3), f"straight run: exit {straight.exit}", straight)
for victim in (0, -1):
    killed = start(deck, args=[*options, "-checkpoint_every", 5])
    killed.wait_for(r"^als ", count=33 if not DEBUG else 17)
    while killed.restart is None and killed.process.poll() is None:
        time.sleep(0.02)
    pids = killed.pids()
    checks.that(len(pids) == 2 and killed.restart is not None, f"{len(pids)} solver processes, checkpoint there", killed)
    if pids:
        os.kill(pids[victim], signal.SIGKILL)
    killed.wait()
    checks.that(killed.exit not in (0, 2, 3, 4), f"exit {killed.exit} of the launcher", killed)
    checks.that(not killed.pids(), "no process is left")
    checks.that(killed.h5 is None, f"no result file: {killed.files}")
    if killed.restart is None:
        continue
    more = run(deck, cwd=killed.cwd, args=[*options, "-restart", killed.restart.relative_to(killed.cwd)])
    checks.that(more.exit == straight.exit, f"restart ends with exit {more.exit}", more)
    for quantity in ("error_l2", "residual", "sweeps"):
        checks.close(more.results.get(quantity, float("nan")), straight.results[quantity], 1e-12, quantity, more)
    left = [f for f in killed.files if f.endswith((".part", ".lock"))]
    checks.that(not left, f"nothing half-written is left {left}")
# A run that was killed must not block the next one without -restart either.
fresh = run(deck, cwd=killed.cwd, args=[*options, "-case", "another"])
checks.that(fresh.exit == straight.exit, f"another case in the same folder: exit {fresh.exit}", fresh)
checks.end()
