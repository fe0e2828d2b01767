// loss.c - the loss of all rows and its gradient in double precision, the same bits on any number of ranks.
//
//   squares   1/(2N) sum (y - target)^2          softmax   1/N sum (log sum_k exp y_k - y_class)
//
// Rows come in blocks of ROWS, which are the same rows on any number of ranks (SnaRowsDeal); what is added over them is exact (sums.c).
#include "fit_impl.h"
#include <math.h>

// One pass over the rows. sum: [0] targets, their squares and residuals' squares per output in three groups; see the offsets in SnaFitEvaluate.
typedef struct {
  PetscInt n;
  double  *block, largest;
  int64_t *sum;
} Group;

static PetscErrorCode GroupCreate(PetscInt n, Group *g)
{
  PetscFunctionBeginUser;
  *g = (Group){.n = n};
  PetscCall(PetscMalloc2(n, &g->block, n, &g->sum));
  PetscFunctionReturn(0);
}

static void GroupAdd(Group *g, double scale)
{
  const double largest = SnaExactAddD(g->n, g->block, scale, g->sum);

  g->largest = PetscMax(g->largest, largest);
}

// Softmax of one block: y becomes the probabilities minus the class, e[row] the loss, hit[row] whether the largest is the class.
void SnaSoftmaxBlock(PetscInt nout, PetscInt n, const double target[], double y[], double e[], double hit[])
{
  for (PetscInt i = 0; i < n; i++) {
    const PetscInt class = (PetscInt)target[i];
    double   sum = 0, top = y[i];
    PetscInt best = 0;

    for (PetscInt o = 1; o < nout; o++)
      if (y[o * ROWS + i] > top) {
        top  = y[o * ROWS + i];
        best = o;
      }
    for (PetscInt o = 0; o < nout; o++) sum += exp(y[o * ROWS + i] - top);
    e[i]   = top + log(sum) - y[class * ROWS + i];
    hit[i] = best == class;
    for (PetscInt o = 0; o < nout; o++) y[o * ROWS + i] = exp(y[o * ROWS + i] - top) / sum - (o == class);
  }
}

#define REAL    float
#define NAME(x) x##F
#include "residual_body.h"
#define REAL    double
#define NAME(x) x##D
#include "residual_body.h"

PetscErrorCode SnaFitEvaluate(
  SnaFit fit, const SnaSamples *rows, const double theta[], double *loss, double *r2, double gradient[])
{
  SnaSeparable    s    = fit->s;
  const PetscInt  nout = s->o.nout, np = s->np;
  const PetscBool squares = (PetscBool)(fit->o.loss == SNA_FIT_SQUARES);
  const int       where[] = {SNA_SCALE_TARGET, SNA_SCALE_LOSS, SNA_SCALE_GRADIENT};
  PetscInt64      nblock  = (rows->total + ROWS - 1) / ROWS;
  Group           group[3];
  double         *y, *work, *g16 = NULL, *out;
  void           *memory;
  PetscBool       valid = PETSC_FALSE;

  PetscFunctionBeginUser;
  PetscCall(GroupCreate(2 * nout, &group[0]));
  PetscCall(GroupCreate(2 * nout, &group[1])); // squares or log likelihood; hits
  PetscCall(GroupCreate(gradient ? np : 0, &group[2]));
  PetscCall(SnaAlignedMalloc((s->d.work + (size_t)nout * ROWS) * sizeof(double), &work));
  PetscCall(SnaAlignedMalloc(SnaBlockBytes(s, PETSC_FALSE, PETSC_FALSE), &memory));
  PetscCall(PetscMalloc1(PetscMax(4 * nout, np), &out));
  if (gradient) PetscCall(SnaAlignedMalloc((size_t)np * 16 * sizeof(double), &g16));
  y = work + s->d.work;
  while (!valid) {
    for (int k = 0; k < 3; k++) {
      group[k].largest = 0;
      PetscCall(PetscArrayzero(group[k].sum, group[k].n));
    }
    for (PetscInt first = 0; first < rows->n; first += ROWS) {
      const PetscInt n = PetscMin(ROWS, rows->n - first);
      BlockD         b;

      SnaBlockFillD(s, first, n, rows->t, PETSC_FALSE, memory, &b);
      s->d.forward(s, theta, &b, y, work);
      PetscCall(PetscArrayzero(group[0].block, 2 * nout));
      PetscCall(PetscArrayzero(group[1].block, 2 * nout));
      if (squares)
        for (PetscInt o = 0; o < nout; o++) {
          const double *target = rows->y[o] + first;
          double       *yo     = y + o * ROWS;

          for (PetscInt i = 0; i < n; i++) {
            yo[i] -= target[i];
            group[0].block[o] += target[i];
            group[0].block[nout + o] += target[i] * target[i];
            group[1].block[o] += yo[i] * yo[i];
          }
        }
      else {
        double e[ROWS], hit[ROWS];

        SnaSoftmaxBlock(nout, n, rows->y[0] + first, y, e, hit);
        for (PetscInt i = 0; i < n; i++) {
          group[1].block[0] += e[i];
          group[1].block[1] += hit[i];
        }
      }
      GroupAdd(&group[0], fit->scale[where[0]]);
      GroupAdd(&group[1], fit->scale[where[1]]);
      if (gradient) {
        for (PetscInt o = 0; o < nout; o++)
          for (PetscInt i = n; i < ROWS; i++) y[o * ROWS + i] = 0;
        PetscCall(PetscArrayzero(g16, (size_t)np * 16));
        s->d.gradient(s, theta, &b, y, g16, work);
        for (PetscInt p = 0; p < np; p++) {
          double sum = 0;

          for (int l = 0; l < 16; l++) sum += g16[p * 16 + l];
          group[2].block[p] = sum;
        }
        GroupAdd(&group[2], fit->scale[where[2]]);
      }
    }
    valid = PETSC_TRUE;
    for (int k = 0; k < (gradient ? 3 : 2); k++) {
      PetscBool one;

      PetscCall(SnaExactIsValid(fit->comm, group[k].largest, nblock, &fit->scale[where[k]], &one));
      valid = (PetscBool)(valid && one);
    }
  }
  PetscCall(SnaExactReduce(fit->comm, 2 * nout, group[0].sum, fit->scale[where[0]], out));
  PetscCall(SnaExactReduce(fit->comm, 2 * nout, group[1].sum, fit->scale[where[1]], out + 2 * nout));
  const double N = (double)PetscMax(1, rows->total), *residual = out + 2 * nout;
  *loss = 0;
  *r2   = 0;
  for (PetscInt o = 0; o < nout && squares; o++) {
    const double mean = out[o] / N, variance = out[nout + o] / N - mean * mean;

    *loss += residual[o] / (2 * N);
    *r2 += (1 - residual[o] / N / variance) / (double)nout;
  }
  if (!squares) {
    *loss = residual[0] / N;
    *r2   = residual[1] / N;
  }
  if (gradient) {
    PetscCall(SnaExactReduce(fit->comm, np, group[2].sum, fit->scale[where[2]], gradient));
    for (PetscInt p = 0; p < np; p++) gradient[p] /= N;
  }
  for (int k = 0; k < 3; k++) PetscCall(PetscFree2(group[k].block, group[k].sum));
  PetscCall(SnaAlignedFree(&work));
  PetscCall(SnaAlignedFree(&memory));
  PetscCall(PetscFree(out));
  PetscCall(SnaAlignedFree(&g16));
  PetscFunctionReturn(0);
}
