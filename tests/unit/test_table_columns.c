// np: 1 2 3
// Tables of data: columns by name, words and missing entries, the same on any number of ranks; messages that name the line; what is written comes back.
#include <sna/io.h>
#include "io/io_impl.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

static const char *Put(const char name[], const char text[], size_t n)
{
  const char *path = In(name);

  MPI_Barrier(MPI_COMM_WORLD);
  if (rank == 0) {
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
  }
  MPI_Barrier(MPI_COMM_WORLD);
  return path;
}

// Reads columns given as "a b" (NULL: all) and checks what holds for every table.
static void Read(const char path[], const char wanted[], SnaTable *t, char message[SNA_MAX_MESSAGE])
{
  char        copy[200] = "";
  const char *name[16];
  PetscInt    n = 0;
  int64_t     sum;

  if (wanted) (void)snprintf(copy, sizeof(copy), "%s", wanted);
  for (char *at = strtok(copy, " "); at; at = strtok(NULL, " ")) name[n++] = at;
  OK(SnaTableReadColumns(PETSC_COMM_WORLD, path, n, wanted ? name : NULL, t, message));
  if (message[0]) {
    assert_true(!t->value && !t->ncols && !t->name && !t->nrows);
    return;
  }
  sum = (int64_t)t->nrows;

  MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_INT64_T, MPI_SUM, PETSC_COMM_WORLD);
  assert_int_equal(sum, t->total);
  assert_int_equal(t->nrows, t->total / size + (rank < t->total % size));
  assert_int_equal(t->first, t->total / size * rank + PetscMin(rank, t->total % size));
}

static void ReadText(const char text[], const char wanted[], SnaTable *t)
{
  char message[SNA_MAX_MESSAGE];

  Read(Put("text.csv", text, strlen(text)), wanted, t, message);
  EMPTY(message);
}

// Every row as text, gathered on all ranks: numbers with %g, words as they are, "-" where missing; rows end in '/'.
static const char *Show(const SnaTable *t)
{
  static char all[4000];
  char        mine[1000] = "";
  int         count[8], start[8], n;

  for (PetscInt i = 0; i < t->nrows; i++) {
    for (PetscInt c = 0; c < t->ncols; c++) {
      const double v    = t->value[i * t->ncols + c];
      const size_t used = strlen(mine);

      if (isnan(v))
        (void)snprintf(mine + used, sizeof(mine) - used, "%s-", c ? " " : "");
      else if (t->nwords[c]) {
        assert_true(v >= 0 && v < t->nwords[c] && v == floor(v));
        (void)snprintf(mine + used, sizeof(mine) - used, "%s%s", c ? " " : "", t->word[c][(PetscInt)v]);
      } else
        (void)snprintf(mine + used, sizeof(mine) - used, "%s%g", c ? " " : "", v);
    }
    (void)strcat(mine, "/");
  }
  n = (int)strlen(mine);
  MPI_Allgather(&n, 1, MPI_INT, count, 1, MPI_INT, PETSC_COMM_WORLD);
  start[0] = 0;
  for (int r = 1; r < size; r++) start[r] = start[r - 1] + count[r - 1];
  MPI_Allgatherv(mine, n, MPI_CHAR, all, count, start, MPI_CHAR, PETSC_COMM_WORLD);
  all[start[size - 1] + count[size - 1]] = 0;
  return all;
}

static void Expect(const char text[], const char wanted[], const char rows[])
{
  SnaTable t;

  ReadText(text, wanted, &t);
  assert_string_equal(Show(&t), rows);
  OK(SnaTableDestroy(&t));
}

static void TestForms(void **state)
{
  (void)state;
  Expect("x\n1\n", NULL, "1/");
  Expect("x,y\n1,2\n3,4", NULL, "1 2/3 4/");
  Expect("x;y\n1;2\n3;4\n", NULL, "1 2/3 4/");
  Expect("x\ty\n1\t2\n3\t4\n", NULL, "1 2/3 4/");
  Expect("\xef\xbb\xbf\"x\";y\r\n\r\n1;2\r\n3;4\r\n", NULL, "1 2/3 4/"); // Excel's
  Expect("# a remark, with commas,\n\n x , \"y\" \n 1 ,\t2\n\"3\", \"4\" \n", NULL, "1 2/3 4/");
  Expect("\"a;b;c\",y\n1,2\n", NULL, "1 2/"); // separators between quotes do not count
  Expect("x,y,z,w\n1,2,3,4\n5,6,7,8\n9,10,11,12\n", "z x", "3 1/7 5/11 9/");
  Expect("Kw,y\n1,2\n", "kW Y", "1 2/");
  Expect("x,X\n1,2\n", "X", "2/");
  // columns that are not wanted may hold anything; a quoted separator is none
  Expect("a,b,c\n\"x,\"\"y\"\"\",inf,1\n#,\"2,3\",4\n", "c", "1/4/");
  Expect("x\n1\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n2\n", NULL, "1/2/"); // ranges without rows
}

static void TestWords(void **state)
{
  SnaTable t;

  (void)state;
  ReadText("x,class\n1,setosa\n2,\"virgi,nica\"\n3,\xc3\xa4\n4,setosa\n5,a \"\"b\n6,\"a \"\"b\"\n", NULL, &t);
  assert_string_equal(Show(&t), "1 setosa/2 virgi,nica/3 \xc3\xa4/4 setosa/5 a \"\"b/6 a \"b/");
  assert_int_equal(t.nwords[0], 0);
  assert_int_equal(t.nwords[1], 5);
  assert_string_equal(t.word[1][0], "a \"\"b"); // sorted by bytes
  assert_string_equal(t.word[1][1], "a \"b");
  assert_string_equal(t.word[1][2], "setosa");
  assert_string_equal(t.word[1][3], "virgi,nica");
  assert_string_equal(t.word[1][4], "\xc3\xa4");
  OK(SnaTableDestroy(&t));
  // numbers among words, met before the first word and on other ranks, are words as they stand
  Expect("k\n01\n2\nA\n01\nB\ninf\nC\n1e999\nD\nA\n", NULL, "01/2/A/01/B/inf/C/1e999/D/A/");
  Expect("k,x\n1,5\nA,6\n,7\n", NULL, "1 5/A 6/- 7/");
}

static void TestMissing(void **state)
{
  SnaTable t;

  (void)state;
  ReadText("# r\nx,y,k\n1,,a\n\nNA,2,?\nNaN,nan,null\n3,4,\"\"\n", NULL, &t);
  assert_string_equal(Show(&t), "1 - a/- 2 -/- - -/3 4 -/");
  assert_int_equal(t.missing, 7);
  assert_string_equal(t.where, "line 3: `y` is missing; line 5: `x` is missing; line 5: `k` is missing; "
                               "line 6: `x` is missing; line 6: `y` is missing; 2 more");
  OK(SnaTableDestroy(&t));
  ReadText("x,y\n1,\n2,3\n", "x", &t); // only what is wanted is looked at
  assert_true(!t.missing && !t.where[0]);
  OK(SnaTableDestroy(&t));
  Expect("x,y\n,\n,\n", NULL, "- -/- -/");
  Expect("x\ty\n\t\n1\t\n", NULL, "- -/1 -/");
}

static void Refuse(const char text[], const char wanted[], const char expected[])
{
  char     message[SNA_MAX_MESSAGE];
  SnaTable t;

  Read(Put("text.csv", text, strlen(text)), wanted, &t, message);
  HOLDS(message, expected);
  HOLDS(message, "text.csv:");
}

static void TestErrors(void **state)
{
  char     message[SNA_MAX_MESSAGE], *text;
  SnaTable t;

  (void)state;
  Refuse("", NULL, "text.csv: empty: a line with the names");
  Refuse("x,y\n", NULL, "text.csv: no rows below the line of names");
  Refuse("x,y\n1,2\n3\n", NULL, "text.csv:3: 1 value, but the header names 2 columns, with a comma between them");
  Refuse("x,y\n1;2\n", NULL, "text.csv:2: 1 value, but");
  Refuse("x,y\n1,2,3\n", "x", "text.csv:2: 3 values, but the header names 2 columns");
  Refuse("x,y\n1,2,\n", NULL, "text.csv:2: 3 values");
  Refuse("x;y\n1;2,5\n1;3,5\n", NULL, "text.csv:2: column `y`: '2,5' has a decimal comma; write a point");
  Refuse("x y z\n1 2 3\n", "y", "has no column `y`; it has x y z; columns are separated by comma, semicolon or tab");
  Refuse("x,y\n1,2\n\n3,four\n5,6\n", NULL,
    "text.csv:4: column `y`: 'four' is not a number, but 2 other entries are; correct it, or leave it empty");
  Refuse("x,y\n1,2\n3,-Inf\n", NULL, "text.csv:3: column `y`: '-Inf' is not a finite number");
  Refuse("x,y\n1,2\n3,1e999\n", NULL, "text.csv:3: column `y`: '1e999' is not a finite number");
  Refuse("1,2\n3,4\n", NULL, "text.csv:1: the first line must name the columns, such as x,y,t; it holds the number 1");
  Refuse(",y\n3,4\n", NULL, "text.csv:1: column 1 has no name");
  Refuse("x,y,x\n3,4,5\n", "y", "text.csv:1: two columns are named `x`");
  Refuse("\"x,y\n3,4\n", NULL, "text.csv:1: a quote is not closed");
  Refuse("x,y\n1,\"two\nlines\"\n", "x", "text.csv:2: a quote is not closed; line breaks inside quotes are not read");
  Refuse("x,y\n\"1\"2,3\n", NULL, "text.csv:2: a comma must follow `1`");
  Refuse("x,y\n\x01\x02,3\n", NULL, "text.csv:2: `\?\?` holds control characters");
  Refuse("\xff\xfex,y\n", NULL, "text.csv:1: encoded as UTF-16; save it as UTF-8");
  Refuse("temperature,y\n1,2\n", "temprature", "has no column `temprature`; did you mean `temperature`?");
  Refuse("aa,bb\n1,2\n", "q", "has no column `q`; it has aa, bb");
  Refuse("x,X,y\n1,2,3\n", "y Y", "the column `y` is asked for twice, as `y` and `Y`");
  Refuse("ab,aB\n1,2\n", "AB", "`AB` may be the column `ab` or `aB`");
  // the first in the file, though every rank has one
  text = (char *)malloc(100000);
  (void)strcpy(text, "x\n");
  for (int i = 0; i < 6000; i++)
    (void)strcpy(text + strlen("x\n") + 6 * (size_t)i, i < 1000 || i % 5 ? "12345\n" : "1234a\n");
  Refuse(text, NULL, "text.csv:1002: column `x`: '1234a' is not a number, but 5000 other");
  free(text);
  Read(In("none.csv"), NULL, &t, message);
  HOLDS(message, "none.csv: cannot open the file: No such file");
  Read(folder, NULL, &t, message);
  HOLDS(message, "a directory");
}

static void TestNames(void **state)
{
  char       message[SNA_MAX_MESSAGE], **names;
  PetscInt   n;
  const char text[] = "\"a, \"\"b\"\"\", c d ,\"1\"\nnot,looked\n";

  (void)state;
  OK(SnaTableReadNames(PETSC_COMM_WORLD, Put("names.csv", text, sizeof(text) - 1), &n, &names, message));
  EMPTY(message);
  assert_int_equal(n, 3);
  assert_string_equal(names[0], "a, \"b\"");
  assert_string_equal(names[1], "c d");
  assert_string_equal(names[2], "1");
  OK(SnaNamesFree(n, &names));
  OK(SnaTableReadNames(PETSC_COMM_WORLD, In("none.csv"), &n, &names, message));
  HOLDS(message, "none.csv");
  assert_true(!n && !names);
}

// Longer than the blocks that are read at a time, with words and gaps whose places are known.
static void TestLong(void **state)
{
  const int n    = 200000;
  char     *text = (char *)malloc((size_t)n * 90), *to = text, message[SNA_MAX_MESSAGE];
  SnaTable  t;

  (void)state;
  to += sprintf(to, "i,skipped,word,gap\n");
  for (int i = 0; i < n; i++) {
    to += sprintf(to, "%d,\"%*s,\",w%d,", i, i < n / 2 ? i % 50 : 0, "", i * 7 % 1000);
    to += i % 1000 == 17 ? sprintf(to, "\r\n") : sprintf(to, "%.17g\r\n", i / 3.0);
  }
  Read(Put("long.csv", text, (size_t)(to - text)), "i word gap", &t, message);
  free(text);
  EMPTY(message);
  assert_true(t.total == n && t.missing == 200 && t.nwords[1] == 1000);
  HOLDS(t.where, "line 19: `gap` is missing; line 1019: `gap` is missing; line 2019: ");
  HOLDS(t.where, "; 195 more");
  for (PetscInt k = 1; k < 1000; k++) assert_true(strcmp(t.word[1][k - 1], t.word[1][k]) < 0);
  for (PetscInt i = 0; i < t.nrows; i++) {
    const int     k   = (int)t.first + (int)i;
    const double *row = t.value + 3 * i;
    char          word[20];

    (void)snprintf(word, sizeof(word), "w%d", k * 7 % 1000);
    assert_true(row[0] == k);
    assert_string_equal(t.word[1][(PetscInt)row[1]], word);
    assert_true(k % 1000 == 17 ? isnan(row[2]) : row[2] == k / 3.0);
  }
  OK(SnaTableDestroy(&t));
}

// What is written is read back, and the file is what one expects to see.
static void TestWrite(void **state)
{
  const char *const extra_name[] = {"y, predicted", "2"};
  const char *const files[]      = {"out/w.csv", "out/w.h5"};
  double            extra[20];
  char              message[SNA_MAX_MESSAGE], text[600] = "";
  SnaTable          t, back;
  FILE             *f;

  (void)state;
  for (int kind = 0; kind < 2; kind++) {
    ReadText("x;a b;k;\"#1\"\n0.1;2;\"p;q\";1e-300\n;0.30000000000000004;;-3\n1e22;123456789;\"r \"\"s\"\"\";5e-324\n",
      NULL, &t);
    for (PetscInt i = 0; i < t.nrows; i++) {
      extra[2 * i]     = (double)(t.first + i) / 3;
      extra[2 * i + 1] = t.first + i == 1 ? NAN : -0.5;
    }
    OK(SnaTableWriteColumns(PETSC_COMM_WORLD, In(files[kind]), &t, 2, extra_name, extra, message));
    EMPTY(message);
    Read(In(files[kind]), NULL, &back, message);
    EMPTY(message);
    assert_true(back.ncols == 6 && back.total == 3 && back.missing == 3 && back.nrows == t.nrows);
    for (PetscInt c = 0; c < 6; c++) assert_string_equal(back.name[c], c < 4 ? t.name[c] : extra_name[c - 4]);
    for (PetscInt i = 0; i < t.nrows; i++) {
      for (PetscInt c = 0; c < 6; c++) {
        const double expected = c < 4 ? t.value[4 * i + c] : extra[2 * i + c - 4], found = back.value[6 * i + c];

        assert_true(isnan(expected) ? isnan(found) : expected == found);
      }
    }
    if (!kind) {
      assert_int_equal(back.nwords[2], 2);
      assert_string_equal(back.word[2][0], "p;q");
      assert_string_equal(back.word[2][1], "r \"s\"");
      f = fopen(In(files[0]), "r");
      assert_non_null(f);
      assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
      (void)fclose(f);
      assert_string_equal(text, "x,\"a b\",k,\"#1\",\"y, predicted\",\"2\"\n"
                                "0.1,2,\"p;q\",1e-300,0,-0.5\n"
                                "nan,0.30000000000000004,nan,-3,0.3333333333333333,nan\n"
                                "1e+22,123456789,\"r \"\"s\"\"\",4.94065645841247e-324,0.6666666666666666,-0.5\n");
    }
    MPI_Barrier(PETSC_COMM_WORLD);
    OK(SnaTableDestroy(&back));
    OK(SnaTableDestroy(&t));
  }
  ReadText("x\n1\n2\n", NULL, &t);
  OK(SnaTableWriteColumns(PETSC_COMM_WORLD, folder, &t, 0, NULL, NULL, message)); // a directory is in the way
  HOLDS(message, "cannot write");
  OK(SnaTableDestroy(&t));
}

static void TestHdf5(void **state)
{
  const PetscInt dims[2] = {4, 3}, line[1] = {5}, empty[2] = {0, 2}, cube[3] = {1, 2, 3};
  const double data[12] = {0, 1, 2, 10, NAN, 12, 20, 21, 22, 30, 31, 32}, bad[12] = {0, 1, 2, 3, 4, 5, 6, 7, INFINITY};
  char         message[SNA_MAX_MESSAGE];
  SnaFile      file;
  SnaTable     t;

  (void)state;
  OK(SnaFileCreate(PETSC_COMM_WORLD, In("t.h5"), &file));
  OK(SnaFileWriteArray(file, "/a/numbers", 2, dims, data));
  OK(SnaFileWriteAttributeText(file, "/a/numbers", "columns", "x, \"y,z\" ,w"));
  OK(SnaFileWriteArray(file, "/line", 1, line, data));
  OK(SnaFileWriteArray(file, "/cube", 3, cube, data));
  OK(SnaFileClose(&file, message));
  EMPTY(message);
  Read(In("t.h5"), NULL, &t, message); // the only one of two dimensions
  EMPTY(message);
  assert_string_equal(Show(&t), "0 1 2/10 - 12/20 21 22/30 31 32/");
  assert_string_equal(t.name[1], "y,z");
  assert_true(t.missing == 1);
  assert_string_equal(t.where, "row 1: `y,z` is missing");
  OK(SnaTableDestroy(&t));
  Read(In("t.h5:/a/numbers"), "W x", &t, message);
  EMPTY(message);
  assert_string_equal(Show(&t), "2 0/12 10/22 20/32 30/");
  OK(SnaTableDestroy(&t));
  Read(In("t.h5:/line"), NULL, &t, message);
  EMPTY(message);
  assert_string_equal(Show(&t), "0/1/2/10/-/");
  assert_string_equal(t.name[0], "c0");
  OK(SnaTableDestroy(&t));
  Read(In("t.h5:/cube"), NULL, &t, message);
  HOLDS(message, "/cube has 3 dimensions");
  Read(In("t.h5:/none"), NULL, &t, message);
  HOLDS(message, "t.h5: has no /none");
  Read(In("t.h5"), "v", &t, message);
  HOLDS(message, "has no column `v`; it has x, y,z, w");
  Read(In("none.h5"), NULL, &t, message);
  HOLDS(message, "none.h5: cannot open");
  OK(SnaFileCreate(PETSC_COMM_WORLD, In("u.h5"), &file));
  OK(SnaFileWriteArray(file, "/one", 2, dims, bad));
  OK(SnaFileWriteAttributeText(file, "/one", "columns", "x,y"));
  OK(SnaFileWriteArray(file, "/two", 2, dims, bad));
  OK(SnaFileWriteArray(file, "/nothing", 2, empty, bad));
  OK(SnaFileClose(&file, message));
  EMPTY(message);
  Read(In("u.h5"), NULL, &t, message);
  HOLDS(message, "u.h5: holds 3 tables: /nothing, /one, /two; say which, as in ");
  Read(In("u.h5:/one"), NULL, &t, message);
  HOLDS(message, "/one: its attribute `columns` names 2 columns, it has 3");
  Read(In("u.h5:/two"), NULL, &t, message);
  HOLDS(message, "/two: row 2, column `c2`: inf is not a finite number");
  Read(In("u.h5:/two"), "c0 c1", &t, message); // not looked at
  EMPTY(message);
  OK(SnaTableDestroy(&t));
  Read(In("u.h5:/nothing"), NULL, &t, message);
  HOLDS(message, "/nothing has no rows");
}

// As few digits as give the same double back, compared with the C library's.
static void TestShort(void **state)
{
  uint64_t bits = 88172645463325252u;

  (void)state;
  for (int i = 0; i < 200000; i++) {
    char   text[33] = "", expected[40];
    double value, back;

    bits ^= bits << 13; // Marsaglia's xorshift
    bits ^= bits >> 7;
    bits ^= bits << 17;
    if (i % 3 == 0)
      value = (double)(int64_t)(bits >> 20) / 1e6;
    else if (i % 3 == 1)
      value = ldexp((double)(int64_t)bits, -63);
    else
      memcpy(&value, &bits, sizeof(value));
    if (!isfinite(value)) continue;
    text[SnaNumberFormatShort(value, text)] = 0;
    back                                    = strtod(text, NULL);
    assert_memory_equal(&back, &value, sizeof(value));
    (void)snprintf(expected, sizeof(expected), "%.15g", value);
    if (strtod(expected, NULL) == value) assert_true(strlen(text) <= strlen(expected) + 2); // 1e+15 or 1000000000000000
  }
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(TestForms),
    cmocka_unit_test(TestWords),
    cmocka_unit_test(TestMissing),
    cmocka_unit_test(TestErrors),
    cmocka_unit_test(TestNames),
    cmocka_unit_test(TestLong),
    cmocka_unit_test(TestWrite),
    cmocka_unit_test(TestHdf5),
    cmocka_unit_test(TestShort),
  };
  int failures;

  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  MPI_Comm_rank(PETSC_COMM_WORLD, &rank);
  MPI_Comm_size(PETSC_COMM_WORLD, &size);
  (void)snprintf(folder, sizeof(folder), "/tmp/sna_test_columns_XXXXXX");
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
