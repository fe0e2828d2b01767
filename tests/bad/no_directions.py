"""Models without directions: slices, coordinates, samples and inversion are refused with their line, before anything is written; so are pictures of a model that has none."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import SOURCE, Checks, run

DECK = """---
model: homogenize
case: cell
shape: {kind: frame, n: 8}
phase:
  - solid: {value: 1, young: 1}
  - void: {value: 0}
"""
checks = Checks()
good = run(DECK, np=1)
checks.solved(good)
added = DECK.count("\n") + 1  # the line of what is added
for text, line, message in (("output:\n  slice:\n    - mid: {axes: [x, y]}\n", added + 1, "model `homogenize` has no directions to slice; its fields are written as voxel grids"),
                            ("coordinates:\n  space:\n    - r: [0, 1]\n", added + 1, "model `homogenize` has no directions that other coordinates could map to"),
                            ("coordinates:\n  map:\n    - r: x\n", added + 1, "model `homogenize` has no directions to map to")):
    checks.refused(run(DECK + text, np=2), rf"case\.deck:{line}: .*{message}", text.split("\n")[1].strip())
for words, message in ((["-sample", "points.csv", "-restart", good.h5], "-sample: model `homogenize` has no directions to sample in"),
                       (["-invert", "u=1", "-restart", good.h5], "-invert: model `homogenize` has no directions to search in")):
    checks.refused(run(DECK, np=1, args=words), message, words[0])
    checks.refused(run(np=1, args=words), message, f"{words[0]} without a deck")
checks.refused(run(DECK + "insitu: {script: none.py}\n", np=1), r"case\.deck:8: .*cannot read `none\.py`", "a missing script")
checks.refused(run((SOURCE / "inputs/microstructure/cells.deck").read_text(), np=1, args=["-generator_cells", 1, "-insitu_every", 1]), "model `microstructure` has no pictures", "pictures of a model without")
checks.end()
