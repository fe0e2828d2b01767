// read_hdf5.c - images in HDF5 files, through src/io: data sets of shape [z][y][x] or [cell][z][y][x].
#include "voxel_impl.h"
#include <stdio.h>

static PetscErrorCode Hdf5Info(
  MPI_Comm comm, const SnaVoxelsFile *file, SnaVoxelsHeader *header, char message[SNA_MAX_MESSAGE])
{
  char        path[PETSC_MAX_PATH_LEN], name[PETSC_MAX_PATH_LEN];
  const char *dataset;
  SnaFile     h5;

  PetscFunctionBeginUser;
  (void)SnaPathSplitHdf5(file->file, path, &dataset);
  if (dataset) (void)snprintf(name, sizeof(name), "%s%s", *dataset == '/' ? "" : "/", dataset);
  PetscCall(SnaFileOpen(comm, path, &h5));
  PetscCall(SnaFileFindImage(h5, dataset ? name : NULL, &header->image));
  PetscCall(SnaFileClose(&h5, message));
  header->stack = header->image.stack;
  header->cells = header->image.cells;
  for (int d = 0; d < 3; d++) header->n[d] = header->image.n[d];
  header->number.kind  = header->image.bytes ? 'u' : 'f'; // as SnaFileReadPlanes() gives them
  header->number.bytes = header->image.bytes ? 1 : 8;
  PetscFunctionReturn(0);
}

typedef struct {
  const SnaVoxelsFile   *file;
  const SnaVoxelsHeader *header;
  SnaVoxels              voxels;
  char                  *message;
} Taker;

static PetscErrorCode TakePlane(void *ctx, PetscInt z, const void *values)
{
  const Taker    *to    = (const Taker *)ctx;
  const PetscInt *n     = to->voxels->n;
  const size_t    plane = (size_t)n[0] * (size_t)n[1];

  PetscFunctionBeginUser;
  SnaNumbersToPhases(to->file, to->header, (int64_t)z * (int64_t)plane, plane, values,
    to->voxels->phase + (size_t)(z - to->voxels->z0) * plane, to->message);
  PetscFunctionReturn(0);
}

static PetscErrorCode Hdf5Read(const SnaVoxelsFile *file, const SnaVoxelsHeader *header, PetscInt cell,
  SnaVoxels voxels, char message[SNA_MAX_MESSAGE])
{
  Taker       to = {.file = file, .header = header, .voxels = voxels, .message = message};
  char        path[PETSC_MAX_PATH_LEN], unread[SNA_MAX_MESSAGE];
  const char *dataset;
  SnaFile     h5;

  PetscFunctionBeginUser;
  (void)SnaPathSplitHdf5(file->file, path, &dataset);
  PetscCall(SnaFileOpen(voxels->comm, path, &h5));
  PetscCall(SnaFileReadPlanes(h5, &header->image, cell, voxels->z0, voxels->nz, TakePlane, &to));
  PetscCall(SnaFileClose(&h5, unread));
  if (unread[0]) SnaMessageSet(message, "%s", unread);
  PetscFunctionReturn(0);
}

const SnaVoxelsFormat SnaVoxelsFormatHdf5 = {.collective = PETSC_TRUE, .info = Hdf5Info, .read = Hdf5Read};
