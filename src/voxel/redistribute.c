// redistribute.c - the image on fewer ranks: every rank sends each rank of the new communicator the planes that both hold.
//
// Counts are planes, not bytes, so that a share of more than 2^31 bytes fits MPI's int.
#include <sna/voxel.h>

PetscErrorCode SnaVoxelsRedistribute(SnaVoxels voxels, MPI_Comm comm, SnaVoxels *copy)
{
  PetscMPIInt   size, *counts, *send, *receive, *send_at, *receive_at;
  PetscInt      mine[4] = {voxels->z0, voxels->nz, 0, 0}, (*all)[4]; // planes here, planes there
  const uint8_t nothing = 0;
  uint8_t       unused;
  MPI_Datatype  plane;

  PetscFunctionBeginUser;
  *copy = NULL;
  if (comm != MPI_COMM_NULL) {
    PetscCall(SnaVoxelsCreate(comm, voxels->n, voxels->h, copy));
    mine[2] = (*copy)->z0;
    mine[3] = (*copy)->nz;
  }
  PetscCallMPI(MPI_Comm_size(voxels->comm, &size));
  PetscCall(PetscMalloc1(size, &all));
  PetscCall(PetscCalloc1(4 * (size_t)size, &counts));
  send       = counts;
  receive    = counts + size;
  send_at    = counts + 2 * size;
  receive_at = counts + 3 * size;
  PetscCallMPI(MPI_Allgather(mine, 4, MPIU_INT, all, 4, MPIU_INT, voxels->comm));
  for (PetscMPIInt r = 0; r < size; r++) {
    const PetscInt out = PetscMax(mine[0], all[r][2]), out_end = PetscMin(mine[0] + mine[1], all[r][2] + all[r][3]);
    const PetscInt in = PetscMax(mine[2], all[r][0]), in_end = PetscMin(mine[2] + mine[3], all[r][0] + all[r][1]);

    if (out < out_end) {
      send[r]    = (PetscMPIInt)(out_end - out);
      send_at[r] = (PetscMPIInt)(out - mine[0]);
    }
    if (in < in_end) {
      receive[r]    = (PetscMPIInt)(in_end - in);
      receive_at[r] = (PetscMPIInt)(in - mine[2]);
    }
  }
  PetscCallMPI(MPI_Type_contiguous((PetscMPIInt)(voxels->n[0] * voxels->n[1]), MPI_BYTE, &plane));
  PetscCallMPI(MPI_Type_commit(&plane));
  PetscCallMPI(MPI_Alltoallv(voxels->nz ? voxels->phase : &nothing, send, send_at, plane,
    *copy ? (*copy)->phase : &unused, receive, receive_at, plane, voxels->comm));
  PetscCallMPI(MPI_Type_free(&plane));
  PetscCall(PetscFree(counts));
  PetscCall(PetscFree(all));
  PetscFunctionReturn(0);
}
