// bytes.c - plain files whose bytes all ranks hold: a head and a tail from rank 0, one contiguous part from each rank between them.
//
// Every rank writes its part at its place, independently (path.c says why); the file appears whole or not at all.
#include "io_impl.h"

PetscErrorCode SnaBytesWrite(MPI_Comm comm, const char path[], size_t nhead, const void *head, size_t nlocal,
  const void *data, size_t ntail, const void *tail, char message[SNA_MAX_MESSAGE])
{
  int64_t     size = (int64_t)nlocal, before = 0, total;
  int         fd = -1;
  MPI_File    part;
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  message[0] = 0;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (rank == 0) size += (int64_t)nhead;
  PetscCallMPI(MPI_Exscan(&size, &before, 1, MPI_INT64_T, MPI_SUM, comm));
  PetscCallMPI(MPI_Allreduce(&size, &total, 1, MPI_INT64_T, MPI_SUM, comm));
  if (rank == 0) {
    before = (int64_t)nhead; // Exscan leaves it undefined there
    fd     = SnaPartOpen(path, message);
  }
  PetscCall(SnaPartOpenAll(comm, path, &part, message));
  if (rank == 0) {
    PetscCall(SnaPartWriteAt(part, path, 0, nhead, head, message));
    PetscCall(SnaPartWriteAt(part, path, (MPI_Offset)total, ntail, tail, message));
  }
  PetscCall(SnaPartWriteAt(part, path, (MPI_Offset)before, nlocal, data, message));
  PetscCall(SnaPartCloseAll(comm, path, &part, message));
  if (rank == 0) SnaPartPublish(fd, path, message);
  PetscCall(SnaMessageBroadcast(comm, message));
  PetscFunctionReturn(0);
}
