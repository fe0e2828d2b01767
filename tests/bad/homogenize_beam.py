"""Wrong keys of a beam of cells: exit code 2, a message that names the key and the cure, nothing left behind."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import SOURCE, Checks, run

checks = Checks()
DECK = (SOURCE / "inputs" / "homogenize" / "beam.deck").read_text()


def refused(title, options, patterns, deck=DECK, np=1):
    checks.refused(run(deck, np=np, args=options), patterns, title)


refused("a volume fraction of 1", ["-beam_fraction", "1,0.25"], r"-beam_fraction: .*faces of 16\^3 voxels they lie between 0\.\d+ and 0\.\d+")
refused("a volume fraction of 0", ["-beam_fraction", "0.65,0"], r"-beam_fraction: .*between")
refused("a volume fraction above 1", ["-beam_fraction", "0.65,1.25"], r"-beam_fraction: .*1\.25 must be in|-beam_fraction: ")
refused("one cell", ["-beam_cells", 1], r"-beam_cells: ")
refused("no candidates", ["-beam_candidates", 0], r"-beam_candidates: ")
refused("too few voxels", ["-beam_n", 4], r"-beam_n: ")
refused("an unknown family", ["-beam_family", "gyroid"], [r"-beam_family", r"bicontinuous, schwarz_p, iwp, frd, neovius"])
refused("a target that falls below 0", ["-beam_target", "0.3 - 0.4*x"], r"-beam_target: -0\.0\d+ at x = 0\.7\d+, phi = 0\.3\d+: a modulus is above 0 in every cell")
refused("a target that is no number", ["-beam_target", "1/(x - 0.0125)"], r"-beam_target: (-?inf|-?nan) at x = 0\.0125")
refused("a target with an unknown name", ["-beam_target", "0.4*y"], r"-beam_target: column 5: unknown name `y`")
refused("a shape beside the beam", ["-shape_kind", "frame"], r"-shape_kind: a beam makes its own cells: leave the shape out, or the beam")
refused("an image beside the beam", ["-voxels_file", "a.npy"], r"-voxels_file: a beam makes its own cells: leave the image out")
refused("a batch beside the beam", ["-batch_cells", "all"], r"-batch_cells: the cells of a beam are a batch")
refused("cells that are no cubes", ["-voxels_length", "1,1,2"], r"-voxels_length: the cells of a beam are cubes: give one number")
refused("no stiffness", ["-physics", "permeability"], r"-physics: a beam needs the stiffness: add elasticity")
refused("half the stiffness", ["-homogenize_load", "11,22"], r"-homogenize_load: a beam needs the whole stiffness")
line = DECK.splitlines().index("phase:") + 1
refused("no material for the pores", [], rf"case\.deck:{line}: .*values 0 \(pores\) and 1 \(solid\), and no phase has 0", deck=DECK.replace("  - pore: {value: 0}\n", ""))
refused("no material for the solid", ["-phase_solid_value", 2], r"and no phase has 1")
refused("a refinement", ["-homogenize_refine", 2], r"-homogenize_refine: ")
refused("fields", ["-homogenize_fields", "stress"], r"-homogenize_fields: ")
refused("a misspelt key", ["-beam_candidate", 3], r"beam_candidate.*beam_candidates")
refused("keys of a beam without its cells", ["-shape_kind", "frame"], r"fraction", deck=DECK.replace("  cells: 40\n", ""))
refused("a grid larger than memory", ["-beam_one_grid", "-homogenize_memory", 0.05], r"-beam_one_grid: the beam as one grid, 1280 x 32 x 32 voxels, needs about 0\.\d+ GB on 1 rank; 0\.05 GB are available")
refused("several errors at once", ["-beam_cells", 1, "-beam_target", "x - 1"], [r"-beam_cells: ", r"-beam_target: "])
checks.end()
