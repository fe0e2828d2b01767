// tensor_train.c - a train of matrices of 1-D functions (Oseledets, SIAM J. Sci. Comput. 33 (2011) 2295, with functions for indices):
//
//   y_o = G_0(t_0)[o, :] G_1(t_1) ... G_{nd-1}(t_{nd-1})[:, 0],       G_d(t)[a, b] = sum_i W_d[a][b][i] B_i(t)
//   dy_o/dG_d[a, b] = left_d[o, a] right_{d+1}[b],   left_{d+1} = left_d G_d, left_0 = 1,   right_d = G_d right_{d+1}, right_nd = 1
//
// All outputs share the products from the right. The order of the directions is that of the inputs; ranks are fixed.
#include "learn_impl.h"

// Work space, in rows of ROWS numbers: all G_d, all right_d, two left vectors (matrices of nout rows in Slope), one G' and G' right.
typedef struct {
  size_t G[SNA_MAX_DIM], right[SNA_MAX_DIM + 1], left, next, slope, product, total;
} Layout;

static Layout GetLayout(SnaSeparable s)
{
  Layout l    = {.total = 0};
  size_t rmax = 1, Gmax = 1;

  for (PetscInt d = 0; d <= s->o.nd; d++) {
    const size_t r = (size_t)s->r[d];

    rmax       = PetscMax(rmax, r);
    l.right[d] = l.total;
    l.total += r * ROWS;
    if (d == s->o.nd) break;
    Gmax   = PetscMax(Gmax, r * (size_t)s->r[d + 1]);
    l.G[d] = l.total;
    l.total += r * (size_t)s->r[d + 1] * ROWS;
  }
  l.left = l.total;
  l.total += (size_t)s->o.nout * rmax * ROWS;
  l.next = l.total;
  l.total += (size_t)s->o.nout * rmax * ROWS;
  l.slope = l.total;
  l.total += Gmax * ROWS;
  l.product = l.total;
  l.total += rmax * ROWS;
  return l;
}

#define REAL    float
#define NAME(x) x##F
#define BLOCK   BlockF
#define LANES   16
#include "tensor_train_body.h"
#define REAL    double
#define NAME(x) x##D
#define BLOCK   BlockD
#define LANES   8
#include "tensor_train_body.h"

PetscErrorCode SnaSeparableSetUp_TensorTrain(SnaSeparable s)
{
  PetscFunctionBeginUser;
  s->nblock   = s->o.nd;
  s->start[0] = 0;
  for (PetscInt d = 0; d < s->o.nd; d++) s->start[d + 1] = s->start[d] + s->r[d] * s->r[d + 1] * s->table[d].n;
  s->np = s->start[s->o.nd];
  s->f  = (EngineF){
     .work = GetLayout(s).total, .forward = ForwardF, .gradient = GradientF, .jacobian = JacobianF, .slope = SlopeF};
  s->d =
    (EngineD){.work = s->f.work, .forward = ForwardD, .gradient = GradientD, .jacobian = JacobianD, .slope = SlopeD};
  PetscFunctionReturn(0);
}
