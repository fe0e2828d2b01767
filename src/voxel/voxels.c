// voxels.c - the image itself: create, destroy, duplicate, count.
//
// Planes of z are dealt to the ranks by SnaSplit(), as those of a transform are (sna/fft.h). What an image holds is one byte per voxel and nothing else.
#include <sna/voxel.h>

PetscErrorCode SnaVoxelsCreate(MPI_Comm comm, const PetscInt n[3], const double h[3], SnaVoxels *voxels)
{
  SnaVoxels   v;
  PetscMPIInt rank, size;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCallMPI(MPI_Comm_size(comm, &size));
  for (int d = 0; d < 3; d++) {
    PetscCheck(n[d] > 0 && h[d] > 0, comm, PETSC_ERR_ARG_OUTOFRANGE, "Axis %d has %" PetscInt_FMT " voxels of edge %g",
      d, n[d], h[d]);
  }
  PetscCheck(
    (PetscInt64)n[0] * n[1] <= PETSC_MPI_INT_MAX, comm, PETSC_ERR_ARG_OUTOFRANGE, "A plane of 2^31 voxels or more");
  PetscCheck(size <= n[2], comm, PETSC_ERR_ARG_SIZ, "%d ranks for %" PetscInt_FMT " planes", size, n[2]);
  PetscCall(PetscNew(&v));
  v->comm = comm;
  for (int d = 0; d < 3; d++) {
    v->n[d] = n[d];
    v->h[d] = h[d];
  }
  SnaSplit(n[2], size, rank, &v->z0, &v->nz);
  PetscCall(PetscCalloc1((size_t)n[0] * (size_t)n[1] * (size_t)v->nz, &v->phase));
  *voxels = v;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaVoxelsDestroy(SnaVoxels *voxels)
{
  PetscFunctionBeginUser;
  if (!*voxels) PetscFunctionReturn(0);
  PetscCall(PetscFree((*voxels)->phase));
  PetscCall(PetscFree(*voxels));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaVoxelsDuplicate(SnaVoxels voxels, SnaVoxels *copy)
{
  PetscFunctionBeginUser;
  PetscCall(SnaVoxelsCreate(voxels->comm, voxels->n, voxels->h, copy));
  PetscCall(
    PetscMemcpy((*copy)->phase, voxels->phase, (size_t)voxels->n[0] * (size_t)voxels->n[1] * (size_t)voxels->nz));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaVoxelsCount(SnaVoxels voxels, PetscInt64 count[256])
{
  const size_t n = (size_t)voxels->n[0] * (size_t)voxels->n[1] * (size_t)voxels->nz;

  PetscFunctionBeginUser;
  PetscCall(PetscArrayzero(count, 256));
  for (size_t i = 0; i < n; i++) count[voxels->phase[i]]++;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, count, 256, MPI_INT64_T, MPI_SUM, voxels->comm));
  PetscFunctionReturn(0);
}
