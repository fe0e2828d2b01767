"""Decks of `model: homogenize` that are wrong: exit code 2, the line, and a message that names the cure. The limit of iterations: exit code 3, marked in the file."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import h5py

from run_case import Checks, run

checks = Checks()
DECK = """---
model: homogenize
case: cell
physics: elasticity
shape: {kind: frame, n: 8, width: 0.25}
phase:
  - void: {value: 0}
  - solid: {value: 1, young: 1, poisson: 0.3}
"""


def line_of(deck, text):
    return next(i for i, line in enumerate(deck.splitlines(), 1) if text in line)


def refused(title, old, new, pattern, line=None):
    """The deck with `old` replaced (None: a line added) is refused at the line that holds `line`, or `new`."""
    deck = DECK + new + "\n" if old is None else DECK.replace(old, new)
    assert deck != DECK, title
    at = line_of(deck, line or new)
    checks.refused(run(deck, np=1), rf"case\.deck:{at}: .*{pattern}", title)


# The cell
refused("unknown physics", "physics: elasticity", "physics: elasticty", r"`elasticty` is not known; did you mean `elasticity`\?")
refused("unknown shape", "kind: frame", "kind: frme", r"= frme must be one of homogeneous, laminate, .*did you mean `frame`", line="kind: frme")
refused("a width that is no whole number of voxels", "width: 0.25", "width: 0.3", r"voxels along x: take 2/8 or 3/8", line="width: 0.3")
refused("a key of another shape", "width: 0.25", "radius: 0.25", r"a shape of kind frame does not use it; those that do: spheres cylinders tube", line="radius")
refused("two numbers of voxels", "n: 8", "n: [8, 8]", r"give one number, or three", line="n: [8, 8]")
refused("no voxels", "n: 8", "n: 0", r"must be in 1", line="n: 0")
refused("edge and length", None, "voxels: {edge: 1, length: 1}", r"edge and length say the same")
refused("negative edge", None, "voxels: {edge: -1}", r"positive")
checks.refused(run(DECK.replace("shape: {kind: frame, n: 8, width: 0.25}\n", ""), np=1), r"no cell: give `shape:", "no cell")
checks.refused(run(DECK, np=1, args=["-voxels_file", "a.npy"]), r"-voxels_file: the deck has a shape as well.*-shape_kind=", "a shape and a file")

# Phases
refused("modulus 0", "young: 1", "young: 0", r"positive")
refused("negative modulus", "young: 1", "young: -3", r"positive")
refused("nu = 0.5", "poisson: 0.3", "poisson: 0.5", r"between -1 and 0\.5, both excluded")
refused("nu = -1", "poisson: 0.3", "poisson: -1", r"between -1 and 0\.5, both excluded")
refused("nu beyond 0.5", "poisson: 0.3", "poisson: 0.6", r"must be in -1\.\.0\.5")
refused("nu without modulus", "young: 1, ", "", r"poisson without young", line="poisson")
refused("a value twice", "void: {value: 0}", "void: {value: 1}", r"1 is the value of phase void already", line="solid:")
refused("a value beyond a byte", "void: {value: 0}", "void: {value: 256}", r"must be in 0\.\.255")
refused("no value", "void: {value: 0}", "void: {young: 1}", r"missing key `phase: void: value`")
refused("20 numbers of stiffness", "young: 1, poisson: 0.3", "stiffness: [" + ", ".join(["1"] * 20) + "]", r"20 numbers: the upper triangle of a stiffness has 21", line="stiffness")
refused("a stiffness that is not positive", "young: 1, poisson: 0.3", "stiffness: [" + ", ".join(["1"] * 21) + "]", r"not positive definite", line="stiffness")
refused("stiffness and young", "young: 1,", "young: 1, stiffness: [" + ", ".join(["1"] * 21) + "],", r"leave out young and poisson, or the stiffness", line="stiffness")
refused("conductivity 0", "young: 1", "young: 1, conductivity: 0", r"above 0; leave the key out for an insulator", line="conductivity")
refused("two conductivities", "young: 1", "young: 1, conductivity: [1, 2]", r"give 1, 3 .* or 6", line="conductivity")
refused("nothing stiff", "young: 1, poisson: 0.3", "flow: solid", r"elasticity, but no phase has `young`", line="phase:")
refused("nothing conducts", "physics: elasticity", "physics: conductivity", r"no phase has a `conductivity`", line="phase:")
deck = DECK.replace("physics: elasticity", "physics: permeability").replace("void: {value: 0}", "void: {value: 0, flow: solid}")
checks.refused(run(deck, np=1), r"no phase is fluid: give one of them `flow: fluid`", "nothing fluid")
deck = DECK.replace("physics: elasticity", "physics: permeability").replace("young: 1, poisson: 0.3", "flow: fluid")
checks.refused(run(deck, np=1), r"every phase is fluid: give the solid `flow: solid`", "all fluid")
refused("a value that is no phase", "value: 0", "value: 5", r"holds the value 0 \(432 voxels\), which no phase has", line="shape:")

# Loads, states, fields
refused("a load that is none", None, "homogenize: {load: [11, 44]}", r"`44` is no load")
refused("a field that is none", None, "homogenize: {fields: strian}", r"`strian` is no field: elasticity has displacement, strain, stress, energy")
refused("a field of another physics", None, "homogenize: {fields: velocity}", r"belongs to a physics that the deck does not ask for")
refused("a state with an unknown name", None, 'homogenize: {macroscopic: "e11=0.1, f22=0"}', r"f22=0` should be e11=VALUE")
refused("a state without number", None, 'homogenize: {macroscopic: "e11=x"}', r"e11: .*unknown name `x`")
refused("a state given twice", None, 'homogenize: {macroscopic: "e11=1, s11=0"}', r"component 11 is given twice")
refused("a state without the whole stiffness", None, 'homogenize: {macroscopic: "e11=1", load: [11]}', r"needs the whole stiffness")
refused("a tolerance of 0", None, "homogenize: {rtol: 0}", r"must be in")
refused("an octant that is none", "width: 0.25", "width: 0.375}\nhomogenize: {symmetry: octant", r"not its own mirror image about the middle of xyz", line="symmetry: octant")
refused("cubic without symmetry", None, "homogenize: {cubic: true, symmetry: none}", r"goes with `symmetry: auto` alone")
refused("an unknown key", None, "homogenize: {rtoll: 1e-4}", r"unknown key `homogenize: rtoll`; did you mean `rtol`\?")
refused("a batch of a shape", None, "batch: {cells: all}", r"takes its images from a file")

# Memory: the estimate is printed before anything is allocated
big = run(DECK.replace("n: 8", "n: 8192"), np=2)
checks.refused(big, r"8192 x 8192 x 8192 voxels \(as an octant\) need about [\d.e+]+ GB on 2 ranks; [\d.e+]+ GB are available: more machines, fewer voxels, .*`homogenize: memory`", "a grid beyond the memory")
checks.that(big.seconds < 20, f"  and at once: {big.seconds:.1f} s")
checks.refused(run(DECK, np=1, args=["-homogenize_memory", 1e-6]), r"need about .* GB on 1 rank; 1e-06 GB are available", "a memory that is not enough")

# More ranks than planes: some wait, the numbers are the same
few, one = run(DECK.replace("n: 8", "n: [8, 8, 4]"), np=3), run(DECK.replace("n: 8", "n: [8, 8, 4]"), np=1)
checks.solved(few, "more ranks than planes of the octant")
if few.results and one.results:
    checks.close(few.results["C11"], one.results["C11"], 1e-10, "  C11 as on one rank")

# The limit of iterations
limit = run(DECK, np=1, args=["-homogenize_max_it", 3])
checks.that(limit.exit == 3 and limit.results.get("converged") == 0, f"limit of iterations: exit {limit.exit}, converged {limit.results.get('converged')}", limit)
checks.that("not converged after 3 iterations" in limit.out and "not converged; the files hold" in limit.out, "  says so", limit)
if limit.h5:
    with h5py.File(limit.h5) as f:
        checks.that(f["homogenize/C"].attrs["converged"] == 0, "  marked in the file")
    more = run(DECK, np=1, args=["-restart", limit.h5, "-case", "more"])
    checks.solved(more, "  going on from it")
    done = run(DECK, np=1)
    if done.results and more.results:
        checks.close(more.results["C11"], done.results["C11"], 1e-8, "  to the same C11")

# A restart file of another deck, or of another model
checks.refused(run(DECK, np=1, args=["-restart", limit.h5, "-case", "other", "-phase_solid_young", 2]), r"another deck: `phase_solid_young` is 1 there and 2 here", "restart with another modulus")
checks.end()
