"""-vsna_restarts 2: two random starts, worked on by as many ranks as there are; the best is the answer, the same on 1, 2 and 4 ranks and no worse than a single start."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import DEBUG, Checks, run, shipped

checks = Checks()
deck = shipped("advection_diffusion_6d")
options = ["-vsna_rank", 8 if DEBUG else 16, "-output_slice_mid_frames", 2]
single = run(deck, args=options)
checks.solved(single, "one start")
results = {}
for np in (1, 2, 4) if not DEBUG else (1, 2):
    done = run(deck, np=np, args=[*options, "-vsna_restarts", 2])
    if not checks.solved(done, f"two starts on {np} ranks"):
        continue
    results[np] = done.results
    for quantity in ("error_l2", "residual"):
        checks.close(done.results[quantity], results[1][quantity], 1e-9, f"{np} ranks: {quantity}", done)
    checks.that(done.results["residual"] <= single.results["residual"] * (1 + 1e-9), f"{np} ranks: residual no larger than that of one start", done)
three = run(deck, np=3, args=[*options, "-vsna_restarts", 3])
if checks.solved(three, "three starts on 3 ranks"):
    checks.that(three.results["residual"] <= results[1]["residual"] * (1 + 1e-9), "three starts are no worse than two", three)
checks.end()
