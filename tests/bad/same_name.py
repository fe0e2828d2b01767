"""Two runs of one case name: the second does not touch the first's file without -force, whether the first is done or still at work."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import hashlib
import signal
import os

from run_case import DEBUG, Checks, run, shipped, start

checks = Checks()
first = run(shipped("poisson_2d"), np=1)
checks.solved(first)


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


before = digest(first.h5)
second = run(shipped("poisson_2d"), np=1, cwd=first.cwd, args=["-vsna_rank", 2])
checks.refused(second, [r"poisson_2d\.h5", r"-force"], "the second run is refused")
checks.that(digest(first.h5) == before, "the first file is untouched")
# A deck error is told before the old result could be touched, also with -force.
wrong = run(shipped("poisson_2d").replace("rank: 4", "rnak: 4"), np=1, cwd=first.cwd, args=["-force"])
checks.refused(wrong, r"rnak", "-force with a wrong deck")
checks.that(digest(first.h5) == before, "the first file is untouched by a wrong deck")
forced = run(shipped("poisson_2d"), np=1, cwd=first.cwd, args=["-vsna_rank", 2, "-force"])
checks.that(forced.exit == 0 and digest(first.h5) != before, f"-force: exit {forced.exit}, a new file", forced)

deck = shipped("advection_diffusion_6d")
options = ["-vsna_rank", 8 if DEBUG else 32, "-vsna_als_rtol", 0, "-vsna_als_final_sweeps", 2000, "-output_slice_mid_frames", 2]
at_work = start(deck, np=1, args=options)
at_work.wait_for(r"^als ", count=3)
rival = run(deck, np=1, cwd=at_work.cwd, args=[*options, "-force"], deck_name="case.deck")
checks.that(rival.exit == 2 and "PETSC ERROR" not in rival.err, f"a rival of a run at work is refused, even with -force: exit {rival.exit}", rival)
checks.that(at_work.process.poll() is None, "the run at work goes on")
for pid in at_work.pids():
    os.kill(pid, signal.SIGTERM)
at_work.wait()
checks.that(at_work.exit == 4 and at_work.restart is not None, f"and ends as it was told to: exit {at_work.exit}", at_work)
checks.end()
