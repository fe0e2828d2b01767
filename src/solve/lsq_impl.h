// Shared by lsq.c (least squares) and lsq_galerkin.c (weak forms): the distinct 1-D functions of a list of product terms.
#ifndef SNA_LSQ_IMPL_H
#define SNA_LSQ_IMPL_H

#include <sna/solve.h>

#define SNA_LSQ_SAME 1e-13 // two functions scaled to maximum 1 are one function below this difference

typedef struct {    // a 1-D function on nq points, scaled so that its largest value is +1
  PetscInt nq, key; // key: what is done with it (orders of derivatives, ..); functions are equal only where keys are
  double  *g;
} SnaLsqFunction;

typedef struct {
  PetscInt        n, room;
  SnaLsqFunction *f;
} SnaLsqFunctions;

typedef struct { // a product term; value NULL stands for 1
  double        coefficient;
  const double *value[SNA_MAX_DIM];
  PetscInt      nq[SNA_MAX_DIM], key[SNA_MAX_DIM];
} SnaLsqProduct;

// Index of (g, key) in the list, appended (copied) when new.
PetscErrorCode SnaLsqFindOrAppend_Private(
  PetscInt nq, const double *g, PetscInt key, SnaLsqFunctions *list, PetscInt *index);
// Keeps the terms that do not vanish: coefficients with the scales of the functions moved in, index[d][k] of the function of kept term k in list[d].
PetscErrorCode SnaLsqCollapse_Private(PetscInt nd, PetscInt nterm, const SnaLsqProduct term[], PetscInt *nkept,
  double coefficient[], PetscInt *const index[], SnaLsqFunctions list[]);
PetscErrorCode SnaLsqFunctionsDestroy_Private(SnaLsqFunctions *list);
PetscBool      SnaLsqIsOne_Private(const SnaLsqFunction *f);

#endif
