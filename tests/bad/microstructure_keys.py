"""Wrong keys of `model: microstructure` and restart files that do not fit: exit code 2, a message that names the key and the cure, nothing left behind."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import h5py
from run_case import SOURCE, Checks, run

checks = Checks()
DECK = (SOURCE / "inputs" / "microstructure" / "cells.deck").read_text()


def refused(title, options, patterns, deck=DECK, np=1):
    checks.refused(run(deck, np=np, args=options), patterns, title)


refused("an unknown family", ["-generator_family", "gyroid"], [r"-generator_family", r"bicontinuous, schwarz_p, iwp, frd, neovius"])
refused("too few voxels", ["-generator_n", 4], r"-generator_n: .*8\.\.512|-generator_n: .* must be in")
refused("no cells", ["-generator_cells", 0], r"-generator_cells: ")
refused("volume fraction below what the faces hold", ["-generator_fraction", "0.01,0.3"], r"-generator_fraction: .*faces of 32\^3 voxels they lie between 0\.0\d+ and 0\.9\d+")
refused("volume fraction above what the faces leave", ["-generator_fraction", "0.5,0.99"], r"-generator_fraction: .*between")
refused("volume fractions reversed", ["-generator_fraction", "0.6,0.3"], r"-generator_fraction: .*the lower comes first")
refused("ligaments thicker than a quarter", ["-generator_min_ligament", 9], r"-generator_min_ligament: .*1 to 8")
line = DECK.splitlines().index("  min_ligament: 3                       # voxels") + 1
refused("the same in the deck, with its line", [], rf"case\.deck:{line}: .*1 to 8", deck=DECK.replace("min_ligament: 3 ", "min_ligament: 9 "))
refused("an unknown physics", ["-label_physics", "elastic"], r"-label_physics: `elastic` is not known; choose elasticity, conductivity, permeability")
refused("Poisson's ratio 0.5", ["-label_poisson", 0.5], r"-label_poisson: 0\.5: .*between -1 and 0\.5")
refused("a modulus of 0", ["-label_young", 0], r"-label_young: ")
refused("two tolerances", ["-label_rtol", "1e-4,1e-3"], r"-label_rtol: one tolerance for all, or three")
refused("a key that does not exist", ["-generator_cell", 5], r"generator_cell.*did you mean.*generator_cells|generator_cells")
refused("more memory than there is", ["-generator_n", 512, "-generator_cells", 1000000], r"-generator_n: 1000000 cells of 512\^3 voxels .* GB, and it has .* GB")
refused("several errors at once", ["-generator_fraction", "0.6,0.3", "-label_poisson", 0.6], [r"-generator_fraction: ", r"-label_poisson: "])

# Restart files
few = ["-label_physics=", "-generator_n", 16, "-generator_cells", 4, "-generator_fraction", "0.3,0.5"]
done = run(DECK, args=few)
if checks.solved(done):
    with open(done.h5, "rb") as f:
        data = f.read()
    (done.cwd / "short.h5").write_bytes(data[: len(data) // 2])
    checks.refused(run(DECK, cwd=done.cwd, args=[*few, "-case", "again", "-restart", "short.h5"]), r"short\.h5", "a truncated restart file")
    checks.refused(run(DECK, cwd=done.cwd, args=[*few, "-case", "again", "-generator_seed", 2, "-restart", "out/cells/cells.h5"]), r"made from another deck: `generator_seed`", "another seed")
    (done.cwd / "odd.h5").write_bytes(data)
    with h5py.File(done.cwd / "odd.h5", "r+") as f:
        del f["cells/extra"]
    checks.refused(run(DECK, cwd=done.cwd, args=[*few, "-case", "again", "-restart", "odd.h5"]), r"odd\.h5: has no /cells/extra", "a restart file without a table")
    (done.cwd / "small.h5").write_bytes(data)
    with h5py.File(done.cwd / "small.h5", "r+") as f:
        del f["cells/octant"]
        f["cells/octant"] = [[[[1.0]]]]
    checks.refused(run(DECK, cwd=done.cwd, args=[*few, "-case", "again", "-restart", "small.h5"]), r"small\.h5: /cells/octant is no stack of octants of 16\^3 voxels", "octants of another size")
checks.end()
