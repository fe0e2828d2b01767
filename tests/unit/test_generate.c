// np: 1 timeout: 120
// The generator of cells: sets of voxels between mirrors against brute force and known topology, and what every accepted cell must be, by functions that share
// nothing with the generator.
#include "voxel/generate_impl.h"
#include <math.h>
#include <string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define Ok(call) assert_int_equal(call, 0)
#define N        12
#define SIZE     (N * N * N)

typedef PetscBool (*Shape)(int x, int y, int z);

static void fill(Shape shape, uint8_t octant[SIZE])
{
  for (int v = 0; v < SIZE; v++) octant[v] = shape(v % N, v / N % N, v / (N * N));
}
static int inside(int n, int x, int y, int z, double cx, double cy, double cz, double r)
{
  (void)n;
  return (x - cx) * (x - cx) + (y - cy) * (y - cy) + (z - cz) * (z - cz) <= r * r;
}
static PetscBool all(int x, int y, int z)
{
  return (PetscBool)(x >= 0 && y >= 0 && z >= 0);
}
static PetscBool ball(int x, int y, int z)
{
  return (PetscBool)inside(N, x, y, z, 5.5, 5.5, 5.5, 3.2);
}
static PetscBool shell(int x, int y, int z)
{
  return (PetscBool)(ball(x, y, z) && !inside(N, x, y, z, 5.5, 5.5, 5.5, 1.5));
}
static PetscBool plate(int x, int y, int z)
{
  (void)y;
  (void)z;
  return (PetscBool)(x < 3);
}
static PetscBool frame(int x, int y, int z)
{
  return (PetscBool)((x < 3) + (y < 3) + (z < 3) >= 2);
}
static PetscBool corner_ball(int x, int y, int z)
{
  return (PetscBool)inside(N, x, y, z, -0.5, -0.5, -0.5, 4);
}
static PetscBool random_voxels(int x, int y, int z)
{
  return (PetscBool)(SnaRandomUniform(5, 0, (uint64_t)((z * N + y) * N + x)) < 0.8);
}

// Of the periodic cell of 2N voxels, of which the octant is one of eight images.
static void test_euler(void **state)
{
  static const struct {
    Shape shape;
    int   euler;
  } cases[] = {
    {all, 0},         // the torus of three dimensions
    {ball, 8},        // eight balls
    {shell, 16},      // eight shells, one cavity each
    {plate, 0},       // one plate in the cell: a torus of two dimensions
    {frame, -2},      // one node and three bars
    {corner_ball, 1}, // eight eighths make one ball
  };
  uint8_t octant[SIZE];

  (void)state;
  for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
    fill(cases[c].shape, octant);
    assert_int_equal(SnaOctantEuler(N, octant), cases[c].euler);
  }
}

// By growing from the first voxel that has no number yet.
static int components_by_growth(const uint8_t octant[], uint8_t phase, int number[SIZE], int *largest)
{
  int count = 0, most = 0;

  for (int v = 0; v < SIZE; v++) number[v] = -1;
  for (int seed = 0; seed < SIZE; seed++) {
    int grown = 1, size = 1;
    if (octant[seed] != phase || number[seed] >= 0) continue;
    number[seed] = count;
    while (grown) {
      grown = 0;
      for (int v = 0; v < SIZE; v++) {
        const int x = v % N, y = v / N % N, z = v / (N * N);
        if (octant[v] != phase || number[v] >= 0) continue;
        if ((x && number[v - 1] == count) || (x < N - 1 && number[v + 1] == count) || (y && number[v - N] == count) ||
            (y < N - 1 && number[v + N] == count) || (z && number[v - N * N] == count) ||
            (z < N - 1 && number[v + N * N] == count)) {
          number[v] = count;
          grown     = 1;
          size++;
        }
      }
    }
    if (size > most) {
      most     = size;
      *largest = count;
    }
    count++;
  }
  return count;
}

static void test_label(void **state)
{
  SnaOctantScratch    scratch;
  SnaOctantComponents parts;
  uint8_t             octant[SIZE];
  int                 number[SIZE], largest = -1;

  (void)state;
  Ok(SnaOctantScratchCreate(N, &scratch));
  fill(frame, octant);
  SnaOctantLabel(N, octant, 1, &scratch, &parts);
  assert_int_equal(parts.count, 1);
  assert_int_equal(parts.elsewhere, 0);
  assert_true(parts.reaches);
  fill(plate, octant);
  SnaOctantLabel(N, octant, 1, &scratch, &parts);
  assert_false(parts.reaches); // not x = 1
  for (int trial = 0; trial < 6; trial++) {
    const double share     = 0.1 + 0.15 * trial;
    int          elsewhere = 0;
    for (int v = 0; v < SIZE; v++) octant[v] = SnaRandomUniform(1, (uint64_t)trial, (uint64_t)v) < share;
    const int count = components_by_growth(octant, 1, number, &largest);
    for (int v = 0; v < SIZE; v++) elsewhere += number[v] >= 0 && number[v] != largest;
    SnaOctantLabel(N, octant, 1, &scratch, &parts);
    assert_int_equal(parts.count, count);
    assert_int_equal(parts.elsewhere, elsewhere);
    for (int v = 1; v < SIZE && count > 1; v++) {
      assert_int_equal(scratch.label[v] < 0, number[v] < 0);
      for (int w = 0; w < v; w += 17)
        if (number[v] >= 0 && number[w] >= 0)
          assert_int_equal(scratch.label[v] == scratch.label[w], number[v] == number[w]);
    }
  }
  Ok(SnaOctantScratchDestroy(&scratch));
}

static void test_hinges(void **state)
{
  static const struct { // three voxels: at the origin, and at these places
    int first[3], second[3], hinges;
  } cases[] = {
    {{1, 1, 0}, {1, 1, 0}, 1}, // along an edge
    {{1, 0, 1}, {1, 0, 1}, 1},
    {{0, 1, 1}, {0, 1, 1}, 1},
    {{1, 1, 1}, {1, 1, 1}, 1}, // at a corner
    {{1, 1, 0}, {1, 0, 0}, 0}, // with the voxel between them
    {{1, 1, 1}, {1, 0, 0}, 1}, // the corner's has an edge left
    {{0, 0, 1}, {0, 0, 2}, 0},
    {{2, 0, 0}, {2, 0, 0}, 0},
  };
  uint8_t octant[SIZE];
  int32_t pair[SIZE][2];

  (void)state;
  for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
    const int *a = cases[c].first, *b = cases[c].second;
    const int  at = (4 * N + 4) * N + 4;
    memset(octant, 0, sizeof(octant));
    octant[at] = octant[at + (a[2] * N + a[1]) * N + a[0]] = octant[at + (b[2] * N + b[1]) * N + b[0]] = 1;
    assert_int_equal(SnaOctantHinges(N, octant, pair) > 0, cases[c].hinges);
  }
  fill(frame, octant);
  assert_int_equal(SnaOctantHinges(N, octant, pair), 0);
}

// The union of all balls of m voxels in the mirrored image, ball by ball.
static void opening_by_balls(const uint8_t octant[], int m, uint8_t opened[])
{
  memset(opened, 0, SIZE);
  for (int cz = -m; cz < N + m; cz++) {
    for (int cy = -m; cy < N + m; cy++) {
      for (int cx = -m; cx < N + m; cx++) {
        for (int pass = 0, fits = 1; pass < 2 && fits; pass++) {
          for (int o = 0; o < m * m * m; o++) {
            const int d[3] = {o % m, o / m % m, o / (m * m)};
            int       p[3] = {cx + d[0], cy + d[1], cz + d[2]}, out = 0;
            double    r = 0;
            for (int a = 0; a < 3; a++) {
              r += pow(d[a] - 0.5 * (m - 1), 2);
              if (p[a] < 0 || p[a] >= N) out = 1;
              if (p[a] < 0) p[a] = -1 - p[a];
              if (p[a] >= N) p[a] = 2 * N - 1 - p[a];
            }
            if (sqrt(r) > 0.5 * m + 1e-12) continue;
            if (!octant[(p[2] * N + p[1]) * N + p[0]]) fits = 0;
            if (pass && !out) opened[(p[2] * N + p[1]) * N + p[0]] = 1;
          }
        }
      }
    }
  }
}

static void test_opening(void **state)
{
  static const Shape shapes[] = {all, ball, shell, plate, frame, corner_ball, random_voxels};
  uint8_t            octant[SIZE], opened[SIZE], expected[SIZE];

  (void)state;
  for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
    fill(shapes[s], octant);
    for (int m = 1; m < 6; m++) {
      Ok(SnaOctantOpen(N, octant, m, opened));
      opening_by_balls(octant, m, expected);
      assert_memory_equal(opened, expected, SIZE);
    }
  }
  // A bar of the frame has 6 x 6 voxels in the cell: it holds balls of 6, and with its corners gone nothing of 7 but the node.
  fill(frame, octant);
  Ok(SnaOctantOpen(N, octant, 6, opened));
  assert_int_equal(SnaOctantEuler(N, opened), -2);
  Ok(SnaOctantOpen(N, octant, 8, opened));
  assert_int_not_equal(SnaOctantEuler(N, opened), -2);
}

// ---------------------------------------------------------------------------------------------------------------------
// Cells
// ---------------------------------------------------------------------------------------------------------------------
static SnaGenerator defaults(const char family[], PetscInt n)
{
  return (SnaGenerator){.family = family, .n = n, .fraction = {0.25, 0.65}, .min_ligament = 3, .seed = 7};
}

// The X of the faces, from its definition: within 0.22 of the diagonal.
static void check_faces(PetscInt n, const uint8_t octant[])
{
  for (PetscInt j = 0; j < n; j++) {
    for (PetscInt i = 0; i < n; i++) {
      const uint8_t x = fabs((double)(i - j)) / (double)n < 0.22;
      assert_int_equal(octant[(j * n + i) * n], x);
      assert_int_equal(octant[j * n * n + i], x);
      assert_int_equal(octant[j * n + i], x);
    }
  }
}

// The whole cell, looked at by the functions for images.
static void check_cell(const SnaGenerator *g, const uint8_t octant[], const SnaGenerated *made)
{
  const PetscInt      n[3] = {g->n, g->n, g->n};
  const double        h[3] = {1, 1, 1}, size = (double)(g->n * g->n * g->n);
  SnaVoxels           part, cell;
  SnaVoxelsComponents c;
  PetscBool           member[256], mirrors[3], cubic;
  PetscInt64          count[256];

  check_faces(g->n, octant);
  Ok(SnaVoxelsCreate(PETSC_COMM_SELF, n, h, &part));
  memcpy(part->phase, octant, (size_t)size);
  Ok(SnaVoxelsFromOctant(part, &cell));
  Ok(SnaVoxelsCount(cell, count));
  assert_true(fabs((double)count[1] - 8 * size * made->target) <= 8 * 1.5);
  assert_true(fabs((double)count[1] / (8 * size) - made->fraction) < 1e-14);
  assert_true(count[0] + count[1] == (PetscInt64)(8 * size));
  for (int phase = 0; phase < 2; phase++) {
    for (int v = 0; v < 256; v++) member[v] = (PetscBool)(v == phase);
    Ok(SnaVoxelsConnect(cell, member, PETSC_FALSE, PETSC_TRUE, &c));
    assert_int_equal(c.count, 1);
    assert_int_equal(c.inert, 0);
    for (int a = 0; a < 3; a++) assert_true(c.percolates[a]);
    if (phase) assert_int_equal(c.hinges, 0);
  }
  Ok(SnaVoxelsSymmetry(cell, mirrors, &cubic));
  for (int a = 0; a < 3; a++) assert_true(mirrors[a]);
  assert_true(cubic || g->orthotropic);
  Ok(SnaVoxelsDestroy(&part));
  Ok(SnaVoxelsDestroy(&cell));
}

static void test_cells(void **state)
{
  static const struct {
    const char *family;
    PetscInt    n;
    PetscBool   orthotropic;
    double      share; // at least so many accepted
  } cases[] = {
    {"bicontinuous", 32, PETSC_FALSE, 0.35},
    {"bicontinuous", 32, PETSC_TRUE, 0.35},
    {"bicontinuous", 17, PETSC_FALSE, 0.2},
    {"schwarz_p", 24, PETSC_FALSE, 0.5},
    {"iwp", 24, PETSC_FALSE, 0.5},
    {"frd", 24, PETSC_FALSE, 0.4},
    {"neovius", 24, PETSC_FALSE, 0.3},
    {"iwp", 24, PETSC_TRUE, 0.4},
  };
  uint8_t *octant, *again;

  (void)state;
  Ok(PetscMalloc2(32 * 32 * 32, &octant, 32 * 32 * 32, &again));
  for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
    SnaGenerator g    = defaults(cases[c].family, cases[c].n);
    const int    all_ = 60;
    int          made = 0, different = 0;
    double       low = 1, high = 0;
    g.orthotropic = cases[c].orthotropic;
    for (uint64_t cell = 0; cell < (uint64_t)all_; cell++) {
      SnaGenerated one;
      Ok(SnaGenerate(&g, cell, 0, octant, &one));
      low  = PetscMin(low, one.target);
      high = PetscMax(high, one.target);
      if (one.verdict != SNA_ACCEPTED) continue;
      made++;
      if (made <= 8) check_cell(&g, octant, &one);
      different += made > 1 && memcmp(octant, again, (size_t)(g.n * g.n * g.n)) != 0;
      memcpy(again, octant, (size_t)(g.n * g.n * g.n));
    }
    print_message("%s %d%s: %d of %d accepted\n", g.family, (int)g.n, g.orthotropic ? " orthotropic" : "", made, all_);
    assert_true(made >= cases[c].share * all_);
    assert_int_equal(different, made - 1);
    assert_true(low >= 0.25 && low < 0.30 && high > 0.60 && high <= 0.65);
  }
  Ok(PetscFree2(octant, again));
}

// A function of (seed, cell, attempt); the target of (seed, cell).
static void test_streams(void **state)
{
  SnaGenerator g = defaults("bicontinuous", 16);
  SnaGenerated one, two;
  uint8_t      a[16 * 16 * 16], b[16 * 16 * 16];

  (void)state;
  Ok(SnaGenerate(&g, 3, 1, a, &one));
  Ok(SnaGenerate(&g, 4, 0, b, &two));
  assert_true(one.target != two.target && one.k0 != two.k0);
  Ok(SnaGenerate(&g, 3, 1, b, &two));
  assert_memory_equal(a, b, sizeof(a));
  assert_true(one.k0 == two.k0 && one.w == two.w && one.tau == two.tau && one.verdict == two.verdict);
  Ok(SnaGenerate(&g, 3, 0, b, &two));
  assert_true(one.target == two.target && one.k0 != two.k0);
  assert_true(one.k0 >= 1.2 && one.k0 <= 3 && one.w >= 0.5 && one.w <= 1.2 && fabs(one.tau) <= 0.5);
  g.seed = 8;
  Ok(SnaGenerate(&g, 3, 1, b, &two));
  assert_true(one.target != two.target && one.k0 != two.k0);
}

// One value of the volume fraction for all; thin ligaments are what the check is for.
static void test_ligaments(void **state)
{
  SnaGenerator g = defaults("bicontinuous", 24);
  uint8_t     *octant;
  int          accepted[5] = {0};

  (void)state;
  g.fraction[0] = g.fraction[1] = 0.3;
  Ok(PetscMalloc1(24 * 24 * 24, &octant));
  for (g.min_ligament = 1; g.min_ligament <= 5; g.min_ligament += 2) {
    for (uint64_t cell = 0; cell < 40; cell++) {
      SnaGenerated one;
      Ok(SnaGenerate(&g, cell, 0, octant, &one));
      assert_true(one.target == 0.3);
      accepted[g.min_ligament - 1] += one.verdict == SNA_ACCEPTED;
    }
  }
  assert_true(accepted[0] > accepted[2] && accepted[2] > accepted[4]);
  Ok(PetscFree(octant));
}

static void test_refused(void **state)
{
  char         message[SNA_MAX_MESSAGE];
  const char  *field;
  SnaGenerator g = defaults("bicontinuous", 32);

  (void)state;
  Ok(SnaGeneratorCheck(&g, &field, message));
  assert_string_equal(message, "");
  g.fraction[0] = 0.02; // the X of the three faces is more
  Ok(SnaGeneratorCheck(&g, &field, message));
  assert_string_equal(field, "fraction");
  assert_non_null(strstr(message, "lie between 0.0"));
  g             = defaults("bicontinuous", 32);
  g.fraction[1] = 0.2;
  Ok(SnaGeneratorCheck(&g, &field, message));
  assert_string_equal(field, "fraction");
  g = defaults("gyroid", 32);
  Ok(SnaGeneratorCheck(&g, &field, message));
  assert_string_equal(field, "family");
  assert_non_null(strstr(message, SnaGeneratorFamilies));
  g = defaults("iwp", 4);
  Ok(SnaGeneratorCheck(&g, &field, message));
  assert_string_equal(field, "n");
  g              = defaults("iwp", 16);
  g.min_ligament = 5;
  Ok(SnaGeneratorCheck(&g, &field, message));
  assert_string_equal(field, "min_ligament");
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_euler), cmocka_unit_test(test_label),
    cmocka_unit_test(test_hinges), cmocka_unit_test(test_opening), cmocka_unit_test(test_cells),
    cmocka_unit_test(test_streams), cmocka_unit_test(test_ligaments), cmocka_unit_test(test_refused)};
  int                     failed;

  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  failed = cmocka_run_group_tests(tests, NULL, NULL);
  return PetscFinalize() ? 1 : failed;
}
