// np: 1 timeout: 60
// The separable class as an object: which sizes it takes, where a fit starts, and its group in a file.
#include "separable_cases.h"
#include <unistd.h>

// ---------------------------------------------------------------------------------------------------------------------
// Sizes, interactions, the start
// ---------------------------------------------------------------------------------------------------------------------
static void test_interaction(void **state)
{
  const uint32_t all[7] = {1, 2, 4, 3, 5, 6, 7};
  SnaInteraction s;
  PetscBool      ok;

  (void)state;
  Ok(SnaInteractionCreate(3, 3, 4, PETSC_FALSE, &s, &ok));
  assert_true(ok);
  assert_int_equal(s.nsubset, 7);
  for (int k = 0; k < 7; k++) {
    assert_int_equal(s.subset[k], all[k]);
    assert_int_equal(s.rank[k], k < 3 ? 1 : 4);
  }
  Ok(SnaInteractionDestroy(&s));
  Ok(SnaInteractionCreate(32, 2, 1, PETSC_TRUE, &s, &ok));
  assert_int_equal(s.nsubset, 496);
  assert_int_equal(s.subset[0], 3);
  assert_int_equal(s.subset[30], 0x80000001);
  assert_int_equal(s.subset[495], 0xc0000000);
  Ok(SnaInteractionDestroy(&s));
  Ok(SnaInteractionCreate(16, 16, 1, PETSC_FALSE, &s, &ok)); // 65,535 subsets
  assert_true(ok);
  assert_int_equal(s.nsubset, 65535);
  Ok(SnaInteractionDestroy(&s));
  Ok(SnaInteractionCreate(16, 16, 2, PETSC_FALSE, &s, &ok));
  assert_false(ok);
  assert_null(s.subset);
  Ok(SnaInteractionCreate(32, 16, PETSC_MAX_INT, PETSC_FALSE, &s, &ok));
  assert_false(ok);
}

static void Refused(const SnaSeparableOptions *o, const char part[])
{
  SnaSeparable s;
  char         message[SNA_MAX_MESSAGE];

  Ok(SnaSeparableCreate(o, &s, message));
  assert_null(s);
  if (!strstr(message, part)) fail_msg("`%s` does not say `%s`", message, part);
}

static void test_sizes(void **state)
{
  SnaSeparableOptions o = {.kind = SNA_SEPARABLE_TUCKER, .nd = 8, .nout = 1, .rank = 8};
  SnaSeparable        s;
  char                message[SNA_MAX_MESSAGE];
  PetscBool           ok;

  (void)state;
  for (PetscInt d = 0; d < SNA_MAX_DIM; d++) o.degree[d] = o.cells[d] = 1;
  Refused(&o, "Tucker core");
  o.kind = SNA_SEPARABLE_TENSOR_TRAIN;
  Ok(SnaSeparableCreate(&o, &s, message)); // sides hold 2, 4, 8, 8, 8, 4, 2
  assert_int_equal(s->np, 2 * (2 + 8 + 32 + 64 + 64 + 32 + 8 + 2));
  Ok(SnaSeparableDestroy(&s));
  o.cells[3] = PETSC_MAX_INT; // not allocated before it is refused
  Refused(&o, "parameters");
  o.rank     = 100000;
  o.cells[3] = 1;
  Ok(SnaSeparableCreate(&o, &s, message)); // 16 in the middle
  assert_int_equal(s->r[4], 16);
  Ok(SnaSeparableDestroy(&s));
  for (PetscInt d = 0; d < 8; d++) o.cells[d] = 1000;
  Refused(&o, "parameters");

  o =
    (SnaSeparableOptions){.kind = SNA_SEPARABLE_PRODUCTS, .nd = 2, .nout = 3, .degree = {1, 1}, .cells = {1000000, 1}};
  Ok(SnaInteractionCreate(2, 2, 6, PETSC_TRUE, &o.interaction, &ok));
  Refused(&o, "18000054 parameters");
  Ok(SnaInteractionDestroy(&o.interaction));

  Make(&cases[NCASE - 1], &s); // rank 4, sides of 2, 3, 2, 3, 2, 3 functions, two outputs
  assert_int_equal(s->r[0], 2);
  for (PetscInt d = 1; d < 6; d++) assert_int_equal(s->r[d], d == 5 ? 3 : 4);
  assert_int_equal(s->r[6], 1);
  Ok(SnaSeparableDestroy(&s));
}

// The mean square of y over points and starts. For M products of nd functions 1 + spread * N it is scale^2 (1 + (P - 1)/M), P = (1 + spread^2 c)^nd with
// c = mean of sum_i B_i^2 < 1 (independent functions of mean one); tucker and tensor_train have further terms of the order of P - 1.
static void test_start(void **state)
{
  const PetscInt n = 64, nseed = 32;

  (void)state;
  for (int kind = 0; kind < 5; kind++) // quadratic, cp, cp with learned weights, tucker, tensor_train
    for (PetscInt nd = 2; nd <= 20; nd += 6) {
      const double        spread = nd < 15 ? 0.3 : 0.1, scale = 2.5;
      SnaSeparableOptions o = {
        .kind = kind < 3 ? SNA_SEPARABLE_PRODUCTS : (SnaSeparableKind)(kind - 2), .nd = nd, .nout = 2};
      SnaSeparable s;
      PetscBool    ok;
      double      *t[20], *y[2], square = 0, *first;
      char         message[SNA_MAX_MESSAGE];

      o.rank    = kind == 3 && nd > 8 ? 1 : 4;
      o.learned = (PetscBool)(kind == 2);
      for (PetscInt d = 0; d < nd; d++) {
        o.degree[d] = 2;
        o.cells[d]  = 4;
        Ok(PetscMalloc1((size_t)n, &t[d]));
        for (PetscInt i = 0; i < n; i++) t[d][i] = SnaRandomUniform(9, (uint64_t)d, (uint64_t)i);
      }
      MakeArrays(2, n, y);
      if (kind < 3) {
        Ok(SnaInteractionCreate(nd, kind ? nd : 2, 4, (PetscBool)(kind > 0), &o.interaction, &ok));
        assert_true(ok);
      }
      Ok(SnaSeparableCreate(&o, &s, message));
      Ok(SnaInteractionDestroy(&o.interaction));
      for (PetscInt seed = 0; seed < nseed; seed++) {
        Ok(SnaSeparableInitialize(s, (uint64_t)seed, 0, scale));
        Ok(SnaSeparableEvaluate(s, n, (const double *const *)t, y, NULL));
        for (int k = 0; k < 2; k++)
          for (PetscInt i = 0; i < n; i++) square += y[k][i] * y[k][i] / (double)(2 * n * nseed) / (scale * scale);
      }
      if (square < 0.75 || square > 1.25 * pow(1 + spread * spread, (double)nd))
        fail_msg("kind %d, %d directions: mean square %g", kind, (int)nd, square);

      // a function of the seed alone; 0 stands for a spread that depends on the directions
      Ok(PetscMalloc1((size_t)s->np, &first));
      memcpy(first, s->theta, (size_t)s->np * sizeof(double));
      Ok(SnaSeparableInitialize(s, 99, spread, scale));
      assert_true(s->theta[0] != first[0]);
      Ok(SnaSeparableInitialize(s, (uint64_t)(nseed - 1), spread, scale));
      assert_memory_equal(s->theta, first, (size_t)s->np * sizeof(double));
      Ok(PetscFree(first));
      Ok(SnaSeparableDestroy(&s));
      FreeArrays(nd, t);
      FreeArrays(2, y);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Files
// ---------------------------------------------------------------------------------------------------------------------
static char path[64];

static void WriteFile(SnaSeparable s)
{
  SnaFile file;
  char    message[SNA_MAX_MESSAGE];

  Ok(SnaFileCreate(PETSC_COMM_SELF, path, &file));
  Ok(SnaSeparableWrite(s, file, "/model/f"));
  Ok(SnaFileClose(&file, message));
  assert_string_equal(message, "");
}

static void test_round_trip(void **state)
{
  (void)state;
  for (int c = 0; c < NCASE; c++) {
    SnaSeparable s, r;
    SnaFile      file;
    char         message[SNA_MAX_MESSAGE];

    Make(&cases[c], &s);
    WriteFile(s);
    Ok(SnaFileOpen(PETSC_COMM_SELF, path, &file));
    Ok(SnaSeparableRead(file, "/model/f", &r));
    Ok(SnaFileClose(&file, message));
    assert_string_equal(message, "");
    assert_non_null(r);
    assert_int_equal(r->np, s->np);
    assert_memory_equal(r->theta, s->theta, (size_t)s->np * sizeof(double));
    assert_memory_equal(r->o.degree, s->o.degree, sizeof(s->o.degree));
    assert_memory_equal(r->o.cells, s->o.cells, sizeof(s->o.cells));
    assert_int_equal(r->o.kind, s->o.kind);
    assert_int_equal(r->o.nd, s->o.nd);
    assert_int_equal(r->o.nout, s->o.nout);
    assert_int_equal(r->o.rank, s->o.rank);
    assert_int_equal(r->o.activation, s->o.activation);
    assert_int_equal(r->o.learned, s->o.learned);
    assert_int_equal(r->o.interaction.nsubset, s->o.interaction.nsubset);
    for (PetscInt k = 0; k < s->o.interaction.nsubset; k++) {
      assert_int_equal(r->o.interaction.subset[k], s->o.interaction.subset[k]);
      assert_int_equal(r->o.interaction.rank[k], s->o.interaction.rank[k]);
    }
    Ok(SnaSeparableDestroy(&s));
    Ok(SnaSeparableDestroy(&r));
  }
}

// One wrong entry at a time in the group of the fourth case, and what the message must say.
typedef struct {
  const char *what, *says;
  double      value;
} Wrong;

static void test_wrong_files(void **state)
{
  const Wrong wrongs[] = {
    {"group", "/model/f", 0},
    {"kind", "unknown kind `cubic`", 0},
    {"activation", "unknown activation `relu`", 0},
    {"nd", "nd is 2.5", 2.5},
    {"nd", "nd is 33", 33},
    {"nd", "degree", 2}, // lists of three
    {"nout", "nout is 0", 0},
    {"nout", "nout is nan", NAN},
    {"nout", "parameters", 2e9},
    {"learned", "learned is 2", 2},
    {"learned", "theta", 0}, // fewer parameters
    {"degree", "has degree 6", 6},
    {"cells", "on 0 cells", 0},
    {"subset", "subset 0 is 8", 8},
    {"subset", "subset 0 is 1.5", 1.5},
    {"rank", "with 0 products", 0},
    {"rank", "theta", 5},
    {"theta", "entry 0 is not a finite number", NAN},
    {"tucker", "neither activation nor learned weights", 0},
  };

  (void)state;
  for (size_t w = 0; w < sizeof(wrongs) / sizeof(wrongs[0]); w++) {
    const char  *what = wrongs[w].what;
    const double v    = wrongs[w].value;
    SnaSeparable s, r;
    SnaFile      file;
    char         message[SNA_MAX_MESSAGE];

    Make(&cases[3], &s);
    if (!strcmp(what, "degree")) s->o.degree[1] = (PetscInt)v;
    if (!strcmp(what, "cells")) s->o.cells[1] = (PetscInt)v;
    if (!strcmp(what, "rank")) s->o.interaction.rank[0] = (PetscInt)v;
    if (!strcmp(what, "theta")) s->theta[0] = v;
    Ok(SnaFileCreate(PETSC_COMM_SELF, path, &file));
    if (!strcmp(what, "subset")) { // a list written by hand, which the rest does not overwrite
      Ok(SnaFileWriteArray(file, "/f/theta", 1, &s->np, s->theta));
      Ok(SnaFileWriteInts(file, "/f/degree", 3, s->o.degree));
      Ok(SnaFileWriteInts(file, "/f/cells", 3, s->o.cells));
      Ok(SnaFileWriteArray(file, "/f/subset", 1, (const PetscInt[1]){1}, &v));
      Ok(SnaFileWriteInts(file, "/f/rank", 1, s->o.interaction.rank));
      Ok(SnaFileWriteAttributeText(file, "/f", "kind", "products"));
      Ok(SnaFileWriteAttributeText(file, "/f", "activation", "identity"));
      Ok(SnaFileWriteAttributeReal(file, "/f", "nd", 3));
      Ok(SnaFileWriteAttributeReal(file, "/f", "nout", 3));
      Ok(SnaFileWriteAttributeReal(file, "/f", "rank", 4));
      Ok(SnaFileWriteAttributeReal(file, "/f", "learned", 1));
    } else if (strcmp(what, "group"))
      Ok(SnaSeparableWrite(s, file, "/f"));
    if (!strcmp(what, "kind")) Ok(SnaFileWriteAttributeText(file, "/f", what, "cubic"));
    if (!strcmp(what, "tucker")) Ok(SnaFileWriteAttributeText(file, "/f", "kind", what));
    if (!strcmp(what, "activation")) Ok(SnaFileWriteAttributeText(file, "/f", what, "relu"));
    if (!strcmp(what, "nd") || !strcmp(what, "nout") || !strcmp(what, "learned"))
      Ok(SnaFileWriteAttributeReal(file, "/f", what, v));
    Ok(SnaFileClose(&file, message));
    assert_string_equal(message, "");

    Ok(SnaFileOpen(PETSC_COMM_SELF, path, &file));
    Ok(SnaSeparableRead(file, strcmp(what, "group") ? "/f" : "/model/f", &r));
    assert_null(r);
    Ok(SnaFileClose(&file, message));
    if (!strstr(message, wrongs[w].says)) fail_msg("`%s` (%s) does not say `%s`", message, what, wrongs[w].says);
    assert_non_null(strstr(message, path));
    Ok(SnaSeparableDestroy(&s));
  }
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_interaction),
    cmocka_unit_test(test_sizes),
    cmocka_unit_test(test_start),
    cmocka_unit_test(test_round_trip),
    cmocka_unit_test(test_wrong_files),
  };
  char folder[] = "/tmp/sna_test_object_XXXXXX";
  int  failures;

  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  if (!mkdtemp(folder)) return 1;
  (void)snprintf(path, sizeof(path), "%s/f.h5", folder);
  failures = cmocka_run_group_tests(tests, NULL, NULL);
  if (remove(path) || rmdir(folder)) failures++;
  if (PetscFinalize()) failures++;
  return failures;
}
