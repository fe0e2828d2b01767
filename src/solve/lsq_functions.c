// lsq_functions.c - the distinct 1-D functions of a list of product terms.
//
// Every function is scaled to maximum 1 and the scale moved into the term's coefficient; two functions are one when their values on the quadrature
// points agree, whatever the deck called them.
#include "lsq_impl.h"

// Scales the values to maximum 1; *scale = 0 for a function that vanishes on all points. The sign comes from the first point of at least half the
// maximum: an odd function has its maximum at both ends, and round-off decides which is larger.
static void Normalise(PetscInt nq, const double *value, double *g, double *scale)
{
  double largest = 0, sign = 0;

  for (PetscInt q = 0; q < nq; q++) largest = PetscMax(largest, PetscAbsReal(value ? value[q] : 1.0));
  for (PetscInt q = 0; q < nq && sign == 0; q++) {
    const double v = value ? value[q] : 1.0;
    if (PetscAbsReal(v) >= 0.5 * largest) sign = v < 0 ? -1 : 1;
  }
  *scale = sign * largest;
  for (PetscInt q = 0; q < nq; q++) g[q] = largest > 0 ? (value ? value[q] : 1.0) / *scale : 0;
}

PetscErrorCode SnaLsqFindOrAppend_Private(
  PetscInt nq, const double *g, PetscInt key, SnaLsqFunctions *list, PetscInt *index)
{
  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < list->n; i++) {
    double difference = 0;
    if (list->f[i].key != key || list->f[i].nq != nq) continue;
    for (PetscInt q = 0; q < nq; q++) difference = PetscMax(difference, PetscAbsReal(list->f[i].g[q] - g[q]));
    if (difference <= SNA_LSQ_SAME) {
      *index = i;
      PetscFunctionReturn(0);
    }
  }
  if (list->n == list->room) {
    list->room = 2 * list->room + 8;
    PetscCall(PetscRealloc((size_t)list->room * sizeof(SnaLsqFunction), &list->f));
  }
  list->f[list->n] = (SnaLsqFunction){.nq = nq, .key = key};
  PetscCall(PetscMalloc1(nq, &list->f[list->n].g));
  PetscCall(PetscArraycpy(list->f[list->n].g, g, nq));
  *index = list->n++;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaLsqCollapse_Private(PetscInt nd, PetscInt nterm, const SnaLsqProduct term[], PetscInt *nkept,
  double coefficient[], PetscInt *const index[], SnaLsqFunctions list[])
{
  double *g[SNA_MAX_DIM];

  PetscFunctionBeginUser;
  *nkept = 0;
  for (PetscInt k = 0; k < nterm; k++) {
    double s = term[k].coefficient;
    for (PetscInt d = 0; d < nd; d++) {
      double scale;
      PetscCall(PetscMalloc1(term[k].nq[d], &g[d]));
      Normalise(term[k].nq[d], term[k].value[d], g[d], &scale);
      s *= scale;
    }
    for (PetscInt d = 0; d < nd; d++) {
      if (s != 0)
        PetscCall(SnaLsqFindOrAppend_Private(term[k].nq[d], g[d], term[k].key[d], &list[d], &index[d][*nkept]));
      PetscCall(PetscFree(g[d]));
    }
    if (s != 0) coefficient[(*nkept)++] = s;
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaLsqFunctionsDestroy_Private(SnaLsqFunctions *list)
{
  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < list->n; i++) PetscCall(PetscFree(list->f[i].g));
  PetscCall(PetscFree(list->f));
  list->n = list->room = 0;
  PetscFunctionReturn(0);
}

PetscBool SnaLsqIsOne_Private(const SnaLsqFunction *f)
{
  for (PetscInt q = 0; q < f->nq; q++)
    if (PetscAbsReal(f->g[q] - 1) > SNA_LSQ_SAME) return PETSC_FALSE;
  return PETSC_TRUE;
}
