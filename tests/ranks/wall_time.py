"""-max_wall_time S stops after the sweep in which S seconds have passed, with a restart file and exit code 4; a chain of such runs ends at the uninterrupted answer."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import DEBUG, Checks, run, shipped

checks = Checks()
deck = shipped("advection_diffusion_6d")
options = ["-vsna_rank", 8 if DEBUG else 48, "-vsna_als_rtol", 0, "-vsna_als_final_sweeps", 80, "-output_slice_mid_frames", 2]
straight = run(deck, args=options)
checks.that(straight.exit in (0, 3), f"straight run: exit {straight.exit}", straight)
limit = max(0.2, 0.3 * straight.results.get("seconds", 1))
link = run(deck, args=[*options, "-max_wall_time", limit])
checks.that(link.exit == 4 and link.restart is not None, f"{limit:.2f} s: exit {link.exit}, restart file", link)
checks.that("wall" in link.out + link.err, "names the wall time", link)
links = 1
while link.exit == 4 and links < 12:
    link = run(deck, cwd=link.cwd, args=[*options, "-max_wall_time", limit, "-restart", link.restart.relative_to(link.cwd)])
    links += 1
checks.that(link.exit == straight.exit and links > 1, f"a chain of {links} runs ends with exit {link.exit}", link)
for quantity in ("error_l2", "residual", "sweeps"):
    checks.close(link.results.get(quantity, float("nan")), straight.results[quantity], 1e-12, quantity, link)
bad = run(deck, np=1, args=["-max_wall_time", "soon"])
checks.refused(bad, "max_wall_time", "-max_wall_time soon is refused")
checks.end()
