// to_cp.c - the CP of rank R nearest to a tensor train in L2: a ladder of ranks, each rung first on its new columns, then on all.
//
//   for R in 8, 12, 16, 24, 32, 48, ... up to the target
//     append columns: random modes, small
//     alternating least squares on the new columns alone (cp_fit.c)
//     damped Gauss-Newton on all (cp_newton.c)
//
// Random columns are functions of the seed, the direction and the column. The distance comes from a difference of numbers near 1: values below 1e-8 are noise, and the
// ladder ends early where that is reached; the remaining columns are zero. A local minimum is all that is promised.
#include "cp_fit.h"

#define FIRST_RANK   8
#define FIRST_SWEEPS 10   // of the first rung
#define NEW_SWEEPS   5    // of the new columns of a rung
#define RUNG_STEPS   5    // Gauss-Newton steps of a rung but the last
#define FIRST_COLUMN 1e-2 // norm of a column of the first rung, the train has norm 1
#define NEW_COLUMN   1e-3 // of a new one, relative to the mean

static PetscInt NextRank(PetscInt R, PetscInt target)
{
  PetscInt power = 1;

  if (R == 0) return PetscMin(FIRST_RANK, target);
  while (2 * power <= R) power *= 2;
  return PetscMin(R + PetscMax(1, power / 2), target);
}

static void AppendColumns(SnaTtFit *fit, PetscInt c0, uint64_t seed)
{
  const PetscInt nd = fit->tt->nd, R = fit->R;

  for (PetscInt k = 0; k < nd; k++) {
    const PetscInt m    = fit->tt->m[k];
    double        *A    = fit->now.A + fit->offset[k] * R;
    double         size = c0 == 0 ? PetscPowReal(FIRST_COLUMN / (double)R, 1 / (double)nd) : 0;

    for (PetscInt c = 0; c < R; c++) {
      double norm2 = 0;
      if (c == c0 && c0 > 0) size *= PetscPowReal(NEW_COLUMN, 1 / (double)nd) / (double)c0;
      for (PetscInt j = 0; j < m; j++) {
        if (c >= c0) A[c * m + j] = SnaRandomNormal(seed, (uint64_t)k, (uint64_t)(c * m + j));
        norm2 += PetscSqr(A[c * m + j]);
      }
      if (c < c0) size += PetscSqrtReal(norm2);
      for (PetscInt j = 0; j < m && c >= c0; j++) A[c * m + j] *= size / PetscSqrtReal(norm2);
    }
  }
}

// The train is orthonormal with centre 0.
static double Norm(SnaTt tt)
{
  double norm2 = 0;

  for (PetscInt i = 0; i < tt->m[0] * tt->r[1]; i++) norm2 += PetscSqr(tt->core[0][i]);
  return PetscSqrtReal(norm2);
}

PetscErrorCode SnaTtToCP(
  MPI_Comm comm, SnaTtSpace space, SnaTt train, const SnaTtToCPOptions *options, double *C[], double *error)
{
  const PetscInt R = options->rank;
  SnaTtFit       fit;
  SnaTt          tt;
  double         norm, scale;

  PetscFunctionBeginUser;
  PetscCheck(R >= 1, comm, PETSC_ERR_ARG_OUTOFRANGE, "rank %" PetscInt_FMT, R);
  PetscCall(SnaTtDuplicate(train, &tt));
  PetscCall(SnaTtOrthonormalise(space, tt, 0));
  norm  = Norm(tt);
  scale = PetscPowReal(norm, 1 / (double)tt->nd);
  for (PetscInt i = 0; i < tt->m[0] * tt->r[1] && norm > 0; i++) tt->core[0][i] /= norm;
  PetscCall(SnaTtFitInitialise_Private(comm, tt, &fit));
  fit.now.objective = norm > 0 ? 1 : 0;
  while (fit.R < R && fit.now.objective > SNA_FIT_FLOOR) {
    const PetscInt old = fit.R;
    PetscCall(SnaTtFitResize_Private(&fit, NextRank(old, R)));
    AppendColumns(&fit, old, options->seed);
    PetscCall(SnaTtFitSweeps_Private(&fit, old, old == 0 ? FIRST_SWEEPS : NEW_SWEEPS));
    PetscCall(SnaTtFitNewton_Private(&fit, fit.R == R ? options->sweeps : RUNG_STEPS, options->rtol));
  }
  *error = PetscSqrtReal(PetscMax(0, fit.now.objective));
  if (fit.R < R) PetscCall(SnaTtFitResize_Private(&fit, R));
  for (PetscInt k = 0; k < tt->nd; k++) {
    double *A = fit.now.A + fit.offset[k] * R;
    for (PetscInt i = 0; i < tt->m[k] * R; i++) A[i] *= scale;
    PetscCall(PetscMalloc1((size_t)tt->n[k] * (size_t)R, &C[tt->dir[k]]));
    PetscCall(
      SnaTtGemm_Private("T", "N", R, tt->n[k], tt->m[k], A, tt->m[k], tt->leaf[k], tt->m[k], 0, C[tt->dir[k]], R));
  }
  PetscCall(SnaTtFitFinalise_Private(&fit));
  PetscCall(SnaTtDestroy(&tt));
  PetscFunctionReturn(0);
}
