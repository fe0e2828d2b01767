"""SIGTERM in the middle of a run: the sweep is finished, a restart file written, exit code 4; -restart goes on and ends where an uninterrupted run ends (1e-12).
Also SIGUSR1, a stop in the enrichment phase, a restart on another number of ranks, and a restart of a finished run."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import os
import signal

from run_case import DEBUG, Checks, run, shipped, start

RANK = 8 if DEBUG else 32
OPTIONS = ["-vsna_rank", RANK, "-vsna_als_rtol", 0, "-vsna_als_final_sweeps", 60, "-output_slice_mid_frames", 2]
checks = Checks()
deck = shipped("advection_diffusion_6d")
straight = run(deck, args=OPTIONS)
if not checks.that(straight.exit in (0, 3), f"straight run: exit {straight.exit}", straight):
    checks.end()

for title, sign, lines, ranks, to_all in (("SIGTERM to both ranks", signal.SIGTERM, 60 if not DEBUG else 12, 2, True), ("SIGUSR1 to one rank", signal.SIGUSR1, 3, 2, False),
                                          ("SIGTERM, restart on 1 rank", signal.SIGTERM, 40 if not DEBUG else 15, 1, True)):
    stopped = start(deck, args=OPTIONS)
    reached = stopped.wait_for(r"^als ", count=lines)
    pids = stopped.pids()
    checks.that(reached and len(pids) == 2, f"{title}: stopped after {lines} lines, {len(pids)} solver processes", stopped)
    for pid in pids if to_all else pids[-1:]:
        os.kill(pid, sign)
    stopped.wait()
    if not checks.that(stopped.exit == 4 and stopped.restart is not None, f"{title}: exit {stopped.exit}, restart file {stopped.restart and stopped.restart.name}", stopped):
        continue
    checks.that("-restart" in stopped.out + stopped.err, f"{title}: says how to go on", stopped)
    checks.that(not [f for f in stopped.files if f.endswith((".part", ".lock"))], f"{title}: leaves {stopped.files}")
    more = run(deck, np=ranks, cwd=stopped.cwd, args=[*OPTIONS, "-restart", stopped.restart.relative_to(stopped.cwd)])
    if not checks.that(more.exit == straight.exit, f"{title}: restart ends with exit {more.exit}", more):
        continue
    for quantity in ("error_l2", "residual"):
        checks.close(more.results[quantity], straight.results[quantity], 1e-12 if ranks == 2 else 1e-9, f"{title}: {quantity}", more)
    checks.that(more.results["sweeps"] == straight.results["sweeps"], f"{title}: {more.results['sweeps']:.0f} sweeps in all")
    first = [line for line in more.out.splitlines() if line.startswith("als ")]
    checks.that(len(first) < straight.results["sweeps"], f"{title}: {len(first)} sweeps after the restart, not all {straight.results['sweeps']:.0f} again")

again = run(deck, cwd=straight.cwd, args=[*OPTIONS, "-force", "-restart", straight.h5.relative_to(straight.cwd)])
checks.that(again.exit == straight.exit and abs(again.results["error_l2"] / straight.results["error_l2"] - 1) < 1e-12, f"restart of a finished run: exit {again.exit}, the same error", again)
checks.end()
