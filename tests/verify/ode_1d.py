"""One direction: u' + u = 0, u(0) = 1 has u = exp(-t); and u'' = -pi^2 sin(pi x) with both ends fixed. No separation is left, so one sweep solves them."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import Checks, run

DECAY = """---
model: vsna
case: decay
dim:
  - t: {domain: [0, 2], degree: 4, cells: 16, initial: true}
pde:
  unknown: u
  term:
    - rate: d(t)
    - loss: 1
  initial:
    - start: 1
  reference: exp(-t)
vsna: {rank: 1}
"""
BEAM = """---
model: vsna
case: string
param:
  - load: 2*pi
dim:
  - x: {domain: [0, 1], degree: 5, cells: 10, bc: dirichlet}
pde:
  unknown: w
  term:
    - bend: d(x,2)
  source:
    - f: -(load/2)^2 * sin(load*x/2)
  reference: sin(pi*x)
vsna: {rank: 1}
"""
checks = Checks()
for deck, np, bound in ((DECAY, 1, 1e-8), (DECAY, 2, 1e-8), (BEAM, 2, 1e-7)):
    done = run(deck, np=np)
    if checks.solved(done, f"{deck.split('case: ')[1].split()[0]} on {np} ranks"):
        checks.below(done.results["error_l2"], bound, "error", done)
checks.end()
