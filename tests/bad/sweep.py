"""processors: 1 timeout: 60
Mistakes in a sweep are found before its first case runs: exit code 2, the line that is wrong and the program's own message, and no file is written."""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import LAUNCH_VARIABLES, LAUNCHER, SOLVER, SOURCE, Checks, files_below, fresh_folder, need_solver

need_solver()
checks, folder = Checks(), fresh_folder()
DECK = str(SOURCE / "inputs" / "vsna" / "poisson_2d.deck")
environment = {k: v for k, v in os.environ.items() if not LAUNCH_VARIABLES.match(k)}
environment.update(SNA_SOLVER=SOLVER, SNA_MPIEXEC=" ".join(LAUNCHER))


def refused(words, patterns, text, cases=None, **env):
    if cases is not None:
        (folder / "cases.txt").write_text(cases)
    before = files_below(folder)
    done = subprocess.run([str(SOURCE / "scripts" / "sweep"), *map(str, words)], cwd=folder, env={**environment, **env}, capture_output=True, text=True, timeout=60)
    missing = [p for p in patterns if p not in done.stderr]
    checks.that(done.returncode == 2 and not missing and "Traceback" not in done.stderr and files_below(folder) == before,
                f"{text}: exit {done.returncode}{f', no {missing}' if missing else ''}") or print(done.stdout, done.stderr)


good = "-vsna_rank 1\n# comment\n"
both = [DECK, "cases.txt"]
refused(both, ["cases.txt, line 3:", "-dim_x_cels", "did you mean `-dim_x_cells`", "nothing was run"], "an unknown key", good + "-dim_x_cels 8\n")
refused(both, ["line 3:", "abc is not an integer"], "a bad value", good + "-dim_x_cells abc\n")
refused(both, ["lines 1, 3:", "-dim_x_cels"], "the same mistake in two lines is told once", "-dim_x_cels 8\n" + "\n" + "-dim_x_cels 8\n")
refused([*both, "-dim_x_cels", "8"], ["lines 1, 3:"], "a mistake in the options for all", good + "-vsna_rank 2\n")
refused(both, ["line 1:", "line 3:"], "all bad lines are told", "-dim_x_cells 0\n" + "\n" + "-vsna_rank 0\n")
refused(both, ["line 2:", "No closing quotation"], "an open quote", '-vsna_rank 1\n-param_s "1\n')
refused(both, ["line 3:", "`twice` is the name of line 1"], "two cases of one name", "-case twice\n\n-case twice -vsna_rank 2\n")
refused(both, ["line 3:", "`case_2` is the name of line 1"], "a name that is another case's number", "-case case_2\n\n-vsna_rank 2\n")
refused(both, ["line 1:", "cannot name files"], "a name that cannot be a file's", "-case a/b\n")
refused(both, ["line 1:", "-output_dir is not for a sweep"], "another folder", "-vsna_rank 1 -output_dir there\n")
refused(both, ["line 1:", "`vsna_rank` is no option"], "no option", "vsna_rank 1\n")
refused(both, ["holds no case"], "no case", "# nothing\n\n")
refused([DECK, "missing.txt"], ["missing.txt", "cannot be read"], "no file of cases")
refused(["missing.deck", "cases.txt"], ["missing.deck"], "no deck", good)
refused([DECK], ["usage:"], "no file of cases named")
refused([*both, "-n", "0"], ["-n wants a number"], "no ranks")
refused([*both, "--colect"], ["unknown option --colect"], "a misspelt option")
refused(["-vsna_rank", "3", *both], ["stand behind"], "options before the files")
refused([*both, "-case", "a"], ["-case is not for a sweep"], "one name for all")
refused(both, ["no program at"], "no program", good, SNA_SOLVER="/nonexistent/sna_solver")
checks.end()
