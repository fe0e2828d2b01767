"""Wrong keys of the tensor train and restart files that do not fit: refused with exit code 2 and a message that names the key and the cure. A tolerance below what the
splines allow is told at the end, with the cells needed, and exit code 3; the files are written."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import h5py
import numpy as np

from run_case import Checks, fresh_folder, run, shipped

checks = Checks()
DECK = shipped("heat_4d")
TT = ["-vsna_format", "tensor_train", "-vsna_rtol", 1e-2]


def refused(title, options, patterns, deck=DECK):
    checks.refused(run(deck, args=[*TT, *options]), patterns, title)


refused("order with a direction twice", ["-vsna_order", "x,y,t,x"], [r"-vsna_order: the order names `x` twice", r"missing: kappa"])
refused("order with an unknown direction", ["-vsna_order", "x,y,t,kapa"], [r"`kapa`, which is no direction; did you mean `kappa`\?", r"missing: kappa"])
refused("order too short", ["-vsna_order", "t,x"], r"names every direction once; missing: y, kappa")
with_order = DECK.replace("vsna:\n", "vsna:\n  order: [x, y, t]\n")
line = with_order.splitlines().index("  order: [x, y, t]") + 1
refused("order in the deck, with its line", [], rf"case\.deck:{line}: .*missing: kappa", deck=with_order)
refused("tolerance 0", ["-vsna_rtol", 0], r"-vsna_rtol: 0 must be in")
refused("tolerance below 0", ["-vsna_rtol", -1e-3], r"-vsna_rtol: .* must be in")
refused("ranks that need more memory than there is", ["-vsna_tt_max_rank", 100000], r"-vsna_tt_max_rank: ranks up to 100000 need about [\d.e+]+ GB per rank of MPI; [\d.e+]+ GB are there")
refused("convert: cp without its rank", ["-vsna_convert", "cp"], r"-vsna_convert: .*convert_rank")
refused("fewer parameters than rank 1 has", ["-vsna_parameters", 20], r"-vsna_parameters: a product of one function per direction has \d+ numbers already")
refused("a direction called core", [], r"name `core` is that of the cores", deck=DECK.replace("kappa", "core"))
refused("unknown format", ["-vsna_format", "tensortrain"], r"cp\|tensor_train|tensor_train")
refused("a Krylov method that PETSc does not have", ["-vsna_tt_ksp_type", "cgg"], r"PETSc has no type `cgg`")

# Keys of the other format serve when -vsna_format names it: a note, no error.
both = run(DECK, args=[*TT, "-vsna_rank", 4, "-vsna_tt_max_rank", 40, "-check"])
checks.that(both.exit == 0 and "does not use the keys" in both.out and "rank" in both.out, f"keys of both formats: exit {both.exit}", both)

# Below the splines' error.
few = run(DECK, args=[*TT, "-vsna_rtol", 1e-9, "-dim_x_cells", 6, "-dim_y_cells", 6, "-vsna_tt_max_sweeps", 60])
checks.that(few.exit == 3 and few.h5 is not None, f"rtol below the splines' error: exit {few.exit}, files written", few)
checks.that("cells needed: " in few.err and "x: " in few.err, "  says the cells", few)
checks.that("not converged" in few.out, "  and that it is not converged", few)

# Ranks held below what the tolerance needs: the estimate cannot know, so the run is not converged.
held = run(shipped("advection_diffusion_6d_tt"), args=[*TT, "-vsna_tt_max_rank", 6, "-output_slice_mid_frames", 2, "-output_slice_mid_n", 9, "-error_points", 4096])
checks.that(held.exit == 3 and "held at tt: max_rank = 6" in held.err and held.results["rank"] <= 6 and held.h5 is not None, f"ranks held at 6: exit {held.exit}, rank {held.results.get('rank')}", held)

# A coefficient that is infinite on a quadrature point of a coarse level alone: told with its key, exit code 3.
PLUME = [*TT, "-output_slice_mid_frames", 2, "-output_slice_mid_n", 9, "-error_points", 4096]
first = run(shipped("advection_diffusion_6d_tt"), args=[*PLUME, "-vsna_tt_max_sweeps", 1])
with h5py.File(first.h5) as f:
    coarse = int(f["field/x"].attrs["resolution"])
checks.that(coarse < 64, f"the first half sweep has {coarse} cells of 64")
point = float(-1 + (1 + np.polynomial.legendre.leggauss(max(6, -(-96 // coarse)))[0][2]) / coarse)
pole = run(shipped("advection_diffusion_6d_tt"), args=[*PLUME, "-pde_term_difx", f"-kappa*d(x,2)*(abs(x-({point!r}))<1e-9 ? 1/(x-x) : 1)"])
checks.that(pole.exit == 3 and "coarser level, pde_term_difx: the factor in x is inf at x = " in pole.err and pole.h5 is not None, f"a pole on a coarse level: exit {pole.exit}", pole)

# Restart files.
base = run(DECK, args=TT)
cp = run(DECK, args=["-vsna_rank", 2])
if checks.solved(base, "train") and checks.solved(cp, "products"):
    for title, file, options, pattern in (("a file of format cp", cp.h5, TT, r"`vsna_format` is cp there and tensor_train here"), ("a file of format tensor_train", base.h5, ["-vsna_format", "cp", "-vsna_rtol", 1e-2], r"`vsna_format` is tensor_train there and cp here"),
                                          ("another order", base.h5, [*TT, "-vsna_order", "kappa,t,y,x"], r"vsna_order"), ("another tolerance", base.h5, [*TT, "-vsna_rtol", 1e-3], r"vsna_rtol")):
        checks.refused(run(DECK, args=[*options, "-restart", file]), pattern, title)

    def edited(change):
        path = fresh_folder() / "e.h5"
        path.write_bytes(base.h5.read_bytes())
        with h5py.File(path, "r+") as f:
            change(f)
        return path

    def set_stage(f):
        f["state/stage"][...] = 17

    def set_rank(f):
        f["state/rank"][1] += 1

    def set_cells(f):
        f["state/cells"][0] += 5

    def set_format(f):
        f["field"].attrs["format"] = "cp"

    for title, change, pattern in (("an impossible stage", set_stage, r"state"), ("ranks that are not the field's", set_rank, r"different ranks"), ("cells beyond the deck's", set_cells, r"state|cells"), ("state gone", lambda f: f.__delitem__("state/decay"), r"decay"),
                                   ("field called cp", set_format, r"e\.h5|format|columns|field")):
        checks.refused(run(DECK, args=[*TT, "-restart", edited(change)]), pattern, f"restart file with {title}")
checks.end()
