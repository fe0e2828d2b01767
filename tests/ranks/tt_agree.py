"""The tensor train on 1, 2, 3 and 4 ranks: the same error, residual, ranks and order (1e-9), also with several starts and after a conversion to CP."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import DEBUG, Checks, run, shipped

checks = Checks()
DECK = shipped("advection_diffusion_6d_tt")
BASE = ["-vsna_rtol", 1e-2, "-error_points", 65536, "-output_slice_mid_frames", 2, "-output_slice_mid_n", 9]
for name, n in zip("x y z t omega kappa".split(), (32, 32, 32, 12, 6, 4)):
    BASE += [f"-dim_{name}_cells", n]
for title, options in (("train", []), ("convert: cp", ["-vsna_convert", "cp", "-vsna_convert_rank", 8]), ("2 starts", ["-vsna_restarts", 2])):
    if DEBUG and title != "train":
        continue
    one = None
    for np in (1, 2, 3, 4):
        done = run(DECK, np=np, args=[*BASE, *options])
        if not checks.solved(done, f"{title} on {np} ranks"):
            continue
        one = one or done
        for quantity in ("error_l2", "residual", "error_estimate", "parameters"):
            checks.close(done.results[quantity], one.results[quantity], 1e-9, f"{title}, {np} ranks: {quantity}", done)
        checks.that(done.texts == one.texts, f"{title}, {np} ranks: {done.texts}")
checks.end()
