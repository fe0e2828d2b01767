"""A launch by the wrong mpiexec (the launcher announces ranks, the program is alone) is refused with one line and exit code 2; a plain start of one process is fine."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import shutil

from run_case import LAUNCHER, SOLVER, Checks, run, shipped

DECK = shipped("poisson_2d")
checks = Checks()
ALONE = {"HYDRA_LAUNCHER": "fork"}
for title, env in (
    ("Open MPI's environment", {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "0"}),
    ("MPI_LOCALNRANKS", {"MPI_LOCALNRANKS": "2", "MPI_LOCALRANKID": "0"}),
    ("Slurm's step of 4 tasks", {"SLURM_STEP_NUM_TASKS": "4", "SLURM_STEP_ID": "0", "SLURM_PROCID": "0", "SLURM_JOB_ID": "7"}),
    ("a PMIx rank 1", {"PMIX_RANK": "1"}),
):
    if title.startswith("Open MPI") and "openmpi" in LAUNCHER[0] or title.startswith("a PMIx") and "openmpi" in LAUNCHER[0]:
        continue  # Open MPI's own library would take these for a real launch
    done = run(DECK, np=0, env=env)
    checks.refused(done, [r"alone in MPI_COMM_WORLD", r"mpiexec"], title)
    checks.that(len(done.err.strip().splitlines()) == 1, f"{title}: one line", done)
checks.solved(run(DECK, np=0, args=["-quiet"]), "one process without a launcher")
checks.solved(run(DECK, np=0, args=["-quiet"], env={"PMI_SIZE": "1", "OMPI_COMM_WORLD_SIZE": "1", "SLURM_STEP_NUM_TASKS": "1"} if "openmpi" not in LAUNCHER[0] else {}), "one process of one")
# An allocation of several tasks in which the user starts one process by hand is no wrong launch.
checks.solved(run(DECK, np=0, args=["-quiet"], env={"SLURM_NTASKS": "8", "SLURM_JOB_ID": "7"}), "one process in a Slurm allocation of 8 tasks")
checks.solved(run(DECK, np=1, args=["-quiet"]), "one rank below the launcher")

# The other brand's real launcher, where it is installed.
other = "mpiexec.openmpi" if "mpich" in LAUNCHER[0] else "mpiexec.mpich"
if shutil.which(other):
    import run_case

    run_case.LAUNCHER[:] = [other, *(["--oversubscribe", "--allow-run-as-root"] if other.endswith("openmpi") else [])]
    done = run(DECK, np=2)
    # The launcher, not the program, chooses the job's exit code; every rank must have refused.
    checks.that(done.exit != 0 and "alone in MPI_COMM_WORLD" in done.err + done.out and not done.files, f"{other} -np 2: refused, exit {done.exit}, nothing written", done)
checks.end()
