// file_voxels.c - images in HDF5 files: finding them, reading planes on every rank, writing bytes of all ranks.
//
// Reading: every rank opens the file and takes its own planes one by one; the chunk cache holds one layer of chunks (all
// chunks that a plane cuts), so that no chunk is decompressed twice and no more than that layer stands in memory beside
// the caller's data. Writing: chunks of whole planes, about 1 MB, deflated and checksummed by HDF5 on rank 0, to which
// the other ranks send their planes chunk by chunk (two phases compress at some 300 MB/s, which is not what a run waits
// for). Not done: types of more than one number (complex, compound).
#include "io_impl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES   ((hsize_t)1 << 20)
#define LARGEST_CACHE ((size_t)1 << 30) // a worse layout is read slowly instead

// ---------------------------------------------------------------------------------------------------------------------
// Finding
// ---------------------------------------------------------------------------------------------------------------------
// The shape of an open data set if it can be an image: numbers in 3 or 4 dimensions; otherwise its number of dimensions,
// or 0 when it holds no numbers. dims, class: of the set.
static int ImageShape(hid_t set, hsize_t dims[4], PetscBool *bytes)
{
  const hid_t type = H5Dget_type(set), space = H5Dget_space(set);
  const H5T_class_t class = H5Tget_class(type);
  int ndim                = 0;

  if (class == H5T_INTEGER || class == H5T_FLOAT || class == H5T_ENUM) ndim = H5Sget_simple_extent_ndims(space);
  if (ndim == 3 || ndim == 4) (void)H5Sget_simple_extent_dims(space, dims, NULL);
  *bytes = class == H5T_INTEGER && H5Tget_size(type) == 1 && H5Tget_sign(type) == H5T_SGN_NONE;
  SnaHdf5Close(H5Sclose, space);
  SnaHdf5Close(H5Tclose, type);
  return PetscMax(ndim, 0);
}

typedef struct {
  int  count;
  char first[PETSC_MAX_PATH_LEN];
  char list[SNA_MAX_MESSAGE / 2]; // " /a [3][4][5], /b [10][3][4][5]"
} Images;

static herr_t CollectImage(hid_t group, const char *name, const H5L_info_t *info, void *context)
{
  Images   *images = (Images *)context;
  hsize_t   dims[4];
  PetscBool bytes;
  hid_t     object;

  if (info->type != H5L_TYPE_HARD) return 0;
  object = H5Oopen(group, name, H5P_DEFAULT);
  if (object < 0) return 0;
  if (H5Iget_type(object) == H5I_DATASET) {
    const int ndim = ImageShape(object, dims, &bytes);

    if (ndim == 3 || ndim == 4) {
      size_t at = strlen(images->list);

      if (!images->count++) (void)snprintf(images->first, sizeof(images->first), "/%s", name);
      if (at + 100 < sizeof(images->list)) {
        (void)snprintf(images->list + at, sizeof(images->list) - at, "%s/%.200s ", at ? ", " : "", name);
        for (int d = 0; d < ndim; d++) {
          at = strlen(images->list);
          (void)snprintf(images->list + at, sizeof(images->list) - at, "[%llu]", (unsigned long long)dims[d]);
        }
      }
    }
  }
  (void)H5Oclose(object);
  return 0;
}

static void FindOnRoot(SnaFile file, const char name[], SnaFileImage *image)
{
  Images     images  = {0};
  hsize_t    dims[4] = {1, 1, 1, 1};
  hid_t      set;
  H5I_type_t what;
  int        ndim;

  if (!SnaFileAlive(file)) return;
  if (!name || !SnaHdf5Exists(file->h5, name)) {
    if (H5Lvisit(file->h5, H5_INDEX_NAME, H5_ITER_INC, CollectImage, &images) < 0) {
      SnaFileFail(file, "/", "cannot be listed");
      return;
    }
    if (!images.count && name)
      SnaMessageSet(file->message, "%s: has no %s, and no other data set of 3 or 4 dimensions", file->path, name);
    else if (!images.count)
      SnaMessageSet(file->message,
        "%s: holds no data set of 3 or 4 dimensions: an image is [z][y][x], a stack of cells [cell][z][y][x]",
        file->path);
    else if (name)
      SnaMessageSet(file->message, "%s: has no %s; its images are: %s", file->path, name, images.list);
    else if (images.count > 1)
      SnaMessageSet(file->message, "%s: holds %d images: %s; say which, as in %s:%s", file->path, images.count,
        images.list, file->path, images.first);
    if (file->message[0]) return;
    name = images.first;
  }
  (void)snprintf(image->name, sizeof(image->name), "%s", name);
  set = H5Oopen(file->h5, name, H5P_DEFAULT);
  if (set < 0) {
    SnaFileFail(file, name, "cannot be read");
    return;
  }
  what = H5Iget_type(set);
  if (what != H5I_DATASET)
    SnaMessageSet(file->message, "%s: %s is no data set", file->path, name);
  else {
    ndim = ImageShape(set, dims, &image->bytes);
    if (!ndim)
      SnaMessageSet(file->message, "%s: %s does not hold numbers", file->path, name);
    else if (ndim < 3 || ndim > 4)
      SnaMessageSet(file->message, "%s: %s has %d dimensions: an image is [z][y][x], a stack of cells [cell][z][y][x]",
        file->path, name, ndim);
    else {
      image->stack = ndim == 4 ? PETSC_TRUE : PETSC_FALSE;
      image->cells = 1;
      for (int d = 0; d < ndim; d++) {
        if (dims[d] > (hsize_t)PETSC_MAX_INT)
          SnaMessageSet(file->message, "%s: %s has a dimension of %llu, more than this build can count", file->path,
            name, (unsigned long long)dims[d]);
        else if (ndim - 1 - d < 3)
          image->n[ndim - 1 - d] = (PetscInt)dims[d];
        else
          image->cells = (PetscInt)dims[d];
      }
    }
  }
  (void)H5Oclose(set);
}

PetscErrorCode SnaFileFindImage(SnaFile file, const char name[], SnaFileImage *image)
{
  PetscBool go = PETSC_FALSE;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(image, sizeof(*image)));
  if (file->rank == 0) FindOnRoot(file, name, image);
  PetscCall(SnaFileShareOutcome(file, &go));
  if (go) PetscCall(SnaBroadcastBytes(file->comm, sizeof(*image), image));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Reading
// ---------------------------------------------------------------------------------------------------------------------
// Opens the data set with a chunk cache for one layer of chunks.
static hid_t OpenWithLayer(hid_t h5, const SnaFileImage *image)
{
  const hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
  hid_t       set    = H5Dopen2(h5, image->name, H5P_DEFAULT), create, type;
  hsize_t     chunk[4];
  size_t      chunks = 1, bytes;

  if (set < 0) return set;
  create = H5Dget_create_plist(set);
  type   = H5Dget_type(set);
  bytes  = H5Tget_size(type);
  if (H5Pget_layout(create) == H5D_CHUNKED) {
    const int ndim = H5Pget_chunk(create, 4, chunk);

    for (int d = 0; d < ndim; d++) bytes *= (size_t)chunk[d];
    for (int d = ndim - 2; d < ndim; d++) {
      const size_t n = (size_t)image->n[ndim - 1 - d];

      chunks *= (n + (size_t)chunk[d] - 1) / (size_t)chunk[d];
    }
    (void)H5Pset_chunk_cache(access, 100 * chunks + 1, PetscMin(chunks * bytes, LARGEST_CACHE), 1);
    (void)H5Dclose(set);
    set = H5Dopen2(h5, image->name, access);
  }
  SnaHdf5Close(H5Tclose, type);
  SnaHdf5Close(H5Pclose, create);
  SnaHdf5Close(H5Pclose, access);
  return set;
}

PetscErrorCode SnaFileReadPlanes(
  SnaFile file, const SnaFileImage *image, PetscInt cell, PetscInt first, PetscInt count, SnaPlaneTaker take, void *ctx)
{
  const size_t plane  = (size_t)image->n[0] * (size_t)image->n[1];
  const hid_t  memory = image->bytes ? H5T_NATIVE_UCHAR : H5T_NATIVE_DOUBLE;
  hid_t        set    = -1;

  PetscFunctionBeginUser;
  PetscCheck(
    !file->writing && first >= 0 && count >= 0 && first + count <= image->n[2] && cell >= 0 && cell < image->cells,
    PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "%s: planes outside the image, or the file is being written",
    image->name);
  if (!file->message[0] && file->h5 < 0) file->h5 = SnaHdf5Open(file->path, file->message);
  if (!file->message[0]) {
    set = OpenWithLayer(file->h5, image);
    if (set < 0) SnaFileFail(file, image->name, "cannot be read");
  }
  if (set >= 0) {
    const hsize_t extent[4] = {1, 1, (hsize_t)image->n[1], (hsize_t)image->n[0]};
    const int     skip      = image->stack ? 0 : 1;
    // As many dimensions as the data set has: otherwise HDF5 finds the place of each number by itself.
    const hid_t from = H5Dget_space(set), to = H5Screate_simple(4 - skip, extent + skip, NULL);
    void       *data;

    PetscCall(PetscMalloc(plane * (image->bytes ? sizeof(unsigned char) : sizeof(double)), &data));
    for (PetscInt z = first; z < first + count && !file->message[0]; z++) {
      const hsize_t start[4] = {(hsize_t)cell, (hsize_t)z, 0, 0};

      if (H5Sselect_hyperslab(from, H5S_SELECT_SET, start + skip, NULL, extent + skip, NULL) < 0 ||
          H5Dread(set, memory, to, from, H5P_DEFAULT, data) < 0) {
        SnaFileFail(file, image->name, "plane %lld cannot be read: damaged, or of a kind that this HDF5 cannot read",
          (long long)z);
      } else
        PetscCall(take(ctx, z, data));
    }
    PetscCall(PetscFree(data));
    SnaHdf5Close(H5Sclose, to);
    SnaHdf5Close(H5Sclose, from);
    SnaHdf5Close(H5Dclose, set);
  }
  PetscCall(SnaMessageAgree(file->comm, file->message));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Writing
// ---------------------------------------------------------------------------------------------------------------------
static hid_t CreateImage(SnaFile file, const char name[], const PetscInt n[3], const hsize_t chunk[3])
{
  const hsize_t dims[3] = {(hsize_t)n[2], (hsize_t)n[1], (hsize_t)n[0]};
  hid_t         space, create, set;

  if (!SnaFileAlive(file) || !SnaFileMakeParents(file, name)) return -1;
  space  = H5Screate_simple(3, dims, NULL);
  create = H5Pcreate(H5P_DATASET_CREATE);
  (void)H5Pset_chunk(create, 3, chunk);
  (void)H5Pset_fletcher32(create);
  if (H5Zfilter_avail(H5Z_FILTER_DEFLATE) > 0) (void)H5Pset_deflate(create, 3);
  set = H5Dcreate2(file->h5, name, H5T_NATIVE_UCHAR, space, H5P_DEFAULT, create, H5P_DEFAULT);
  if (set < 0) SnaFileFail(file, name, "cannot make the data set");
  SnaHdf5Close(H5Pclose, create);
  SnaHdf5Close(H5Sclose, space);
  return set;
}

PetscErrorCode SnaFileWriteImage(
  SnaFile file, const char name[], const PetscInt n[3], PetscInt nlocal, const unsigned char data[])
{
  const size_t   plane    = (size_t)n[0] * (size_t)n[1];
  const PetscInt layer    = (PetscInt)PetscMin(PetscMax(CHUNK_BYTES / plane, 1), (hsize_t)n[2]); // planes of a chunk
  const hsize_t  chunk[3] = {
     (hsize_t)layer, PetscMin(PetscMax(CHUNK_BYTES / (hsize_t)n[0], 1), (hsize_t)n[1]), (hsize_t)n[0]};
  int64_t        end = nlocal, *ends = NULL; // planes up to and with those of each rank
  PetscMPIInt    size;
  hid_t          set    = -1;
  unsigned char *buffer = NULL;
  PetscBool      go;

  PetscFunctionBeginUser;
  PetscCheck(file->writing && nlocal >= 0 && plane <= PETSC_MPI_INT_MAX, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
    "%s: wrong sizes, or a file open for reading", name);
  PetscCallMPI(MPI_Comm_size(file->comm, &size));
  PetscCallMPI(MPI_Scan(MPI_IN_PLACE, &end, 1, MPI_INT64_T, MPI_SUM, file->comm));
  PetscCall(PetscMalloc1(size, &ends));
  PetscCallMPI(MPI_Allgather(&end, 1, MPI_INT64_T, ends, 1, MPI_INT64_T, file->comm));
  PetscCheck(ends[size - 1] == n[2], PETSC_COMM_SELF, PETSC_ERR_ARG_SIZ, "%s: the ranks hold %lld of %lld planes", name,
    (long long)ends[size - 1], (long long)n[2]);
  if (file->rank == 0) {
    set = CreateImage(file, name, n, chunk);
    PetscCall(PetscMalloc1((size_t)layer * plane, &buffer));
  }
  PetscCall(SnaMessageBroadcast(file->comm, file->message));
  go = file->message[0] ? PETSC_FALSE
                        : PETSC_TRUE; // what fails later is known to rank 0 alone, and the others go on sending
  for (PetscInt z = 0; go && z < n[2]; z += layer) {
    const int64_t top = PetscMin(z + layer, n[2]);

    for (PetscMPIInt r = 0; r < size; r++) {
      const int64_t from = PetscMax((int64_t)z, r ? ends[r - 1] : 0), to = PetscMin(top, ends[r]);
      PetscMPIInt   bytes;

      if (from >= to || (file->rank && file->rank != r)) continue;
      PetscCall(PetscMPIIntCast((PetscInt)(to - from) * (PetscInt)plane, &bytes));
      if (r == file->rank) {
        const unsigned char *mine = data + (size_t)(from - (end - nlocal)) * plane;

        if (r == 0)
          PetscCall(PetscMemcpy(buffer + (size_t)(from - z) * plane, mine, (size_t)bytes));
        else
          PetscCallMPI(MPI_Send(mine, bytes, MPI_BYTE, 0, 0, file->comm));
      } else
        PetscCallMPI(
          MPI_Recv(buffer + (size_t)(from - z) * plane, bytes, MPI_BYTE, r, 0, file->comm, MPI_STATUS_IGNORE));
    }
    if (file->rank == 0 && set >= 0) {
      const hsize_t start[3] = {(hsize_t)z, 0, 0}, count[3] = {(hsize_t)(top - z), (hsize_t)n[1], (hsize_t)n[0]};
      const hid_t   to = H5Dget_space(set), from = H5Screate_simple(3, count, NULL);

      if (H5Sselect_hyperslab(to, H5S_SELECT_SET, start, NULL, count, NULL) < 0 ||
          H5Dwrite(set, H5T_NATIVE_UCHAR, from, to, H5P_DEFAULT, buffer) < 0) {
        SnaFileFail(file, name, "cannot write");
        SnaHdf5Close(H5Dclose, set);
        set = -1;
      }
      SnaHdf5Close(H5Sclose, from);
      SnaHdf5Close(H5Sclose, to);
    }
  }
  SnaHdf5Close(H5Dclose, set);
  PetscCall(PetscFree(buffer));
  PetscCall(PetscFree(ends));
  PetscFunctionReturn(0);
}
