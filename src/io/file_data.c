// file_data.c - the datasets of a SnaFile: arrays, integers, texts, and rows distributed over the ranks.
//
// On disk: arrays are chunked (about 1 MB) with Fletcher32 checksums; rows are one contiguous block, so that every rank
// knows where its own part lies; integers are 64-bit; texts are scalar fixed-length UTF-8 strings. Reading also takes
// what h5py writes: any integer or floating type, and strings of variable length.
#include "io_impl.h"
#include <stdlib.h>
#include <string.h>

#define CHUNK_ENTRIES 131072 // 1 MB of doubles: HDF5's own chunk cache holds one
#define BLOCK_ENTRIES (1 << 27)

void SnaHdf5Close(SnaHdf5Closer closer, hid_t id)
{
  if (id >= 0) (void)closer(id);
}

// ---------------------------------------------------------------------------------------------------------------------
// Sharing what rank 0 has read
// ---------------------------------------------------------------------------------------------------------------------
PetscErrorCode SnaBroadcastBytes(MPI_Comm comm, size_t bytes, void *data)
{
  char *at = (char *)data;

  PetscFunctionBeginUser;
  while (bytes) {
    const int count = bytes < BLOCK_ENTRIES ? (int)bytes : BLOCK_ENTRIES;

    PetscCallMPI(MPI_Bcast(at, count, MPI_BYTE, 0, comm));
    at += count;
    bytes -= (size_t)count;
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFileShareOutcome(SnaFile file, PetscBool *go)
{
  PetscFunctionBeginUser;
  if (file->rank == 0) (void)SnaFileAlive(file);
  PetscCall(SnaMessageBroadcast(file->comm, file->message));
  *go = file->message[0] ? PETSC_FALSE : PETSC_TRUE;
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Names
// ---------------------------------------------------------------------------------------------------------------------
PetscBool SnaHdf5Exists(hid_t h5, const char name[])
{
  char   prefix[PETSC_MAX_PATH_LEN];
  size_t n = strlen(name);

  if (n >= sizeof(prefix)) return PETSC_FALSE;
  for (size_t i = 1; i <= n; i++) {
    if (name[i] && name[i] != '/') continue;
    if (name[i - 1] == '/') continue;
    memcpy(prefix, name, i);
    prefix[i] = 0;
    if (H5Lexists(h5, prefix, H5P_DEFAULT) <= 0 || H5Oexists_by_name(h5, prefix, H5P_DEFAULT) <= 0) return PETSC_FALSE;
  }
  return PETSC_TRUE;
}

// Groups made here remember the order of their members; those that HDF5 makes on the way would not.
PetscBool SnaFileMakeParents(SnaFile file, const char name[])
{
  char   prefix[PETSC_MAX_PATH_LEN];
  size_t n = strlen(name);
  hid_t  order, group;

  if (n >= sizeof(prefix) || !n || name[n - 1] == '/') {
    SnaMessageSet(file->message, "%s: `%.100s` cannot name an object", file->path, name);
    return PETSC_FALSE;
  }
  if (SnaHdf5Exists(file->h5, name)) {
    SnaMessageSet(file->message, "%s: %s: written twice", file->path, name);
    return PETSC_FALSE;
  }
  order = H5Pcreate(H5P_GROUP_CREATE);
  (void)H5Pset_link_creation_order(order, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  for (size_t i = 1; i < n && !file->message[0]; i++) {
    if (name[i] != '/' || name[i - 1] == '/') continue;
    memcpy(prefix, name, i);
    prefix[i] = 0;
    if (SnaHdf5Exists(file->h5, prefix)) continue;
    group = H5Gcreate2(file->h5, prefix, H5P_DEFAULT, order, H5P_DEFAULT);
    if (group < 0) SnaFileFail(file, prefix, "cannot make the group");
    SnaHdf5Close(H5Gclose, group);
  }
  SnaHdf5Close(H5Pclose, order);
  return SnaFileAlive(file);
}

// ---------------------------------------------------------------------------------------------------------------------
// Writing from rank 0
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode WriteDataset(
  SnaFile file, const char name[], int ndim, const hsize_t dims[], hid_t disk, hid_t memory, const void *data)
{
  hid_t   space, create, set = -1;
  hsize_t total = 1, chunk[4];

  PetscFunctionBeginUser;
  for (int d = 0; d < ndim; d++) total *= chunk[d] = dims[d];
  if (!SnaFileMakeParents(file, name)) PetscFunctionReturn(0);
  space  = ndim ? H5Screate_simple(ndim, dims, NULL) : H5Screate(H5S_SCALAR);
  create = H5Pcreate(H5P_DATASET_CREATE);
  if (ndim && total) {
    hsize_t entries = total;

    for (int d = 0; d < ndim && entries > CHUNK_ENTRIES; d++) {
      const hsize_t row = entries / chunk[d];

      chunk[d] = row < CHUNK_ENTRIES ? CHUNK_ENTRIES / row : 1;
      entries  = row * chunk[d];
    }
    (void)H5Pset_chunk(create, ndim, chunk);
    (void)H5Pset_fletcher32(create);
  }
  set = H5Dcreate2(file->h5, name, disk, space, H5P_DEFAULT, create, H5P_DEFAULT);
  if (set < 0)
    SnaFileFail(file, name, "cannot make the dataset");
  else if (total && H5Dwrite(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
    SnaFileFail(file, name, "cannot write");
  SnaHdf5Close(H5Dclose, set);
  SnaHdf5Close(H5Pclose, create);
  SnaHdf5Close(H5Sclose, space);
  (void)SnaFileAlive(file);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFileWriteArray(SnaFile file, const char name[], int ndim, const PetscInt dims[], const double data[])
{
  hsize_t n[4];

  PetscFunctionBeginUser;
  PetscCheck(file->writing && ndim >= 0 && ndim <= 4, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
    "%s: an array of %d dimensions, or a file open for reading", name, ndim);
  if (file->rank || !SnaFileAlive(file)) PetscFunctionReturn(0);
  for (int d = 0; d < ndim; d++) n[d] = (hsize_t)dims[d];
  PetscCall(WriteDataset(file, name, ndim, n, H5T_NATIVE_DOUBLE, H5T_NATIVE_DOUBLE, data));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFileWriteInts(SnaFile file, const char name[], PetscInt n, const PetscInt data[])
{
  const hsize_t dims[1] = {(hsize_t)n};

  PetscFunctionBeginUser;
  PetscCheck(file->writing, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONGSTATE, "%s: the file is open for reading", name);
  if (file->rank || !SnaFileAlive(file)) PetscFunctionReturn(0);
  PetscCall(WriteDataset(
    file, name, 1, dims, H5T_NATIVE_INT64, sizeof(PetscInt) == 8 ? H5T_NATIVE_INT64 : H5T_NATIVE_INT32, data));
  PetscFunctionReturn(0);
}

hid_t SnaHdf5TextType(size_t bytes)
{
  const hid_t type = H5Tcopy(H5T_C_S1);

  if (type >= 0) {
    (void)H5Tset_size(type, bytes);
    (void)H5Tset_cset(type, H5T_CSET_UTF8);
  }
  return type;
}

PetscErrorCode SnaFileWriteText(SnaFile file, const char name[], const char text[])
{
  hid_t type;

  PetscFunctionBeginUser;
  PetscCheck(file->writing, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONGSTATE, "%s: the file is open for reading", name);
  if (file->rank || !SnaFileAlive(file)) PetscFunctionReturn(0);
  type = SnaHdf5TextType(strlen(text) + 1);
  PetscCall(WriteDataset(file, name, 0, NULL, type, type, text));
  SnaHdf5Close(H5Tclose, type);
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Rows distributed over the ranks
// ---------------------------------------------------------------------------------------------------------------------
// Allocates the dataset without writing it; *address is its first byte in the file.
static PetscErrorCode AllocateRows(SnaFile file, const char name[], const hsize_t dims[2], MPI_Offset *address)
{
  hid_t   space, create, set;
  haddr_t at;

  PetscFunctionBeginUser;
  if (!SnaFileAlive(file) || !SnaFileMakeParents(file, name)) PetscFunctionReturn(0);
  space  = H5Screate_simple(2, dims, NULL);
  create = H5Pcreate(H5P_DATASET_CREATE);
  (void)H5Pset_layout(create, H5D_CONTIGUOUS);
  (void)H5Pset_alloc_time(create, H5D_ALLOC_TIME_EARLY);
  (void)H5Pset_fill_time(create, H5D_FILL_TIME_NEVER);
  set = H5Dcreate2(file->h5, name, H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, create, H5P_DEFAULT);
  if (set < 0)
    SnaFileFail(file, name, "cannot make the dataset");
  else if (dims[0] && dims[1]) {
    at = H5Dget_offset(set);
    if (at == HADDR_UNDEF)
      SnaFileFail(file, name, "cannot place the dataset");
    else
      *address = (MPI_Offset)at;
  }
  SnaHdf5Close(H5Dclose, set);
  SnaHdf5Close(H5Pclose, create);
  SnaHdf5Close(H5Sclose, space);
  (void)SnaFileAlive(file);
  PetscFunctionReturn(0);
}

// First row of this rank and the number of all rows.
static PetscErrorCode RowRange(MPI_Comm comm, PetscInt nlocal, int64_t *first, int64_t *total)
{
  int64_t     n = (int64_t)nlocal;
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  *first = 0;
  PetscCallMPI(MPI_Exscan(&n, first, 1, MPI_INT64_T, MPI_SUM, comm));
  if (rank == 0) *first = 0; // Exscan leaves it undefined there
  PetscCallMPI(MPI_Allreduce(&n, total, 1, MPI_INT64_T, MPI_SUM, comm));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFileWriteRows(SnaFile file, const char name[], PetscInt nlocal, PetscInt ncols, const double data[])
{
  int64_t    first, total;
  MPI_Offset address = 0;
  MPI_File   part;

  PetscFunctionBeginUser;
  PetscCheck(file->writing && nlocal >= 0 && ncols > 0, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
    "%s: wrong sizes, or a file open for reading", name);
  PetscCall(RowRange(file->comm, nlocal, &first, &total));
  if (file->rank == 0) {
    const hsize_t dims[2] = {(hsize_t)total, (hsize_t)ncols};

    PetscCall(AllocateRows(file, name, dims, &address));
  }
  PetscCall(SnaMessageBroadcast(file->comm, file->message));
  if (file->message[0] || !total) PetscFunctionReturn(0);
  PetscCallMPI(MPI_Bcast(&address, 1, MPI_OFFSET, 0, file->comm));
  address += (MPI_Offset)(first * (int64_t)ncols * (int64_t)sizeof(double));
  PetscCall(SnaPartOpenAll(file->comm, file->path, &part, file->message));
  PetscCall(
    SnaPartWriteAt(part, file->path, address, (size_t)nlocal * (size_t)ncols * sizeof(double), data, file->message));
  PetscCall(SnaPartCloseAll(file->comm, file->path, &part, file->message));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Reading
// ---------------------------------------------------------------------------------------------------------------------
hid_t SnaFileOpenDataset(SnaFile file, const char name[], SnaDataKind kind, int *ndim, hsize_t dims[4])
{
  hid_t set = -1, type = -1, space = -1;
  H5T_class_t class;
  H5I_type_t what;

  *ndim = 0;
  if (!SnaFileAlive(file)) return -1;
  if (!SnaHdf5Exists(file->h5, name)) {
    SnaMessageSet(file->message, "%s: has no %s", file->path, name);
    return -1;
  }
  set = H5Oopen(file->h5, name, H5P_DEFAULT);
  if (set < 0) {
    SnaFileFail(file, name, "cannot be read");
    return -1;
  }
  what = H5Iget_type(set);
  if (what != H5I_DATASET) {
    SnaMessageSet(file->message, "%s: %s is not a dataset", file->path, name);
    SnaHdf5Close(H5Oclose, set);
    return -1;
  }
  type  = H5Dget_type(set);
  space = H5Dget_space(set);
  class = H5Tget_class(type);
  *ndim = H5Sget_simple_extent_ndims(space);
  if (type < 0 || space < 0 || *ndim < 0)
    SnaFileFail(file, name, "cannot be read");
  else if (kind == SNA_DATA_TEXT && class != H5T_STRING)
    SnaMessageSet(file->message, "%s: %s is not a text", file->path, name);
  else if (kind == SNA_DATA_INTEGER && class != H5T_INTEGER)
    SnaMessageSet(file->message, "%s: %s does not hold integers", file->path, name);
  else if (kind == SNA_DATA_REAL && class != H5T_INTEGER && class != H5T_FLOAT)
    SnaMessageSet(file->message, "%s: %s does not hold numbers", file->path, name);
  else if (*ndim > 4)
    SnaMessageSet(file->message, "%s: %s has %d dimensions, at most 4 are expected", file->path, name, *ndim);
  else if (H5Sget_simple_extent_type(space) == H5S_NULL)
    SnaMessageSet(file->message, "%s: %s is empty", file->path, name);
  else if (*ndim && H5Sget_simple_extent_dims(space, dims, NULL) < 0)
    SnaFileFail(file, name, "cannot be read");
  SnaHdf5Close(H5Sclose, space);
  SnaHdf5Close(H5Tclose, type);
  if (!file->message[0]) return set;
  SnaHdf5Close(H5Oclose, set);
  return -1;
}

static PetscErrorCode ReadNumbers(
  SnaFile file, const char name[], SnaDataKind kind, PetscInt expected, hid_t memory, size_t size, void *data)
{
  PetscBool go = PETSC_FALSE;

  PetscFunctionBeginUser;
  if (file->rank == 0) {
    int         ndim;
    hsize_t     dims[4], total = 1;
    const hid_t set = SnaFileOpenDataset(file, name, kind, &ndim, dims);

    if (set >= 0) {
      for (int d = 0; d < ndim; d++) total *= dims[d];
      if (total != (hsize_t)expected) {
        SnaMessageSet(file->message, "%s: %s holds %llu numbers, %lld are expected", file->path, name,
          (unsigned long long)total, (long long)expected);
      } else if (total && H5Dread(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
        SnaFileFail(file, name, "cannot be read; the file is damaged");
      SnaHdf5Close(H5Dclose, set);
    }
  }
  PetscCall(SnaFileShareOutcome(file, &go));
  if (go) PetscCall(SnaBroadcastBytes(file->comm, (size_t)expected * size, data));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFileReadArraySize(SnaFile file, const char name[], int *ndim, PetscInt dims[4])
{
  int64_t   shape[5] = {0, 0, 0, 0, 0}; // ndim, dims
  PetscBool go       = PETSC_FALSE;

  PetscFunctionBeginUser;
  if (file->rank == 0) {
    hsize_t     n[4];
    int         nd;
    const hid_t set = SnaFileOpenDataset(file, name, SNA_DATA_REAL, &nd, n);

    if (set >= 0) {
      shape[0] = nd;
      for (int d = 0; d < nd; d++) {
        shape[d + 1] = (int64_t)n[d];
        if (n[d] > (hsize_t)PETSC_MAX_INT)
          SnaMessageSet(file->message, "%s: %s has a dimension of %llu, more than this build can count", file->path,
            name, (unsigned long long)n[d]);
      }
      SnaHdf5Close(H5Dclose, set);
    }
  }
  PetscCall(SnaFileShareOutcome(file, &go));
  PetscCallMPI(MPI_Bcast(shape, 5, MPI_INT64_T, 0, file->comm));
  *ndim = go ? (int)shape[0] : 0;
  for (int d = 0; d < 4; d++) dims[d] = go ? (PetscInt)shape[d + 1] : 0;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFileReadArray(SnaFile file, const char name[], PetscInt expected, double data[])
{
  PetscFunctionBeginUser;
  PetscCall(ReadNumbers(file, name, SNA_DATA_REAL, expected, H5T_NATIVE_DOUBLE, sizeof(double), data));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFileReadInts(SnaFile file, const char name[], PetscInt expected, PetscInt data[])
{
  int64_t *wide;

  PetscFunctionBeginUser;
  PetscCall(PetscCalloc1(expected, &wide));
  PetscCall(ReadNumbers(file, name, SNA_DATA_INTEGER, expected, H5T_NATIVE_INT64, sizeof(int64_t), wide));
  for (PetscInt i = 0; i < expected && !file->message[0]; i++) {
    if (wide[i] > PETSC_MAX_INT || wide[i] < PETSC_MIN_INT) {
      SnaMessageSet(
        file->message, "%s: %s holds %lld, more than this build can count", file->path, name, (long long)wide[i]);
    }
  }
  for (PetscInt i = 0; i < expected && !file->message[0]; i++) data[i] = (PetscInt)wide[i];
  PetscCall(PetscFree(wide));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaHdf5ReadText(hid_t id, PetscBool attribute, hid_t type, char **text)
{
  const htri_t variable = H5Tis_variable_str(type);

  PetscFunctionBeginUser;
  *text = NULL;
  if (variable > 0) {
    const hid_t memory = H5Tcopy(type);
    char       *found  = NULL;
    herr_t      status =
      attribute ? H5Aread(id, memory, &found) : H5Dread(id, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, &found);

    if (status >= 0) PetscCall(PetscStrallocpy(found ? found : "", text));
    if (found) (void)H5free_memory(found);
    SnaHdf5Close(H5Tclose, memory);
  } else {
    const size_t  bytes = H5Tget_size(type);
    const hsize_t held  = attribute ? H5Aget_storage_size(id) : H5Dget_storage_size(id);
    hid_t         memory;
    herr_t        status;

    if (bytes > held) PetscFunctionReturn(0); // a damaged size must not become an allocation
    PetscCall(PetscCalloc1(bytes + 1, text));
    memory = H5Tcopy(type);
    (void)H5Tset_size(memory, bytes + 1);
    (void)H5Tset_strpad(memory, H5T_STR_NULLTERM);
    status = attribute ? H5Aread(id, memory, *text) : H5Dread(id, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, *text);
    SnaHdf5Close(H5Tclose, memory);
    if (status < 0) PetscCall(PetscFree(*text));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFileReadText(SnaFile file, const char name[], char **text)
{
  int64_t   length = 0;
  PetscBool go     = PETSC_FALSE;

  PetscFunctionBeginUser;
  *text = NULL;
  if (file->rank == 0) {
    hsize_t     dims[4];
    int         ndim;
    const hid_t set = SnaFileOpenDataset(file, name, SNA_DATA_TEXT, &ndim, dims);

    if (set >= 0) {
      const hid_t type = H5Dget_type(set);

      if (ndim)
        SnaMessageSet(file->message, "%s: %s is an array of texts, one is expected", file->path, name);
      else {
        PetscCall(SnaHdf5ReadText(set, PETSC_FALSE, type, text));
        if (*text)
          length = (int64_t)strlen(*text);
        else
          SnaFileFail(file, name, "cannot be read; the file is damaged");
      }
      SnaHdf5Close(H5Tclose, type);
      SnaHdf5Close(H5Dclose, set);
    }
  }
  PetscCall(SnaFileShareOutcome(file, &go));
  if (go) {
    PetscCallMPI(MPI_Bcast(&length, 1, MPI_INT64_T, 0, file->comm));
    if (file->rank) PetscCall(PetscMalloc1((size_t)length + 1, text));
    PetscCall(SnaBroadcastBytes(file->comm, (size_t)length + 1, *text));
  } else
    PetscCall(PetscFree(*text));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFileHas(SnaFile file, const char name[], PetscBool *has)
{
  int found = 0;

  PetscFunctionBeginUser;
  if (file->rank == 0 && SnaFileAlive(file)) found = SnaHdf5Exists(file->h5, name) ? 1 : 0;
  PetscCallMPI(MPI_Bcast(&found, 1, MPI_INT, 0, file->comm));
  *has = found ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(0);
}

// The names one after the other, each with its NUL.
static PetscErrorCode ListOnRoot(SnaFile file, const char name[], int64_t *n, int64_t *bytes, char **packed)
{
  H5G_info_t   info;
  H5_index_t   index;
  unsigned int order = 0;
  hid_t        group, create;

  PetscFunctionBeginUser;
  if (!SnaFileAlive(file)) PetscFunctionReturn(0);
  if (!SnaHdf5Exists(file->h5, name)) {
    SnaMessageSet(file->message, "%s: has no %s", file->path, name);
    PetscFunctionReturn(0);
  }
  group = H5Gopen2(file->h5, name, H5P_DEFAULT);
  if (group < 0) {
    SnaFileFail(file, name, "is not a group");
    PetscFunctionReturn(0);
  }
  create = H5Gget_create_plist(group);
  if (create >= 0) (void)H5Pget_link_creation_order(create, &order);
  index = order & H5P_CRT_ORDER_TRACKED ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;
  if (H5Gget_info(group, &info) < 0)
    SnaFileFail(file, name, "cannot be listed");
  else {
    for (int pass = 0; pass < 2 && !file->message[0]; pass++) { // lengths, then names
      int64_t at = 0;

      for (hsize_t i = 0; i < info.nlinks; i++) {
        const ssize_t length = H5Lget_name_by_idx(
          group, ".", index, H5_ITER_INC, i, pass ? *packed + at : NULL, pass ? (size_t)(*bytes - at) : 0, H5P_DEFAULT);

        if (length < 0) {
          SnaFileFail(file, name, "cannot be listed");
          break;
        }
        at += (int64_t)length + 1;
      }
      if (!pass && !file->message[0]) {
        *n     = (int64_t)info.nlinks;
        *bytes = at;
        PetscCall(PetscCalloc1((size_t)at, packed));
      }
    }
  }
  SnaHdf5Close(H5Pclose, create);
  SnaHdf5Close(H5Gclose, group);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFileList(SnaFile file, const char group[], PetscInt *n, char ***names)
{
  int64_t   size[2] = {0, 0}; // number of names, their bytes
  char     *packed  = NULL;
  PetscBool go      = PETSC_FALSE;

  PetscFunctionBeginUser;
  *n     = 0;
  *names = NULL;
  if (file->rank == 0) PetscCall(ListOnRoot(file, group, &size[0], &size[1], &packed));
  PetscCall(SnaFileShareOutcome(file, &go));
  if (go) {
    size_t at = 0;

    PetscCallMPI(MPI_Bcast(size, 2, MPI_INT64_T, 0, file->comm));
    if (file->rank) PetscCall(PetscMalloc1((size_t)size[1], &packed));
    PetscCall(SnaBroadcastBytes(file->comm, (size_t)size[1], packed));
    *n = (PetscInt)size[0];
    PetscCall(PetscMalloc1(*n, names));
    for (PetscInt i = 0; i < *n; i++) {
      PetscCall(PetscStrallocpy(packed + at, &(*names)[i]));
      at += strlen(packed + at) + 1;
    }
  }
  PetscCall(PetscFree(packed));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFileReadRows(SnaFile file, const char name[], PetscInt nlocal, PetscInt ncols, double data[])
{
  int64_t first, total;
  int     ndim;
  hsize_t dims[4] = {1, 1, 1, 1};
  hid_t   set, memory, space;

  PetscFunctionBeginUser;
  PetscCheck(
    !file->writing && nlocal >= 0, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONGSTATE, "%s: the file is being written", name);
  PetscCall(RowRange(file->comm, nlocal, &first, &total));
  if (!file->message[0] && file->h5 < 0) file->h5 = SnaHdf5Open(file->path, file->message);
  set = SnaFileOpenDataset(file, name, SNA_DATA_REAL, &ndim, dims);
  if (set >= 0) {
    const hsize_t start[2] = {(hsize_t)first, 0}, count[2] = {(hsize_t)nlocal, (hsize_t)ncols};

    if (ndim < 1 || ndim > 2 || dims[0] != (hsize_t)total || dims[1] != (hsize_t)ncols) {
      SnaMessageSet(file->message, "%s: %s is not a table of %lld rows and %lld columns", file->path, name,
        (long long)total, (long long)ncols);
    } else if (nlocal) {
      space  = H5Dget_space(set);
      memory = H5Screate_simple(ndim, count, NULL);
      if (H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) < 0 ||
          H5Dread(set, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, data) < 0) {
        SnaFileFail(file, name, "cannot be read; the file is damaged");
      }
      SnaHdf5Close(H5Sclose, memory);
      SnaHdf5Close(H5Sclose, space);
    }
    SnaHdf5Close(H5Dclose, set);
  }
  PetscCall(SnaMessageAgree(file->comm, file->message));
  PetscFunctionReturn(0);
}
