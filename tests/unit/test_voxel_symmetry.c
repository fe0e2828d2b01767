// np: 1 2 3 4 timeout: 120
// Mirrors and permutations of an image, its octant and back, refinement.
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

// `part` of all ranks against `whole`, which every rank holds.
static void SamePlanes(SnaVoxels part, SnaVoxels whole)
{
  const size_t plane = (size_t)whole->n[0] * (size_t)whole->n[1];

  assert_memory_equal(part->n, whole->n, sizeof(part->n));
  assert_memory_equal(part->h, whole->h, sizeof(part->h));
  assert_memory_equal(part->phase, whole->phase + (size_t)part->z0 * plane, plane * (size_t)part->nz);
}

static SnaVoxels Distributed(SnaVoxels whole)
{
  const size_t plane = (size_t)whole->n[0] * (size_t)whole->n[1];
  SnaVoxels    v;

  Ok(SnaVoxelsCreate(PETSC_COMM_WORLD, whole->n, whole->h, &v));
  memcpy(v->phase, whole->phase + (size_t)v->z0 * plane, plane * (size_t)v->nz);
  return v;
}

// On this rank alone.
static SnaVoxels MakeWith(SnaVoxelsShape shape, const double h[3])
{
  SnaVoxels v;
  char      message[SNA_MAX_MESSAGE];

  Ok(SnaVoxelsMake(PETSC_COMM_SELF, &shape, h, &v, message));
  assert_string_equal(message, "");
  return v;
}

static SnaVoxels Make(SnaVoxelsShape shape)
{
  return MakeWith(shape, unit);
}

static uint8_t At(SnaVoxels v, PetscInt i, PetscInt j, PetscInt k)
{
  return v->phase[((size_t)k * (size_t)v->n[1] + (size_t)j) * (size_t)v->n[0] + (size_t)i];
}

// `mirrors`: bit a for axis a; whole is destroyed.
static void Symmetry(SnaVoxels whole, unsigned mirrors, PetscBool cubic)
{
  SnaVoxels v = Distributed(whole);
  PetscBool m[3], c;

  Ok(SnaVoxelsSymmetry(v, m, &c));
  for (int a = 0; a < 3; a++) assert_int_equal(m[a], mirrors >> a & 1);
  assert_int_equal(c, cubic);
  Ok(SnaVoxelsDestroy(&v));
  Ok(SnaVoxelsDestroy(&whole));
}

static void test_symmetry_of_shapes(void **state)
{
  const double flat[3] = {1, 1, 1.001};

  (void)state;
  Symmetry(Make((SnaVoxelsShape){.kind = "homogeneous", .n = {4, 4, 4}}), 7, PETSC_TRUE);
  Symmetry(Make((SnaVoxelsShape){.kind = "homogeneous", .n = {5, 5, 6}}), 7, PETSC_FALSE);
  Symmetry(MakeWith((SnaVoxelsShape){.kind = "homogeneous", .n = {5, 5, 5}}, flat), 7, PETSC_FALSE);
  Symmetry(Make((SnaVoxelsShape){.kind = "spheres", .n = {9, 9, 9}, .radius = 0.4}), 7, PETSC_TRUE);
  Symmetry(Make((SnaVoxelsShape){.kind = "spheres", .n = {12, 12, 12}, .array = "fcc", .radius = 0.3}), 7, PETSC_TRUE);
  Symmetry(Make((SnaVoxelsShape){.kind = "frame", .n = {8, 8, 8}, .radius = 0.25}), 0, PETSC_FALSE);
  Symmetry(Make((SnaVoxelsShape){.kind = "gyroid", .n = {8, 8, 8}, .fraction = 0.5}), 0, PETSC_FALSE);
  Symmetry(Make((SnaVoxelsShape){.kind = "laminate", .n = {8, 8, 8}, .axis = 1, .radius = 0.375}), 5, PETSC_FALSE);
  for (PetscInt axis = 0; axis < 3; axis++) {
    Symmetry(Make((SnaVoxelsShape){.kind = "laminate", .n = {8, 8, 8}, .axis = axis, .radius = 0.25}), 7, PETSC_FALSE);
    Symmetry(Make((SnaVoxelsShape){.kind = "prism", .n = {8, 8, 8}, .axis = axis, .radius = 0.5}), 7, PETSC_FALSE);
    Symmetry(Make((SnaVoxelsShape){.kind = "checkerboard", .n = {8, 8, 8}, .axis = axis}), 7, PETSC_FALSE);
  }
}

// The orbits of one voxel under groups of symmetries: an image of them has these symmetries and no more. The numbers i
// < j < k are different and nowhere the mirror image of each other.
static SnaVoxels Orbit(int nperm, const int perm[][3], unsigned mirrors)
{
  const PetscInt n = 10, at[3] = {1, 2, 4};
  SnaVoxels      v;

  Ok(SnaVoxelsCreate(PETSC_COMM_SELF, (PetscInt[]){n, n, n}, unit, &v));
  for (int p = 0; p < nperm; p++) {
    for (unsigned m = 0; m < 8; m++) {
      PetscInt x[3];

      for (int a = 0; a < 3; a++) {
        x[a] = at[perm[p][a]];
        if (m & mirrors & 1u << a) x[a] = n - 1 - x[a];
      }
      v->phase[(x[2] * n + x[1]) * n + x[0]] = 200;
    }
  }
  return v;
}

static void test_symmetry_groups(void **state)
{
  static const int perm[6][3]    = {{0, 1, 2}, {1, 2, 0}, {2, 0, 1}, {1, 0, 2}, {2, 1, 0}, {0, 2, 1}};
  const int        swap[3][2][3] = {{{0, 1, 2}, {1, 0, 2}}, {{0, 1, 2}, {2, 1, 0}}, {{0, 1, 2}, {0, 2, 1}}};

  (void)state;
  for (unsigned mirrors = 0; mirrors < 8; mirrors++) Symmetry(Orbit(1, perm, mirrors), mirrors, PETSC_FALSE);
  for (int s = 0; s < 3; s++) Symmetry(Orbit(2, swap[s], 7), 7, PETSC_FALSE);
  Symmetry(Orbit(3, perm, 7), 7, PETSC_FALSE);
  Symmetry(Orbit(6, perm, 7), 7, PETSC_TRUE);
  Symmetry(Orbit(6, perm, 6), 6, PETSC_FALSE);
}

// Any single wrong voxel of a cubic image is found, in whatever plane: it stays symmetric about an axis only from its
// middle.
static void test_one_voxel(void **state)
{
  const PetscInt n = 7;

  (void)state;
  for (PetscInt at = 0; at < n * n * n; at += 17) {
    const PetscInt x[3]    = {at % n, at / n % n, at / n / n};
    unsigned       mirrors = 0;
    SnaVoxels      v       = Make((SnaVoxelsShape){.kind = "spheres", .n = {n, n, n}, .radius = 0.4});

    for (int a = 0; a < 3; a++) mirrors |= (unsigned)(2 * x[a] == n - 1) << a;
    v->phase[at] = 2;
    Symmetry(v, mirrors, (PetscBool)(mirrors == 7));
  }
}

// A number for every voxel, of 8 bits.
static uint8_t Mark(PetscInt i, PetscInt j, PetscInt k)
{
  return (uint8_t)(SnaRandomUniform(3, 0, (uint64_t)((k * 64 + j) * 64 + i)) * 256);
}

static SnaVoxels Marked(const PetscInt n[3])
{
  const double h[3] = {1, 2, 0.5};
  SnaVoxels    v;

  Ok(SnaVoxelsCreate(PETSC_COMM_SELF, n, h, &v));
  for (PetscInt k = 0; k < n[2]; k++) {
    for (PetscInt j = 0; j < n[1]; j++) {
      for (PetscInt i = 0; i < n[0]; i++) v->phase[(k * n[1] + j) * n[0] + i] = Mark(i, j, k);
    }
  }
  return v;
}

static void test_octant(void **state)
{
  (void)state;
  for (PetscInt planes = 4; planes <= 7; planes++) {
    const PetscInt n[3] = {3, 5, planes}, full[3] = {6, 10, 2 * planes};
    SnaVoxels      whole = Marked(n), octant = Distributed(whole), v, back, cell;

    Ok(SnaVoxelsFromOctant(octant, &v));
    assert_memory_equal(v->n, full, sizeof(full));
    assert_memory_equal(v->h, octant->h, sizeof(v->h));
    for (PetscInt k = 0; k < v->nz; k++) {
      for (PetscInt j = 0; j < full[1]; j++) {
        for (PetscInt i = 0; i < full[0]; i++) {
          const PetscInt z = k + v->z0;

          assert_int_equal(
            At(v, i, j, k), Mark(i < 3 ? i : 5 - i, j < 5 ? j : 9 - j, z < planes ? z : 2 * planes - 1 - z));
        }
      }
    }
    Ok(SnaVoxelsToOctant(v, &back));
    SamePlanes(back, whole);
    Ok(SnaVoxelsFromOctant(whole, &cell));
    Symmetry(cell, 7, PETSC_FALSE);
    Ok(SnaVoxelsDestroy(&back));
    Ok(SnaVoxelsDestroy(&v));
    Ok(SnaVoxelsDestroy(&octant));
    Ok(SnaVoxelsDestroy(&whole));
  }
}

static void test_no_octant(void **state)
{
  PetscMPIInt size;
  SnaVoxels   whole, v, octant;

  (void)state;
  MPI_Comm_size(PETSC_COMM_WORLD, &size);
  PetscPushErrorHandler(PetscReturnErrorHandler, NULL);
  whole = Marked((PetscInt[]){4, 4, 5});
  v     = Distributed(whole);
  assert_int_not_equal(SnaVoxelsToOctant(v, &octant), 0);
  Ok(SnaVoxelsDestroy(&v));
  Ok(SnaVoxelsDestroy(&whole));
  whole = Marked((PetscInt[]){4, 4, 4});
  v     = Distributed(whole);
  if (size > 2) assert_int_not_equal(SnaVoxelsToOctant(v, &octant), 0);
  Ok(SnaVoxelsDestroy(&v));
  Ok(SnaVoxelsDestroy(&whole));
  PetscPopErrorHandler();
}

static void test_refine(void **state)
{
  const PetscInt n[3] = {3, 2, 5};

  (void)state;
  for (PetscInt factor = 1; factor <= 4; factor++) {
    SnaVoxels whole = Marked(n), v = Distributed(whole), fine;

    Ok(SnaVoxelsRefine(v, factor, &fine));
    for (int a = 0; a < 3; a++) {
      assert_int_equal(fine->n[a], n[a] * factor);
      Near(fine->h[a] * (double)factor, v->h[a], 1e-15);
    }
    for (PetscInt k = 0; k < fine->nz; k++) {
      for (PetscInt j = 0; j < fine->n[1]; j++) {
        for (PetscInt i = 0; i < fine->n[0]; i++)
          assert_int_equal(At(fine, i, j, k), Mark(i / factor, j / factor, (k + fine->z0) / factor));
      }
    }
    Ok(SnaVoxelsDestroy(&fine));
    Ok(SnaVoxelsDestroy(&v));
    Ok(SnaVoxelsDestroy(&whole));
  }
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_symmetry_of_shapes),
    cmocka_unit_test(test_symmetry_groups),
    cmocka_unit_test(test_one_voxel),
    cmocka_unit_test(test_octant),
    cmocka_unit_test(test_no_octant),
    cmocka_unit_test(test_refine),
  };
  int failures;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failures = cmocka_run_group_tests(tests, NULL, NULL);
  PetscCall(PetscFinalize());
  return failures;
}
