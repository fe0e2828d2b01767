// np: 1 2 3
// Tables of points: the same rows on any number of ranks, numbers as exact as the C library's, and messages that name
// the line.
#include <sna/io.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
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

static char        folder[64];
static PetscMPIInt rank, size;

static const char *In(const char name[])
{
  static char path[16][160];
  static int  turn;

  turn = (turn + 1) % 16;
  (void)snprintf(path[turn], sizeof(path[turn]), "%s/%s", folder, name);
  return path[turn];
}

static void Put(const char path[], const char text[], size_t n)
{
  MPI_Barrier(MPI_COMM_WORLD);
  if (rank == 0) {
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
  }
  MPI_Barrier(MPI_COMM_WORLD);
}

typedef struct {
  PetscInt  nlocal, ncols;
  int64_t   first, total;
  PetscBool named;
  char    **names;
  double   *data;
  char      message[SNA_MAX_MESSAGE];
} Table;

static void Read(const char path[], Table *t)
{
  int64_t n;

  OK(SnaTableRead(PETSC_COMM_WORLD, path, &t->nlocal, &t->ncols, &t->named, &t->names, &t->data, t->message));
  n        = (int64_t)t->nlocal;
  t->first = 0;
  MPI_Exscan(&n, &t->first, 1, MPI_INT64_T, MPI_SUM, PETSC_COMM_WORLD);
  if (rank == 0) t->first = 0;
  MPI_Allreduce(&n, &t->total, 1, MPI_INT64_T, MPI_SUM, PETSC_COMM_WORLD);
  if (t->message[0])
    assert_null(t->data);
  else
    assert_true(n == t->total / size + (rank < t->total % size)); // balanced to within one
}

static void Free(Table *t)
{
  for (PetscInt c = 0; t->names && c < t->ncols; c++) OK(PetscFree(t->names[c]));
  OK(PetscFree(t->names));
  OK(PetscFree(t->data));
}

static void ReadText(const char text[], Table *t)
{
  Put(In("text.csv"), text, strlen(text));
  Read(In("text.csv"), t);
}

// Every entry is 10 * row + column, on whatever rank it lies.
static void Expect(const char text[], int64_t rows, PetscInt columns)
{
  Table t;

  ReadText(text, &t);
  EMPTY(t.message);
  assert_true(t.total == rows && t.ncols == columns && t.named);
  for (PetscInt i = 0; i < t.nlocal; i++) {
    for (PetscInt c = 0; c < columns; c++) assert_true(t.data[i * columns + c] == (double)(10 * (t.first + i) + c));
  }
  Free(&t);
}

static void TestShapes(void **state)
{
  (void)state;
  Expect("x\n", 0, 1);
  Expect("x", 0, 1);
  Expect("x\n0\n", 1, 1);
  Expect("x\n0", 1, 1);
  Expect("x\n0\n10\n20\n30\n40\n", 5, 1);
  Expect("x,y\n0,1\n10,11\n20,21\n", 3, 2);
  Expect("x,y\r\n0,1\r\n10,11\r\n20,21", 3, 2);
  Expect("\xef\xbb\xbfx,y\n0,1\n", 1, 2);
  Expect("# by hand\n\n  \nx , y\n# more\n\n 0 ,\t1 \n\n\n#\n10,11\n   # blank before\n\n", 2, 2);
  Expect("x,y,z\n0,1,2\n+10,1.1e1,0.12E+2\n2e1,2100e-2,0022.000\n", 3, 3);
  Expect("x\n0\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n10\n", 2,
    1); // the ranges of the last ranks are empty
}

static void TestNames(void **state)
{
  Table t;

  (void)state;
  ReadText(" \"a, \"\"b\"\"\" ,c d,  \"\xc3\xa9\",omega\n1,2,3,4\n", &t);
  EMPTY(t.message);
  assert_int_equal(t.ncols, 4);
  assert_string_equal(t.names[0], "a, \"b\"");
  assert_string_equal(t.names[1], "c d");
  assert_string_equal(t.names[2], "\xc3\xa9");
  assert_string_equal(t.names[3], "omega");
  Free(&t);
}

static void Refuse(const char text[], const char expected[])
{
  Table t;

  ReadText(text, &t);
  HOLDS(t.message, expected);
  HOLDS(t.message, "text.csv:");
  assert_int_equal(t.nlocal, 0);
  assert_null(t.names);
  Free(&t);
}

static void TestErrors(void **state)
{
  char *text;
  Table t;

  (void)state;
  Refuse("", "text.csv: empty: a line with the names of the columns is expected");
  Refuse("# only\n\n", "text.csv: empty");
  Refuse("x,y\n1,2\n3,four\n", "text.csv:3: column 2 (`y`): 'four' is not a finite number");
  Refuse("x,y\n1,2\n\n# c\n3,4,5\n", "text.csv:5: 3 values, but the header names 2 columns");
  Refuse("x,y\r\n1,2\r\n3\r\n", "text.csv:3: 1 value, but the header names 2 columns");
  Refuse("x,y\n1,\n", "text.csv:2: column 2 (`y`): the value is missing");
  Refuse("x,y\n ,1\n", "text.csv:2: column 1 (`x`): the value is missing");
  Refuse("x,y\n1,nan\n", "text.csv:2: column 2 (`y`): 'nan' is not a finite number");
  Refuse("x,y\n1,2\n-inf,3\n", "text.csv:3: column 1 (`x`): '-inf' is not");
  Refuse("x,y\n1e999,3\n", "text.csv:2: column 1 (`x`): '1e999' is not");
  Refuse("x,y\n0x10,3\n", "'0x10' is not");
  Refuse("x,y\n1 2,3\n", "'1 2' is not");
  Refuse("x,y\n1e,3\n", "'1e' is not");
  Refuse("x,y\n-,3\n", "'-' is not");
  Refuse("x;y\n1;2\n", "text.csv:2: column 1 (`x;y`): '1;2' is not");
  Refuse("1,2\n3,4\n", "text.csv:1: the first line must name the columns, such as x,y,t; it holds the number 1");
  Refuse("x,\n3,4\n", "text.csv:1: column 2 has no name");
  Refuse("x,x\n3,4\n", "text.csv:1: two columns are named `x`");
  Refuse("\"x,y\n3,4\n", "text.csv:1: a quote is not closed");
  Refuse("\"x\"y\n3\n", "text.csv:1: a comma must follow the name `x`");
  Refuse("x,y\n1,2\n\x01\x02,3\n", "'\?\?' is not");
  // the first of many errors, in the order of the file, though each rank finds one of its own
  text = (char *)malloc(100000);
  (void)strcpy(text, "x\n");
  for (int i = 0; i < 6000; i++)
    (void)strcat(text + 6 * (size_t)(i > 0 ? i - 1 : 0), i < 1000 || i % 2 ? "12345\n" : "1234a\n");
  Refuse(text, "text.csv:1002: column 1 (`x`): '1234a'");
  free(text);
  Read(In("missing.csv"), &t);
  HOLDS(t.message, "missing.csv: cannot open the file: No such file");
  Read(folder, &t);
  HOLDS(t.message, "a directory");
  Read("/dev/zero", &t);
  HOLDS(t.message, "not a regular file");
  Put(In("binary.csv"), "\0\0\0\0\n\0", 6);
  Read(In("binary.csv"), &t);
  HOLDS(t.message, "binary.csv:1: ");
}

// Longer than the blocks that are read at a time, lines of very different length.
static void TestLong(void **state)
{
  const int n    = 300000;
  char     *text = (char *)malloc((size_t)n * 120), *to = text;
  Table     t;

  (void)state;
  to += sprintf(to, "i,square\n");
  for (int i = 0; i < n; i++) {
    if (i % 1000 == 0) to += sprintf(to, "# a remark at %d\r\n", i);
    to += sprintf(to, "%d,%*s%.17g\n", i, i < n / 2 ? i % 90 : 0, "", (double)i * i / 3);
  }
  Put(In("long.csv"), text, (size_t)(to - text));
  free(text);
  Read(In("long.csv"), &t);
  EMPTY(t.message);
  assert_true(t.total == n);
  for (PetscInt i = 0; i < t.nlocal; i++) {
    const double k = (double)(t.first + i);

    assert_true(t.data[2 * i] == k && t.data[2 * i + 1] == k * k / 3);
  }
  Free(&t);
}

static uint64_t Next(uint64_t *seed)
{
  uint64_t z = *seed += 0x9e3779b97f4a7c15u; // splitmix64

  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static double SomeNumber(uint64_t i)
{
  static const double corners[] = {0.0, -0.0, 1, -1, 0.1, 1e22, 1e23, 1e16, 99999999999999999.0, 1e17,
    123456789012345678.0, 1e-4, 9.9999e-5, 1e-5, 5e-324, DBL_MIN, DBL_MAX, -DBL_MAX, DBL_EPSILON, 0.5, 1.0 / 3, 2.0 / 3,
    9007199254740993.0, 9.5, 0.3, 1e100, 1e-100, 4503599627370497.5};
  const uint64_t      ncorner   = sizeof(corners) / sizeof(corners[0]);
  uint64_t            seed = i * 77 + 1, bits = Next(&seed);
  double              x;

  if (i < ncorner) return corners[i];
  if (i % 3 == 0) return ldexp((double)(int64_t)bits, -63);                       // [-1, 1)
  if (i % 3 == 1) return (double)(int64_t)(bits >> 40) / 1000 * (i % 2 ? 1 : -1); // few decimals
  memcpy(&x, &bits, sizeof(x));                                                   // any bits
  return isfinite(x) ? x : (double)i;
}

// The text is printf's, and what comes back are the same bits.
static void TestNumbers(void **state)
{
  const char *const names[] = {"a", "b,c", "d"};
  const char       *path    = In("out/numbers.csv");
  const PetscInt    nlocal  = 20000 + 5 * rank;
  double           *data    = (double *)malloc((size_t)nlocal * 3 * sizeof(double));
  char              message[SNA_MAX_MESSAGE], line[120], expected[120];
  int64_t first = 20000 * rank + 5 * (rank * (rank - 1) / 2), total = 20000 * size + 5 * (size * (size - 1) / 2);
  Table   t;
  FILE   *f;

  (void)state;
  for (PetscInt i = 0; i < nlocal * 3; i++) data[i] = SomeNumber((uint64_t)(3 * first + i));
  OK(SnaTableWrite(PETSC_COMM_WORLD, path, nlocal, 3, names, data, message));
  EMPTY(message);
  free(data);
  f = fopen(path, "r");
  assert_non_null(f);
  assert_non_null(fgets(line, sizeof(line), f));
  assert_string_equal(line, "a,\"b,c\",d\n");
  for (int64_t i = 0; i < total; i++) {
    assert_non_null(fgets(line, sizeof(line), f));
    (void)snprintf(expected, sizeof(expected), "%.17g,%.17g,%.17g\n", SomeNumber((uint64_t)(3 * i)),
      SomeNumber((uint64_t)(3 * i + 1)), SomeNumber((uint64_t)(3 * i + 2)));
    assert_string_equal(line, expected);
  }
  assert_null(fgets(line, sizeof(line), f));
  (void)fclose(f);
  Read(path, &t);
  EMPTY(t.message);
  assert_true(t.total == total);
  assert_string_equal(t.names[1], "b,c");
  for (PetscInt i = 0; i < 3 * t.nlocal; i++) {
    const double x = SomeNumber((uint64_t)(3 * t.first + i));

    assert_memory_equal(&t.data[i], &x, sizeof(x));
  }
  Free(&t);
}

// Texts of any length against strtod.
static void TestParse(void **state)
{
  const int n    = 200000;
  char     *text = (char *)malloc((size_t)n * 60 + 10), *to = text;
  double   *expected = (double *)malloc((size_t)n * sizeof(double));
  uint64_t  seed     = 5;
  Table     t;

  (void)state;
  to += sprintf(to, "x\n");
  for (int i = 0; i < n; i++) {
    char          *start = to;
    const unsigned whole = (unsigned)(Next(&seed) % (i % 4 ? 11 : 22)), kind = (unsigned)(Next(&seed) % 4);
    const unsigned fraction = i % 4 ? 18 - whole : (unsigned)(Next(&seed) % 25); // mostly 18 digits: many near a tie;

    if (Next(&seed) % 2) *to++ = '-';
    for (unsigned d = 0; d < whole; d++) *to++ = (char)('0' + Next(&seed) % 10);
    if (!whole || kind) *to++ = '.';
    for (unsigned d = 0; d < fraction + !whole && (!whole || kind); d++)
      *to++ = (char)('0' + (kind == 3 ? 0 : Next(&seed) % 10));
    if (kind == 2) to += sprintf(to, "e%d", (int)(Next(&seed) % 80) - 40);
    *to         = 0;
    expected[i] = strtod(start, NULL);
    *to++       = '\n';
  }
  Put(In("parse.csv"), text, (size_t)(to - text));
  Read(In("parse.csv"), &t);
  EMPTY(t.message);
  for (PetscInt i = 0; i < t.nlocal; i++) assert_memory_equal(&t.data[i], &expected[t.first + i], sizeof(double));
  Free(&t);
  free(text);
  free(expected);
  // halfway between two doubles: to even; just above: up
  ReadText("x\n9007199254740993\n9007199254740993.0000000000000000000001\n0."
           "500000000000000166533453693773481063544750213623046875\n9007199254740995\n",
    &t);
  for (PetscInt i = 0; i < t.nlocal; i++) {
    const double halfway[] = {9007199254740992.0, 9007199254740994.0,
      strtod("0.500000000000000166533453693773481063544750213623046875", NULL), 9007199254740996.0};

    assert_true(t.data[i] == halfway[t.first + i]);
  }
  Free(&t);
}

static void TestHdf5(void **state)
{
  const char *const names[] = {"x", "omega", "u"};
  const char       *path    = In("points.h5");
  const PetscInt    nlocal = 7 - rank, dims[2] = {3, 2}, line[1] = {4}, cube[3] = {2, 2, 2};
  double            data[21], plain[6] = {0, 1, 10, 11, 20, 21}, bad[4] = {1, 2, NAN, 4}, block[8] = {0};
  char              message[SNA_MAX_MESSAGE], name[200];
  int64_t           first = 7 * rank - rank * (rank - 1) / 2;
  SnaFile           file;
  Table             t;

  (void)state;
  for (int i = 0; i < 21; i++) data[i] = (double)(3 * first + i);
  OK(SnaTableWrite(PETSC_COMM_WORLD, path, nlocal, 3, names, data, message));
  EMPTY(message);
  (void)snprintf(name, sizeof(name), "%s:/samples", path);
  Read(name, &t);
  EMPTY(t.message);
  assert_true(t.named && t.ncols == 3 && t.total == 7 * size - size * (size - 1) / 2);
  assert_string_equal(t.names[1], "omega");
  for (PetscInt i = 0; i < 3 * t.nlocal; i++) assert_true(t.data[i] == (double)(3 * t.first + i));
  Free(&t);
  Read(path, &t); // default dataset
  HOLDS(t.message, "points.h5: has no /points");
  OK(SnaFileCreate(PETSC_COMM_WORLD, path, &file));
  OK(SnaFileWriteArray(file, "/points", 2, dims, plain));
  OK(SnaFileWriteArray(file, "/line", 1, line, bad));
  OK(SnaFileWriteArray(file, "/cube", 3, cube, block));
  OK(SnaFileWriteArray(file, "/named", 2, dims, plain));
  OK(SnaFileWriteAttributeText(file, "/named", "columns", "x, y ,z"));
  OK(SnaFileWriteText(file, "/text", "abc"));
  OK(SnaFileClose(&file, message));
  EMPTY(message);
  Read(path, &t);
  EMPTY(t.message);
  assert_true(!t.named && !t.names && t.total == 3 && t.ncols == 2);
  for (PetscInt i = 0; i < 2 * t.nlocal; i++) assert_true(t.data[i] == plain[2 * t.first + i]);
  Free(&t);
  (void)snprintf(name, sizeof(name), "%s:/line", path);
  Read(name, &t);
  HOLDS(t.message, "/line: row 2, column 0: nan is not a finite number");
  (void)snprintf(name, sizeof(name), "%s:/cube", path);
  Read(name, &t);
  HOLDS(t.message, "/cube has 3 dimensions");
  (void)snprintf(name, sizeof(name), "%s:/named", path);
  Read(name, &t);
  HOLDS(t.message, "`columns` names 3 columns, it has 2");
  (void)snprintf(name, sizeof(name), "%s:/text", path);
  Read(name, &t);
  HOLDS(t.message, "/text does not hold numbers");
  Read(In("none.h5"), &t);
  HOLDS(t.message, "none.h5: cannot open the file: No such file");
  Put(In("fake.h5"), "x,y\n1,2\n", 8);
  Read(In("fake.h5"), &t);
  HOLDS(t.message, "fake.h5: not an HDF5 file");
}

static void TestDiskFull(void **state)
{
  static double     data[30000];
  const char *const names[] = {"x"};
  const char       *files[] = {In("full.csv"), In("full.h5")};
  char              message[SNA_MAX_MESSAGE], part[200];
  struct rlimit     before, limit;
  struct stat       status;

  (void)state;
  for (int i = 0; i < 30000; i++) data[i] = 1.0 / (i + 1);
  for (int f = 0; f < 2; f++) {
    OK(getrlimit(RLIMIT_FSIZE, &before));
    limit          = before;
    limit.rlim_cur = 100000;
    MPI_Barrier(MPI_COMM_WORLD);
    OK(setrlimit(RLIMIT_FSIZE, &limit));
    OK(SnaTableWrite(PETSC_COMM_WORLD, files[f], 30000, 1, names, data, message));
    MPI_Barrier(MPI_COMM_WORLD);
    OK(setrlimit(RLIMIT_FSIZE, &before));
    HOLDS(message, "cannot write: "); // the reason in the words of the MPI's brand
    (void)snprintf(part, sizeof(part), "%s.part", files[f]);
    assert_true(stat(part, &status) && stat(files[f], &status));
    MPI_Barrier(MPI_COMM_WORLD);
  }
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(TestShapes),
    cmocka_unit_test(TestNames),
    cmocka_unit_test(TestErrors),
    cmocka_unit_test(TestLong),
    cmocka_unit_test(TestNumbers),
    cmocka_unit_test(TestParse),
    cmocka_unit_test(TestHdf5),
    cmocka_unit_test(TestDiskFull),
  };
  int failures;

  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  MPI_Comm_rank(PETSC_COMM_WORLD, &rank);
  MPI_Comm_size(PETSC_COMM_WORLD, &size);
  (void)signal(SIGXFSZ, SIG_IGN);
  (void)snprintf(folder, sizeof(folder), "/tmp/sna_test_table_XXXXXX");
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
