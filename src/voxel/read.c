// read.c - voxel files: which format, what it holds, and how its numbers become phases.
//
// Rank 0 looks at the file and tells all ranks what is in it (SnaVoxelsHeader); then each rank reads its own planes through a small buffer. The formats are
// in read_dense.c (raw, npy), read_vti.c, read_tiff.c and read_hdf5.c.
#include "voxel_impl.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define BATCH 1024 // numbers converted at a time

PetscBool SnaPathEndsWith(const char path[], const char ending[])
{
  const size_t n = strlen(path), m = strlen(ending);

  return n >= m && !strcasecmp(path + n - m, ending) ? PETSC_TRUE : PETSC_FALSE;
}

PetscBool SnaPathSplitHdf5(const char path[], char file[PETSC_MAX_PATH_LEN], const char **dataset)
{
  const size_t n = strlen(path);

  *dataset = NULL;
  if (n >= PETSC_MAX_PATH_LEN) return PETSC_FALSE;
  for (size_t i = 0; i <= n; i++) {
    if (path[i] && path[i] != ':') continue;
    memcpy(file, path, i);
    file[i] = 0;
    if (!SnaPathEndsWith(file, ".h5") && !SnaPathEndsWith(file, ".hdf5")) continue;
    if (path[i] && path[i + 1]) *dataset = path + i + 1;
    return PETSC_TRUE;
  }
  return PETSC_FALSE;
}

PetscBool SnaIsBigEndian(void)
{
  const uint16_t one = 1;

  return *(const uint8_t *)&one ? PETSC_FALSE : PETSC_TRUE;
}

int SnaOpenToRead(const char path[], int64_t *size, char message[SNA_MAX_MESSAGE])
{
  struct stat status;
  const int   fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

  if (fd < 0 || fstat(fd, &status))
    SnaMessageSet(message, "%s: cannot open the file: %s", path, strerror(errno));
  else if (S_ISDIR(status.st_mode))
    SnaMessageSet(message, "%s: a directory; an image is one file", path);
  else if (!S_ISREG(status.st_mode))
    SnaMessageSet(message, "%s: not a regular file", path);
  else if (!status.st_size)
    SnaMessageSet(message, "%s: the file is empty", path);
  else {
    *size = (int64_t)status.st_size;
    return fd;
  }
  if (fd >= 0) (void)close(fd);
  return -1;
}

PetscBool SnaReadAt(int fd, const char path[], int64_t offset, size_t bytes, void *data, char message[SNA_MAX_MESSAGE])
{
  char *at = (char *)data;

  while (bytes) {
    const ssize_t got = pread(fd, at, bytes, (off_t)offset);

    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      SnaMessageSet(message, "%s: cannot read: %s", path, strerror(errno));
    else if (!got)
      SnaMessageSet(message, "%s: truncated: it ends after %lld bytes", path, (long long)offset);
    if (got <= 0) return PETSC_FALSE;
    at += got;
    offset += got;
    bytes -= (size_t)got;
  }
  return PETSC_TRUE;
}

// ---------------------------------------------------------------------------------------------------------------------
// Numbers
// ---------------------------------------------------------------------------------------------------------------------
#define LOAD(type)                                                                                                     \
  do {                                                                                                                 \
    type v;                                                                                                            \
    for (size_t i = 0; i < n; i++) {                                                                                   \
      memcpy(&v, from + i * sizeof(v), sizeof(v));                                                                     \
      out[i] = (double)v;                                                                                              \
    }                                                                                                                  \
  } while (0)

// At most BATCH numbers.
static void ToDoubles(const SnaVoxelsNumber *number, size_t n, const unsigned char *from, double out[])
{
  const size_t  bytes = (size_t)number->bytes;
  unsigned char turned[8 * BATCH];

  if (number->swap && bytes > 1) {
    for (size_t i = 0; i < n; i++) {
      for (size_t b = 0; b < bytes; b++) turned[i * bytes + b] = from[i * bytes + bytes - 1 - b];
    }
    from = turned;
  }
  if (number->kind == 'f') {
    if (bytes == 4)
      LOAD(float);
    else
      LOAD(double);
  } else if (number->kind == 'i') {
    if (bytes == 1)
      LOAD(int8_t);
    else if (bytes == 2)
      LOAD(int16_t);
    else if (bytes == 4)
      LOAD(int32_t);
    else
      LOAD(int64_t);
  } else {
    if (bytes == 1)
      LOAD(uint8_t);
    else if (bytes == 2)
      LOAD(uint16_t);
    else if (bytes == 4)
      LOAD(uint32_t);
    else
      LOAD(uint64_t);
  }
}

static void Refuse(
  const SnaVoxelsFile *file, const SnaVoxelsHeader *header, int64_t at, double value, char message[SNA_MAX_MESSAGE])
{
  const int64_t row = header->z_fast ? header->n[2] : header->n[0], ny = header->n[1];
  const int64_t fast = at % row, slow = at / row / ny;

  SnaMessageSet(message, "%s: voxel (%lld, %lld, %lld), counted from 0, has the value %.10g: %s", file->file,
    (long long)(header->z_fast ? slow : fast), (long long)(at / row % ny), (long long)(header->z_fast ? fast : slow),
    value,
    isnan(value) ? "not a number; replace it before"
                 : "phases are whole numbers from 0 to 255; give `threshold` for grey values");
}

void SnaNumbersToPhases(const SnaVoxelsFile *file, const SnaVoxelsHeader *header, int64_t first, size_t count,
  const void *numbers, uint8_t phase[], char message[SNA_MAX_MESSAGE])
{
  const SnaVoxelsNumber *number = &header->number;
  double                 value[BATCH];

  if (number->kind == 'u' && number->bytes == 1 && !file->nthreshold) {
    if (phase != numbers) memcpy(phase, numbers, count);
    return;
  }
  for (size_t done = 0; done < count; done += BATCH) {
    const size_t n = PetscMin(count - done, BATCH);

    ToDoubles(number, n, (const unsigned char *)numbers + done * (size_t)number->bytes, value);
    for (size_t i = 0; i < n; i++) {
      const double v = value[i];
      PetscInt     p = 0;

      if (file->nthreshold ? isnan(v) : !(v >= 0 && v <= 255 && v == floor(v))) {
        Refuse(file, header, first + (int64_t)(done + i), v, message);
        return;
      }
      if (file->nthreshold) {
        for (PetscInt t = 0; t < file->nthreshold; t++) p += file->threshold[t] <= v;
      } else
        p = (PetscInt)v;
      phase[done + i] = (uint8_t)p;
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Files
// ---------------------------------------------------------------------------------------------------------------------
static const SnaVoxelsFormat *FormatOf(const char path[])
{
  static const SnaVoxelsFormat *const formats[] = {&SnaVoxelsFormatNpy, &SnaVoxelsFormatVti, &SnaVoxelsFormatTiff};
  char                                file[PETSC_MAX_PATH_LEN];
  const char                         *dataset;

  if (SnaPathSplitHdf5(path, file, &dataset)) return &SnaVoxelsFormatHdf5;
  for (size_t f = 0; f < sizeof(formats) / sizeof(formats[0]); f++) {
    for (int e = 0; e < 2; e++) {
      if (formats[f]->ending[e] && SnaPathEndsWith(path, formats[f]->ending[e])) return formats[f];
    }
  }
  return &SnaVoxelsFormatRaw;
}

static void CheckHeader(const SnaVoxelsFile *file, const SnaVoxelsHeader *header, char message[SNA_MAX_MESSAGE])
{
  const PetscInt *n = header->n, *given = file->n;

  if (message[0]) return;
  if (n[0] < 1 || n[1] < 1 || n[2] < 1 || header->cells < 1)
    SnaMessageSet(message, "%s: an image without voxels: %lld x %lld x %lld (x, y, z)", file->file, (long long)n[0],
      (long long)n[1], (long long)n[2]);
  else if ((int64_t)n[0] * n[1] > PETSC_MPI_INT_MAX || (header->z_fast && (int64_t)n[1] * n[2] > PETSC_MPI_INT_MAX))
    SnaMessageSet(message, "%s: %lld x %lld x %lld voxels (x, y, z): a plane of the image must have fewer than 2^31",
      file->file, (long long)n[0], (long long)n[1], (long long)n[2]);
  else if ((given[0] || given[1] || given[2]) && (n[0] != given[0] || n[1] != given[1] || n[2] != given[2]))
    SnaMessageSet(message,
      "%s: the image has %lld x %lld x %lld voxels (x, y, z), not %lld x %lld x %lld: correct `n` or leave it out",
      file->file, (long long)n[0], (long long)n[1], (long long)n[2], (long long)given[0], (long long)given[1],
      (long long)given[2]);
}

// What the file holds, on all ranks. Collective.
static PetscErrorCode ReadHeader(
  MPI_Comm comm, const SnaVoxelsFile *file, SnaVoxelsHeader *header, char message[SNA_MAX_MESSAGE])
{
  const SnaVoxelsFormat *format = FormatOf(file->file);
  PetscMPIInt            rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  message[0] = 0;
  PetscCall(PetscMemzero(header, sizeof(*header)));
  header->cells = 1;
  if (format->collective || rank == 0) PetscCall(format->info(comm, file, header, message));
  if (rank == 0) CheckHeader(file, header, message);
  PetscCall(SnaMessageBroadcast(comm, message));
  PetscCallMPI(MPI_Bcast(header, (PetscMPIInt)sizeof(*header), MPI_BYTE, 0, comm));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaVoxelsFileInfo(
  MPI_Comm comm, const SnaVoxelsFile *file, PetscInt n[3], PetscInt *cells, char message[SNA_MAX_MESSAGE])
{
  SnaVoxelsHeader header;

  PetscFunctionBeginUser;
  PetscCall(ReadHeader(comm, file, &header, message));
  for (int d = 0; d < 3; d++) n[d] = header.n[d] * (file->mirror ? 2 : 1);
  *cells = header.cells;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaVoxelsRead(
  MPI_Comm comm, const SnaVoxelsFile *file, const double h[3], SnaVoxels *voxels, char message[SNA_MAX_MESSAGE])
{
  SnaVoxelsHeader header;
  PetscInt        cell = file->cell;
  PetscMPIInt     size;

  PetscFunctionBeginUser;
  *voxels = NULL;
  PetscCall(ReadHeader(comm, file, &header, message));
  if (message[0]) PetscFunctionReturn(0);
  PetscCallMPI(MPI_Comm_size(comm, &size));
  if (file->mirror && size > header.n[2])
    SnaMessageSet(
      message, "%s: %d ranks for octants of %lld planes: take fewer", file->file, size, (long long)header.n[2]);
  if (cell < 0 && header.cells > 1)
    SnaMessageSet(message, "%s: holds a stack of %lld cells: say which, 0 to %lld, with `cell`", file->file,
      (long long)header.cells, (long long)header.cells - 1);
  else if (cell >= header.cells)
    SnaMessageSet(message, "%s: has no cell %lld; it holds %lld, counted from 0", file->file, (long long)cell,
      (long long)header.cells);
  if (message[0]) PetscFunctionReturn(0); // the same on every rank
  PetscCall(SnaVoxelsCreate(comm, header.n, h, voxels));
  PetscCall(FormatOf(file->file)->read(file, &header, PetscMax(cell, 0), *voxels, message));
  PetscCall(SnaMessageAgree(comm, message));
  if (!message[0] && file->mirror) {
    SnaVoxels octant = *voxels;
    PetscCall(SnaVoxelsFromOctant(octant, voxels));
    PetscCall(SnaVoxelsDestroy(&octant));
  } else if (message[0])
    PetscCall(SnaVoxelsDestroy(voxels));
  PetscFunctionReturn(0);
}
