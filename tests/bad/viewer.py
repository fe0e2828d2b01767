"""A viewer that dies, hangs, is missing or cannot run its script never harms the solve: one line says so, exit code 0, the same result."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import os
import signal
import stat

from run_case import DEBUG, SKIP, VIEW, Checks, fresh_folder, run, shipped, start

if not VIEW or not os.access(VIEW, os.X_OK):
    print("skipped: no sna_view")
    sys.exit(SKIP)
checks = Checks()
DECK = shipped("advection_diffusion_6d")
OPTIONS = ["-vsna_rank", 8 if DEBUG else 24, "-vsna_als_rtol", 0, "-vsna_als_final_sweeps", 40, "-output_slice_mid_frames", 2, "-output_slice_mid_n", "33,33"]
plain = run(DECK, args=OPTIONS)
checks.that(plain.exit in (0, 3), f"without pictures: exit {plain.exit}", plain)


def same(run_, title):
    checks.that(run_.exit == plain.exit and abs(run_.results.get("error_l2", 0) / plain.results["error_l2"] - 1) < 1e-9, f"{title}: exit {run_.exit}, the same error", run_)
    checks.that("PETSC ERROR" not in run_.out + run_.err, f"{title}: no trace", run_)


seen = run(DECK, args=OPTIONS, pictures=True, timeout=900)
same(seen, "with pictures")
pictures = [f for f in seen.files if f.endswith(".png")]
checks.that(pictures, f"with pictures: {len(pictures)} pictures")

killed = start(DECK, args=OPTIONS, pictures=True)
killed.wait_for(r"^als ", count=8)
viewers = killed.pids(VIEW)
checks.that(len(viewers) == 1, f"one viewer process: {viewers}", killed)
for pid in viewers:
    os.kill(pid, signal.SIGKILL)
killed.wait(900)
same(killed, "viewer killed")
lines = [line for line in (killed.out + killed.err).splitlines() if "view" in line.lower()]
checks.that(lines, f"viewer killed: says so: {lines[:3]}", killed)
checks.that(not killed.pids(VIEW), "no viewer is left")

stopped = start(DECK, args=[*OPTIONS, "-insitu_timeout", 3], pictures=True)
stopped.wait_for(r"^als ", count=8)
for pid in stopped.pids(VIEW):
    os.kill(pid, signal.SIGSTOP)
stopped.wait(900)
same(stopped, "viewer hangs")
checks.that(not stopped.pids(VIEW), "a viewer that hangs is ended")

folder = fresh_folder()
(folder / "wrong.py").write_text("import nothing_of_that_name\n")
wrong = run(DECK, cwd=folder, args=[*OPTIONS, "-insitu_script", "wrong.py"], pictures=True, timeout=900)
same(wrong, "a script with an error")
checks.that("wrong.py" in wrong.out + wrong.err or "nothing_of_that_name" in wrong.out + wrong.err, "a script with an error is named", wrong)
checks.end()
