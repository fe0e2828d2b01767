// file_bytes.c - stacks of images, [cell][z][y][x], one byte per voxel, that rank 0 hands over one by one.
//
// A chunk is one image, or as many of its planes as make about 1 MB, so that a reader of one image decompresses nothing else; deflated and checksummed
// by HDF5. Reading is that of any image, SnaFileReadPlanes(). Does not: images of different sizes.
#include "io_impl.h"

#define CHUNK_BYTES ((hsize_t)1 << 20)

PetscErrorCode SnaFileWriteStack(
  SnaFile file, const char name[], PetscInt count, const PetscInt n[3], SnaImageGiver give, void *ctx)
{
  const hsize_t  dims[4]  = {(hsize_t)count, (hsize_t)n[2], (hsize_t)n[1], (hsize_t)n[0]};
  const hsize_t  image[4] = {1, dims[1], dims[2], dims[3]}, plane = dims[2] * dims[3];
  const hsize_t  chunk[4] = {1, PetscMin(PetscMax(CHUNK_BYTES / plane, 1), dims[1]), dims[2], dims[3]};
  hid_t          space, memory, create, set;
  unsigned char *data;

  PetscFunctionBeginUser;
  PetscCheck(file->writing && count > 0 && plane, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
    "%s: wrong sizes, or a file open for reading", name);
  if (file->rank || !SnaFileAlive(file) || !SnaFileMakeParents(file, name)) PetscFunctionReturn(0);
  space  = H5Screate_simple(4, dims, NULL);
  memory = H5Screate_simple(4, image, NULL);
  create = H5Pcreate(H5P_DATASET_CREATE);
  (void)H5Pset_chunk(create, 4, chunk);
  (void)H5Pset_fletcher32(create);
  if (H5Zfilter_avail(H5Z_FILTER_DEFLATE) > 0) (void)H5Pset_deflate(create, 4);
  set = H5Dcreate2(file->h5, name, H5T_NATIVE_UCHAR, space, H5P_DEFAULT, create, H5P_DEFAULT);
  if (set < 0) SnaFileFail(file, name, "cannot make the data set");
  PetscCall(PetscMalloc1((size_t)(image[1] * plane), &data));
  for (PetscInt i = 0; i < count && !file->message[0]; i++) {
    const hsize_t start[4] = {(hsize_t)i, 0, 0, 0};

    PetscCall(give(ctx, i, data));
    if (H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, image, NULL) < 0 ||
        H5Dwrite(set, H5T_NATIVE_UCHAR, memory, space, H5P_DEFAULT, data) < 0)
      SnaFileFail(file, name, "cannot write");
  }
  PetscCall(PetscFree(data));
  SnaHdf5Close(H5Dclose, set);
  SnaHdf5Close(H5Pclose, create);
  SnaHdf5Close(H5Sclose, memory);
  SnaHdf5Close(H5Sclose, space);
  (void)SnaFileAlive(file);
  PetscFunctionReturn(0);
}
