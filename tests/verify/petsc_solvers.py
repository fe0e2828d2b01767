"""The local systems may be solved by PETSc's own solvers: conjugate gradients with block Jacobi or Jacobi on the matrix-free operator, and a direct solve of the assembled
MATSBAIJ. The answer is the built-in block-band Cholesky's. (On a rank that the solution needs: surplus products make the systems singular to round-off, which only the
built-in factorisation notices and repairs.)"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import Checks, run, shipped

checks = Checks()
deck, options = shipped("advection_diffusion_6d"), ["-vsna_rank", 8, "-output_slice_mid_frames", 2]
own = run(deck, args=options, np=1)
checks.solved(own, "block-band Cholesky")
CG = ["-vsna_ksp_type", "cg", "-vsna_ksp_rtol", "1e-12", "-vsna_ksp_max_it", 10000]
for title, extra, ranks in (
    ("cg + block Jacobi", [*CG, "-vsna_pc_type", "bjacobi"], (1, 2)),
    ("cg + Jacobi", [*CG, "-vsna_pc_type", "jacobi"], (1, 2)),
    ("cg + Jacobi, assembled MATSBAIJ", [*CG, "-vsna_pc_type", "jacobi", "-vsna_mat_type", "sbaij"], (1, 2)),
    ("assembled MATSBAIJ, PETSc's Cholesky", ["-vsna_mat_type", "sbaij", "-vsna_pc_type", "cholesky"], (1,)),  # sequential in PETSc
):
    for np in ranks:
        done = run(deck, args=[*options, *extra], np=np)
        if checks.solved(done, f"{title} on {np} ranks"):
            checks.close(done.results["error_l2"], own.results["error_l2"], 1e-6, f"{title} on {np} ranks: error", done)
weak = run(deck, args=[*options, "-vsna_ksp_type", "cg", "-vsna_pc_type", "none", "-vsna_ksp_max_it", 1], np=1)
checks.that("PETSC ERROR" not in weak.out + weak.err, f"a solver that cannot converge ends without a trace: exit {weak.exit}", weak)
checks.refused(run(deck, args=[*options, "-vsna_ksp_type", "cgg"], np=0), r"vsna.*(ksp|cgg)", "an unknown ksp_type")
checks.refused(run(deck, args=[*options, "-vsna_ksp_typ", "cg"], np=0), r"vsna_ksp_typ", "a misspelt PETSc key")
checks.end()
