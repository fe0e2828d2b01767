// voxel_file_cases.h - the image that the tests of voxel files share, files with it, and what reading must give or refuse.
#ifndef SNA_TEST_VOXEL_FILE_CASES_H
#define SNA_TEST_VOXEL_FILE_CASES_H

#include <sna/voxel.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OK(call) assert_int_equal((int)(call), 0)
#define HOLDS(text, part)                                                                                              \
  do {                                                                                                                 \
    if (!strstr(text, part)) fail_msg("`%s` is not in: %s", part, text);                                               \
  } while (0)
#define NX 5
#define NY 7
#define NZ 12
#define N  (NX * NY * NZ)

static char         folder[64]; // of this test's files, the same on all ranks
static PetscMPIInt  rank, size;
static const double h[3] = {1, 2, 3};

static inline const char *In(const char name[])
{
  static char path[64][160]; // no test holds more names than that
  static int  turn;

  turn = (turn + 1) % 64;
  (void)snprintf(path[turn], sizeof(path[turn]), "%s/%s", folder, name);
  return path[turn];
}

// The image of all tests but those of VTK's files: phases 0..3 without any symmetry.
static inline int Phase(PetscInt i, PetscInt j, PetscInt k)
{
  return (int)((i * i + 2 * j + 3 * k + i * j * k) % 4);
}

static inline int At(int order, int index) // of number `index` of a file: 'F' x fastest, 'C' z fastest
{
  return order == 'F' ? Phase(index % NX, index / NX % NY, index / (NX * NY))
                      : Phase(index / (NY * NZ), index / NZ % NY, index % NZ);
}

static inline void Put(const char path[], const void *bytes, size_t n)
{
  if (rank == 0) {
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
  }
  MPI_Barrier(PETSC_COMM_WORLD);
}

static inline size_t Get(const char path[], size_t most, void *bytes)
{
  FILE  *f;
  size_t n;

  MPI_Barrier(PETSC_COMM_WORLD);
  f = fopen(path, "rb");
  assert_non_null(f);
  n = fread(bytes, 1, most, f);
  (void)fclose(f);
  MPI_Barrier(PETSC_COMM_WORLD);
  return n;
}

// ---------------------------------------------------------------------------------------------------------------------
// Reading and comparing
// ---------------------------------------------------------------------------------------------------------------------
static inline SnaVoxels Read(const SnaVoxelsFile *file)
{
  SnaVoxels voxels;
  char      message[SNA_MAX_MESSAGE];

  OK(SnaVoxelsRead(PETSC_COMM_WORLD, file, h, &voxels, message));
  if (message[0]) fail_msg("%s", message);
  assert_non_null(voxels);
  return voxels;
}

// The file holds the image of Phase(), or where `binary` is true that of Phase() > 1.
static inline void Expect(const SnaVoxelsFile *file, PetscBool binary)
{
  SnaVoxels voxels = Read(file);
  PetscInt  first, count;

  SnaSplit(NZ, size, rank, &first, &count);
  assert_int_equal(voxels->n[0], NX);
  assert_int_equal(voxels->n[1], NY);
  assert_int_equal(voxels->n[2], NZ);
  assert_int_equal(voxels->z0, first);
  assert_int_equal(voxels->nz, count);
  assert_true(voxels->h[0] == 1 && voxels->h[2] == 3);
  for (PetscInt k = 0; k < count; k++) {
    for (PetscInt j = 0; j < NY; j++) {
      for (PetscInt i = 0; i < NX; i++) {
        const int phase = Phase(i, j, first + k);

        if (voxels->phase[(k * NY + j) * NX + i] != (binary ? phase > 1 : phase))
          fail_msg("%s: voxel (%d, %d, %d) is %d, not %d", file->file, (int)i, (int)j, (int)(first + k),
            voxels->phase[(k * NY + j) * NX + i], binary ? phase > 1 : phase);
      }
    }
  }
  OK(SnaVoxelsDestroy(&voxels));
  assert_null(voxels);
}

static inline void ExpectPath(const char path[])
{
  const SnaVoxelsFile file = {.file = path, .cell = -1};

  Expect(&file, PETSC_FALSE);
}

// Reading fails, with this in the message, the same on every rank; so does asking for the shape where `info` is true.
static inline void Refuse(const SnaVoxelsFile *file, PetscBool info, const char part[])
{
  SnaVoxels voxels = NULL;
  PetscInt  n[3], cells;
  char      message[SNA_MAX_MESSAGE], root[SNA_MAX_MESSAGE];

  OK(SnaVoxelsRead(PETSC_COMM_WORLD, file, h, &voxels, message));
  assert_null(voxels);
  memcpy(root, message, sizeof(root));
  MPI_Bcast(root, sizeof(root), MPI_CHAR, 0, PETSC_COMM_WORLD);
  assert_string_equal(root, message);
  HOLDS(message, folder);
  HOLDS(message, part);
  OK(SnaVoxelsFileInfo(PETSC_COMM_WORLD, file, n, &cells, message));
  if (info)
    assert_string_equal(root, message);
  else
    assert_string_equal(message, "");
}

static inline void RefusePath(const char path[], PetscBool info, const char part[])
{
  const SnaVoxelsFile file = {.file = path, .cell = -1};

  Refuse(&file, info, part);
}

// Every prefix of the file but the whole is refused, a dozen of them tried.
static inline void RefuseTruncated(const char whole[], const char cut[], size_t tail, PetscBool info)
{
  static char  bytes[1 << 16];
  const size_t n = Get(whole, sizeof(bytes), bytes);

  for (size_t c = 1; c <= 12; c++) {
    const SnaVoxelsFile file = {.file = cut, .cell = -1};
    SnaVoxels           voxels;
    char                message[SNA_MAX_MESSAGE];

    Put(cut, bytes, (n - tail) * c / 13);
    OK(SnaVoxelsRead(PETSC_COMM_WORLD, &file, h, &voxels, message));
    if (voxels || !message[0])
      fail_msg("%s: the first %zu of %zu bytes were taken for an image", whole, (n - tail) * c / 13, n);
  }
  Put(cut, bytes, n - tail - 1);
  RefusePath(cut, info, "truncated");
}

// Number `value` at `to`: type as in NumPy's names, "<i2"; returns its bytes.
static inline size_t PutNumber(const char type[], double value, unsigned char *to)
{
  const size_t bytes = (size_t)(type[2] - '0');
  union {
    int64_t       i;
    float         f;
    double        d;
    unsigned char b[8];
  } u = {
    .i = type[1] == 'f'
           ? 0
           : (int64_t)value}; // the low bytes of a small integer, little-endian machines (as all that run this test)

  if (type[1] == 'f' && bytes == 4) u.f = (float)value;
  if (type[1] == 'f' && bytes == 8) u.d = value;
  for (size_t b = 0; b < bytes; b++) to[b] = u.b[*type == '>' ? bytes - 1 - b : b];
  return bytes;
}

// Before and after all tests; 0 when all went well.
static inline int Start(int *argc, char ***argv)
{
  if (PetscInitialize(argc, argv, NULL, NULL)) return 1;
  MPI_Comm_rank(PETSC_COMM_WORLD, &rank);
  MPI_Comm_size(PETSC_COMM_WORLD, &size);
  (void)snprintf(folder, sizeof(folder), "/tmp/sna_test_voxel_files_XXXXXX");
  if (rank == 0 && !mkdtemp(folder)) return 1;
  (void)MPI_Bcast(folder, sizeof(folder), MPI_CHAR, 0, PETSC_COMM_WORLD);
  return 0;
}

static inline int End(void)
{
  int failures = 0;

  MPI_Barrier(PETSC_COMM_WORLD);
  if (rank == 0) {
    char command[100];

    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    if (system(command)) failures++;
  }
  if (PetscFinalize()) failures++;
  return failures;
}

#endif
