// products.c - sums of products of 1-D functions: additive, quadratic and CP models, every mode a product over its own subset of the inputs.
//
//   y_o = sum_m A[o][m] sigma(M_m),   M_m = prod_{d in S_m} u_{m,d}(t_d),   dM_m/du_{m,d} = (product of the factors before d) * (product of those after)
//
// The derivative by exclusive products is exact where a factor is zero (models.md, 0).
#include "fit_impl.h"
#include <math.h>

// Work space, in rows of ROWS numbers: values u and products P of the factors before, per function; derivatives Q per function; M and activation per mode.
#define VALUE(w, s)      (w)
#define BEFORE(w, s)     ((w) + (s)->offset[(s)->o.nd] * ROWS)
#define DERIVATIVE(w, s) ((w) + 2 * (s)->offset[(s)->o.nd] * ROWS)
#define PRODUCT(w, s)    ((w) + 3 * (s)->offset[(s)->o.nd] * ROWS)
#define ATOM(w, s)       (PRODUCT(w, s) + (s)->nmode * ROWS)
#define SLOPE(w, s)      (ATOM(w, s) + (s)->nmode * ROWS)

#define REAL    float
#define NAME(x) x##F
#define BLOCK   BlockF
#define LANES   16
#define EXP     expf
#define LOG1P   log1pf
#define TANH    tanhf
#include "products_body.h"
#define REAL    double
#define NAME(x) x##D
#define BLOCK   BlockD
#define LANES   8
#define EXP     exp
#define LOG1P   log1p
#define TANH    tanh
#include "products_body.h"

static PetscErrorCode NumberModes(SnaSeparable s)
{
  const SnaInteraction *in     = &s->o.interaction;
  const PetscInt        copies = s->o.learned ? 1 : s->o.nout;
  PetscInt              per = 0, next[SNA_MAX_DIM] = {0};

  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < in->nsubset; k++) per += in->rank[k];
  s->nmode = copies * per;
  s->full  = PETSC_TRUE;
  PetscCall(PetscMalloc3(s->nmode, &s->mode, s->nmode, &s->owner, s->nmode + 1, &s->first));
  for (PetscInt c = 0, m = 0; c < copies; c++)
    for (PetscInt k = 0; k < in->nsubset; k++)
      for (PetscInt r = 0; r < in->rank[k]; r++, m++) {
        s->mode[m]  = in->subset[k];
        s->owner[m] = s->o.learned ? -1 : c;
      }
  s->offset[0] = 0;
  for (PetscInt d = 0; d < s->o.nd; d++) {
    s->nof[d] = 0;
    for (PetscInt m = 0; m < s->nmode; m++) s->nof[d] += (PetscInt)(s->mode[m] >> d & 1);
    if (s->nof[d] < s->nmode) s->full = PETSC_FALSE;
    PetscCall(PetscMalloc1(s->nof[d], &s->of[d]));
    s->offset[d + 1] = s->offset[d] + s->nof[d];
  }
  PetscCall(PetscMalloc1(s->offset[s->o.nd], &s->factor));
  for (PetscInt m = 0, n = 0; m < s->nmode; m++) {
    s->first[m] = n;
    for (PetscInt d = 0; d < s->o.nd; d++)
      if (s->mode[m] >> d & 1) {
        s->of[d][next[d]] = m;
        s->factor[n++]    = s->offset[d] + next[d]++;
      }
    s->first[m + 1] = n;
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaSeparableSetUp_Products(SnaSeparable s)
{
  PetscInt functions;

  PetscFunctionBeginUser;
  PetscCall(NumberModes(s));
  s->nblock   = s->o.nd;
  s->start[0] = 0;
  for (PetscInt d = 0; d < s->o.nd; d++) s->start[d + 1] = s->start[d] + s->nof[d] * s->table[d].n;
  if (s->o.learned) {
    s->start[s->nblock + 1] = s->start[s->nblock] + s->o.nout * s->nmode;
    s->nblock++;
  }
  s->np     = s->start[s->nblock];
  functions = s->offset[s->o.nd];
  s->f      = (EngineF){.work = (size_t)(4 * functions + 2 * s->nmode) * ROWS,
         .forward             = ForwardF,
         .gradient            = GradientF,
         .jacobian            = JacobianF,
         .slope               = SlopeF};
  s->d =
    (EngineD){.work = s->f.work, .forward = ForwardD, .gradient = GradientD, .jacobian = JacobianD, .slope = SlopeD};
  PetscFunctionReturn(0);
}

// Root mean squares of the coefficients of a mode's functions become their geometric mean.
void SnaSeparableBalance(SnaSeparable s)
{
  if (s->o.kind != SNA_SEPARABLE_PRODUCTS || s->o.activation != SNA_IDENTITY) return;
  for (PetscInt m = 0; m < s->nmode; m++) {
    const PetscInt n = s->first[m + 1] - s->first[m];
    double         norm[SNA_MAX_DIM], mean = 0;

    for (int pass = 0; pass < 2; pass++)
      for (PetscInt j = 0, d = 0; j < n; j++) {
        double *w, square = 0;

        while (s->factor[s->first[m] + j] >= s->offset[d + 1]) d++;
        w = s->theta + s->start[d] + (s->factor[s->first[m] + j] - s->offset[d]) * s->table[d].n;
        if (pass == 0) {
          for (PetscInt i = 0; i < s->table[d].n; i++) square += w[i] * w[i];
          norm[j] = sqrt(square / (double)s->table[d].n);
          mean += log(norm[j]) / (double)n; // -inf where a function vanishes: then nothing is done
        } else if (isfinite(mean))
          for (PetscInt i = 0; i < s->table[d].n; i++) w[i] *= exp(mean) / norm[j];
      }
  }
}

PetscErrorCode SnaSeparableDestroy_Products(SnaSeparable s)
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree3(s->mode, s->owner, s->first));
  for (PetscInt d = 0; d < s->o.nd; d++) PetscCall(PetscFree(s->of[d]));
  PetscCall(PetscFree(s->factor));
  PetscFunctionReturn(0);
}
