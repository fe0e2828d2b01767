// vsna_error_max.c - the largest |u - reference|: on a regular grid with the ends of every direction, or at random points where a grid would be coarse.
//
// A lower bound of the error in the maximum norm; how close, depends on how smooth the error is between the points.
#include "vsna.h"

#define POINTS 262144
#define FEWEST 9 // points of a direction: with fewer the grid is too coarse
#define BLOCK  1024

PetscErrorCode VsnaErrorMax(SnaModel model, SnaResults results)
{
  const SnaModelInfo *info = &model->info;
  const PetscInt      nd   = info->nd;
  const PetscInt      m    = (PetscInt)(PetscPowReal(POINTS, 1.0 / (double)nd) + 1e-9);
  const PetscBool     grid = (PetscBool)(m >= FEWEST);
  PetscInt            n    = 1, first, count;
  PetscMPIInt         size, rank;
  double             *x[SNA_MAX_DIM], *u, *reference, largest = 0;

  PetscFunctionBeginUser;
  if (!model->reference) PetscFunctionReturn(0);
  for (PetscInt d = 0; d < nd && grid; d++) n *= m;
  if (!grid) n = POINTS;
  PetscCallMPI(MPI_Comm_size(model->comm, &size));
  PetscCallMPI(MPI_Comm_rank(model->comm, &rank));
  SnaSplit(n, size, rank, &first, &count);
  for (PetscInt d = 0; d < nd; d++) PetscCall(PetscMalloc1(BLOCK, &x[d]));
  PetscCall(PetscMalloc2(BLOCK, &u, BLOCK, &reference));
  for (PetscInt at = first; at < first + count; at += BLOCK) {
    const PetscInt b = PetscMin(BLOCK, first + count - at);
    for (PetscInt i = 0; i < b; i++) {
      PetscInt index = at + i;
      for (PetscInt d = 0; d < nd; index /= m, d++) {
        const double s =
          grid ? (double)(index % m) / (double)(m - 1) : SnaRandomUniform(1, (uint64_t)d, (uint64_t)(at + i));
        x[d][i] = info->lo[d] + s * (info->hi[d] - info->lo[d]);
      }
    }
    PetscCall(SnaModelSample(model, 0, b, (const double *const *)x, u, NULL));
    PetscCall(SnaModelSample(model, 1, b, (const double *const *)x, reference, NULL));
    for (PetscInt i = 0; i < b; i++)
      if (PetscAbsReal(u[i] - reference[i]) > largest) largest = PetscAbsReal(u[i] - reference[i]);
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &largest, 1, MPI_DOUBLE, MPI_MAX, model->comm));
  for (PetscInt d = 0; d < nd; d++) PetscCall(PetscFree(x[d]));
  PetscCall(PetscFree2(u, reference));
  if (grid)
    PetscCall(PetscPrintf(
      model->comm, "largest error on a grid of %" PetscInt_FMT " points per direction: %.4e\n", m, largest));
  else
    PetscCall(PetscPrintf(model->comm, "largest error at %" PetscInt_FMT " random points: %.4e\n", n, largest));
  PetscCall(SnaResultsAdd(results, "error_max", largest));
  PetscFunctionReturn(0);
}
