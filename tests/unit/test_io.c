// np: 1 2 3
// Files, cases, XDMF and provenance: round trips, damaged and foreign files, full disks, killed writers, two runs of
// one case.
#include <sna/io.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OK(call)       assert_int_equal((int)(call), 0)
#define EMPTY(message) assert_string_equal(message, "")
#define HOLDS(text, part)                                                                                              \
  do {                                                                                                                 \
    if (!strstr(text, part)) fail_msg("`%s` is not in: %s", part, text);                                               \
  } while (0)

static char        folder[64]; // of this test's files, the same on all ranks
static PetscMPIInt rank, size;

// HDF5 itself leaks when it refuses damaged metadata (TestDamagedFile).
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
  return "leak:libhdf5\n";
}

static const char *In(const char name[])
{
  static char path[64][160]; // none of the tests holds more names than that
  static int  turn;

  turn = (turn + 1) % 64;
  (void)snprintf(path[turn], sizeof(path[turn]), "%s/%s", folder, name);
  return path[turn];
}

static int Exists(const char path[])
{
  struct stat status;
  int         exists;

  MPI_Barrier(MPI_COMM_WORLD); // no rank is still at work before, or already again after
  exists = !stat(path, &status);
  MPI_Barrier(MPI_COMM_WORLD);
  return exists;
}

static void Part(const char path[], char part[200])
{
  (void)snprintf(part, 200, "%s.part", path);
}

// Creates a file of the bytes given, on rank 0.
static void Put(const char path[], const void *bytes, size_t n)
{
  if (rank == 0) {
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
  }
  MPI_Barrier(MPI_COMM_WORLD);
}

static char *Get(const char path[], size_t *n)
{
  FILE *f = fopen(path, "rb");
  char *bytes;

  assert_non_null(f);
  (void)fseek(f, 0, SEEK_END);
  *n = (size_t)ftell(f);
  rewind(f);
  bytes = (char *)malloc(*n + 1);
  assert_int_equal(fread(bytes, 1, *n, f), *n);
  (void)fclose(f);
  bytes[*n] = 0;
  return bytes;
}

// A small file of every kind of object.
static void WriteSample(const char path[], double shift)
{
  const PetscInt dims[3] = {2, 3, 4}, none[1] = {0}, ints[3] = {-1, 0, PETSC_MAX_INT};
  double         data[24] = {0}, one = 3.5 + shift, rows[6];
  char           message[SNA_MAX_MESSAGE];
  SnaFile        file;

  for (int i = 0; i < 24; i++) data[i] = rank == 0 ? i + 0.1 + shift : -1; // only rank 0's count
  for (int i = 0; i < 6; i++) rows[i] = 100 * rank + i + shift;
  OK(SnaFileCreate(PETSC_COMM_WORLD, path, &file));
  OK(SnaFileWriteArray(file, "/group/deep/cube", 3, dims, data));
  OK(SnaFileWriteRows(file, "/rows", rank + 1, 2, rows)); // 1, 2, 3 rows
  OK(SnaFileWriteArray(file, "/group/scalar", 0, NULL, &one));
  OK(SnaFileWriteArray(file, "/group/empty", 1, none, NULL));
  OK(SnaFileWriteInts(file, "/group/ints", 3, ints));
  OK(SnaFileWriteText(file, "/text/short", "k\xc3\xa4se"));
  OK(SnaFileWriteText(file, "/text/nothing", ""));
  OK(SnaFileWriteAttributeReal(file, "/", "version", 1));
  OK(SnaFileWriteAttributeReal(file, "/", "version", 2.25));
  OK(SnaFileWriteAttributeText(file, "/group/deep/cube", "unit", "m/s"));
  OK(SnaFileClose(&file, message));
  EMPTY(message);
  assert_null(file);
}

static void TestRoundTrip(void **state)
{
  const char *path = In("new/folder/round.h5");
  double      data[24], one = 0, rows[6], value = 0;
  PetscInt    dims[4], n, ints[3];
  int         ndim;
  char        message[SNA_MAX_MESSAGE], text[16], *whole, **names, part[200];
  PetscBool   has;
  const char *error;
  SnaFile     file;

  (void)state;
  Part(path, part);
  WriteSample(path, 0);
  assert_true(Exists(path));
  assert_false(Exists(part));
  OK(SnaFileOpen(PETSC_COMM_WORLD, path, &file));
  OK(SnaFileReadArraySize(file, "/group/deep/cube", &ndim, dims));
  assert_int_equal(ndim, 3);
  assert_int_equal(dims[0], 2);
  assert_int_equal(dims[2], 4);
  OK(SnaFileReadArray(file, "group/deep/cube", 24, data));
  for (int i = 0; i < 24; i++) assert_true(data[i] == i + 0.1);
  OK(SnaFileReadArray(file, "/group/scalar", 1, &one));
  assert_true(one == 3.5);
  OK(SnaFileReadArray(file, "/group/empty", 0, NULL));
  OK(SnaFileReadInts(file, "/group/ints", 3, ints));
  assert_true(ints[0] == -1 && ints[1] == 0 && ints[2] == PETSC_MAX_INT);
  OK(SnaFileReadText(file, "/text/short", &whole));
  assert_string_equal(whole, "k\xc3\xa4se");
  OK(PetscFree(whole));
  OK(SnaFileReadText(file, "/text/nothing", &whole));
  assert_string_equal(whole, "");
  OK(PetscFree(whole));
  OK(SnaFileReadAttributeReal(file, "/", "version", &value));
  assert_true(value == 2.25);
  OK(SnaFileReadAttributeText(file, "/group/deep/cube", "unit", sizeof(text), text));
  assert_string_equal(text, "m/s");
  OK(SnaFileHasAttribute(file, "/group", "unit", &has));
  assert_false(has);
  OK(SnaFileHas(file, "/group/deep", &has));
  assert_true(has);
  OK(SnaFileHas(file, "/group/none/deep", &has));
  assert_false(has);
  OK(SnaFileHas(file, "/group/scalar/below", &has)); // below a dataset: no error
  assert_false(has);
  OK(SnaFileReadRows(file, "/rows", rank + 1, 2, rows));
  for (int i = 0; i < 2 * (rank + 1) && i < 6; i++) assert_true(rows[i] == 100 * rank + i);
  OK(SnaFileList(file, "/group", &n, &names)); // as made, not by name
  assert_int_equal(n, 4);
  assert_string_equal(names[0], "deep");
  assert_string_equal(names[1], "scalar");
  assert_string_equal(names[2], "empty");
  assert_string_equal(names[3], "ints");
  for (PetscInt i = 0; i < n; i++) OK(PetscFree(names[i]));
  OK(PetscFree(names));
  OK(SnaFileGetError(file, &error));
  assert_null(error);
  OK(SnaFileClose(&file, message));
  EMPTY(message);
}

// Longer than one chunk, one attribute and one message of the MPI's internal buffers.
static void TestLarge(void **state)
{
  const char    *path    = In("large.h5");
  const PetscInt dims[2] = {5, 70001};
  const PetscInt n = dims[0] * dims[1], nlocal = 30000 + 7 * rank;
  char           message[SNA_MAX_MESSAGE], *text, *back;
  double        *data;
  SnaFile        file;

  (void)state;
  data = (double *)calloc((size_t)n, sizeof(double));
  text = (char *)malloc(200001);
  for (PetscInt i = 0; i < n; i++) data[i] = sqrt((double)i);
  for (int i = 0; i < 200000; i++) text[i] = (char)('a' + i % 26);
  text[200000] = 0;
  OK(SnaFileCreate(PETSC_COMM_WORLD, path, &file));
  OK(SnaFileWriteText(file, "/run/deck", text));
  OK(SnaFileWriteArray(file, "/a", 2, dims, data));
  for (PetscInt i = 0; i < nlocal * 3; i++) data[i] = rank * 1e6 + (double)i;
  OK(SnaFileWriteRows(file, "/b", nlocal, 3, data));
  OK(SnaFileWriteRows(file, "/none", 0, 3, NULL));
  OK(SnaFileClose(&file, message));
  EMPTY(message);
  memset(data, 0, (size_t)n * sizeof(double));
  OK(SnaFileOpen(PETSC_COMM_WORLD, path, &file));
  OK(SnaFileReadText(file, "/run/deck", &back));
  assert_string_equal(back, text);
  OK(PetscFree(back));
  OK(SnaFileReadArray(file, "/a", n, data));
  for (PetscInt i = 0; i < n; i++) assert_true(data[i] == sqrt((double)i));
  OK(SnaFileReadRows(file, "/b", nlocal, 3, data));
  for (PetscInt i = 0; i < nlocal * 3; i++) assert_true(data[i] == rank * 1e6 + (double)i);
  OK(SnaFileReadRows(file, "/none", 0, 3, data));
  OK(SnaFileClose(&file, message));
  EMPTY(message);
  free(data);
  free(text);
}

// The message of the first error, from a file with one wrong read.
typedef enum {
  READ_MISSING,
  READ_SIZE,
  READ_TYPE,
  READ_TEXT,
  READ_ATTRIBUTE,
  READ_GROUP,
  READ_ROWS,
  READ_LIST,
  READ_LONG
} Mistake;
static void ReadWrongly(const char path[], Mistake mistake, char message[SNA_MAX_MESSAGE])
{
  double   data[24], first;
  PetscInt ints[24], n;
  char     text[3], *whole, **names;
  SnaFile  file;

  OK(SnaFileOpen(PETSC_COMM_WORLD, path, &file));
  switch (mistake) {
  case READ_MISSING:
    OK(SnaFileReadArray(file, "/no/such", 1, data));
    break;
  case READ_SIZE:
    OK(SnaFileReadArray(file, "/group/deep/cube", 23, data));
    break;
  case READ_TYPE:
    OK(SnaFileReadInts(file, "/group/deep/cube", 24, ints));
    break;
  case READ_TEXT:
    OK(SnaFileReadText(file, "/group/ints", &whole));
    assert_null(whole);
    break;
  case READ_ATTRIBUTE:
    OK(SnaFileReadAttributeReal(file, "/group/deep/cube", "unit", &first));
    break;
  case READ_GROUP:
    OK(SnaFileReadArray(file, "/group", 1, data));
    break;
  case READ_ROWS:
    OK(SnaFileReadRows(file, "/rows", 17, 2, data));
    break;
  case READ_LIST:
    OK(SnaFileList(file, "/group/ints", &n, &names));
    assert_null(names);
    break;
  case READ_LONG:
    OK(SnaFileReadAttributeText(file, "/group/deep/cube", "unit", sizeof(text), text));
    break;
  }
  data[0] = 7;
  OK(SnaFileReadArray(file, "/group/scalar", 1, data)); // sticky: does nothing
  assert_true(data[0] == 7);
  OK(SnaFileClose(&file, message));
}

static void TestWrongReads(void **state)
{
  const char *path = In("wrong.h5");
  char        message[SNA_MAX_MESSAGE];

  (void)state;
  WriteSample(path, 0);
  ReadWrongly(path, READ_MISSING, message);
  HOLDS(message, "wrong.h5: has no /no/such");
  ReadWrongly(path, READ_SIZE, message);
  HOLDS(message, "/group/deep/cube holds 24 numbers, 23 are expected");
  ReadWrongly(path, READ_TYPE, message);
  HOLDS(message, "/group/deep/cube does not hold integers");
  ReadWrongly(path, READ_TEXT, message);
  HOLDS(message, "/group/ints is not a text");
  ReadWrongly(path, READ_ATTRIBUTE, message);
  HOLDS(message, "attribute `unit` is not a number");
  ReadWrongly(path, READ_GROUP, message);
  HOLDS(message, "/group is not a dataset");
  ReadWrongly(path, READ_ROWS, message);
  HOLDS(message, "/rows is not a table of");
  ReadWrongly(path, READ_LIST, message);
  HOLDS(message, "is not a group");
  ReadWrongly(path, READ_LONG, message);
  HOLDS(message, "longer than 2 bytes");
}

static void TestWrongWrites(void **state)
{
  const char    *path    = In("twice.h5"), *error;
  const PetscInt dims[1] = {1};
  double         one     = 1;
  char           message[SNA_MAX_MESSAGE], part[200];
  SnaFile        file;

  (void)state;
  Part(path, part);
  OK(SnaFileCreate(PETSC_COMM_WORLD, path, &file));
  OK(SnaFileWriteArray(file, "/a", 1, dims, &one));
  OK(SnaFileWriteArray(file, "/a", 1, dims, &one));
  OK(SnaFileWriteArray(file, "/b", 1, dims, &one)); // nothing any more
  OK(SnaFileWriteRows(file, "/c", 1, 1, &one));
  OK(SnaFileGetError(file, &error));
  assert_non_null(error);
  HOLDS(error, "twice.h5: /a: written twice");
  OK(SnaFileClose(&file, message));
  HOLDS(message, "/a: written twice");
  assert_false(Exists(path));
  assert_false(Exists(part));
  OK(SnaFileCreate(PETSC_COMM_WORLD, path, &file));
  OK(SnaFileWriteAttributeReal(file, "/nowhere", "x", 1));
  OK(SnaFileClose(&file, message));
  HOLDS(message, "/nowhere: no such object");
  Put(In("plain"), "x", 1);
  OK(SnaFileCreate(PETSC_COMM_WORLD, In("plain/below/a.h5"), &file));
  OK(SnaFileWriteArray(file, "/a", 1, dims, &one));
  OK(SnaFileClose(&file, message));
  HOLDS(message, "plain: cannot make the directory: a file of that name is in the way");
  OK(SnaFileCreate(PETSC_COMM_WORLD, folder, &file));
  OK(SnaFileClose(&file, message));
  HOLDS(message, "a directory of that name is in the way");
  if (geteuid()) { // permissions do not bind root
    if (rank == 0) (void)mkdir(In("locked"), 0500);
    OK(SnaFileCreate(PETSC_COMM_WORLD, In("locked/a.h5"), &file));
    OK(SnaFileClose(&file, message));
    HOLDS(message, "Permission denied");
  }
}

static void Open(const char path[], char message[SNA_MAX_MESSAGE])
{
  SnaFile file;

  OK(SnaFileOpen(PETSC_COMM_WORLD, path, &file));
  OK(SnaFileClose(&file, message));
}

static void TestForeignFiles(void **state)
{
  char   message[SNA_MAX_MESSAGE], *bytes;
  size_t n;

  (void)state;
  Open(In("missing.h5"), message);
  HOLDS(message, "missing.h5: cannot open the file: No such file or directory");
  Open(folder, message);
  HOLDS(message, "a directory, not an HDF5 file");
  Open("/dev/null", message);
  HOLDS(message, "not a regular file");
  Put(In("empty.h5"), "", 0);
  Open(In("empty.h5"), message);
  HOLDS(message, "empty.h5: the file is empty");
  Put(In("foreign.h5"), "model: vsna\n", 12);
  Open(In("foreign.h5"), message);
  HOLDS(message, "foreign.h5: not an HDF5 file");
  WriteSample(In("good.h5"), 0);
  bytes = Get(In("good.h5"), &n);
  Put(In("cut.h5"), bytes, n - 1);
  Open(In("cut.h5"), message);
  HOLDS(message, "cut.h5: truncated");
  Put(In("head.h5"), bytes, 20);
  Open(In("head.h5"), message);
  HOLDS(message, "damaged HDF5 file");
  free(bytes);
}

// Whatever byte is flipped, reading ends with an error or with the right numbers of a checked array.
static void TestDamagedFile(void **state)
{
  const char *path = In("flip.h5");
  char       *bytes, message[SNA_MAX_MESSAGE];
  size_t      n;
  int         reported = 0, tried = 0;

  (void)state;
  WriteSample(In("good.h5"), 0);
  bytes = Get(In("good.h5"), &n);
  for (size_t at = 0; at < n; at += 13) {
    SnaFile  file;
    double   data[24];
    PetscInt count;
    char   **names, *text;

    bytes[at] = (char)(bytes[at] ^ 0x55);
    Put(path, bytes, n);
    bytes[at] = (char)(bytes[at] ^ 0x55);
    OK(SnaFileOpen(PETSC_COMM_WORLD, path, &file));
    OK(SnaFileList(file, "/group", &count, &names));
    for (PetscInt i = 0; i < count; i++) OK(PetscFree(names[i]));
    OK(PetscFree(names));
    OK(SnaFileReadText(file, "/text/short", &text));
    OK(PetscFree(text));
    OK(SnaFileReadArray(file, "/group/deep/cube", 24, data));
    OK(SnaFileClose(&file, message));
    tried++;
    if (message[0])
      reported++;
    else {
      for (int i = 0; i < 24; i++) assert_true(data[i] == i + 0.1);
    }
    MPI_Barrier(MPI_COMM_WORLD);
  }
  assert_true(tried > 100 && reported > 10);
  free(bytes);
}

// A disk that is full after `bytes`, for this process.
static void Limit(rlim_t bytes, struct rlimit *before)
{
  struct rlimit limit;

  OK(getrlimit(RLIMIT_FSIZE, before));
  limit          = *before;
  limit.rlim_cur = bytes;
  MPI_Barrier(MPI_COMM_WORLD);
  OK(setrlimit(RLIMIT_FSIZE, &limit));
}

static void Unlimit(const struct rlimit *before)
{
  MPI_Barrier(MPI_COMM_WORLD);
  OK(setrlimit(RLIMIT_FSIZE, before));
}

static void TestDiskFull(void **state)
{
  static double  data[40000];
  const char    *path     = In("full.h5");
  const rlim_t   limits[] = {0, 100, 3000, 200000};
  const PetscInt dims[1] = {40000}, few[1] = {3};
  char           message[SNA_MAX_MESSAGE], part[200], name[32];
  struct rlimit  before;
  SnaFile        file;

  (void)state;
  Part(path, part);
  WriteSample(path, 0);
  for (int l = 0; l < 4; l++) {
    for (int kind = 0; kind < 3; kind++) {
      size_t n;
      char  *bytes;

      Limit(limits[l], &before);
      OK(SnaFileCreate(PETSC_COMM_WORLD, path, &file));
      if (kind == 0) {
        for (int i = 0; i < 600; i++) { // the metadata alone fill it
          (void)snprintf(name, sizeof(name), "/small/%d", i);
          OK(SnaFileWriteArray(file, name, 1, few, data));
        }
      } else if (kind == 1)
        OK(SnaFileWriteArray(file, "/big", 1, dims, data));
      else {
        OK(SnaFileWriteRows(file, "/rows", rank == size - 1 ? 40000 : 10, 1, data)); // only the last rank meets the end
        OK(SnaFileWriteArray(file, "/after", 1, few, data));
      }
      OK(SnaFileClose(&file, message));
      Unlimit(&before);
      HOLDS(message, "full.h5: cannot ");
      if (kind < 2) HOLDS(message, "File too large"); // rows go through MPI, whose brands name the reason differently
      assert_false(Exists(part));
      bytes = Get(path, &n); // the file from before is whole
      free(bytes);
      assert_true(n > 1000);
    }
  }
  if (rank == 0) assert_int_equal(symlink("/dev/full", part), 0); // a device that is always full
  OK(SnaFileCreate(PETSC_COMM_WORLD, path, &file));
  OK(SnaFileWriteArray(file, "/big", 1, dims, data));
  OK(SnaFileClose(&file, message));
  HOLDS(message, "full.h5: cannot write: No space left on device");
  assert_false(Exists(part));
  WriteSample(path, 1); // and writing works again
  Open(path, message);
  EMPTY(message);
}

static void TestAbandon(void **state)
{
  const char    *path    = In("abandon.h5");
  const PetscInt dims[1] = {1};
  double         one     = 1;
  char           part[200], message[SNA_MAX_MESSAGE];
  SnaFile        file;

  (void)state;
  Part(path, part);
  WriteSample(path, 2);
  OK(SnaFileCreate(PETSC_COMM_WORLD, path, &file));
  OK(SnaFileWriteArray(file, "/other", 1, dims, &one));
  assert_true(Exists(part));
  OK(SnaFileAbandon(&file));
  assert_null(file);
  assert_false(Exists(part));
  OK(SnaFileOpen(PETSC_COMM_WORLD, path, &file));
  OK(SnaFileReadArray(file, "/group/scalar", 1, &one));
  OK(SnaFileClose(&file, message));
  EMPTY(message);
  assert_true(one == 5.5);
}

// A child that does something on its own communicator and then waits to be killed.
static pid_t StartChild(void (*work)(void))
{
  int   ready[2];
  char  byte;
  pid_t pid;

  assert_int_equal(pipe(ready), 0);
  pid = fork();
  assert_true(pid >= 0);
  if (!pid) {
    (void)signal(SIGALRM, SIG_DFL);
    (void)alarm(30); // should the parent fail before it kills
    work();
    (void)!write(ready[1], "x", 1);
    for (;;) (void)pause();
  }
  (void)close(ready[1]);
  assert_int_equal(read(ready[0], &byte, 1), 1);
  (void)close(ready[0]);
  return pid;
}

static void KillChild(pid_t pid)
{
  int status;

  assert_int_equal(kill(pid, SIGKILL), 0);
  assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void WriteHalf(void)
{
  const PetscInt dims[1] = {3};
  double         data[3] = {1, 2, 3};
  SnaFile        file;

  (void)SnaFileCreate(PETSC_COMM_SELF, In("killed/killed.h5"), &file);
  (void)SnaFileWriteArray(file, "/a", 1, dims, data);
}

static void TestKilledWriter(void **state)
{
  const char *path = In("killed/killed.h5");
  char        message[SNA_MAX_MESSAGE], part[200];
  double      one = 0;
  PetscBool   ok;
  SnaCase     c;
  SnaFile     file;

  (void)state;
  Part(path, part);
  WriteSample(path, 3);
  if (rank == 0) KillChild(StartChild(WriteHalf));
  assert_true(Exists(part));
  OK(SnaFileOpen(PETSC_COMM_WORLD, path, &file));
  OK(SnaFileReadArray(file, "/group/scalar", 1, &one));
  OK(SnaFileClose(&file, message));
  EMPTY(message);
  assert_true(one == 6.5);
  OK(SnaCaseClaim(PETSC_COMM_WORLD, folder, "killed", PETSC_TRUE, &c, &ok, message));
  assert_true(ok);
  assert_false(Exists(part)); // the claim tidies up
  OK(SnaCaseRelease(&c));
}

static void ClaimCase(void)
{
  SnaCase   c;
  PetscBool ok;
  char      message[SNA_MAX_MESSAGE];

  (void)SnaCaseClaim(PETSC_COMM_SELF, In("cases"), "plume", PETSC_FALSE, &c, &ok, message);
}

static void TestCase(void **state)
{
  const char *cases = In("cases/plume"), *dir;
  char        message[SNA_MAX_MESSAGE], path[200];
  PetscBool   ok;
  SnaCase     c;
  pid_t       pid = 0;

  (void)state;
  if (rank == 0) pid = StartChild(ClaimCase);
  assert_true(Exists(In("cases/plume/plume.lock")));
  OK(SnaCaseClaim(
    PETSC_COMM_WORLD, In("cases"), "plume", PETSC_TRUE, &c, &ok, message)); // -force does not help against a live run
  assert_false(ok);
  assert_null(c);
  HOLDS(message, "cases/plume: another run (process ");
  if (rank == 0) KillChild(pid);
  assert_true(Exists(In("cases/plume/plume.lock")));
  OK(SnaCaseClaim(PETSC_COMM_WORLD, In("cases"), "plume", PETSC_FALSE, &c, &ok, message));
  assert_true(ok);
  EMPTY(message);
  OK(SnaCaseGetPath(c, ".h5", sizeof(path), path));
  assert_string_equal(path, In("cases/plume/plume.h5"));
  OK(SnaCaseGetDir(c, &dir));
  assert_string_equal(dir, cases);
  OK(SnaCaseRelease(&c));
  assert_null(c);
  assert_false(Exists(In("cases/plume"))); // empty: gone
  OK(SnaCaseClaim(PETSC_COMM_WORLD, In("cases"), "plume", PETSC_FALSE, &c, &ok, message));
  assert_true(ok);
  WriteSample(path, 0);
  OK(SnaCaseRelease(&c));
  assert_true(Exists(path));
  assert_false(Exists(In("cases/plume/plume.lock")));
  OK(SnaCaseClaim(PETSC_COMM_WORLD, In("cases"), "plume", PETSC_FALSE, &c, &ok, message));
  assert_false(ok);
  HOLDS(message, "plume.h5: exists; give -force");
  assert_true(Exists(path));
  assert_false(Exists(In("cases/plume/plume.lock")));
  OK(SnaCaseClaim(PETSC_COMM_WORLD, In("cases"), "plume", PETSC_TRUE, &c, &ok, message));
  assert_true(ok);
  assert_true(Exists(path)); // the old result stays until the new one is whole
  OK(SnaCaseRelease(&c));
}

static void TestCaseRefusals(void **state)
{
  char      message[SNA_MAX_MESSAGE];
  PetscBool ok;
  SnaCase   c;

  (void)state;
  OK(SnaCaseClaim(PETSC_COMM_WORLD, folder, "../up", PETSC_FALSE, &c, &ok, message));
  assert_false(ok);
  HOLDS(message, "`../up` cannot name a case");
  Put(In("file"), "x", 1);
  OK(SnaCaseClaim(PETSC_COMM_WORLD, In("file"), "a", PETSC_FALSE, &c, &ok, message));
  assert_false(ok);
  HOLDS(message, "file: cannot make the directory");
  OK(SnaCaseClaim(PETSC_COMM_WORLD, "/proc/none", "a", PETSC_FALSE, &c, &ok, message));
  assert_false(ok);
  HOLDS(message, "/proc/none: cannot make the directory: ");
  OK(SnaCaseClaim(PETSC_COMM_WORLD, In("deep/er/out"), "a", PETSC_FALSE, &c, &ok, message));
  assert_true(ok);
  OK(SnaCaseRelease(&c));
  assert_false(Exists(In("deep"))); // what the claim made and nobody used is gone
}

static void TestXdmf(void **state)
{
  const char *axis[] = {"x", "a<b"}, *field[] = {"u", "error & co"};
  const char *first[]    = {"/slice/mid/000001/u", "/slice/mid/000001/e"},
             *second[]   = {"slice/mid/000002/u", "slice/mid/000002/e"};
  const PetscInt    n[]  = {5, 3};
  const double      lo[] = {0, -1}, hi[] = {2, 1};
  const SnaXdmfStep steps[] = {{0.25, 2, field, first}, {0.5, 2, field, second}};
  char              message[SNA_MAX_MESSAGE], *text;
  struct rlimit     before;
  size_t            length;

  (void)state;
  OK(SnaXdmfWrite(PETSC_COMM_WORLD, In("s/slice.xmf"), In("s/case.h5"), 2, axis, n, lo, hi, 2, steps, message));
  EMPTY(message);
  text = Get(In("s/slice.xmf"), &length);
  HOLDS(text, "CollectionType=\"Temporal\"");
  HOLDS(text, "<Time Value=\"0.25\"/>");
  HOLDS(text, "Dimensions=\"1 3 5\"");
  HOLDS(text, ">1 1 0.5</DataItem>");
  HOLDS(text, ">0 -1 0</DataItem>");
  HOLDS(text, ">./case.h5:/slice/mid/000002/u</DataItem>");
  HOLDS(text, "Name=\"error &amp; co\"");
  HOLDS(text, "Value=\"x a&lt;b\"");
  free(text);
  Limit(100, &before);
  OK(SnaXdmfWrite(PETSC_COMM_WORLD, In("s/slice.xmf"), "case.h5", 2, axis, n, lo, hi, 1, steps, message));
  Unlimit(&before);
  HOLDS(message, "slice.xmf: cannot write: File too large");
  text = Get(In("s/slice.xmf"), &length);
  HOLDS(text, "000002"); // the old one is whole
  free(text);
  assert_false(Exists(In("s/slice.xmf.part")));
}

static void TestRun(void **state)
{
  const char *deck_text = "---\nmodel: vsna\ncase: io_test\n", *path = In("run.h5");
  char        message[SNA_MAX_MESSAGE], *text, version[64], name[] = "program", *words[] = {name, NULL};
  char        option[] = "-pde_term_a=-d(x)", *command[] = {name, option, NULL};
  double      value = 0, ranks = 0;
  SnaDeck     deck;
  SnaResults  results;
  SnaFile     file;

  (void)state;
  Put(In("run.deck"), deck_text, strlen(deck_text));
  OK(SnaDeckCreate(PETSC_COMM_WORLD, In("run.deck"), 1, words, &deck));
  OK(SnaResultsCreate(&results));
  OK(SnaResultsAdd(results, "error_l2", 0.5));
  OK(SnaResultsAdd(results, "rank", 32));
  OK(SnaFileCreate(PETSC_COMM_WORLD, path, &file));
  OK(SnaFileWriteRun(file, deck, results, 2, command));
  OK(SnaFileClose(&file, message));
  EMPTY(message);
  OK(SnaFileOpen(PETSC_COMM_WORLD, path, &file));
  OK(SnaFileReadText(file, "/run/deck", &text));
  assert_string_equal(text, deck_text);
  OK(PetscFree(text));
  OK(SnaFileReadText(file, "/run/command", &text));
  assert_string_equal(text, "program '-pde_term_a=-d(x)'");
  OK(PetscFree(text));
  OK(SnaFileReadText(file, "/run/effective", &text));
  OK(PetscFree(text));
  OK(SnaFileReadArray(file, "/result/error_l2", 1, &value));
  assert_true(value == 0.5);
  OK(SnaFileReadArray(file, "/result/rank", 1, &value));
  assert_true(value == 32);
  OK(SnaFileReadAttributeReal(file, "/run", "ranks", &ranks));
  assert_true(ranks == size);
  OK(SnaFileReadAttributeText(file, "/run", "version", sizeof(version), version));
  assert_true(strlen(version) >= 5);
  OK(SnaFileReadAttributeText(file, "/run", "start_time_utc", sizeof(version), version));
  assert_int_equal(strlen(version), 20);
  assert_true(version[10] == 'T' && version[19] == 'Z');
  OK(SnaFileClose(&file, message));
  EMPTY(message);
  OK(SnaResultsDestroy(&results));
  OK(SnaDeckDestroy(&deck));
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(TestRoundTrip),
    cmocka_unit_test(TestLarge),
    cmocka_unit_test(TestWrongReads),
    cmocka_unit_test(TestWrongWrites),
    cmocka_unit_test(TestForeignFiles),
    cmocka_unit_test(TestDamagedFile),
    cmocka_unit_test(TestDiskFull),
    cmocka_unit_test(TestAbandon),
    cmocka_unit_test(TestKilledWriter),
    cmocka_unit_test(TestCase),
    cmocka_unit_test(TestCaseRefusals),
    cmocka_unit_test(TestXdmf),
    cmocka_unit_test(TestRun),
  };
  int failures;

  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  MPI_Comm_rank(PETSC_COMM_WORLD, &rank);
  MPI_Comm_size(PETSC_COMM_WORLD, &size);
  (void)signal(SIGXFSZ, SIG_IGN);
  (void)snprintf(folder, sizeof(folder), "/tmp/sna_test_io_XXXXXX");
  if (rank == 0 && !mkdtemp(folder)) return 1;
  (void)MPI_Bcast(folder, sizeof(folder), MPI_CHAR, 0, PETSC_COMM_WORLD);
  failures = cmocka_run_group_tests(tests, NULL, NULL);
  MPI_Barrier(PETSC_COMM_WORLD);
  if (rank == 0) {
    char command[100];

    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    if (system(command)) failures++;
  }
  if (PetscFinalize()) failures++;
  return failures;
}
