// file_grid.c - grids of voxels whose planes are distributed over the ranks.
//
// A chunk of the dataset is one plane with its checksum (Fletcher32); planes of bytes are compressed before that. HDF5's
// parallel writing would do both, but leaves ranks waiting on a full disk (sink.c). So three steps replace it:
//
//   filter    every rank puts its planes through HDF5's filters, in an HDF5 file of one chunk in its own memory
//   place     rank 0 tells HDF5 the size of each chunk and learns from the sink where it goes (nothing is written)
//   write     every rank writes its filtered planes there, one MPI-IO write per plane
//
// The size of a plane that is not compressed is known before it is filtered, so it is filtered while writing; compressed
// planes wait in memory. Reading is HDF5's own, on every rank.
#include "io_impl.h"
#include <limits.h>
#include <string.h>

#define DEFLATE_LEVEL 4
#define CHECKSUM      4 // bytes that Fletcher32 adds

typedef struct {
  hid_t  file, set, type;
  int    ndim;
  size_t bytes; // of a plane, unfiltered
} Filter;

typedef struct { // one call of SnaFileWriteGrid
  PetscInt       nz, n[3], ncomp;
  PetscBool      packed; // compressed
  size_t         value;  // bytes per number
  const uint8_t *data;
  uint8_t       *plane;
} Grid;

static hid_t MemoryType(SnaGridType type)
{
  return type == SNA_GRID_BYTE ? H5T_NATIVE_UINT8 : H5T_NATIVE_FLOAT;
}

// How a plane is stored; `dims` is the shape of a plane, [1][n1][n0] or [1][n1][n0][ncomp].
static hid_t PlaneProperties(PetscBool packed, int ndim, const hsize_t dims[])
{
  const hid_t create = H5Pcreate(H5P_DATASET_CREATE);

  (void)H5Pset_chunk(create, ndim, dims);
  (void)H5Pset_fill_time(create, H5D_FILL_TIME_NEVER);
  if (packed) (void)H5Pset_deflate(create, DEFLATE_LEVEL);
  (void)H5Pset_fletcher32(create);
  return create;
}

// Component planes become one plane with the components last.
static void Interleave(const Grid *g, PetscInt k, float *to)
{
  const size_t points = (size_t)g->n[0] * (size_t)g->n[1], ncomp = (size_t)g->ncomp;
  const float *from = (const float *)(const void *)g->data + (size_t)k * ncomp * points;

  for (size_t c = 0; c < ncomp; c++)
    for (size_t i = 0; i < points; i++) to[i * ncomp + c] = from[c * points + i];
}

static void Deinterleave(size_t points, size_t ncomp, const float *from, float *to)
{
  for (size_t c = 0; c < ncomp; c++)
    for (size_t i = 0; i < points; i++) to[c * points + i] = from[i * ncomp + c];
}

// ---------------------------------------------------------------------------------------------------------------------
// Filtering: an HDF5 file in memory whose one dataset is one plane
// ---------------------------------------------------------------------------------------------------------------------
static void FilterOpen(Filter *f, PetscBool packed, hid_t type, int ndim, const hsize_t dims[4])
{
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS), nocache = H5Pcreate(H5P_DATASET_ACCESS);
  const hid_t space = H5Screate_simple(ndim, dims, NULL), create = PlaneProperties(packed, ndim, dims);

  (void)H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
  (void)H5Pset_fapl_core(access, (size_t)1 << 20, 0);
  (void)H5Pset_chunk_cache(nocache, 0, 0, 0); // a plane that is written is filtered at once
  f->type = type;
  f->ndim = ndim;
  f->file = H5Fcreate("plane", H5F_ACC_TRUNC, H5P_DEFAULT, access);
  f->set  = H5Dcreate2(f->file, "plane", type, space, H5P_DEFAULT, create, nocache);
  SnaHdf5Close(H5Pclose, create);
  SnaHdf5Close(H5Sclose, space);
  SnaHdf5Close(H5Pclose, nocache);
  SnaHdf5Close(H5Pclose, access);
}

static void FilterClose(Filter *f)
{
  SnaHdf5Close(H5Dclose, f->set);
  SnaHdf5Close(H5Fclose, f->file);
}

// Plane k as HDF5 stores it, in `to`, which has room for `room` bytes; *bytes is its length.
static void FilterPlane(
  SnaFile file, const char name[], const Filter *f, const Grid *g, PetscInt k, size_t room, uint8_t *to, size_t *bytes)
{
  const hsize_t  first[4] = {0, 0, 0, 0};
  const uint8_t *plane    = g->data + (size_t)k * f->bytes;
  hsize_t        size     = 0;
  uint32_t       skipped  = 0;

  if (g->ncomp > 1) {
    Interleave(g, k, (float *)(void *)g->plane);
    plane = g->plane;
  }
  if (f->set < 0 || H5Dwrite(f->set, f->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, plane) < 0 ||
      H5Dget_chunk_storage_size(f->set, first, &size) < 0 || size > room ||
      H5Dread_chunk(f->set, H5P_DEFAULT, first, &skipped, to) < 0 || skipped)
    SnaFileFail(file, name, "cannot be compressed or given a checksum");
  *bytes = (size_t)size;
}

// ---------------------------------------------------------------------------------------------------------------------
// Placing
// ---------------------------------------------------------------------------------------------------------------------
// at[k]: the address of chunk k, which takes size[k] bytes. Rank 0.
static PetscErrorCode PlaceChunks(SnaFile file, const char name[], PetscBool packed, hid_t type, int ndim,
  const hsize_t dims[4], const int64_t size[], int64_t at[])
{
  hsize_t  chunk[4] = {1, dims[1], dims[2], dims[3]}, first[4] = {0, 0, 0, 0};
  hid_t    space, create, set;
  int64_t  largest = 1;
  uint8_t *nothing;

  PetscFunctionBeginUser;
  if (!SnaFileAlive(file) || !SnaFileMakeParents(file, name)) PetscFunctionReturn(0);
  for (hsize_t k = 0; k < dims[0]; k++) largest = PetscMax(largest, size[k]);
  PetscCall(PetscCalloc1((size_t)largest, &nothing)); // HDF5 passes it on to the sink, which does not look at it
  space  = H5Screate_simple(ndim, dims, NULL);
  create = PlaneProperties(packed, ndim, chunk);
  set    = H5Dcreate2(file->h5, name, type, space, H5P_DEFAULT, create, H5P_DEFAULT);
  if (set < 0) SnaFileFail(file, name, "cannot make the dataset");
  file->sink->placing = PETSC_TRUE;
  for (hsize_t k = 0; k < dims[0] && SnaFileAlive(file); k++) {
    first[0]          = k;
    file->sink->bytes = 0;
    if (H5Dwrite_chunk(set, H5P_DEFAULT, 0, first, (size_t)size[k], nothing) < 0 ||
        file->sink->bytes != (size_t)size[k])
      SnaFileFail(file, name, "cannot place plane %llu", (unsigned long long)k);
    at[k] = (int64_t)file->sink->place;
  }
  SnaHdf5Close(H5Dclose, set);
  file->sink->placing = PETSC_FALSE;
  SnaHdf5Close(H5Pclose, create);
  SnaHdf5Close(H5Sclose, space);
  PetscCall(PetscFree(nothing));
  PetscFunctionReturn(0);
}

// size[] holds the sizes of this rank's chunks and 0 elsewhere; at[] becomes all addresses. Collective.
static PetscErrorCode ShareChunks(SnaFile file, const char name[], PetscBool packed, hid_t type, int ndim,
  const hsize_t dims[4], int64_t size[], int64_t at[])
{
  const PetscMPIInt count = (PetscMPIInt)dims[0];

  PetscFunctionBeginUser;
  if (file->rank == 0) {
    PetscCallMPI(MPI_Reduce(MPI_IN_PLACE, size, count, MPI_INT64_T, MPI_SUM, 0, file->comm));
    PetscCall(PlaceChunks(file, name, packed, type, ndim, dims, size, at));
  } else
    PetscCallMPI(MPI_Reduce(size, NULL, count, MPI_INT64_T, MPI_SUM, 0, file->comm));
  PetscCall(SnaMessageBroadcast(file->comm, file->message));
  if (!file->message[0]) PetscCallMPI(MPI_Bcast(at, count, MPI_INT64_T, 0, file->comm));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Writing
// ---------------------------------------------------------------------------------------------------------------------
// All planes of this rank, filtered, one after the other; size[k] of plane k. PetscFree(*packed).
static PetscErrorCode PackPlanes(
  SnaFile file, const char name[], const Filter *f, const Grid *g, int64_t size[], uint8_t **packed)
{
  const size_t room = f->bytes + f->bytes / 64 + 1024; // deflate may add a little
  size_t       end = 0, capacity = 0;

  PetscFunctionBeginUser;
  *packed = NULL;
  for (PetscInt k = 0; k < g->nz && !file->message[0]; k++) {
    size_t bytes = 0;

    if (end + room > capacity) {
      capacity = PetscMax(2 * capacity, end + room);
      PetscCall(PetscRealloc(capacity, packed));
    }
    FilterPlane(file, name, f, g, k, room, *packed + end, &bytes);
    size[k] = (int64_t)bytes;
    end += bytes;
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode WritePlanes(SnaFile file, const char name[], const Filter *f, const Grid *g, const int64_t size[],
  const int64_t at[], const uint8_t *packed)
{
  MPI_File part;
  uint8_t *filtered = NULL;

  PetscFunctionBeginUser;
  if (!packed) PetscCall(PetscMalloc1(f->bytes + CHECKSUM, &filtered));
  PetscCall(SnaPartOpenAll(file->comm, file->path, &part, file->message));
  for (PetscInt k = 0; k < g->nz && !file->message[0]; k++) {
    const uint8_t *from  = packed;
    size_t         bytes = (size_t)size[k];

    if (!packed) {
      FilterPlane(file, name, f, g, k, f->bytes + CHECKSUM, filtered, &bytes);
      from = filtered;
      PetscCheck(file->message[0] || bytes == (size_t)size[k], PETSC_COMM_SELF, PETSC_ERR_PLIB,
        "%s: a checksum of %zd bytes", name, (ssize_t)(bytes - f->bytes));
      if (file->message[0]) break;
    } else
      packed += bytes;
    PetscCall(SnaPartWriteAt(part, file->path, (MPI_Offset)at[k], bytes, from, file->message));
  }
  PetscCall(SnaPartCloseAll(file->comm, file->path, &part, file->message));
  PetscCall(PetscFree(filtered));
  PetscFunctionReturn(0);
}

static PetscErrorCode CheckPlanes(SnaFile file, const char name[], const PetscInt n[3], PetscInt z0, PetscInt nz)
{
  int64_t planes = (int64_t)nz;

  PetscFunctionBeginUser;
  PetscCheck(nz >= 0 && (nz == 0 || (z0 >= 0 && z0 + nz <= n[2])), PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
    "%s: planes %" PetscInt_FMT " to %" PetscInt_FMT " of %" PetscInt_FMT, name, z0, z0 + nz - 1, n[2]);
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &planes, 1, MPI_INT64_T, MPI_SUM, file->comm));
  PetscCheck(planes == (int64_t)n[2], file->comm, PETSC_ERR_ARG_OUTOFRANGE, "%s: %lld planes from all ranks, not %lld",
    name, (long long)planes, (long long)n[2]);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFileWriteGrid(SnaFile file, const char name[], const PetscInt n[3], PetscInt z0, PetscInt nz,
  PetscInt ncomp, SnaGridType type, const void *data)
{
  const hsize_t dims[4] = {(hsize_t)n[2], (hsize_t)n[1], (hsize_t)n[0], (hsize_t)ncomp};
  const hsize_t one[4]  = {1, dims[1], dims[2], dims[3]};
  const int     ndim    = ncomp > 1 ? 4 : 3;
  Grid          g       = {.nz = nz, .n = {n[0], n[1], n[2]}, .ncomp = ncomp, .data = (const uint8_t *)data};
  Filter        filter  = {-1, -1, -1, 0, 0};
  int64_t      *size, *at;
  uint8_t      *packed = NULL;

  PetscFunctionBeginUser;
  PetscCheck(file->writing && n[0] > 0 && n[1] > 0 && n[2] > 0 && n[2] <= INT_MAX && ncomp > 0 &&
               (ncomp == 1 || type == SNA_GRID_FLOAT),
    PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "%s: wrong sizes, or a file open for reading", name);
  PetscCall(CheckPlanes(file, name, n, z0, nz));
  PetscCall(SnaMessageAgree(file->comm, file->message));
  if (file->message[0]) PetscFunctionReturn(0);
  g.value      = type == SNA_GRID_BYTE ? sizeof(uint8_t) : sizeof(float);
  g.packed     = (PetscBool)(type == SNA_GRID_BYTE && H5Zfilter_avail(H5Z_FILTER_DEFLATE) > 0);
  filter.bytes = (size_t)n[0] * (size_t)n[1] * (size_t)ncomp * g.value;
  if (filter.bytes > UINT32_MAX - (size_t)1024 - UINT32_MAX / 64) {
    SnaMessageSet(file->message, "%s: %s: a plane of %zu bytes, and HDF5 stores at most 4 GB in a piece", file->path,
      name, filter.bytes);
    PetscFunctionReturn(0);
  }
  PetscCall(PetscCalloc2((size_t)n[2], &size, (size_t)n[2], &at));
  if (ncomp > 1) PetscCall(PetscMalloc1(filter.bytes, &g.plane));
  if (nz) FilterOpen(&filter, g.packed, MemoryType(type), ndim, one);
  if (g.packed)
    PetscCall(PackPlanes(file, name, &filter, &g, size + (nz ? z0 : 0), &packed));
  else
    for (PetscInt k = z0; k < z0 + nz; k++) size[k] = (int64_t)(filter.bytes + CHECKSUM);
  PetscCall(SnaMessageAgree(file->comm, file->message));
  if (!file->message[0]) PetscCall(ShareChunks(file, name, g.packed, MemoryType(type), ndim, dims, size, at));
  if (!file->message[0]) {
    const PetscInt first = nz ? z0 : 0;

    PetscCall(WritePlanes(file, name, &filter, &g, size + first, at + first, packed));
  }
  FilterClose(&filter);
  PetscCall(PetscFree(packed));
  PetscCall(PetscFree(g.plane));
  PetscCall(PetscFree2(size, at));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFileWriteComponents(
  SnaFile file, const char name[], const PetscInt n[3], PetscInt ncomp, const char *const suffix[])
{
  const hsize_t dims[4] = {(hsize_t)n[2], (hsize_t)n[1], (hsize_t)n[0], (hsize_t)ncomp};
  const hsize_t one[4]  = {dims[0], dims[1], dims[2], 1};

  PetscFunctionBeginUser;
  PetscCheck(file->writing, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONGSTATE, "%s: the file is open for reading", name);
  if (file->rank) PetscFunctionReturn(0);
  for (PetscInt c = 0; c < ncomp && SnaFileAlive(file); c++) {
    const hsize_t first[4] = {0, 0, 0, (hsize_t)c};
    const hid_t   view = H5Screate_simple(3, dims, NULL), source = H5Screate_simple(4, dims, NULL);
    const hid_t   create = H5Pcreate(H5P_DATASET_CREATE);
    hid_t         set    = -1;
    char          component[PETSC_MAX_PATH_LEN];

    PetscCall(PetscSNPrintf(component, sizeof(component), "%s_%s", name, suffix[c]));
    if (SnaFileMakeParents(file, component) &&
        (H5Sselect_hyperslab(source, H5S_SELECT_SET, first, NULL, one, NULL) < 0 ||
          H5Pset_virtual(create, view, ".", name, source) < 0 ||
          (set = H5Dcreate2(file->h5, component, H5T_NATIVE_FLOAT, view, H5P_DEFAULT, create, H5P_DEFAULT)) < 0))
      SnaFileFail(file, component, "cannot make the view of a component");
    SnaHdf5Close(H5Dclose, set);
    SnaHdf5Close(H5Pclose, create);
    SnaHdf5Close(H5Sclose, source);
    SnaHdf5Close(H5Sclose, view);
  }
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Reading
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode ReadPlanes(
  SnaFile file, const char name[], hid_t set, const Grid *g, PetscInt z0, SnaGridType type, uint8_t *data)
{
  const int     ndim     = g->ncomp > 1 ? 4 : 3;
  const hsize_t count[4] = {1, (hsize_t)g->n[1], (hsize_t)g->n[0], (hsize_t)g->ncomp};
  const size_t  points   = (size_t)g->n[0] * (size_t)g->n[1];
  const hid_t   space = H5Dget_space(set), memory = H5Screate_simple(ndim, count, NULL);

  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < g->nz && !file->message[0]; k++) {
    const hsize_t start[4] = {(hsize_t)(z0 + k), 0, 0, 0};
    uint8_t      *to       = data + (size_t)k * points * (size_t)g->ncomp * g->value;

    if (H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) < 0 ||
        H5Dread(set, MemoryType(type), memory, space, H5P_DEFAULT, g->ncomp > 1 ? g->plane : to) < 0)
      SnaFileFail(file, name, "cannot be read; the file is damaged");
    else if (g->ncomp > 1)
      Deinterleave(points, (size_t)g->ncomp, (const float *)(const void *)g->plane, (float *)(void *)to);
  }
  SnaHdf5Close(H5Sclose, memory);
  SnaHdf5Close(H5Sclose, space);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFileReadGrid(SnaFile file, const char name[], const PetscInt n[3], PetscInt z0, PetscInt nz,
  PetscInt ncomp, SnaGridType type, void *data)
{
  Grid    g = {.nz = nz, .n = {n[0], n[1], n[2]}, .ncomp = ncomp};
  int     ndim;
  hsize_t dims[4] = {0, 0, 0, 1};
  hid_t   set;

  PetscFunctionBeginUser;
  PetscCheck(!file->writing && nz >= 0 && (nz == 0 || (z0 >= 0 && z0 + nz <= n[2])) && ncomp > 0 &&
               (ncomp == 1 || type == SNA_GRID_FLOAT),
    PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "%s: wrong sizes, or a file being written", name);
  if (!file->message[0] && file->h5 < 0) file->h5 = SnaHdf5Open(file->path, file->message);
  set     = SnaFileOpenDataset(file, name, SNA_DATA_REAL, &ndim, dims);
  g.value = type == SNA_GRID_BYTE ? sizeof(uint8_t) : sizeof(float);
  if (set >= 0) {
    if (ndim != (ncomp > 1 ? 4 : 3) || dims[0] != (hsize_t)n[2] || dims[1] != (hsize_t)n[1] ||
        dims[2] != (hsize_t)n[0] || (ncomp > 1 && dims[3] != (hsize_t)ncomp)) {
      SnaMessageSet(file->message,
        "%s: %s is not a grid of %" PetscInt_FMT " x %" PetscInt_FMT " x %" PetscInt_FMT " voxels of %" PetscInt_FMT
        " numbers",
        file->path, name, n[0], n[1], n[2], ncomp);
    } else {
      if (ncomp > 1) PetscCall(PetscMalloc1((size_t)n[0] * (size_t)n[1] * (size_t)ncomp * g.value, &g.plane));
      PetscCall(ReadPlanes(file, name, set, &g, z0, type, (uint8_t *)data));
      PetscCall(PetscFree(g.plane));
    }
    SnaHdf5Close(H5Dclose, set);
  }
  PetscCall(SnaMessageAgree(file->comm, file->message));
  PetscFunctionReturn(0);
}
