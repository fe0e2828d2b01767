# timeout: 120
"""rank: auto ends at the first rung whose indicator meets rtol, and the true error is then within the factor that doc/theory.md states; stopped and continued
gives the numbers of one run, on 1 and 2 ranks; unmet targets end with exit 3 and say why; what is wrong in the deck is told.

References are closed forms: a pulse carried by every speed at once, and the sum of eight modes of a reaction-diffusion equation.
"""
import pathlib
import sys

import h5py

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import Checks, run

checks = Checks()
FACTOR = 2.5  # between indicator and error where the rank limits the error

TRANSPORT = """
model: vsna
case: transport
dim:
  - x: {domain: [-1, 2], degree: 3, cells: 60, bc: dirichlet}
  - t: {domain: [0, 1], degree: 3, cells: 20, initial: true}
  - c: {domain: [0.2, 1], degree: 3, cells: 16}
pde:
  unknown: u
  term:
    - rate: d(t)
    - advection: c * d(x)
  initial:
    - pulse: exp(-x^2/(2*0.15^2))
  reference: exp(-(x - c*t)^2/(2*0.15^2))
vsna:
  rank: auto
  rtol: 0.02
  ladder: [2, 3, 4, 6, 8, 12, 16, 24, 32]
"""
MODES = range(1, 9)
REACTION = f"""
model: vsna
case: reaction
dim:
  - x: {{domain: [0, 1], degree: 3, cells: 40, bc: dirichlet}}
  - mu: {{domain: [1, 200], degree: 3, cells: 40}}
pde:
  unknown: u
  form: galerkin
  term:
    - diffusion: -d(x)( d(x) )
    - reaction: mu
  source:
{chr(10).join(f"    - s{k}: sin({k}*pi*x)" for k in MODES)}
  reference: "{' + '.join(f'sin({k}*pi*x)/(({k}*pi)^2 + mu)' for k in MODES)}"
vsna:
  rank: auto
  rtol: 1e-2
  ladder: [1, 2, 3, 4, 5, 6, 7, 8]
"""


def rungs(done):
    with h5py.File(done.h5) as file:
        return file["state/auto/rung"][...]  # rank, sweeps, indicator, ...


def met(done, rtol, what):
    q = done.results
    if not checks.solved(done, what):
        return False
    table = rungs(done)
    checks.that(q["indicator"] <= rtol and all(not 0 <= row[2] <= rtol for row in table[:-1]), f"{what}: ends at the first rung that meets {rtol:g}: "
                f"rank {q['rank']:.0f}, indicator {q['indicator']:.2e}", done)
    checks.that(1 / FACTOR <= q["indicator"] / q["error_l2"] <= FACTOR, f"{what}: error {q['error_l2']:.2e}, ratio {q['indicator'] / q['error_l2']:.2f}", done)
    checks.that(0 <= q["seconds_ladder"] <= q["seconds"] and 0 <= q["share_last_rung"] <= 1, f"{what}: the ladder's own cost, last rung {q['share_last_rung']:.2f}")
    checks.that(len([line for line in (done.out + done.err).splitlines() if "error about" in line]) >= 1, f"{what}: progress lines show it", done)
    return True


# ---- the target and the true error ----
loose = run(TRANSPORT, np=1, args=["-vsna_rtol", 0.1])
one = run(TRANSPORT, np=1)
if met(loose, 0.1, "transport, rtol 0.1") and met(one, 0.02, "transport, rtol 0.02"):
    checks.that(one.results["rank"] > loose.results["rank"], "a smaller rtol takes a higher rank")
met(run(REACTION, np=1), 1e-2, "reaction, galerkin")

# ---- the same on 2 ranks, and continued: at the end of a rung, and inside the last one ----
SAME = ("rank", "indicator", "objective", "sweeps", "error_l2")


def same(a, b, what):
    checks.that(a.exit == 0 and b.exit == 0 and all(a.results.get(k) == b.results.get(k) for k in SAME),
                f"{what}: " + ", ".join(f"{k} {a.results.get(k)} {b.results.get(k)}" for k in SAME), b)


same(one, run(TRANSPORT, np=2), "1 and 2 ranks")
ends = rungs(one)[:, 1]
for sweeps in (int(ends[2]), int(ends[-2]) + 3):  # the second needs the rung before from the file
    part = run(TRANSPORT, np=1, args=["-vsna_als_max_sweeps", sweeps])
    checks.that(part.exit == 3 and part.h5 is not None, f"stopped after sweep {sweeps}", part)
    if part.h5:
        same(one, run(None, np=1, cwd=part.cwd, args=["case.deck", "-restart", part.h5.relative_to(part.cwd), "-case", "again"]), f"stopped after sweep {sweeps} and continued")
again = run(None, np=1, cwd=one.cwd, args=["case.deck", "-restart", one.h5.relative_to(one.cwd), "-case", "again"])
checks.that(again.exit == 0 and again.results.get("objective") == one.results["objective"], "a finished run has nothing to do", again)

# ---- not met ----
short = run(TRANSPORT, np=1, args=["-vsna_max_rank", 6])
checks.that(short.exit == 3 and short.h5 is not None and "raise vsna: max_rank" in short.err and short.results.get("rank") == 6, "max_rank comes first: exit 3", short)
further = run(None, np=1, cwd=short.cwd, args=["case.deck", "-restart", short.h5.relative_to(short.cwd), "-force"])
met(further, 0.02, "continued to a higher max_rank")
checks.that(further.results.get("rank", 0) > 6, "it goes on to higher ranks")
floor = run(TRANSPORT, np=1, args=["-dim_x_cells", 12, "-vsna_rtol", 1e-6])
checks.that(floor.exit == 3 and "use more cells" in floor.err and floor.results.get("rank", 99) < 32, "the bases' limit: exit 3 before the end of the ladder", floor)

# ---- wrong decks ----
for args, text in ((["-vsna_rank", "automatic"], "or `auto`"), (["-vsna_rtol", 0], "vsna_rtol"), (["-vsna_max_rank", 0], "vsna_max_rank"),
                   (["-vsna_restarts", 2], "rank: auto ends every restart at a rank of its own")):
    refused = run(TRANSPORT, np=1, args=args)
    checks.that(refused.exit == 2 and text in (refused.out + refused.err).replace("vsna: rtol", "vsna_rtol"), f"refused: {' '.join(map(str, args))}", refused)
checks.end()
