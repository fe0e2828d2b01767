// Values at a block of points for fields in which some direction is not a uniform spline: the entries of SnaBasisEvaluate() with their functions
// (SnaBasisGetIndex), or, with a leaf, the values of its modes, leaf^T B(x). Uniform directions keep the tabulated shapes of field_splines.c.
//
// A constant function does not know its argument, so NaN is set by hand.
#include "field_impl.h"

// Row of each entry in every cell; one piece where all cells have the same. Dropped entries: row 0.
static PetscErrorCode CopyIndex(SnaBasis b, const SnaBasisInfo *info, PetscInt *pieces, PetscInt **index)
{
  const PetscInt *first, *next;
  PetscBool       same = PETSC_TRUE;

  PetscFunctionBeginUser;
  PetscCall(SnaBasisGetIndex(b, 0, &first));
  for (PetscInt c = 1; c < info->cells && same; c++) {
    PetscCall(SnaBasisGetIndex(b, c, &next));
    PetscCall(PetscArraycmp(first, next, (size_t)info->local, &same));
  }
  *pieces = same ? 1 : info->cells;
  PetscCall(PetscMalloc1((size_t)*pieces * (size_t)info->local, index));
  for (PetscInt c = 0; c < *pieces; c++) {
    PetscCall(SnaBasisGetIndex(b, c, &next));
    for (PetscInt a = 0; a < info->local; a++) (*index)[c * info->local + a] = PetscMax(0, next[a]);
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFieldGeneralCreate_Private(
  SnaField f, const PetscInt modes[], const double *const leaf[], SnaFieldWeights *w)
{
  PetscInt widest = 1;

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < f->nd; d++) {
    w->leaf[d]  = leaf ? leaf[d] : NULL;
    w->first[d] = 0;
    if (w->leaf[d]) {
      w->count[d] = w->rows[d] = modes[d];
      w->pieces[d]             = 1;
      PetscCall(PetscMalloc1(modes[d], &w->index[d]));
      for (PetscInt j = 0; j < modes[d]; j++) w->index[d][j] = j;
    } else {
      w->count[d] = f->info[d].local;
      w->rows[d]  = f->info[d].n;
      PetscCall(CopyIndex(f->basis[d], &f->info[d], &w->pieces[d], &w->index[d]));
    }
    widest = PetscMax(widest, f->info[d].local);
  }
  PetscCall(PetscMalloc1((size_t)widest * 2, &w->values));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFieldGeneralOfBlock_Private(
  SnaField f, const SnaFieldWeights *w, PetscBool gradient, PetscInt begin, PetscInt n, const double *const x[])
{
  const PetscInt orders = gradient ? 2 : 1;

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < f->nd; d++) {
    const PetscInt local = f->info[d].local, count = w->count[d];
    const double  *leaf = w->leaf[d];

    for (PetscInt i = 0; i < n; i++) {
      const double    at     = x[d][begin + i];
      double         *weight = w->weight + orders * (i * w->stride + w->begin[d]), *values = leaf ? w->values : weight;
      const PetscInt *index;
      PetscInt        cell;

      if (f->info[d].uniform)
        cell = SnaFieldSplineWeights_Private(f, w, d, gradient, at, values);
      else
        PetscCall(SnaBasisEvaluate(f->basis[d], at, orders - 1, &cell, values));
      PetscCall(SnaBasisGetIndex(f->basis[d], cell, &index));
      w->row[i * f->nd + d] = w->pieces[d] > 1 ? cell : 0;
      for (PetscInt m = 0; m < orders; m++) {
        for (PetscInt a = 0; !leaf && a < local; a++) {
          if (index[a] < 0) weight[m * local + a] = 0;
        }
        if (leaf) {
          for (PetscInt j = 0; j < count; j++) weight[m * count + j] = 0;
          for (PetscInt a = 0; a < local; a++) {
            for (PetscInt j = 0; index[a] >= 0 && j < count; j++)
              weight[m * count + j] += values[m * local + a] * leaf[index[a] * count + j];
          }
        }
      }
      if (PetscIsNanReal(at)) {
        for (PetscInt a = 0; a < orders * count; a++) weight[a] = at;
      }
    }
  }
  PetscFunctionReturn(0);
}
