"""The command line: -help, -version, -check (nothing written), -quiet, wrong words, options without values; a stray .petscrc is not read."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import Checks, fresh_folder, run, shipped

DECK = shipped("poisson_2d")
checks = Checks()
p = run(None, np=0, args=["-help"])
checks.that(p.exit == 0 and "vsna_rank" in p.out and "dim_*_cells" in p.out.replace("<name>", "*"), "-help lists the keys", p)
p = run(None, np=0, args=["-help", "rank"])
checks.that(p.exit == 0 and "vsna_rank" in p.out and "vsna_seed" not in p.out, "-help rank lists the keys with that word", p)
p = run(None, np=2, args=["-help"])
checks.that(p.exit == 0 and p.out.count("vsna_rank ") <= 3, "-help on two ranks speaks once", p)
p = run(None, np=0, args=["-version"])
checks.that(p.exit == 0 and "sna_solver 0." in p.out and "PETSc" in p.out, "-version", p)
p = run(DECK, np=0, args=["-check"])
checks.that(p.exit == 0 and not p.files and "als " not in p.out and "vsna_rank: 4" in p.out, f"-check solves and writes nothing and shows the effective deck: files {p.files}", p)
checks.that("MB" in p.out or "MiB" in p.out, "-check estimates the memory", p)
p = run(DECK.replace("rank: 4", "rnak: 4"), np=0, args=["-check"])
checks.refused(p, r"rnak", "-check of a wrong deck")
p = run(DECK, np=1, args=["-quiet"])
checks.that(p.exit == 0 and not any(line.startswith("als ") for line in p.out.splitlines()), "-quiet has no progress lines", p)
checks.refused(run(DECK, np=0, args=["-restart"]), r"restart", "-restart without a file")
checks.refused(run(DECK, np=0, args=["-sample", "points.csv"]), r"-restart", "-sample without -restart")
checks.refused(run(DECK, np=0, args=["-restart", "no.h5", "-sample", "points.csv", "-invert", "u=0.5"]), r"two queries", "-invert with -sample")
checks.refused(run(DECK, np=0, args=["-restart", "no.h5", "-invert", "u=0.5"]), r"no\.h5", "-invert of a file that is not there")
checks.refused(run(DECK, np=0, args=["-invert_starts", "9"]), r"no effect without invert", "an option of -invert alone")
for target, words in (
    ("0.5", r"name=value"), ("v=0.5", r"`v` is no unknown of the solution; there is u"), ("u=a", r"`a`"), ("u=", r"empty"), ("u=0.3:0.2", r"lower end comes first"), ("u=1/0", r"finite"), ("u=0.5,u=0.6", r"`u` is named twice"), ("u=0.5, w=1", r"`w` is no unknown"),
):
    checks.refused(run(DECK, np=0, args=["-restart", "no.h5", "-invert", target]), [r"-invert:", words], f"-invert {target}")
for box, words in (
    ("x", r"name=low:high"), ("w=0", r"`w` is no input"), ("x=2", r"outside its domain \[-1, 1\]"), ("x=0:2", r"x = 2 is outside"), ("x=0.5:-0.5", r"lower end"), ("x=0, x=0.1", r"twice"),
    ("x=0, y=0", r"every input is fixed"), ("x=nope", r"`nope`"),
):
    checks.refused(run(DECK, np=0, args=["-restart", "no.h5", "-invert", "u=0.5", "-invert_at", box]), [r"-invert_at:", words], f"-invert_at {box}")
checks.refused(run(DECK, np=0, args=["-restart", "no.h5", "-invert", "u=0.5", "-invert_starts", "0", "-invert_rtol", "2"]), [r"-invert_starts: 0", r"-invert_rtol: 2"], "numbers out of range, told together")
for prior, words in (("data", r"not learned from data.*write none"), ("all", r"must be one of none, data")):
    checks.refused(run(DECK, np=0, args=["-restart", "no.h5", "-invert", "u=0.5", "-invert_prior", prior]), [r"-invert_prior:", words], f"-invert_prior {prior}")
checks.refused(run(DECK, np=0, args=["-restart", "no.h5", "-invert"]), r"-invert: has no value", "-invert without a target")
p = run(DECK, np=0, args=["--vsna_rank", "3"])
checks.that(p.exit == 0 and p.results.get("rank") == 3, "two dashes are as good as one", p)
checks.refused(run(DECK, np=0, args=["-vsna_rank"]), r"vsna_rank", "an option without its value")
checks.refused(run(DECK, np=0, args=["stray"]), r"stray", "a stray word")
checks.refused(run(DECK, np=0, args=["-chekc"]), [r"chekc", r"did you mean"], "a misspelt switch")
p = run(DECK, np=1, args=["-vsna_rank", "1", "-vsna_rank", "2"])
checks.that(p.exit == 0 and p.results.get("rank") == 2, f"the last of two equal options counts: rank {p.results.get('rank')}", p)
folder = fresh_folder()
(folder / ".petscrc").write_text("-vsna_rank 7\n-no_such_option 3\n")
p = run(DECK, np=1, cwd=folder, env={"HOME": str(folder), "PETSC_OPTIONS": ""})
checks.that(p.exit == 0 and p.results.get("rank") == 4, f"a stray .petscrc does not count: rank {p.results.get('rank')}", p)
checks.end()
