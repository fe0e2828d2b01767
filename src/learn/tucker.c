// tucker.c - a core over all directions (Tucker, Psychometrika 31 (1966) 279, with functions for indices):
//
//   y_o = sum_{J,K} G[o][J][K] P_J Q_K,    P_J = prod_{d < h} u_{d,j_d}(t_d),   Q_K = prod_{d >= h} u_{d,k_d}(t_d),   h = nd/2
//
// The multi-index is cut in two halves, so that the work space is rank^(nd/2) rows and not rank^(nd-1), and the sum over the core a matrix product.
// dy_o/du goes back through both halves as products were built, one direction at a time, which is exact where a factor is zero.
// Cost rank^nd per row: for few directions or small ranks.
#include "learn_impl.h"

// Work space, in rows of ROWS numbers. level k of a half has rank^k products of its first k directions.
typedef struct {
  PetscInt h, nleft, nright; // rank^h, rank^(nd-h)
  size_t   u, du, slope;     // nd * rank each
  size_t   left, right;      // levels 0..h and 0..nd-h, one after the other
  size_t   P, Q;             // the last of each
  size_t   M;                // sum_K G[o][J][K] Q_K: nout * nleft
  size_t   C;                // v_o P_J: nout * nleft
  size_t   down;             // dy/dP or dy/dQ: max(nleft, nright)
  size_t   total;
} Layout;

static size_t Take(Layout *l, size_t rows)
{
  const size_t at = l->total;

  l->total += rows * ROWS;
  return at;
}

static Layout GetLayout(SnaSeparable s)
{
  const PetscInt rank  = s->o.rank;
  const size_t   atoms = (size_t)(s->o.nd * rank);
  Layout         l     = {.h = s->o.nd / 2, .nleft = 1, .nright = 1};
  size_t         levels;

  l.u     = Take(&l, atoms);
  l.du    = Take(&l, atoms);
  l.slope = Take(&l, atoms);
  levels  = 1;
  for (PetscInt d = 0; d < l.h; d++) levels += (size_t)(l.nleft *= rank);
  l.left = Take(&l, levels);
  l.P    = l.total - (size_t)l.nleft * ROWS;
  levels = 1;
  for (PetscInt d = l.h; d < s->o.nd; d++) levels += (size_t)(l.nright *= rank);
  l.right = Take(&l, levels);
  l.Q     = l.total - (size_t)l.nright * ROWS;
  l.M     = Take(&l, (size_t)(s->o.nout * l.nleft));
  l.C     = Take(&l, (size_t)(s->o.nout * l.nleft));
  l.down  = Take(&l, (size_t)PetscMax(l.nleft, l.nright));
  return l;
}

#define REAL    float
#define NAME(x) x##F
#define BLOCK   BlockF
#define LANES   16
#include "tucker_body.h"
#define REAL    double
#define NAME(x) x##D
#define BLOCK   BlockD
#define LANES   8
#include "tucker_body.h"

PetscErrorCode SnaSeparableSetUp_Tucker(SnaSeparable s)
{
  const Layout l = GetLayout(s);

  PetscFunctionBeginUser;
  s->nblock   = s->o.nd + 1;
  s->start[0] = 0;
  for (PetscInt d = 0; d < s->o.nd; d++) s->start[d + 1] = s->start[d] + s->o.rank * s->table[d].n;
  s->np = s->start[s->nblock] = s->start[s->o.nd] + s->o.nout * l.nleft * l.nright;
  s->f = (EngineF){.work = l.total, .forward = ForwardF, .gradient = GradientF, .jacobian = JacobianF, .slope = SlopeF};
  s->d = (EngineD){.work = l.total, .forward = ForwardD, .gradient = GradientD, .jacobian = JacobianD, .slope = SlopeD};
  PetscFunctionReturn(0);
}
