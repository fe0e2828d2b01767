// np: 1 2
// test_deck.c - the deck: every mistake of form with its line, values, ranges, overrides, unused keys, the effective text.
#include <sna/base.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define OK(call)      assert_int_equal(call, 0)
#define NEAR(a, b, e) assert_true(fabs((a) - (b)) <= (e))

static const SnaOption global_table[]  = {{"model", SNA_OPT_CHOICE, NULL, 0, 0, "vsna|khronos", "What to solve."},
   {"check", SNA_OPT_BOOL, "false", 0, 0, NULL, "Do everything but solve."},
   {"help", SNA_OPT_BOOL, "false", 0, 0, NULL, "Help."},
   {"restart", SNA_OPT_STRING, "", 0, 0, "a file", "Checkpoint to go on from."},
   {"max_wall_time", SNA_OPT_REAL, "0", 0, 1e300, "seconds", "Stop after so long."},
   {"param", SNA_OPT_NAMES, "", 0, 0, NULL, "Constants."},
   {"param_*", SNA_OPT_STRING, NULL, 0, 0, "a formula", "Value of a constant."}, {NULL}};
static const SnaOption vsna_table[]    = {{"dim", SNA_OPT_NAMES, NULL, 0, 0, NULL, "The directions, in order."},
     {"dim_*_domain", SNA_OPT_REALS, NULL, -1e308, 1e308, "[a, b]", "Interval."},
     {"dim_*_cells", SNA_OPT_INT, "32", 1, 100000, NULL, "Cells."},
     {"dim_*_bc", SNA_OPT_STRINGS, "none", 0, 0, "none|dirichlet, at each end", "Boundary conditions."},
     {"dim_*_basis", SNA_OPT_CHOICE, "bspline", 0, 0, "bspline|fourier", "Basis."},
     {"dim_*_initial", SNA_OPT_BOOL, "false", 0, 0, NULL, "Direction of time."},
     {"pde_unknown", SNA_OPT_STRING, "u", 0, 0, NULL, "Name of the unknown."},
     {"pde_term", SNA_OPT_NAMES, NULL, 0, 0, NULL, "Terms."},
     {"pde_term_*", SNA_OPT_STRING, NULL, 0, 0, "a product", "One term."},
     {"pde_reference", SNA_OPT_STRING, "", 0, 0, "a formula", "Exact solution."},
     {"vsna_rank", SNA_OPT_INT, NULL, 1, 4096, NULL, "Rank."},
     {"vsna_als_rtol", SNA_OPT_REAL, "1e-8", 1e-300, 1e300, NULL, "Tolerance."},
     {"vsna_als_max_sweeps", SNA_OPT_INT, "100", 1, 1e9, NULL, "Sweeps."},
     {"vsna_ladder", SNA_OPT_INTS, "[4, 8]", 1, 4096, NULL, "Ranks."}, {NULL}};
static const SnaOption khronos_table[] = {
  {"khronos_epochs", SNA_OPT_INT, "10", 1, 1e9, NULL, "Passes over the data."}, {NULL}};

static const char good[] = "---\n"                                                               // line 1
                           "model: vsna\n"                                                       // 2
                           "param:\n"                                                            // 3
                           "  - s: 0.15     # a comment\n"                                       // 4
                           "  - twice: 2*s\n"                                                    // 5
                           "dim:\n"                                                              // 6
                           "  - x: {domain: [-1, 2*pi/3], cells: 16, bc: [dirichlet, 'none']}\n" // 7
                           "  - t:\n"                                                            // 8
                           "      domain: [0, twice]\n"                                          // 9
                           "      initial:\n"                                                    // 10
                           "pde:\n"                                                              // 11
                           "  term:\n"                                                           // 12
                           "    - rate: d(t)\n"                                                  // 13
                           "    - adv: -x * d(x)\n"                                              // 14
                           "  reference: \"exp(-x^2) *\n"                                        // 15
                           "     max(1, 2)\"\n"                                                  // 16
                           "vsna: {rank: 8, als: {rtol: s/3}}\n";                                // 17

static PetscMPIInt rank;

static void write_file(const char path[], const char text[], size_t n)
{
  if (!rank) {
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
  }
  MPI_Barrier(PETSC_COMM_WORLD);
}

// The deck of a text and a command line (words separated by blanks, `~` stands for a blank inside a word).
static SnaDeck deck_of_file(const char path[], const char args[])
{
  static const SnaOption *const tables[] = {global_table, vsna_table, khronos_table};
  SnaCommandLine                line;
  SnaDeck                       deck;
  char                          copy[1024], *argv[64], *rest;
  int                           argc = 0;

  argv[argc++] = (char *)"sna_solver";
  if (path) argv[argc++] = (char *)path;
  snprintf(copy, sizeof(copy), "%s", args);
  for (char *s = strtok_r(copy, " ", &rest); s; s = strtok_r(NULL, " ", &rest)) {
    for (char *c = s; *c; c++) *c = *c == '~' ? ' ' : *c;
    argv[argc++] = s;
  }
  OK(SnaCommandLineSplit(argc, argv, 3, tables, &line));
  assert_string_equal(line.message, "");
  OK(SnaDeckCreate(PETSC_COMM_WORLD, line.deck, line.deck_argc, line.deck_argv, &deck));
  SnaCommandLineFree(&line);
  OK(SnaDeckAddOptions(deck, "The run", global_table));
  OK(SnaDeckAddOptions(deck, "model: vsna", vsna_table));
  OK(SnaDeckAddOptions(deck, "model: khronos", khronos_table));
  OK(SnaDeckAddPetscPrefix(deck, "vsna_ksp_"));
  return deck;
}

static SnaDeck deck_of(const char text[], const char args[])
{
  write_file("a.deck", text, strlen(text));
  return deck_of_file("a.deck", args);
}

// What a set-up of the model would read.
static void read_all(SnaDeck deck)
{
  const char *text, *dims[8], *names[8], *words[2];
  PetscInt    n, m, count, ints[8];
  double      reals[2];
  PetscBool   flag;

  OK(SnaDeckSetUpConstants(deck));
  OK(SnaDeckGetString(deck, "model", NULL, &text));
  OK(SnaDeckGetBool(deck, "check", NULL, &flag));
  OK(SnaDeckGetReal(deck, "max_wall_time", NULL, &reals[0]));
  OK(SnaDeckGetString(deck, "restart", NULL, &text));
  OK(SnaDeckGetNames(deck, "dim", NULL, 8, &n, dims));
  for (PetscInt i = 0; i < n; i++) {
    OK(SnaDeckGetReals(deck, "dim_*_domain", dims[i], 2, &m, reals));
    OK(SnaDeckGetInt(deck, "dim_*_cells", dims[i], &count));
    OK(SnaDeckGetStrings(deck, "dim_*_bc", dims[i], 2, &m, words));
    OK(SnaDeckGetString(deck, "dim_*_basis", dims[i], &text));
    OK(SnaDeckGetBool(deck, "dim_*_initial", dims[i], &flag));
  }
  OK(SnaDeckGetString(deck, "pde_unknown", NULL, &text));
  OK(SnaDeckGetNames(deck, "pde_term", NULL, 8, &n, names));
  for (PetscInt i = 0; i < n; i++) OK(SnaDeckGetString(deck, "pde_term_*", names[i], &text));
  OK(SnaDeckGetString(deck, "pde_reference", NULL, &text));
  OK(SnaDeckGetInt(deck, "vsna_rank", NULL, &count));
  OK(SnaDeckGetReal(deck, "vsna_als_rtol", NULL, &reals[0]));
  OK(SnaDeckGetInt(deck, "vsna_als_max_sweeps", NULL, &count));
  OK(SnaDeckGetInts(deck, "vsna_ladder", NULL, 8, &m, ints));
}

// What is printed on PETSC_STDERR or PETSC_STDOUT while `call` runs, on rank 0.
static void captured(SnaDeck deck, PetscErrorCode (*call)(SnaDeck), FILE **stream, size_t size, char text[])
{
  FILE  *saved = *stream, *file = tmpfile();
  size_t n;

  assert_non_null(file);
  *stream = file;
  OK(call(deck));
  *stream = saved;
  rewind(file);
  n       = fread(text, 1, size - 1, file);
  text[n] = 0;
  fclose(file);
}

static void check_report(SnaDeck deck, const char expected[])
{
  char text[16384];
  int  same;

  captured(deck, SnaDeckReport, &PETSC_STDERR, sizeof(text), text);
  same = rank || !strcmp(text, expected);
  // all ranks must fail together, or the others wait for rank 0 forever
  OK(MPI_Allreduce(MPI_IN_PLACE, &same, 1, MPI_INT, MPI_MIN, PETSC_COMM_WORLD));
  if (!rank) assert_string_equal(text, expected);
  assert_true(same);
}

static void check_lint(const char text[], const char expected[])
{
  SnaDeck deck = deck_of(text, "");

  check_report(deck, expected);
  OK(SnaDeckDestroy(&deck));
}

// The whole way: lint, set-up, unused keys.
static void check_setup(const char text[], const char args[], const char expected[])
{
  SnaDeck  deck = deck_of(text, args);
  PetscInt n, lines = 0;

  read_all(deck);
  OK(SnaDeckCheckUnused(deck));
  check_report(deck, expected);
  for (const char *s = expected; *s; s++) lines += *s == '\n';
  OK(SnaDeckGetErrorCount(deck, &n));
  assert_int_equal(n, lines);
  OK(SnaDeckDestroy(&deck));
}

// ---- Form ----

static void test_good_deck(void **state)
{
  (void)state;
  check_setup(good, "", "");
}

static void test_lint_syntax(void **state)
{
  (void)state;
  check_lint("model: vsna\nvsna:\n\trank: 3\n\t als: 4\n",
    "a.deck:3: tab in indentation: YAML wants spaces\na.deck:4: tab in indentation: YAML wants spaces\n");
  check_lint("# all right:\tthis is no indentation\nmodel:\tvsna\t# so is this\n", "");
  check_lint("model: vsna\n \t# not even before a comment\n", "a.deck:2: tab in indentation: YAML wants spaces\n");
  check_lint("model: vsna\nvsna: {rank: 3\nx: 4\n",
    "a.deck:3: YAML: did not find expected ',' or '}', column 2 while parsing a "
    "flow mapping of line 2; check the indentation and the brackets\n");
  check_lint("a: c ? b : d\n", "a.deck:1: YAML: mapping values are not allowed in this context, column 10; text with "
                               "`: ` or a first letter of *&!%@`{[ needs quotes\n");
  check_lint("model: vsna\n--- \nmodel: vsna\n", "a.deck:2: a second YAML document begins: a deck is one document\n");
  check_lint("- a\n- b\n", "a.deck:1: a deck is made of lines `key: value`, this is something else\n");
  check_lint("hello\n", "a.deck:1: a deck is made of lines `key: value`, this is something else\n");
  check_lint("# nothing\n", "a.deck: is empty\n");
  check_lint("", "a.deck: is empty\n");
  check_lint("---\n", "a.deck: is empty\n");
  check_lint("model: a\xff\xfe\n", "a.deck:1: is not UTF-8 text (invalid leading UTF-8 octet)\n");
}

static void test_lint_refused_yaml(void **state)
{
  (void)state;
  check_lint("model: &a vsna\nx: *a\ny: !!str 3\n<<: *a\n",
    "a.deck:1: `&a` is a YAML anchor, which decks do not have: write the value out, or quote the text\n"
    "a.deck:2: `*a` is a YAML alias, which decks do not have: write the value out, or quote the text\n"
    "a.deck:3: `tag:yaml.org,2002:str` is a YAML tag, which decks do not have: remove it, or quote the text\n"
    "a.deck:4: `<<` is not a key: keys are a small letter, then small letters, digits and _\n");
  check_lint("? [a, b]\n: c\nok: 1\n", "a.deck:1: a list or mapping stands where a key should\n");
  check_lint("a b: 1\n3d: 2\n_x: 3\n",
    "a.deck:1: `a b` is not a key: keys are a small letter, then small letters, digits and _\n"
    "a.deck:2: `3d` is not a key: keys are a small letter, then small letters, digits and _\n"
    "a.deck:3: `_x` is not a key: keys are a small letter, then small letters, digits and _\n");
  check_lint("a: \"x\\0y\"\n", "a.deck:1: the value of `a` has a NUL character\n");
}

static void test_lint_duplicates_and_case(void **state)
{
  (void)state;
  check_lint("vsna:\n  rank: 1\n  rank: 2\nvsna: {als: 1}\n",
    "a.deck:3: duplicate key `vsna: rank`: it is on line 2 already\na.deck:4: duplicate key `vsna`: it is on line 1 "
    "already\n");
  check_lint("vsna: {rank: 1}\nvsna_rank: 2\n", "a.deck:2: duplicate key `vsna_rank`: it is on line 1 already\n");
  check_lint("vsna:\n  rank: 1\n  Rank: 2\nModel: vsna\n",
    "a.deck:3: `Rank` and `vsna: rank` on line 2 differ only in case, which PETSc does not see\na.deck:4: keys are "
    "lower case: write `model` instead of `Model`\n");
  check_lint("dim:\n  - x: {cells: 1}\n  - x: {cells: 2}\n  - T: {cells: 3}\n  - X: {cells: 3}\n",
    "a.deck:3: duplicate key `dim: x`: it is on line 2 already\na.deck:4: names are lower case: write `t` instead of "
    "`T`\na.deck:5: `X` and `dim: x` on line 2 differ only in case, which PETSc does not see\n");
}

static void test_lint_lists(void **state)
{
  (void)state;
  check_lint("dim:\n  - x: {cells: 1}\n    t: {cells: 1}\n    z: 1\n",
    "a.deck:3: the list item `x` has a second key `t`: one name per item, its keys in braces `- x: {t: ...}` or "
    "indented below it\n");
  check_lint("dim:\n  - x:\n    cells: 3\n", "a.deck:3: the list item `x` has a second key `cells`: one name per item, "
                                             "its keys in braces `- x: {cells: ...}` or indented below it\n");
  check_lint("a: [1, [2, 3]]\nb: [x, 'y,z']\nc: [x, {y: 1}]\nd: [{y: 1}, x]\ne: [1, '']\nf: [{}]\n",
    "a.deck:1: `a` has a list inside a list\n"
    "a.deck:2: the entry `y,z` of `b` has a comma, which PETSc cannot tell from two entries\n"
    "a.deck:3: `c` mixes plain values and named items\n"
    "a.deck:4: `d` mixes named items and plain values\n"
    "a.deck:5: an entry of `e` is empty\n"
    "a.deck:6: an item of `f` is empty\n");
  check_lint("dim:\n  - x_1: {cells: 1}\n  - 2x: {cells: 1}\n",
    "a.deck:2: `x_1` in `dim` is not a name: names are a small letter, then small letters and digits\n"
    "a.deck:3: `2x` in `dim` is not a name: names are a small letter, then small letters and digits\n");
}

static void test_lint_size(void **state)
{
  char *text = malloc(3 << 20);
  int   n    = 0;

  (void)state;
  for (int i = 0; i < 480; i++) n += sprintf(text + n, "k%d: %d\n", i, i);
  check_lint(text, "");
  sprintf(text + n, "one: 1\n");
  check_lint(text, "a.deck: 481 keys are too many: PETSc's options database leaves room for 480\n");
  for (n = 0; n < 200000;) n += sprintf(text + n, "a: {");
  check_lint("a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: 1}}}}}}}}}}}}}}}}}\n",
    "a.deck:1: `a: a: a: a: a: a: a: a: a: a: a: a: a: a: a: a: a` is nested too deeply\n");
  memset(text, '#', (1 << 20) + 1);
  write_file("b.deck", text, (1 << 20) + 1);
  {
    SnaDeck deck = deck_of_file("b.deck", "");

    check_report(deck, "b.deck: is too large for a deck: more than 1024 KiB\n");
    OK(SnaDeckDestroy(&deck));
  }
  text[1000] = 0;
  write_file("b.deck", text, 1 << 20);
  {
    SnaDeck deck = deck_of_file("b.deck", "");

    check_report(deck, "b.deck: is not a text file\n");
    OK(SnaDeckDestroy(&deck));
  }
  free(text);
}

static void test_files(void **state)
{
  SnaDeck deck = deck_of_file("absent.deck", "");

  (void)state;
  check_report(deck, "absent.deck: there is no such file\n");
  OK(SnaDeckDestroy(&deck));
  if (!rank) mkdir("folder", 0777);
  MPI_Barrier(PETSC_COMM_WORLD);
  deck = deck_of_file("folder", "");
  check_report(deck, "folder: is a directory, not a deck\n");
  OK(SnaDeckDestroy(&deck));
  write_file("closed.deck", "a: 1\n", 5);
  if (!rank) chmod("closed.deck", 0);
  MPI_Barrier(PETSC_COMM_WORLD);
  if (geteuid()) { // root reads everything
    deck = deck_of_file("closed.deck", "");
    check_report(deck, "closed.deck: cannot be read: Permission denied\n");
    OK(SnaDeckDestroy(&deck));
  }
}

// ---- Values ----

static void test_values(void **state)
{
  SnaDeck     deck = deck_of(good, "");
  const char *names[8], *text, *path, *words[2];
  PetscInt    n, value, ints[4];
  double      reals[2], real;
  PetscBool   flag;
  char        option[64];

  (void)state;
  OK(SnaDeckSetUpConstants(deck));
  OK(SnaDeckGetNames(deck, "dim", NULL, 8, &n, names));
  assert_int_equal(n, 2);
  assert_string_equal(names[0], "x");
  assert_string_equal(names[1], "t");
  OK(SnaDeckGetReals(deck, "dim_*_domain", "x", 2, &n, reals));
  assert_int_equal(n, 2);
  assert_true(reals[0] == -1);
  NEAR(reals[1], 2 * PETSC_PI / 3, 1e-15);
  OK(SnaDeckGetReals(deck, "dim_*_domain", "t", 2, &n, reals));
  NEAR(reals[1], 0.3, 1e-15);
  OK(SnaDeckGetStrings(deck, "dim_*_bc", "x", 2, &n, words));
  assert_int_equal(n, 2);
  assert_string_equal(words[0], "dirichlet");
  assert_string_equal(words[1], "none");
  OK(SnaDeckGetStrings(deck, "dim_*_bc", "t", 2, &n, words)); // default
  assert_int_equal(n, 1);
  OK(SnaDeckGetInt(deck, "dim_*_cells", "x", &value));
  assert_int_equal(value, 16);
  OK(SnaDeckGetInt(deck, "dim_*_cells", "t", &value));
  assert_int_equal(value, 32);
  OK(SnaDeckGetBool(deck, "dim_*_initial", "x", &flag));
  assert_false(flag);
  OK(SnaDeckGetBool(deck, "dim_*_initial", "t", &flag));
  assert_true(flag);
  OK(SnaDeckGetReal(deck, "vsna_als_rtol", NULL, &real));
  NEAR(real, 0.05, 1e-15);
  OK(SnaDeckGetInts(deck, "vsna_ladder", NULL, 4, &n, ints));
  assert_int_equal(n, 2);
  assert_int_equal(ints[1], 8);
  OK(SnaDeckGetString(deck, "pde_term_*", "adv", &text));
  assert_string_equal(text, "-x * d(x)");
  OK(SnaDeckGetString(deck, "pde_reference", NULL, &text));
  assert_string_equal(text, "exp(-x^2) * max(1, 2)"); // YAML folds the line break
  OK(SnaDeckGetString(deck, "pde_unknown", NULL, &text));
  assert_string_equal(text, "u");
  OK(SnaDeckGetString(deck, "restart", NULL, &text));
  assert_null(text);
  OK(SnaDeckHas(deck, "restart", NULL, &flag));
  assert_false(flag);
  OK(SnaDeckHas(deck, "dim_*_cells", "x", &flag));
  assert_true(flag);
  OK(SnaDeckGetText(deck, &path, &text));
  assert_string_equal(path, "a.deck");
  assert_string_equal(text, good);
  // PETSc sees the names of its own YAML reader
  OK(PetscOptionsGetString(NULL, NULL, "-dim", option, sizeof(option), &flag));
  assert_true(flag);
  assert_string_equal(option, "x,t");
  OK(PetscOptionsGetString(NULL, NULL, "-pde_term_rate", option, sizeof(option), &flag));
  assert_string_equal(option, "d(t)");
  OK(PetscOptionsGetString(NULL, NULL, "-dim_x_bc", option, sizeof(option), &flag));
  assert_string_equal(option, "dirichlet,none");
  check_report(deck, "");
  OK(SnaDeckDestroy(&deck));
  OK(PetscOptionsHasName(NULL, NULL, "-dim", &flag));
  assert_false(flag);
}

static void test_wrong_values(void **state)
{
  (void)state;
  check_setup("model: vsma\n"
              "param:\n"
              "  - a: b+1\n"
              "  - b: a\n"
              "  - c:\n"
              "dim:\n"
              "  - x: {domain: [0, huh], cells: abc, basis: [a, b], initial: maybe}\n"
              "  - t:\n"
              "      domain: [0, 1, 2]\n"
              "      cells: 0\n"
              "  - z: {cells: {a: 1}}\n"
              "  - w: {domain: [0, 1/0], cells: 1.5}\n"
              "pde: {term: {rate: d(t)}, reference: ''}\n"
              "vsna: {rank: 99999, als: {rtol: 0, max_sweeps: }, ladder: [1, 0, x]}\n",
    "",
    "a.deck:1: `model` = vsma must be one of vsna, khronos; did you mean `vsna`?\n"
    "a.deck:3: `param: a` = b+1 is not a number or a formula of the constants above it: column 1: unknown name `b`\n"
    "a.deck:5: the constant `c` has no value: write `- c: 0.15`\n"
    "a.deck:7: `dim: x: domain` = [0,huh] has `huh`, which is not a number: column 1: unknown name `huh`\n"
    "a.deck:7: `dim: x: cells` = abc is not an integer\n"
    "a.deck:7: `dim: x: basis` wants one word, not a list\n"
    "a.deck:7: `dim: x: initial` = maybe is neither true nor false\n"
    "a.deck:9: `dim: t: domain` = [0,1,2] has 3 entries, 2 at most are allowed\n"
    "a.deck:10: `dim: t: cells` = 0 must be in 1..100000\n"
    "a.deck:11: missing key `dim: z: domain`\n"
    "a.deck:11: `dim: z: cells` wants an integer, not keys of its own\n"
    "a.deck:12: `dim: w: domain` = [0,1/0] has `1/0`, which is not a number: it is not finite\n"
    "a.deck:12: `dim: w: cells` = 1.5 is not an integer\n"
    "a.deck:13: `pde: term` is an ordered list: write its items with a dash, `- name: {...}`\n"
    "a.deck:14: `vsna: rank` = 99999 must be in 1..4096\n"
    "a.deck:14: `vsna: als: rtol` = 0 must be positive\n"
    "a.deck:14: `vsna: als: max_sweeps` has no value: it wants an integer\n"
    "a.deck:14: `vsna: ladder` = [1,0,x] has 0, which must be in 1..4096\n"
    "a.deck:14: `vsna: ladder` = [1,0,x] has `x`, which is not an integer\n");
}

static void test_missing(void **state)
{
  (void)state;
  check_setup("vsna: {}\n", "",
    "a.deck: missing key `model`\n"
    "a.deck: missing key `dim`\n"
    "a.deck: missing key `pde_term`\n"
    "a.deck:1: missing key `vsna: rank`\n");
  check_setup("model: vsna\ndim:\n  - x: {}\n  - t:\npde: {term: [a]}\nvsna: {rank: 1}\n", "",
    "a.deck:3: missing key `dim: x: domain`\n"
    "a.deck:4: missing key `dim: t: domain`\n"
    "a.deck:5: missing key `pde: term: a`\n");
  check_setup("pde: {unknown: u, term: []}\n", "-dim x -model vsna -vsna_rank 1 -pde_term a,b -pde_term_a x",
    "a.deck: missing key `dim: x: domain`\n"
    "a.deck:1: missing key `pde: term: b`\n");
}

// Where the reader had to stop, nothing is said about what it did not come to.
static void test_incomplete(void **state)
{
  (void)state;
  check_setup("model: vsna\nrnk: 3\nvsna:\n  als: {rtol: 1}\n rank: 4\n", "",
    "a.deck:5: YAML: did not find expected key, column 2 while parsing a block mapping of line 1; check the "
    "indentation "
    "and the brackets\n");
}

// After a wrong value the default holds, so that set-up can go on.
static void test_wrong_value_gives_default(void **state)
{
  SnaDeck  deck = deck_of("dim:\n  - x: {cells: -3}\nvsna: {rank: x, ladder: [1, x]}\n", "");
  PetscInt value, n, ints[4];

  (void)state;
  OK(SnaDeckGetInt(deck, "dim_*_cells", "x", &value));
  assert_int_equal(value, 32);
  OK(SnaDeckGetInt(deck, "vsna_rank", NULL, &value));
  assert_int_equal(value, 1); // no default: the lower bound
  OK(SnaDeckGetInts(deck, "vsna_ladder", NULL, 4, &n, ints));
  assert_int_equal(n, 2);
  assert_int_equal(ints[0], 4);
  OK(SnaDeckGetErrorCount(deck, &n));
  assert_int_equal(n, 3);
  OK(SnaDeckDestroy(&deck));
}

// ---- Command line ----

static void test_overrides(void **state)
{
  SnaDeck     deck = deck_of(good, "-vsna_rank 64 -param_s 0.2 -dim_x_domain 0,max(1,2*pi) -pde_term_adv -omega*y*d(x) "
                                       "-pde_term_rate -s -check -pde_reference= -dim t,x");
  const char *text, *names[8];
  PetscInt    n, value;
  double      reals[2];
  PetscBool   flag;
  char        option[64];

  (void)state;
  OK(SnaDeckSetUpConstants(deck));
  OK(SnaDeckGetInt(deck, "vsna_rank", NULL, &value));
  assert_int_equal(value, 64);
  OK(SnaDeckGetReals(deck, "dim_*_domain", "x", 2, &n, reals));
  assert_int_equal(n, 2);
  NEAR(reals[1], 2 * PETSC_PI, 1e-14);
  OK(SnaDeckGetReals(deck, "dim_*_domain", "t", 2, &n, reals));
  NEAR(reals[1], 0.4, 1e-15);
  OK(SnaDeckGetString(deck, "pde_term_*", "adv", &text));
  assert_string_equal(text, "-omega*y*d(x)");
  OK(SnaDeckGetString(deck, "pde_term_*", "rate", &text));
  assert_string_equal(text, "-s");
  OK(SnaDeckGetString(deck, "pde_reference", NULL, &text));
  assert_null(text);
  OK(SnaDeckGetBool(deck, "check", NULL, &flag));
  assert_true(flag);
  OK(SnaDeckGetNames(deck, "dim", NULL, 8, &n, names));
  assert_string_equal(names[0], "t");
  OK(PetscOptionsGetString(NULL, NULL, "-vsna_rank", option, sizeof(option), &flag));
  assert_string_equal(option, "64");
  check_report(deck, "");
  OK(SnaDeckDestroy(&deck));
}

static void test_command_line_errors(void **state)
{
  (void)state;
  check_setup(good,
    "-vsna_rank 0 -dim x,T -dim_x_cells abc -vsna_rnk 3 -rank 4 -Model vsna -vsna_als_rtol -max_wall_time 1x",
    "command line: -Model: keys are lower case: -model\n"
    "command line: -max_wall_time: 1x is not a number: column 2: an operator is missing between `1` and `x`; products "
    "are written with `*`\n"
    "command line: -dim: x,T has `T`, which is not a name: names are a small letter, then small letters and digits, 32 "
    "at most\n"
    "command line: -dim_x_cells: abc is not an integer\n"
    "command line: -vsna_rank: 0 must be in 1..4096\n"
    "command line: -vsna_als_rtol: has no value: it wants a number\n"
    "command line: -vsna_rnk: unknown key; did you mean `-vsna_rank`?\n"
    "command line: -rank: unknown key; did you mean `-vsna_rank`?\n");
  check_setup(good, "-dim x -param_q 3 -khronos_epochs 7",
    "a.deck:9: `dim: t: domain` has no effect: `t` is not among the names of `dim` (x)\n"
    "a.deck:10: `dim: t: initial` has no effect: `t` is not among the names of `dim` (x)\n"
    "command line: -param_q: has no effect: `q` is not among the names of `param` (s,twice)\n"
    "command line: -khronos_epochs: has no effect here, nothing in this run reads it (model: khronos): remove it\n");
  check_setup(good, "-pde_trm_rate x -options_file b",
    "command line: -pde_trm_rate: unknown key; did you mean `-pde_term_rate`?\ncommand line: -options_file: unknown "
    "key\n");
}

static void test_split(void **state)
{
  static const SnaOption *const tables[] = {global_table, vsna_table};
  static const struct {
    const char *args, *deck, *petsc, *own, *message;
  } cases[] = {{"-check a.deck", "a.deck", "", "-check", ""}, {"a.deck -check", "a.deck", "", "-check", ""},
    {"-check false a", "a", "", "-check=false", ""},
    {"a -log_view -malloc_debug -info :ksp -vsna_rank 3", "a", "-log_view -malloc_debug -info :ksp", "-vsna_rank=3",
      ""},
    {"-log_view a", "a", "-log_view", "", ""},
    {"-log_view=:x.txt:ascii_xml a", "a", "-log_view :x.txt:ascii_xml", "", ""},
    {"-options_left no a", "a", "-options_left no", "", ""}, {"--check a", "a", "", "-check", ""},
    {"-vsna_ksp_monitor a.deck", "a.deck", "", "-vsna_ksp_monitor", ""},
    {"-vsna_ksp_type cg a", "a", "", "-vsna_ksp_type=cg", ""},
    {"a -vsna_als_rtol -1e-3 -pde_term_q -0.3*x", "a", "", "-vsna_als_rtol=-1e-3 -pde_term_q=-0.3*x", ""},
    {"a -pde_term_q -x -vsna_rank 3", "a", "", "-pde_term_q=-x -vsna_rank=3", ""},
    {"a -pde_term_q -vsna_rank 3", "a", "", "-pde_term_q -vsna_rank=3", ""},
    {"a -pde_reference=x=3", "a", "", "-pde_reference=x=3", ""}, {"-vsna_rank 3", NULL, "", "-vsna_rank=3", ""},
    {"a b", "a", "", "",
      "command line: `b` is one word too many: the deck is `a`, and one run reads one deck (values follow their key: "
      "-vsna_rank 64)"},
    {"a -check -0.3*x", "a", "", "-check",
      "command line: `-0.3*x` is not a key, and no key before it takes it as a value"}};

  (void)state;
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    SnaCommandLine line;
    char           copy[256], *argv[32], *rest, petsc[256] = "", own[256] = "";
    int            argc = 0;

    argv[argc++] = (char *)"sna_solver";
    snprintf(copy, sizeof(copy), "%s", cases[i].args);
    for (char *s = strtok_r(copy, " ", &rest); s; s = strtok_r(NULL, " ", &rest)) argv[argc++] = s;
    OK(SnaCommandLineSplit(argc, argv, 2, tables, &line));
    assert_string_equal(line.message, cases[i].message);
    if (cases[i].deck)
      assert_string_equal(line.deck, cases[i].deck);
    else
      assert_null(line.deck);
    assert_string_equal(line.petsc_argv[0], "sna_solver");
    assert_string_equal(line.petsc_argv[1], "-skip_petscrc");
    for (int k = 2; k < line.petsc_argc; k++)
      sprintf(petsc + strlen(petsc), "%s%s", k > 2 ? " " : "", line.petsc_argv[k]);
    for (int k = 1; k < line.deck_argc; k++) sprintf(own + strlen(own), "%s%s", k > 1 ? " " : "", line.deck_argv[k]);
    assert_string_equal(petsc, cases[i].petsc);
    assert_string_equal(own, cases[i].own);
    SnaCommandLineFree(&line);
  }
  {
    char          *argv[] = {(char *)"p", (char *)"-help", (char *)"vsna", (char *)"a.deck", (char *)"-version"};
    SnaCommandLine line;

    OK(SnaCommandLineSplit(5, argv, 2, tables, &line));
    assert_true(line.help && line.version);
    assert_string_equal(line.filter, "vsna");
    assert_string_equal(line.deck, "a.deck");
    assert_int_equal(line.petsc_argc, 2);
    assert_int_equal(line.deck_argc, 1);
    SnaCommandLineFree(&line);
  }
}

// ---- Unused keys ----

static void test_unused(void **state)
{
  char text[2048];

  (void)state;
  snprintf(text, sizeof(text), "%s%s", good,
    "rank: 3\npde_unknwn: v\nkhronos: {epochs: 3}\nvsan: {rank: 3}\ncompletely_different_thing: 1\noutputs:\nlog_view: "
    "1\nhelp: true\n");
  check_setup(text, "",
    "a.deck:18: unknown key `rank`; did you mean `vsna: rank`?\n"
    "a.deck:19: unknown key `pde_unknwn`; did you mean `pde: unknown`?\n"
    "a.deck:20: `khronos: epochs` has no effect here, nothing in this run reads it (model: khronos): remove it\n"
    "a.deck:21: unknown key `vsan: rank`; did you mean `vsna: rank`?\n"
    "a.deck:22: unknown key `completely_different_thing`\n"
    "a.deck:23: unknown key `outputs`\n"
    "a.deck:24: `log_view` is an option of PETSc itself: give it on the command line, -log_view\n"
    "a.deck:25: `help` belongs on the command line: -help\n");
  snprintf(text, sizeof(text), "%s", good);
  memcpy(strstr(text, "rtol"), "rtul", 4);
  check_setup(text, "", "a.deck:17: unknown key `vsna: als: rtul`; did you mean `rtol`?\n");
  // an empty group is one whose lines are commented out; a value or a list in its place is a mistake
  snprintf(text, sizeof(text), "%s%s", good, "khronos:\n");
  check_setup(text, "", "");
  snprintf(text, sizeof(text), "%s%s", good, "khronos: 3\nvsna_ksp: [1]\n");
  check_setup(text, "",
    "a.deck:18: `khronos` has keys of its own and takes no value\na.deck:19: `vsna_ksp` has keys of its own and takes "
    "no value\n");
  snprintf(text, sizeof(text), "%s%s", good, "khronos:\n  - epochs: 3\n");
  check_setup(text, "",
    "a.deck:18: `khronos` is not a list: write its keys without the dash\n"
    "a.deck:19: `khronos: epochs` has no effect here, nothing in this run reads it (model: khronos): remove it\n");
  snprintf(text, sizeof(text), "%s%s", good, "vsna_ladder: {a: 1}\n");
  check_setup(text, "", "a.deck:18: `vsna_ladder` wants a list of integers [a, b], not keys of its own\n");
  snprintf(text, sizeof(text), "%s%s", good, "vsna_ladder: [a: 1]\n");
  check_setup(text, "", "a.deck:18: `vsna_ladder` wants a list of integers [a, b], not named items\n");
}

static void test_petsc_prefix(void **state)
{
  char      text[2048];
  SnaDeck   deck;
  char      type[32];
  PetscBool set;

  (void)state;
  snprintf(text, sizeof(text), "%s%s", good, "vsna_ksp: {type: cg, typo: 3}\n");
  deck = deck_of(text, "-vsna_ksp_monitor");
  read_all(deck);
  OK(PetscOptionsGetString(NULL, "vsna_", "-ksp_type", type, sizeof(type), &set)); // what KSPSetFromOptions() does
  assert_true(set);
  OK(SnaDeckCheckUnused(deck));
  check_report(deck, "a.deck:18: `vsna_ksp: typo` is not used by PETSc (-vsna_ksp_typo): check the spelling, and "
                     "whether the chosen type has this option\n"
                     "command line: -vsna_ksp_monitor: is not used by PETSc (-vsna_ksp_monitor): check the spelling, "
                     "and whether the chosen type has this option\n");
  OK(SnaDeckDestroy(&deck));
}

// ---- The caller's own errors ----

static void test_caller_errors(void **state)
{
  SnaDeck deck = deck_of(good, "-vsna_rank 3");

  (void)state;
  OK(SnaDeckError(deck, "pde_term_*", "adv", "not separable:\n`x*y`"));
  OK(SnaDeckError(deck, "vsna_rank", NULL, "too small"));
  OK(SnaDeckError(deck, "dim_*_cells", "t", "too few cells"));
  OK(SnaDeckError(deck, NULL, NULL, "no %s", "luck"));
  OK(SnaDeckError(deck, NULL, NULL, "no %s", "luck")); // once is enough
  if (rank) OK(SnaDeckError(deck, "pde_unknown", NULL, "seen on another rank only"));
  {
    PetscMPIInt size;
    PetscInt    n;
    char        expected[512];

    MPI_Comm_size(PETSC_COMM_WORLD, &size);
    OK(SnaDeckGetErrorCount(deck, &n));
    assert_int_equal(n, size > 1 ? 5 : 4);
    snprintf(expected, sizeof(expected),
      "a.deck: no luck\na.deck:8: too few cells\n%sa.deck:14: not separable: `x*y`\ncommand line: -vsna_rank: too "
      "small\n",
      size > 1 ? "a.deck:11: seen on another rank only\n" : "");
    check_report(deck, expected);
  }
  OK(SnaDeckDestroy(&deck));
}

// ---- Effective text, help ----

static void test_effective(void **state)
{
  SnaDeck           deck = deck_of(good, "-vsna_rank 9 -dim_x_domain 0,max(1,2)");
  const char       *text;
  char             *first;
  static const char expected[] = "check: false  # default\n"
                                 "dim: [x, t]\n"
                                 "dim_t_basis: bspline  # default\n"
                                 "dim_t_bc: [none]  # default\n"
                                 "dim_t_cells: 32  # default\n"
                                 "dim_t_domain: [0, twice]\n"
                                 "dim_t_initial: true\n"
                                 "dim_x_basis: bspline  # default\n"
                                 "dim_x_bc: [dirichlet, none]\n"
                                 "dim_x_cells: 16\n"
                                 "dim_x_domain: \"0, max(1,2)\"\n"
                                 "dim_x_initial: false  # default\n"
                                 "max_wall_time: 0  # default\n"
                                 "model: vsna\n"
                                 "param: [s, twice]\n"
                                 "param_s: 0.15\n"
                                 "param_twice: 2*s\n"
                                 "pde_reference: \"exp(-x^2) * max(1, 2)\"\n"
                                 "pde_term: [rate, adv]\n"
                                 "pde_term_adv: \"-x * d(x)\"\n"
                                 "pde_term_rate: d(t)\n"
                                 "pde_unknown: u  # default\n"
                                 "vsna_als_max_sweeps: 100  # default\n"
                                 "vsna_als_rtol: s/3\n"
                                 "vsna_ladder: [4, 8]  # default\n"
                                 "vsna_rank: 9\n";

  (void)state;
  read_all(deck);
  OK(SnaDeckCheckUnused(deck));
  check_report(deck, "");
  OK(SnaDeckGetEffective(deck, &text));
  assert_string_equal(text, expected);
  first = strdup(text);
  OK(SnaDeckDestroy(&deck));

  // it is a deck itself, with the same meaning
  deck = deck_of(first, "");
  read_all(deck);
  OK(SnaDeckCheckUnused(deck));
  check_report(deck, "");
  OK(SnaDeckGetEffective(deck, &text));
  for (const char *a = first, *b = text; *a || *b;) { // but for the mark of the defaults
    size_t na = strcspn(a, "\n"), nb = strcspn(b, "\n");
    char   la[256], lb[256], *mark;

    snprintf(la, sizeof(la), "%.*s", (int)na, a);
    snprintf(lb, sizeof(lb), "%.*s", (int)nb, b);
    mark = strstr(la, "  # default");
    if (mark) *mark = 0;
    mark = strstr(lb, "  # default");
    if (mark) *mark = 0;
    assert_string_equal(la, lb);
    a += na + (a[na] == '\n');
    b += nb + (b[nb] == '\n');
  }
  free(first);
  OK(SnaDeckDestroy(&deck));
}

static PetscErrorCode help_ladder(SnaDeck deck)
{
  return SnaDeckPrintHelp(deck, "ladder", PETSC_FALSE);
}

static PetscErrorCode help_nothing(SnaDeck deck)
{
  return SnaDeckPrintHelp(deck, "zzz", PETSC_FALSE);
}

static PetscErrorCode help_markdown(SnaDeck deck)
{
  return SnaDeckPrintHelp(deck, "dim", PETSC_TRUE);
}

static void test_help(void **state)
{
  SnaDeck deck = deck_of_file(NULL, "");
  char    text[16384];

  (void)state;
  captured(deck, help_ladder, &PETSC_STDOUT, sizeof(text), text);
  if (!rank) {
    assert_non_null(strstr(text, "usage: sna_solver DECK"));
    assert_non_null(strstr(text, "\nmodel: vsna\n  vsna_ladder  [integers], 1..4096  [4, 8]  Ranks.\n"));
    assert_null(strstr(text, "vsna_als_rtol"));
  }
  captured(deck, help_nothing, &PETSC_STDOUT, sizeof(text), text);
  if (!rank) assert_non_null(strstr(text, "no key contains `zzz`"));
  captured(deck, help_markdown, &PETSC_STDOUT, sizeof(text), text);
  if (!rank) {
    assert_string_equal(text,
      "### model: vsna\n\n| key | values | default | meaning |\n|---|---|---|---|\n"
      "| `dim` | list of names | required | The directions, in order. |\n"
      "| `dim_*_domain` | [numbers], [a, b] | required | Interval. |\n"
      "| `dim_*_cells` | integer, 1..100000 | `32` | Cells. |\n"
      "| `dim_*_bc` | [words], none\\|dirichlet, at each end | `none` | Boundary conditions. |\n"
      "| `dim_*_basis` | bspline\\|fourier | `bspline` | Basis. |\n"
      "| `dim_*_initial` | true\\|false | `false` | Direction of time. |\n");
  }
  OK(SnaDeckDestroy(&deck));
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[]  = {cmocka_unit_test(test_good_deck), cmocka_unit_test(test_lint_syntax),
     cmocka_unit_test(test_lint_refused_yaml), cmocka_unit_test(test_lint_duplicates_and_case),
     cmocka_unit_test(test_lint_lists), cmocka_unit_test(test_lint_size), cmocka_unit_test(test_files),
     cmocka_unit_test(test_values), cmocka_unit_test(test_wrong_values), cmocka_unit_test(test_missing),
     cmocka_unit_test(test_incomplete), cmocka_unit_test(test_wrong_value_gives_default),
     cmocka_unit_test(test_overrides), cmocka_unit_test(test_command_line_errors), cmocka_unit_test(test_split),
     cmocka_unit_test(test_unused), cmocka_unit_test(test_petsc_prefix), cmocka_unit_test(test_caller_errors),
     cmocka_unit_test(test_effective), cmocka_unit_test(test_help)};
  char                    folder[] = "/tmp/test_deck_XXXXXX", command[64];
  int                     failed;

  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  MPI_Comm_rank(PETSC_COMM_WORLD, &rank);
  if (!rank && !mkdtemp(folder)) return 1;
  if (MPI_Bcast(folder, sizeof(folder), MPI_CHAR, 0, PETSC_COMM_WORLD)) return 1;
  if (chdir(folder)) return 1;
  failed = cmocka_run_group_tests(tests, NULL, NULL);
  MPI_Barrier(PETSC_COMM_WORLD);
  snprintf(command, sizeof(command), "rm -r %s", folder);
  if (!rank && system(command)) return 1;
  if (PetscFinalize()) return 1;
  return failed;
}
