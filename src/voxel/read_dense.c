// read_dense.c - files that are one array of numbers after a header: raw bytes, and NumPy's .npy.
//
// x fastest (raw; npy in Fortran order): the planes of a rank are one piece of the file. z fastest (npy in C order): in turns, lines of voxels along
// z are dealt to the ranks, each reads its own, and they send each other the pieces that lie in their planes. A turn takes COLUMNS values of x, or
// more while it is below a megabyte per rank, so that the image is written in runs of some length.
//
// Format of .npy: numpy.lib.format (NEP 1), versions 1 to 3. Not done: structured types, half and long double.
#include "voxel_impl.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_BYTES   ((int64_t)1 << 20)
#define LARGEST_HEADER (1 << 20)
#define LARGEST_TURN   ((int64_t)1 << 30)
#define COLUMNS        32 // values of x that come together where z is fastest, at least

// ---------------------------------------------------------------------------------------------------------------------
// Raw
// ---------------------------------------------------------------------------------------------------------------------
// "; it would fit a cube of 128^3 voxels", or ""
static void CubeHint(int64_t size, size_t length, char hint[])
{
  hint[0] = 0;
  for (int bytes = 1; bytes <= 8; bytes *= 2) {
    const int64_t edge = llround(cbrt((double)size / bytes));

    if (edge * edge * edge * bytes != size) continue;
    if (bytes == 1)
      (void)snprintf(hint, length, "; it would fit a cube of %lld^3 voxels", (long long)edge);
    else
      (void)snprintf(hint, length,
        "; it would fit a cube of %lld^3 voxels of %d bytes each: write them as single bytes or as .npy",
        (long long)edge, bytes);
    return;
  }
}

static PetscErrorCode RawInfo(
  MPI_Comm comm, const SnaVoxelsFile *file, SnaVoxelsHeader *header, char message[SNA_MAX_MESSAGE])
{
  const PetscInt *n = file->n;
  int64_t         size;
  const int       fd = SnaOpenToRead(file->file, &size, message);
  char            hint[160];

  (void)comm;
  PetscFunctionBeginUser;
  if (fd < 0) PetscFunctionReturn(0);
  (void)close(fd);
  CubeHint(size, sizeof(hint), hint);
  if (n[0] < 1 || n[1] < 1 || n[2] < 1)
    SnaMessageSet(message,
      "%s: the size of a file of raw bytes is not in it: give `n` (x, y, z); the file has %lld bytes%s", file->file,
      (long long)size, hint);
  else if ((double)n[0] * (double)n[1] * (double)n[2] != (double)size)
    SnaMessageSet(message, "%s: %lld x %lld x %lld voxels of one byte make %.0f bytes, the file has %lld%s", file->file,
      (long long)n[0], (long long)n[1], (long long)n[2], (double)n[0] * (double)n[1] * (double)n[2], (long long)size,
      hint);
  for (int d = 0; d < 3; d++) header->n[d] = n[d];
  header->number = (SnaVoxelsNumber){'u', 1, PETSC_FALSE};
  header->z_fast = file->z_fast;
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// NumPy: "\x93NUMPY", two bytes of version, 2 or 4 bytes of length, {'descr': '<u1', 'fortran_order': False, 'shape': (5, 7, 12), }
// ---------------------------------------------------------------------------------------------------------------------
// What follows 'key': in the header, or NULL.
static const char *NpyValue(const char text[], const char key[])
{
  const char *at = strstr(text, key);

  if (!at) return NULL;
  at += strlen(key);
  at += strspn(at, "'\" ");
  if (*at != ':') return NULL;
  at++;
  return at + strspn(at, " ");
}

static void NpyType(const char path[], const char descr[], SnaVoxelsNumber *number, char message[SNA_MAX_MESSAGE])
{
  char      type[32] = "";
  size_t    length   = 0;
  PetscBool big;

  if (*descr == '\'' || *descr == '"') length = strcspn(descr + 1, "'\"");
  (void)snprintf(type, sizeof(type), "%.*s", (int)PetscMin(length, sizeof(type) - 1), descr + 1);
  big           = *type == '>' ? PETSC_TRUE : *type == '<' ? PETSC_FALSE : SnaIsBigEndian();
  number->kind  = *type && type[1] == 'b' ? 'u' : *type ? type[1] : 0;
  number->bytes = *type && type[1] ? atoi(type + 2) : 0;
  number->swap  = big != SnaIsBigEndian() ? PETSC_TRUE : PETSC_FALSE;
  if ((number->kind == 'u' || number->kind == 'i') &&
      (number->bytes == 1 || number->bytes == 2 || number->bytes == 4 || number->bytes == 8))
    return;
  if (number->kind == 'f' && (number->bytes == 4 || number->bytes == 8)) return;
  SnaMessageSet(message, "%s: numbers of type %.40s cannot be read; save the array with astype(numpy.uint8)", path,
    *type ? type : "(several fields)");
}

static PetscErrorCode NpyInfo(
  MPI_Comm comm, const SnaVoxelsFile *file, SnaVoxelsHeader *header, char message[SNA_MAX_MESSAGE])
{
  const char   *path = file->file, *descr, *order, *shape;
  int64_t       size, dims[4] = {1, 1, 1, 1}, length;
  double        bytes;
  int           ndim = 0;
  unsigned char head[12];
  char         *text = NULL;
  const int     fd   = SnaOpenToRead(path, &size, message);

  (void)comm;
  PetscFunctionBeginUser;
  if (fd < 0) PetscFunctionReturn(0);
  if (!SnaReadAt(fd, path, 0, sizeof(head), head, message) || memcmp(head, "\x93NUMPY", 6)) {
    message[0] = 0;
    SnaMessageSet(message, "%s: not a NumPy file", path);
    goto done;
  }
  length         = head[8] | head[9] << 8;
  header->offset = 10;
  if (head[6] > 1) {
    length |= (int64_t)head[10] << 16 | (int64_t)head[11] << 24;
    header->offset = 12;
  }
  if (head[6] > 3 || length > LARGEST_HEADER) {
    SnaMessageSet(message, "%s: a NumPy file of unknown version %d; save it with numpy.save", path, head[6]);
    goto done;
  }
  PetscCall(PetscCalloc1((size_t)length + 1, &text));
  if (!SnaReadAt(fd, path, header->offset, (size_t)length, text, message)) goto done;
  header->offset += length;
  descr = NpyValue(text, "descr");
  order = NpyValue(text, "fortran_order");
  shape = NpyValue(text, "shape");
  if (!descr || !order || !shape || *shape != '(') {
    SnaMessageSet(message, "%s: damaged: its header does not tell type, order and shape", path);
    goto done;
  }
  NpyType(path, descr, &header->number, message);
  if (message[0]) goto done;
  for (const char *at = shape + 1; *at && *at != ')' && ndim <= 4; ndim++) {
    char           *end;
    const long long d = strtoll(at, &end, 10);

    if (end == at || d < 0 || d > PETSC_MAX_INT) {
      SnaMessageSet(message, "%s: cannot use the shape %.60s", path, shape);
      goto done;
    }
    if (ndim < 4) dims[ndim] = (int64_t)d;
    at = end + strspn(end, "L, ");
  }
  if (ndim < 3 || ndim > 4) {
    SnaMessageSet(message,
      "%s: an array of %d dimensions; an image a[i, j, k] has 3 (x, y, z), a stack of cells a[cell, i, j, k] has 4",
      path, ndim);
    goto done;
  }
  bytes = (double)dims[0] * (double)dims[1] * (double)dims[2] * (double)dims[3] * header->number.bytes;
  if ((double)(size - header->offset) < bytes) {
    SnaMessageSet(message, "%s: truncated: the array has %.0f bytes, %lld are left of them", path, bytes,
      (long long)(size - header->offset));
    goto done;
  }
  header->stack     = ndim == 4 ? PETSC_TRUE : PETSC_FALSE;
  header->z_fast    = *order == 'T' ? PETSC_FALSE : PETSC_TRUE;
  header->cell_fast = header->stack && !header->z_fast ? PETSC_TRUE : PETSC_FALSE;
  if (header->stack) header->cells = (PetscInt)dims[0];
  for (int d = 0; d < 3; d++) header->n[d] = (PetscInt)dims[ndim - 3 + d];
done:
  PetscCall(PetscFree(text));
  (void)close(fd);
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// The array
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  int                    fd;
  const SnaVoxelsFile   *file;
  const SnaVoxelsHeader *header;
  int64_t                offset; // of the cell's first number
  unsigned char         *buffer; // BUFFER_BYTES
} Dense;

// Phases of numbers first, first+1, ... of the cell in the file's order.
static void ReadNumbers(
  const Dense *dense, int64_t first, int64_t count, uint8_t phase[], char message[SNA_MAX_MESSAGE])
{
  const SnaVoxelsHeader *header = dense->header;
  const int64_t          bytes = header->number.bytes, step = header->cell_fast ? header->cells : 1;
  const PetscBool        direct = bytes == 1 && step == 1 ? PETSC_TRUE : PETSC_FALSE; // into the image
  const int64_t          block  = direct ? count : PetscMax(BUFFER_BYTES / (bytes * step), 1);

  for (int64_t done = 0; done < count && !message[0]; done += block) {
    const int64_t  n  = PetscMin(count - done, block);
    unsigned char *to = direct ? phase : dense->buffer;

    if (!SnaReadAt(dense->fd, dense->file->file, dense->offset + (first + done) * step * bytes,
          (size_t)(((n - 1) * step + 1) * bytes), to, message))
      return;
    for (int64_t i = 1; step > 1 && i < n; i++) memmove(to + i * bytes, to + i * step * bytes, (size_t)bytes);
    SnaNumbersToPhases(dense->file, header, first + done, (size_t)n, to, phase + done, message);
  }
}

// Lines of one turn, received[(i*ny + j)*nz + k], i < ni, to x = first + i. Through a tile that stays in the cache: read along z, written along x.
static void TurnLines(const uint8_t *received, PetscInt first, PetscInt ni, SnaVoxels voxels)
{
  enum { TILE = 64 };
  uint8_t        tile[TILE][COLUMNS];
  const PetscInt ny = voxels->n[1], nz = voxels->nz;

  for (PetscInt i0 = 0; i0 < ni; i0 += COLUMNS) {
    const PetscInt mi = PetscMin(ni - i0, COLUMNS);

    for (PetscInt j = 0; j < ny; j++) {
      for (PetscInt k0 = 0; k0 < nz; k0 += TILE) {
        const PetscInt mk = PetscMin(nz - k0, TILE);

        for (PetscInt i = 0; i < mi; i++) {
          const uint8_t *from = received + ((size_t)(i0 + i) * (size_t)ny + (size_t)j) * (size_t)nz + (size_t)k0;

          for (PetscInt k = 0; k < mk; k++) tile[k][i] = from[k];
        }
        for (PetscInt k = 0; k < mk; k++) {
          const size_t row = (size_t)(k0 + k) * (size_t)ny + (size_t)j;

          memcpy(voxels->phase + row * (size_t)voxels->n[0] + first + i0, tile[k], (size_t)mi);
        }
      }
    }
  }
}

// The lines along z are l = i*ny + j. In each turn the lines of a few i are dealt to the ranks in equal shares.
static PetscErrorCode ReadLines(const Dense *dense, SnaVoxels voxels, char message[SNA_MAX_MESSAGE])
{
  const PetscInt *n     = voxels->n;
  const int64_t   slice = (int64_t)n[1] * n[2];
  int64_t         columns, share, lines; // of a turn: values of i, lines of a rank, all lines
  uint8_t        *line, *sorted, *received;
  PetscMPIInt     size, rank, *counts;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(voxels->comm, &size));
  PetscCallMPI(MPI_Comm_rank(voxels->comm, &rank));
  columns = PetscMax(PetscMin(COLUMNS, LARGEST_TURN / slice), PetscMin(BUFFER_BYTES * size / slice, n[0]));
  columns = PetscMin(PetscMax(columns, 1), n[0]);
  share   = (columns * n[1] + size - 1) / size;
  PetscCall(PetscCalloc1((size_t)share * (size_t)n[2], &line));
  PetscCall(PetscMalloc1((size_t)share * (size_t)n[2], &sorted));
  PetscCall(PetscMalloc1((size_t)share * (size_t)size * (size_t)voxels->nz, &received));
  PetscCall(PetscMalloc1(4 * (size_t)size, &counts));
  for (int64_t i = 0; i < n[0]; i += columns) {
    int64_t  count = 0; // lines of this rank
    uint8_t *to    = sorted;

    lines = PetscMin(columns, n[0] - i) * n[1];
    for (PetscMPIInt r = 0; r < size; r++) {
      const int64_t theirs = PetscMax(PetscMin(share, lines - r * share), 0);

      if (r == rank) count = theirs;
      counts[2 * size + r] = (PetscMPIInt)(theirs * voxels->nz);
      counts[3 * size + r] = (PetscMPIInt)(r * share * voxels->nz);
    }
    if (!message[0] && count) // after an error the others are still served
      ReadNumbers(dense, (i * n[1] + rank * share) * n[2], count * n[2], line, message);
    for (PetscMPIInt r = 0; r < size; r++) {
      PetscInt z0, nz;

      SnaSplit(n[2], size, r, &z0, &nz);
      counts[r]        = (PetscMPIInt)(count * nz);
      counts[size + r] = (PetscMPIInt)(to - sorted);
      for (int64_t l = 0; l < count; l++, to += nz) memcpy(to, line + l * n[2] + z0, (size_t)nz);
    }
    PetscCallMPI(MPI_Alltoallv(
      sorted, counts, counts + size, MPI_BYTE, received, counts + 2 * size, counts + 3 * size, MPI_BYTE, voxels->comm));
    TurnLines(received, (PetscInt)i, (PetscInt)(lines / n[1]), voxels);
  }
  PetscCall(PetscFree(counts));
  PetscCall(PetscFree(received));
  PetscCall(PetscFree(sorted));
  PetscCall(PetscFree(line));
  PetscFunctionReturn(0);
}

static PetscErrorCode DenseRead(const SnaVoxelsFile *file, const SnaVoxelsHeader *header, PetscInt cell,
  SnaVoxels voxels, char message[SNA_MAX_MESSAGE])
{
  const PetscInt *n     = voxels->n;
  const int64_t   plane = (int64_t)n[0] * n[1], bytes = header->number.bytes;
  int64_t         size;
  Dense           dense = {.file = file, .header = header};

  PetscFunctionBeginUser;
  dense.fd     = SnaOpenToRead(file->file, &size, message);
  dense.offset = header->offset + cell * (header->cell_fast ? bytes : plane * n[2] * bytes);
  PetscCall(PetscMalloc1(PetscMax(BUFFER_BYTES, (header->cell_fast ? header->cells : 1) * bytes), &dense.buffer));
  if (header->z_fast)
    PetscCall(ReadLines(&dense, voxels, message));
  else if (!message[0])
    ReadNumbers(&dense, voxels->z0 * plane, voxels->nz * plane, voxels->phase, message);
  PetscCall(PetscFree(dense.buffer));
  if (dense.fd >= 0) (void)close(dense.fd);
  PetscFunctionReturn(0);
}

const SnaVoxelsFormat SnaVoxelsFormatRaw = {.info = RawInfo, .read = DenseRead};
const SnaVoxelsFormat SnaVoxelsFormatNpy = {.ending = {".npy"}, .info = NpyInfo, .read = DenseRead};
