// np: 1 2 3 timeout: 60
// Grids distributed over the ranks by planes: what HDF5 itself reads back, layout on disk, damaged and refused files, and
// the XDMF text that describes them.
#include <sna/io.h>
#include <hdf5.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define OK(call)       assert_int_equal((int)(call), 0)
#define EMPTY(message) assert_string_equal(message, "")
#define HOLDS(text, part)                                                                                              \
  do {                                                                                                                 \
    if (!strstr(text, part)) fail_msg("`%s` is not in: %s", part, text);                                               \
  } while (0)

static char        folder[64]; // of this test's files, the same on all ranks
static PetscMPIInt rank, size;

static const char *In(const char name[])
{
  static char path[16][160];
  static int  turn;

  turn = (turn + 1) % 16;
  (void)snprintf(path[turn], sizeof(path[turn]), "%s/%s", folder, name);
  return path[turn];
}

static int Exists(const char path[])
{
  struct stat status;
  int         exists;

  MPI_Barrier(MPI_COMM_WORLD);
  exists = !stat(path, &status);
  MPI_Barrier(MPI_COMM_WORLD);
  return exists;
}

// A number that tells where it belongs; exact in single precision.
static float Value(PetscInt i, PetscInt j, PetscInt k, PetscInt c)
{
  return (float)(i + 32 * j + 1024 * k) + 0.125f * (float)c;
}

static uint8_t Byte(PetscInt i, PetscInt j, PetscInt k)
{
  return (uint8_t)((i / 3 + j / 2 + 5 * k) % 7);
}

// This rank's planes, the highest on rank 0: their order need not be that of the ranks.
static void Share(PetscInt n, PetscInt *z0, PetscInt *nz)
{
  SnaSplit(n, size, size - 1 - rank, z0, nz);
}

static float *MakeFloats(const PetscInt n[3], PetscInt z0, PetscInt nz, PetscInt ncomp)
{
  float *data = (float *)malloc((size_t)(n[0] * n[1] * ncomp * (nz + 1)) * sizeof(float)), *at = data;

  for (PetscInt k = z0; k < z0 + nz; k++)
    for (PetscInt c = 0; c < ncomp; c++)
      for (PetscInt j = 0; j < n[1]; j++)
        for (PetscInt i = 0; i < n[0]; i++) *at++ = Value(i, j, k, c);
  return data;
}

static uint8_t *MakeBytes(const PetscInt n[3], PetscInt z0, PetscInt nz)
{
  uint8_t *data = (uint8_t *)malloc((size_t)(n[0] * n[1] * (nz + 1))), *at = data;

  for (PetscInt k = z0; k < z0 + nz; k++)
    for (PetscInt j = 0; j < n[1]; j++)
      for (PetscInt i = 0; i < n[0]; i++) *at++ = Byte(i, j, k);
  return data;
}

static const PetscInt shape[3] = {7, 5, 4}, thin[3] = {3, 1, 1};

static void WriteSample(const char path[])
{
  const PetscInt    ncomp[]  = {1, 3, 6};
  const char *const suffix[] = {"a", "b", "c"};
  PetscInt          z0, nz;
  char              message[SNA_MAX_MESSAGE], name[32];
  double            one = 1;
  uint8_t          *bytes;
  SnaFile           file;

  OK(SnaFileCreate(PETSC_COMM_WORLD, path, &file));
  Share(shape[2], &z0, &nz);
  for (int f = 0; f < 3; f++) {
    float *data = MakeFloats(shape, z0, nz, ncomp[f]);

    (void)snprintf(name, sizeof(name), "/cell/field%d", (int)ncomp[f]);
    OK(SnaFileWriteGrid(file, name, shape, z0, nz, ncomp[f], SNA_GRID_FLOAT, data));
    free(data);
  }
  OK(SnaFileWriteComponents(file, "/cell/field3", shape, 3, suffix));
  bytes = MakeBytes(shape, z0, nz);
  OK(SnaFileWriteGrid(file, "/cell/phase", shape, z0, nz, 1, SNA_GRID_BYTE, bytes));
  free(bytes);
  OK(SnaFileWriteArray(file, "/between", 0, NULL, &one));
  SnaSplit(thin[2], size, rank, &z0, &nz); // ranks without a plane
  bytes = MakeBytes(thin, z0, nz);
  OK(SnaFileWriteGrid(file, "/thin", thin, z0, nz, 1, SNA_GRID_BYTE, bytes));
  free(bytes);
  OK(SnaFileClose(&file, message));
  EMPTY(message);
}

// What HDF5 finds, without our reader.
static void TestOnDisk(void **state)
{
  const char *path = In("new/grids.h5");

  (void)state;
  WriteSample(path);
  if (rank == 0) {
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);

    assert_true(file >= 0);
    for (PetscInt ncomp = 1; ncomp <= 6; ncomp++) {
      char         name[32];
      float        data[4][5][7][6];
      hsize_t      dims[4], chunk[4];
      unsigned int flags;
      size_t       nvalue = 0;
      hid_t        set, space, create;

      if (ncomp != 1 && ncomp != 3 && ncomp != 6) continue;
      (void)snprintf(name, sizeof(name), "/cell/field%d", (int)ncomp);
      set    = H5Dopen2(file, name, H5P_DEFAULT);
      space  = H5Dget_space(set);
      create = H5Dget_create_plist(set);
      assert_int_equal(H5Sget_simple_extent_dims(space, dims, NULL), ncomp > 1 ? 4 : 3);
      assert_true(dims[0] == 4 && dims[1] == 5 && dims[2] == 7 && (ncomp == 1 || dims[3] == (hsize_t)ncomp));
      assert_int_equal(H5Pget_chunk(create, 4, chunk), ncomp > 1 ? 4 : 3);
      assert_true(chunk[0] == 1 && chunk[1] == 5 && chunk[2] == 7 && (ncomp == 1 || chunk[3] == (hsize_t)ncomp));
      assert_int_equal(H5Pget_nfilters(create), 1);
      assert_int_equal(H5Pget_filter2(create, 0, &flags, &nvalue, NULL, 0, NULL, NULL), H5Z_FILTER_FLETCHER32);
      assert_true(H5Dread(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
      for (PetscInt k = 0; k < 4; k++)
        for (PetscInt j = 0; j < 5; j++)
          for (PetscInt i = 0; i < 7; i++)
            for (PetscInt c = 0; c < ncomp; c++)
              if (((float *)data)[((k * 5 + j) * 7 + i) * ncomp + c] != Value(i, j, k, c))
                fail_msg("%s: %d %d %d %d", name, (int)i, (int)j, (int)k, (int)c);
      (void)H5Pclose(create);
      (void)H5Sclose(space);
      (void)H5Dclose(set);
    }
    float       component[4][5][7];
    const hid_t view = H5Dopen2(file, "/cell/field3_b", H5P_DEFAULT);

    assert_true(H5Dread(view, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, component) >= 0);
    for (PetscInt k = 0; k < 4; k++)
      for (PetscInt j = 0; j < 5; j++)
        for (PetscInt i = 0; i < 7; i++) assert_true(component[k][j][i] == Value(i, j, k, 1));
    (void)H5Dclose(view);
    uint8_t     phase[4][5][7];
    const hid_t set = H5Dopen2(file, "/cell/phase", H5P_DEFAULT), create = H5Dget_create_plist(set),
                type = H5Dget_type(set);

    assert_true(H5Tequal(type, H5T_STD_U8LE) > 0);
    assert_int_equal(H5Pget_nfilters(create), 2);
    assert_true(H5Dread(set, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, phase) >= 0);
    for (PetscInt k = 0; k < 4; k++)
      for (PetscInt j = 0; j < 5; j++)
        for (PetscInt i = 0; i < 7; i++) assert_int_equal(phase[k][j][i], Byte(i, j, k));
    (void)H5Tclose(type);
    (void)H5Pclose(create);
    (void)H5Dclose(set);
    (void)H5Fclose(file);
  }
}

// Our reader, with another distribution than that of writing, and numbers of another type.
static void TestRoundTrip(void **state)
{
  const char *path = In("round.h5"), *error;
  PetscInt    z0, nz;
  char        message[SNA_MAX_MESSAGE];
  float       field[4 * 6 * 35], *expected;
  uint8_t     phase[4 * 35], *expected_phase;
  SnaFile     file;

  (void)state;
  WriteSample(path);
  SnaSplit(shape[2], size, rank, &z0, &nz);
  OK(SnaFileOpen(PETSC_COMM_WORLD, path, &file));
  for (PetscInt ncomp = 1; ncomp <= 6; ncomp += ncomp == 1 ? 2 : 3) {
    char name[32];

    (void)snprintf(name, sizeof(name), "/cell/field%d", (int)ncomp);
    OK(SnaFileReadGrid(file, name, shape, z0, nz, ncomp, SNA_GRID_FLOAT, field));
    expected = MakeFloats(shape, z0, nz, ncomp);
    assert_memory_equal(field, expected, (size_t)(35 * ncomp * nz) * sizeof(float));
    free(expected);
  }
  OK(SnaFileReadGrid(file, "/cell/phase", shape, z0, nz, 1, SNA_GRID_BYTE, phase));
  expected_phase = MakeBytes(shape, z0, nz);
  assert_memory_equal(phase, expected_phase, (size_t)(35 * nz));
  OK(SnaFileReadGrid(file, "/cell/phase", shape, z0, nz, 1, SNA_GRID_FLOAT, field));
  for (PetscInt i = 0; i < 35 * nz; i++) assert_true(field[i] == (float)expected_phase[i]);
  free(expected_phase);
  OK(SnaFileReadGrid(file, "/thin", thin, 0, 1, 1, SNA_GRID_BYTE, phase)); // by every rank
  for (PetscInt i = 0; i < 3; i++) assert_int_equal(phase[i], Byte(i, 0, 0));
  OK(SnaFileGetError(file, &error));
  assert_null(error);
  OK(SnaFileReadGrid(file, "/cell/field3", shape, z0, nz, 6, SNA_GRID_FLOAT, field));
  OK(SnaFileGetError(file, &error));
  assert_non_null(error);
  HOLDS(error, "/cell/field3 is not a grid of 7 x 5 x 4 voxels of 6 numbers");
  OK(SnaFileClose(&file, message));
}

// One flipped bit in one plane: only who reads that plane could know, and every rank is told.
static void TestDamage(void **state)
{
  const char *path = In("damaged.h5"), *error;
  char        message[SNA_MAX_MESSAGE];
  float       field[4 * 35];
  PetscInt    z0, nz;
  SnaFile     file;

  (void)state;
  WriteSample(path);
  if (rank == 0) {
    const float wanted = Value(3, 2, 1, 0);
    FILE       *f      = fopen(path, "r+b");
    float       found;
    long        at = 0;

    for (; fseek(f, at, SEEK_SET) == 0 && fread(&found, sizeof(found), 1, f) == 1 && memcmp(&found, &wanted, 4); at++) {
    }
    found = Value(3, 2, 1, 1);
    (void)fseek(f, at, SEEK_SET);
    assert_int_equal(fwrite(&found, sizeof(found), 1, f), 1);
    (void)fclose(f);
  }
  MPI_Barrier(MPI_COMM_WORLD);
  SnaSplit(shape[2], size, rank, &z0, &nz);
  OK(SnaFileOpen(PETSC_COMM_WORLD, path, &file));
  OK(SnaFileReadGrid(file, "/cell/field1", shape, z0, nz, 1, SNA_GRID_FLOAT, field));
  OK(SnaFileGetError(file, &error));
  assert_non_null(error);
  HOLDS(error, "damaged");
  OK(SnaFileClose(&file, message));
}

// The system refuses on one rank's write: all ranks are told, nothing is left behind.
static void TestRefused(void **state)
{
  const PetscInt n[3] = {64, 64, 12};
  const char    *path = In("refused.h5");
  struct rlimit  before, limit;
  PetscInt       z0, nz;
  char           message[SNA_MAX_MESSAGE], part[200];
  float         *data;
  SnaFile        file;

  (void)state;
  (void)signal(SIGXFSZ, SIG_IGN);
  Share(n[2], &z0, &nz);
  data = MakeFloats(n, z0, nz, 3);
  OK(SnaFileCreate(PETSC_COMM_WORLD, path, &file));
  (void)getrlimit(RLIMIT_FSIZE, &before);
  limit          = before;
  limit.rlim_cur = 100000; // two planes
  (void)setrlimit(RLIMIT_FSIZE, &limit);
  OK(SnaFileWriteGrid(file, "/field", n, z0, nz, 3, SNA_GRID_FLOAT, data));
  OK(SnaFileWriteGrid(file, "/again", n, z0, nz, 3, SNA_GRID_FLOAT, data)); // does nothing
  OK(SnaFileClose(&file, message));
  (void)setrlimit(RLIMIT_FSIZE, &before);
  HOLDS(message, "refused.h5: cannot write: File too large");
  (void)snprintf(part, sizeof(part), "%s.part", path);
  assert_false(Exists(path));
  assert_false(Exists(part));
  free(data);
}

// XDMF: nodes and cells, slowest axis first; tests/verify/voxel_output.py has ParaView read such a file.
static void TestXdmf(void **state)
{
  const double       lo[3] = {0, -1, 2}, hi[3] = {3.5, 1, 4};
  const SnaXdmfField field[] = {{"phase", "/cell/phase", 1}, {"field<3>", "cell/field3", 3}};
  char               message[SNA_MAX_MESSAGE], text[4096] = "";

  (void)state;
  OK(SnaXdmfWriteGrid(PETSC_COMM_WORLD, In("g.xmf"), In("g.h5"), shape, lo, hi, 2, field, message));
  EMPTY(message);
  if (rank == 0) {
    FILE *f = fopen(In("g.xmf"), "r");

    assert_non_null(f);
    assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
    (void)fclose(f);
    HOLDS(text, "TopologyType=\"3DCoRectMesh\" Dimensions=\"5 6 8\"");
    HOLDS(text, ">2 -1 0<");
    HOLDS(text, ">0.5 0.40000000000000002 0.5<");
    HOLDS(text, "<Attribute Name=\"phase\" AttributeType=\"Scalar\" Center=\"Cell\">");
    HOLDS(text, "Dimensions=\"4 5 7\" NumberType=\"Float\" Precision=\"4\" Format=\"HDF\">./g.h5:/cell/phase<");
    HOLDS(text, "<Attribute Name=\"field&lt;3&gt;\" AttributeType=\"Vector\" Center=\"Cell\">");
    HOLDS(text, "Dimensions=\"4 5 7 3\" NumberType=\"Float\" Precision=\"4\" Format=\"HDF\">./g.h5:/cell/field3<");
  }
}

// A name that is taken is found on rank 0 alone; every rank gets the message, and none waits.
static void TestWrittenTwice(void **state)
{
  PetscInt z0, nz;
  char     message[SNA_MAX_MESSAGE];
  uint8_t *bytes;
  SnaFile  file;

  (void)state;
  Share(shape[2], &z0, &nz);
  bytes = MakeBytes(shape, z0, nz);
  OK(SnaFileCreate(PETSC_COMM_WORLD, In("twice.h5"), &file));
  OK(SnaFileWriteGrid(file, "/a", shape, z0, nz, 1, SNA_GRID_BYTE, bytes));
  OK(SnaFileWriteGrid(file, "/a", shape, z0, nz, 1, SNA_GRID_BYTE, bytes));
  OK(SnaFileClose(&file, message));
  HOLDS(message, "/a: written twice");
  free(bytes);
}

static int MakeFolder(void **state)
{
  (void)state;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (rank == 0) {
    (void)snprintf(folder, sizeof(folder), "/tmp/sna-grid-XXXXXX");
    if (!mkdtemp(folder)) return -1;
  }
  MPI_Bcast(folder, sizeof(folder), MPI_CHAR, 0, MPI_COMM_WORLD);
  return 0;
}

static int RemoveFolder(void **state)
{
  char command[128];

  (void)state;
  MPI_Barrier(MPI_COMM_WORLD);
  (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
  return rank == 0 ? system(command) : 0;
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(TestOnDisk), cmocka_unit_test(TestRoundTrip),
    cmocka_unit_test(TestDamage), cmocka_unit_test(TestRefused), cmocka_unit_test(TestWrittenTwice),
    cmocka_unit_test(TestXdmf)};
  int                     failed;

  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  failed = cmocka_run_group_tests(tests, MakeFolder, RemoveFolder);
  MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_SUM, PETSC_COMM_WORLD);
  if (PetscFinalize()) return 1;
  return failed ? 1 : 0;
}
