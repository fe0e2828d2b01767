// np: 1 2 3 4 timeout: 120
// Shapes: voxel counts from mathematics, definitions voxel by voxel, the same image on any number of ranks.
#include <sna/voxel.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define Ok(call)              assert_int_equal(call, 0)
#define Near(a, b, tolerance) assert_true(fabs((a) - (b)) <= (tolerance))

static const double unit[3] = {1, 1, 1};

static PetscInt64 Total(SnaVoxels v)
{
  return (PetscInt64)v->n[0] * v->n[1] * v->n[2];
}

static size_t Local(SnaVoxels v)
{
  return (size_t)v->n[0] * (size_t)v->n[1] * (size_t)v->nz;
}

static PetscInt64 Ones(SnaVoxels v)
{
  PetscInt64 count[256];

  Ok(SnaVoxelsCount(v, count));
  assert_int_equal(count[0] + count[1], Total(v));
  return count[1];
}

static double Share(SnaVoxels v)
{
  return (double)Ones(v) / (double)Total(v);
}

// `part` of all ranks against `whole`, which every rank holds.
static void SamePlanes(SnaVoxels part, SnaVoxels whole)
{
  const size_t plane = (size_t)whole->n[0] * (size_t)whole->n[1];

  assert_memory_equal(part->n, whole->n, sizeof(part->n));
  assert_memory_equal(part->h, whole->h, sizeof(part->h));
  assert_memory_equal(part->phase, whole->phase + (size_t)part->z0 * plane, plane * (size_t)part->nz);
}

// The shape on every rank's own, after it was found the same when made together.
static SnaVoxels MakeWith(SnaVoxelsShape shape, const double h[3])
{
  SnaVoxels part, whole;
  char      message[SNA_MAX_MESSAGE];

  Ok(SnaVoxelsMake(PETSC_COMM_WORLD, &shape, h, &part, message));
  assert_string_equal(message, "");
  Ok(SnaVoxelsMake(PETSC_COMM_SELF, &shape, h, &whole, message));
  assert_string_equal(message, "");
  SamePlanes(part, whole);
  assert_int_equal(Ones(part), Ones(whole));
  Ok(SnaVoxelsDestroy(&part));
  return whole;
}

static SnaVoxels Make(SnaVoxelsShape shape)
{
  return MakeWith(shape, unit);
}

// On this rank alone, without that comparison.
static SnaVoxels MakeHere(SnaVoxelsShape shape)
{
  SnaVoxels v;
  char      message[SNA_MAX_MESSAGE];

  Ok(SnaVoxelsMake(PETSC_COMM_SELF, &shape, unit, &v, message));
  assert_string_equal(message, "");
  return v;
}

static double ShareOf(SnaVoxelsShape shape)
{
  SnaVoxels    v     = Make(shape);
  const double share = Share(v);

  Ok(SnaVoxelsDestroy(&v));
  return share;
}

static uint8_t At(SnaVoxels v, PetscInt i, PetscInt j, PetscInt k)
{
  return v->phase[((size_t)k * (size_t)v->n[1] + (size_t)j) * (size_t)v->n[0] + (size_t)i];
}

// Is phase 1 where f says so, in all voxels?
static void SameAs(SnaVoxels v, int (*f)(const PetscInt n[3], const PetscInt x[3]))
{
  PetscInt x[3];

  for (x[2] = 0; x[2] < v->n[2]; x[2]++) {
    for (x[1] = 0; x[1] < v->n[1]; x[1]++) {
      for (x[0] = 0; x[0] < v->n[0]; x[0]++) assert_int_equal(At(v, x[0], x[1], x[2]), f(v->n, x));
    }
  }
}

static void test_every_kind(void **state)
{
  char name[32];

  (void)state;
  for (const char *at = SnaVoxelsShapeKinds; *at;) {
    const size_t   length = strcspn(at, "|");
    SnaVoxelsShape shape  = {.kind = name, .n = {8, 8, 8}, .array = "bcc", .radius = 0.25, .fraction = 0.3};
    PetscInt64     ones, all;
    SnaVoxels      v;

    memcpy(name, at, length);
    name[length] = 0;
    v            = Make(shape);
    ones         = Ones(v);
    all          = Total(v);
    assert_true(strcmp(name, "homogeneous") == 0 ? ones == all : ones > 0 && ones < all);
    Ok(SnaVoxelsDestroy(&v));
    shape.inverse = PETSC_TRUE;
    v             = Make(shape);
    assert_int_equal(Ones(v), all - ones);
    Ok(SnaVoxelsDestroy(&v));
    at += at[length] ? length + 1 : length;
  }
}

static int Layer(const PetscInt n[3], const PetscInt x[3])
{
  return 8 * x[1] >= 3 * n[1] && 8 * x[1] < 5 * n[1];
}

static int Square(const PetscInt n[3], const PetscInt x[3])
{
  return 4 * x[0] >= n[0] && 4 * x[0] < 3 * n[0] && 4 * x[2] >= n[2] && 4 * x[2] < 3 * n[2];
}

static int Frame(const PetscInt n[3], const PetscInt x[3])
{
  return (4 * x[0] < n[0]) + (4 * x[1] < n[1]) + (4 * x[2] < n[2]) >= 2;
}

// Cells of 24 x 8 x 16 voxels: shares of the axis each along.
static void test_bands(void **state)
{
  SnaVoxels v;

  (void)state;
  for (PetscInt axis = 0; axis < 3; axis++) {
    Near(ShareOf((SnaVoxelsShape){.kind = "laminate", .n = {24, 8, 16}, .radius = 0.25, .axis = axis}), 0.25, 0);
    Near(ShareOf((SnaVoxelsShape){.kind = "channel", .n = {24, 8, 16}, .radius = 0.75, .axis = axis}), 0.25, 0);
    Near(ShareOf((SnaVoxelsShape){.kind = "prism", .n = {24, 8, 16}, .radius = 0.5, .axis = axis}), 0.25, 0);
    Near(ShareOf((SnaVoxelsShape){.kind = "duct", .n = {24, 8, 16}, .radius = 0.75, .axis = axis}), 1 - 9.0 / 16, 0);
    Near(ShareOf((SnaVoxelsShape){.kind = "checkerboard", .n = {24, 8, 16}, .axis = axis}), 0.5, 0);
  }
  v = Make((SnaVoxelsShape){.kind = "laminate", .n = {24, 8, 16}, .radius = 0.25, .axis = 1});
  SameAs(v, Layer);
  Ok(SnaVoxelsDestroy(&v));
  v = Make((SnaVoxelsShape){.kind = "channel", .n = {24, 8, 16}, .radius = 0.25, .axis = 1, .inverse = PETSC_TRUE});
  SameAs(v, Layer);
  Ok(SnaVoxelsDestroy(&v));
  v = Make((SnaVoxelsShape){.kind = "prism", .n = {24, 8, 16}, .radius = 0.5, .axis = 1});
  SameAs(v, Square);
  Ok(SnaVoxelsDestroy(&v));
  v = Make((SnaVoxelsShape){.kind = "duct", .n = {24, 8, 16}, .radius = 0.5, .axis = 1, .inverse = PETSC_TRUE});
  SameAs(v, Square);
  Ok(SnaVoxelsDestroy(&v));
  v = Make((SnaVoxelsShape){.kind = "frame", .n = {24, 8, 16}, .radius = 0.25});
  SameAs(v, Frame);
  Ok(SnaVoxelsDestroy(&v));
}

// Bars of width 1/q: 3 q^-2 - 2 q^-3. A third of 12 is whole, whatever 1/3 is in binary.
static void test_frame(void **state)
{
  (void)state;
  Near(ShareOf((SnaVoxelsShape){.kind = "frame", .n = {8, 8, 8}, .radius = 0.25}), .15625, 0);
  Near(ShareOf((SnaVoxelsShape){.kind = "frame", .n = {16, 16, 16}, .radius = 0.25}), .15625, 0);
  Near(ShareOf((SnaVoxelsShape){.kind = "frame", .n = {16, 16, 16}, .radius = 0.125}), 3.0 / 64 - 2.0 / 512, 0);
  Near(ShareOf((SnaVoxelsShape){.kind = "frame", .n = {12, 12, 12}, .radius = 1.0 / 3}), 3.0 / 9 - 2.0 / 27, 1e-15);
}

// Squares of half the cell: moving by half the cell along one axis swaps the phases, along both it does nothing.
static void test_checkerboard(void **state)
{
  (void)state;
  for (PetscInt n = 6; n <= 8; n += 2) {
    SnaVoxels v = Make((SnaVoxelsShape){.kind = "checkerboard", .n = {n, n, 4}, .axis = 2});

    for (PetscInt j = 0; j < n; j++) {
      for (PetscInt i = 0; i < n; i++) {
        assert_int_equal(At(v, i, j, 0), !At(v, (i + n / 2) % n, j, 3));
        assert_int_equal(At(v, i, j, 0), At(v, (i + n / 2) % n, (j + n / 2) % n, 3));
      }
    }
    Ok(SnaVoxelsDestroy(&v));
  }
}

// Voids of R = 0.4: the volume fractions that stand beside the stiffness of VOIDSPH in doc/homogenisation.md; volumes
// of spheres.
static void test_spheres(void **state)
{
  const double volume = 4 * PETSC_PI / 3;

  (void)state;
  Near(
    ShareOf((SnaVoxelsShape){.kind = "spheres", .n = {16, 16, 16}, .radius = 0.4, .inverse = PETSC_TRUE}), .734375, 0);
  Near(ShareOf((SnaVoxelsShape){.kind = "spheres", .n = {32, 32, 32}, .radius = 0.4, .inverse = PETSC_TRUE}), .73315430,
    5e-9);
  Near(ShareOf((SnaVoxelsShape){.kind = "spheres", .n = {64, 64, 64}, .array = "sc", .radius = 0.45}),
    volume * pow(0.45, 3), 2e-3);
  Near(ShareOf((SnaVoxelsShape){.kind = "spheres", .n = {64, 64, 64}, .array = "bcc", .radius = 0.4}),
    2 * volume * pow(0.4, 3), 2e-3);
  Near(ShareOf((SnaVoxelsShape){.kind = "spheres", .n = {64, 64, 64}, .array = "fcc", .radius = 0.35}),
    4 * volume * pow(0.35, 3), 2e-3);
  // sc, 1/2 < R < sqrt(1/2): the caps beyond the six faces overlap those of the neighbours.
  Near(ShareOf((SnaVoxelsShape){.kind = "spheres", .n = {64, 64, 64}, .radius = 0.6}),
    volume * pow(0.6, 3) - 6 * PETSC_PI * 0.01 * (3 * 0.6 - 0.1) / 3, 2e-3);
  Near(ShareOf((SnaVoxelsShape){.kind = "spheres", .n = {8, 8, 8}, .radius = 0.87}), 1, 0);
}

// Half the cell along all axes moves the body-centred lattice onto itself, along any two the face-centred one.
static void test_lattices(void **state)
{
  const PetscInt n   = 12;
  SnaVoxels      bcc = Make((SnaVoxelsShape){.kind = "spheres", .n = {n, n, n}, .array = "bcc", .radius = 0.3});
  SnaVoxels      fcc = Make((SnaVoxelsShape){.kind = "spheres", .n = {n, n, n}, .array = "fcc", .radius = 0.3});

  (void)state;
  assert_int_equal(At(fcc, 0, 0, 0), 1);
  assert_int_equal(At(fcc, n / 2, n / 2, n / 2), 0);
  for (PetscInt k = 0; k < n; k++) {
    for (PetscInt j = 0; j < n; j++) {
      for (PetscInt i = 0; i < n; i++) {
        assert_int_equal(At(bcc, i, j, k), At(bcc, (i + 6) % n, (j + 6) % n, (k + 6) % n));
        assert_int_equal(At(fcc, i, j, k), At(fcc, i, (j + 6) % n, (k + 6) % n));
        assert_int_equal(At(fcc, i, j, k), At(fcc, (i + 6) % n, j, (k + 6) % n));
      }
    }
  }
  Ok(SnaVoxelsDestroy(&bcc));
  Ok(SnaVoxelsDestroy(&fcc));
}

// Voxel centres on the surface are outside, although the radius sqrt(m)/2n is no double. Odd squares add up to m = 3,
// 11, 19 ...
static void test_on_the_surface(void **state)
{
  const PetscInt n = 8;

  (void)state;
  for (PetscInt m = 3; m < 192; m += 8) {
    SnaVoxels v =
      MakeHere((SnaVoxelsShape){.kind = "spheres", .n = {n, n, n}, .radius = sqrt((double)m) / (2 * (double)n)});

    for (PetscInt k = 0; k < n; k++) {
      for (PetscInt j = 0; j < n; j++) {
        for (PetscInt i = 0; i < n; i++) {
          const PetscInt x = 2 * i + 1 - n, y = 2 * j + 1 - n, z = 2 * k + 1 - n;

          assert_int_equal(At(v, i, j, k), x * x + y * y + z * z < m);
        }
      }
    }
    Ok(SnaVoxelsDestroy(&v));
  }
}

// Round in space, whatever the voxels: the radius is in shortest edges, 16 here.
static void test_round(void **state)
{
  const double   h[3] = {1, 0.5, 2}, volume = 4 * PETSC_PI / 3 * pow(0.4 * 16, 3);
  SnaVoxelsShape shape = {.kind = "spheres", .n = {40, 32, 12}, .radius = 0.4};
  SnaVoxels      v     = MakeWith(shape, h);

  (void)state;
  Near((double)Ones(v), volume, 0.02 * volume);
  assert_int_equal(At(v, 14, 16, 6), 1); // 5.5 from the middle in x, 1 in z
  assert_int_equal(At(v, 13, 16, 6), 0);
  assert_int_equal(At(v, 20, 3, 6), 1); // 6.25 from the middle in y, 1 in z, 0.5 in x: 6.35
  assert_int_equal(At(v, 20, 2, 6), 0);
  Ok(SnaVoxelsDestroy(&v));
  // Across x, the shortest edge is y's.
  shape = (SnaVoxelsShape){.kind = "cylinders", .n = {4, 128, 64}, .radius = 0.3, .axis = 0};
  v     = MakeWith(shape, h);
  Near(Share(v), PETSC_PI * 0.09 * 64 * 64 / (64 * 128), 2e-3);
  Ok(SnaVoxelsDestroy(&v));
  for (PetscInt axis = 0; axis < 3; axis++) {
    shape         = (SnaVoxelsShape){.kind = "tube", .n = {128, 128, 128}, .radius = 0.45, .axis = axis};
    shape.n[axis] = 4;
    Near(ShareOf(shape), 1 - PETSC_PI * 0.45 * 0.45, 1e-3);
    shape.kind = "cylinders";
    Near(ShareOf(shape), PETSC_PI * 0.45 * 0.45, 1e-3);
  }
}

static double Gyroid(const PetscInt n[3], PetscInt i, PetscInt j, PetscInt k)
{
  const double x = 2 * PETSC_PI * ((double)i + 0.5) / (double)n[0], y = 2 * PETSC_PI * ((double)j + 0.5) / (double)n[1],
               z = 2 * PETSC_PI * ((double)k + 0.5) / (double)n[2];

  return sin(x) * cos(y) + sin(y) * cos(z) + sin(z) * cos(x);
}

static double SchwarzP(const PetscInt n[3], PetscInt i, PetscInt j, PetscInt k)
{
  return cos(2 * PETSC_PI * ((double)i + 0.5) / (double)n[0]) + cos(2 * PETSC_PI * ((double)j + 0.5) / (double)n[1]) +
         cos(2 * PETSC_PI * ((double)k + 0.5) / (double)n[2]);
}

static double Uniform(const PetscInt n[3], PetscInt i, PetscInt j, PetscInt k)
{
  return SnaRandomUniform(7, 0, (uint64_t)((k * n[1] + j) * n[0] + i));
}

// Exact to the voxel, and no voxel of phase 1 has a larger value than one of phase 0; among equals the first come.
static void Threshold(SnaVoxelsShape shape, double (*g)(const PetscInt n[3], PetscInt i, PetscInt j, PetscInt k))
{
  SnaVoxels v     = Make(shape);
  double    inner = -INFINITY, outer = INFINITY;

  assert_int_equal(Ones(v), llround(shape.fraction * (double)Total(v)));
  for (int pass = 0; pass < 2; pass++) {
    PetscBool over = PETSC_FALSE; // past the last of those that equal the threshold

    for (PetscInt k = 0; k < v->n[2]; k++) {
      for (PetscInt j = 0; j < v->n[1]; j++) {
        for (PetscInt i = 0; i < v->n[0]; i++) {
          const double value = shape.sheet ? fabs(g(v->n, i, j, k)) : g(v->n, i, j, k);

          if (!pass) {
            if (At(v, i, j, k))
              inner = fmax(inner, value);
            else
              outer = fmin(outer, value);
          } else if (fabs(value - inner) < 1e-11) {
            if (!At(v, i, j, k))
              over = PETSC_TRUE;
            else
              assert_false(over);
          }
        }
      }
    }
  }
  assert_true(inner <= outer + 1e-11);
  Ok(SnaVoxelsDestroy(&v));
}

static void test_fractions(void **state)
{
  static const double fraction[] = {0, 0.0004, 0.3, 0.5, 1};

  (void)state;
  for (size_t f = 0; f < sizeof(fraction) / sizeof(fraction[0]); f++) {
    for (int sheet = 0; sheet <= (fraction[f] == 0.3); sheet++) {
      SnaVoxelsShape shape = {.n = {12, 12, 12}, .fraction = fraction[f], .sheet = (PetscBool)sheet};

      shape.kind = "gyroid";
      Threshold(shape, Gyroid);
      shape.kind = "schwarz_p";
      Threshold(shape, SchwarzP);
    }
    Threshold((SnaVoxelsShape){.kind = "gyroid", .n = {5, 9, 14}, .fraction = fraction[f]}, Gyroid);
    Threshold((SnaVoxelsShape){.kind = "random", .n = {5, 9, 14}, .fraction = fraction[f], .seed = 7}, Uniform);
  }
}

// Half of the voxels by one seed and half by another agree in half of all; a larger fraction holds the smaller one.
static void test_random(void **state)
{
  SnaVoxelsShape shape = {.kind = "random", .n = {20, 20, 20}, .fraction = 0.5, .seed = 1};
  SnaVoxels      a, b, c;
  PetscInt       both = 0;

  (void)state;
  a              = Make(shape);
  shape.seed     = 2;
  b              = Make(shape);
  shape.fraction = 0.6;
  c              = Make(shape);
  for (size_t i = 0; i < Local(a); i++) {
    both += a->phase[i] == b->phase[i];
    assert_true(c->phase[i] >= b->phase[i]);
  }
  assert_in_range(both, 4000 - 224, 4000 + 224); // five standard deviations of sqrt(8000)/2
  Ok(SnaVoxelsDestroy(&a));
  Ok(SnaVoxelsDestroy(&b));
  Ok(SnaVoxelsDestroy(&c));
}

static void Refused(SnaVoxelsShape shape, const char text[])
{
  SnaVoxels v = NULL;
  char      message[SNA_MAX_MESSAGE];

  Ok(SnaVoxelsMake(PETSC_COMM_WORLD, &shape, unit, &v, message));
  assert_null(v);
  if (!strstr(message, text)) fail_msg("`%s` is not in `%s`", text, message);
}

static void test_refused(void **state)
{
  (void)state;
  Refused(
    (SnaVoxelsShape){.kind = "sphere", .n = {8, 8, 8}, .radius = 0.3}, "no shape `sphere`: take one of homogeneous|");
  Refused((SnaVoxelsShape){.kind = "frame", .n = {16, 16, 16}, .radius = 0.3},
    "frame: radius 0.3 is 4.8 of the 16 voxels along x: take 4/16 or 5/16");
  Refused((SnaVoxelsShape){.kind = "frame", .n = {16, 16, 15}, .radius = 0.25}, "15 voxels along z: take 3/15 or 4/15");
  Refused((SnaVoxelsShape){.kind = "frame", .n = {16, 16, 16}}, "take 1/16");
  Refused(
    (SnaVoxelsShape){.kind = "laminate", .n = {4, 10, 4}, .axis = 1, .radius = 0.25}, "along y: take 2/10 or 3/10");
  Refused((SnaVoxelsShape){.kind = "laminate", .n = {4, 10, 4}, .axis = 1, .radius = 1.25}, "take 10/10");
  Refused((SnaVoxelsShape){.kind = "channel", .n = {10, 4, 4}, .axis = 0, .radius = 1}, "take 9/10");
  Refused((SnaVoxelsShape){.kind = "channel", .n = {1, 4, 4}, .axis = 0, .radius = 1}, "no room");
  Refused((SnaVoxelsShape){.kind = "prism", .n = {4, 7, 8}, .axis = 2, .radius = 0.5}, "along y: take 3/7 or 4/7");
  Refused((SnaVoxelsShape){.kind = "duct", .n = {8, 8, 7}, .axis = 1, .radius = 0.5}, "along z: take 3/7 or 4/7");
  Refused(
    (SnaVoxelsShape){.kind = "checkerboard", .n = {8, 7, 8}, .axis = 2}, "7 voxels along y have no half: take 6 or 8");
  Refused((SnaVoxelsShape){.kind = "spheres", .n = {8, 8, 8}, .array = "hcp", .radius = 0.3}, "sc, bcc or fcc");
  Refused((SnaVoxelsShape){.kind = "spheres", .n = {8, 8, 8}, .radius = 12}, "not in (0, 1]");
  Refused((SnaVoxelsShape){.kind = "cylinders", .n = {8, 8, 8}}, "not in (0, 1]");
  Refused((SnaVoxelsShape){.kind = "cylinders", .n = {8, 8, 8}, .radius = NAN}, "not in (0, 1]");
  Refused((SnaVoxelsShape){.kind = "tube", .n = {8, 8, 8}, .radius = 0.45}, "at most 0.4375");
  Refused((SnaVoxelsShape){.kind = "gyroid", .n = {8, 8, 8}, .fraction = 1.01}, "not in [0, 1]");
  Refused((SnaVoxelsShape){.kind = "random", .n = {8, 8, 8}, .fraction = NAN}, "not in [0, 1]");
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_every_kind),
    cmocka_unit_test(test_bands),
    cmocka_unit_test(test_frame),
    cmocka_unit_test(test_checkerboard),
    cmocka_unit_test(test_spheres),
    cmocka_unit_test(test_lattices),
    cmocka_unit_test(test_on_the_surface),
    cmocka_unit_test(test_round),
    cmocka_unit_test(test_fractions),
    cmocka_unit_test(test_random),
    cmocka_unit_test(test_refused),
  };
  int failures;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failures = cmocka_run_group_tests(tests, NULL, NULL);
  PetscCall(PetscFinalize());
  return failures;
}
