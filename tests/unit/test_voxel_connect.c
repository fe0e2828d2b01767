// np: 1 2 3 4 timeout: 120
// Connected components, percolation and hinges against a flood fill of the whole image and against counts from
// mathematics; filling.
#include <sna/voxel.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define Ok(call) assert_int_equal(call, 0)

static const double    unit[3]    = {1, 1, 1};
static const PetscBool solid[256] = {PETSC_FALSE, PETSC_TRUE}, pore[256] = {PETSC_TRUE};

static SnaVoxels Blank(PetscInt nx, PetscInt ny, PetscInt nz)
{
  SnaVoxels v;

  Ok(SnaVoxelsCreate(PETSC_COMM_SELF, (PetscInt[]){nx, ny, nz}, unit, &v));
  return v;
}

static uint8_t *Voxel(SnaVoxels v, PetscInt i, PetscInt j, PetscInt k)
{
  return &v->phase[((size_t)k * (size_t)v->n[1] + (size_t)j) * (size_t)v->n[0] + (size_t)i];
}

// A box of ones, ends included.
static void Box(SnaVoxels v, PetscInt i0, PetscInt i1, PetscInt j0, PetscInt j1, PetscInt k0, PetscInt k1)
{
  for (PetscInt k = k0; k <= k1; k++) {
    for (PetscInt j = j0; j <= j1; j++) {
      for (PetscInt i = i0; i <= i1; i++) *Voxel(v, i, j, k) = 1;
    }
  }
}

// Axis a of v becomes axis (a + turns) % 3 of the result; v is destroyed.
static SnaVoxels Turned(SnaVoxels v, int turns)
{
  PetscInt  n[3], x[3];
  SnaVoxels w;

  for (int a = 0; a < 3; a++) n[(a + turns) % 3] = v->n[a];
  w = Blank(n[0], n[1], n[2]);
  for (PetscInt k = 0; k < v->n[2]; k++) {
    for (PetscInt j = 0; j < v->n[1]; j++) {
      for (PetscInt i = 0; i < v->n[0]; i++) {
        x[turns % 3]                = i;
        x[(turns + 1) % 3]          = j;
        x[(turns + 2) % 3]          = k;
        *Voxel(w, x[0], x[1], x[2]) = *Voxel(v, i, j, k);
      }
    }
  }
  Ok(SnaVoxelsDestroy(&v));
  return w;
}

static SnaVoxels Distributed(SnaVoxels whole)
{
  const size_t plane = (size_t)whole->n[0] * (size_t)whole->n[1];
  SnaVoxels    v;

  Ok(SnaVoxelsCreate(PETSC_COMM_WORLD, whole->n, whole->h, &v));
  memcpy(v->phase, whole->phase + (size_t)v->z0 * plane, plane * (size_t)v->nz);
  return v;
}

static SnaVoxels Shape(SnaVoxelsShape shape)
{
  SnaVoxels v;
  char      message[SNA_MAX_MESSAGE];

  Ok(SnaVoxelsMake(PETSC_COMM_SELF, &shape, unit, &v, message));
  assert_string_equal(message, "");
  return v;
}

// ---------------------------------------------------------------------------------------------------------------------
// The same by flood fill: every voxel is visited with the image of the cell that the way to it leads into; another way
// that leads into another image winds.
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  SnaVoxelsComponents total;
  PetscInt           *component; // of each voxel, -1 outside the set
  unsigned           *axes;      // of each component
} Flood;

static void FloodFill(SnaVoxels v, const PetscBool member[256], PetscBool mirror, Flood *F)
{
  const PetscInt *n = v->n, N = n[0] * n[1] * n[2];
  PetscInt       *queue, (*image)[3];

  memset(F, 0, sizeof(*F));
  Ok(PetscMalloc2((size_t)N, &F->component, (size_t)N, &F->axes));
  Ok(PetscMalloc2((size_t)N, &queue, (size_t)N, &image));
  for (PetscInt s = 0; s < N; s++) F->component[s] = -1;
  for (PetscInt s = 0; s < N; s++) {
    const PetscInt c    = F->total.count;
    PetscInt       head = 0, tail = 0;
    unsigned       touch = 0;

    if (!member[v->phase[s]] || F->component[s] >= 0) continue;
    F->total.count++;
    F->axes[c]      = 0;
    F->component[s] = c;
    memset(image[s], 0, sizeof(image[s]));
    for (queue[tail++] = s; head < tail; head++) {
      const PetscInt at = queue[head], x[3] = {at % n[0], at / n[0] % n[1], at / n[0] / n[1]};

      for (int d = 0; d < 6; d++) {
        const int a = d / 2, step = d % 2 ? 1 : -1;
        PetscInt  y[3] = {x[0], x[1], x[2]}, into[3] = {image[at][0], image[at][1], image[at][2]}, next;

        y[a] += step;
        if (y[a] < 0 || y[a] == n[a]) {
          touch |= 1u << d;
          if (mirror) continue;
          y[a] -= step * n[a];
          into[a] += step;
        }
        next = (y[2] * n[1] + y[1]) * n[0] + y[0];
        if (!member[v->phase[next]]) continue;
        if (F->component[next] < 0) {
          F->component[next] = c;
          memcpy(image[next], into, sizeof(into));
          queue[tail++] = next;
        }
        for (int b = 0; b < 3; b++) F->axes[c] |= (unsigned)(into[b] != image[next][b]) << b;
      }
    }
    for (int a = 0; a < 3; a++) {
      if (mirror && (touch >> 2 * a & 3) == 3) F->axes[c] |= 1u << a;
      if (F->axes[c] >> a & 1) F->total.percolates[a] = PETSC_TRUE;
    }
    F->total.voxels += tail;
    F->total.largest = PetscMax(F->total.largest, tail);
    if (!F->axes[c]) F->total.inert += tail;
  }
  Ok(PetscFree2(queue, image));
}

static void FloodDestroy(Flood *F)
{
  Ok(PetscFree2(F->component, F->axes));
}

// Hinges by pairs: a voxel and one a diagonal step away, when of the box that they span no other voxel is in the set.
static PetscInt64 Hinges(SnaVoxels v, const PetscBool member[256], PetscBool mirror)
{
  static const int step[10][3] = {{1, 1, 0}, {1, -1, 0}, {1, 0, 1}, {1, 0, -1}, {0, 1, 1}, {0, 1, -1}, {1, 1, 1},
    {1, 1, -1}, {1, -1, 1}, {1, -1, -1}};
  const PetscInt  *n           = v->n;
  PetscInt64       count       = 0;

  for (PetscInt at = 0; at < n[0] * n[1] * n[2]; at++) {
    const PetscInt x[3] = {at % n[0], at / n[0] % n[1], at / n[0] / n[1]};

    for (int s = 0; s < 10; s++) {
      PetscInt  box = 0, others = 0; // voxels of the box; those in the set but the two
      PetscBool beyond = PETSC_FALSE, ends = PETSC_TRUE;

      for (int c = 0; c < 8; c++) {
        PetscInt y[3], part = 0, whole = 0;

        for (int a = 0; a < 3; a++) {
          if (c >> a & 1 && !step[s][a]) break;
          y[a] = x[a] + (c >> a & 1 ? step[s][a] : 0);
          if (y[a] < 0 || y[a] == n[a]) beyond = PETSC_TRUE;
          y[a] = (y[a] + n[a]) % n[a];
          part += c >> a & 1;
          whole += step[s][a] != 0;
          if (a < 2) continue;
          box++;
          if (part == 0 || part == whole)
            ends = (PetscBool)(ends && member[*Voxel(v, y[0], y[1], y[2])]);
          else
            others += member[*Voxel(v, y[0], y[1], y[2])] == PETSC_TRUE;
        }
      }
      assert_int_equal(box, s < 6 ? 4 : 8);
      count += ends && !others && !(mirror && beyond);
    }
  }
  return count;
}

static void SameComponents(const SnaVoxelsComponents *a, const SnaVoxelsComponents *b)
{
  assert_int_equal(a->count, b->count);
  assert_int_equal(a->voxels, b->voxels);
  assert_int_equal(a->largest, b->largest);
  assert_int_equal(a->inert, b->inert);
  for (int d = 0; d < 3; d++) assert_int_equal(a->percolates[d], b->percolates[d]);
}

// Components and hinges of both against each other, then the voxels that are filled.
static void Compare(SnaVoxels whole, const PetscBool member[256])
{
  for (int mirror = 0; mirror < 2; mirror++) {
    SnaVoxels           v = Distributed(whole);
    SnaVoxelsComponents components;
    Flood               F;
    PetscInt64          filled, expected = 0;
    const PetscInt      axis  = (PetscInt)((whole->phase[0] + mirror + whole->n[0]) % 4 - 1);
    const size_t        first = (size_t)v->z0 * (size_t)v->n[0] * (size_t)v->n[1];

    FloodFill(whole, member, (PetscBool)mirror, &F);
    Ok(SnaVoxelsConnect(v, member, (PetscBool)mirror, PETSC_TRUE, &components));
    SameComponents(&components, &F.total);
    assert_int_equal(components.hinges, Hinges(whole, member, (PetscBool)mirror));
    Ok(SnaVoxelsFill(v, member, (PetscBool)mirror, axis, 99, &filled));
    for (PetscInt s = 0; s < whole->n[0] * whole->n[1] * whole->n[2]; s++) {
      const PetscInt c    = F.component[s];
      const int      fill = c >= 0 && !(F.axes[c] & (axis < 0 ? 7u : 1u << axis));

      expected += fill;
      if ((size_t)s >= first && (size_t)s < first + (size_t)v->nz * (size_t)v->n[0] * (size_t)v->n[1])
        assert_int_equal(v->phase[(size_t)s - first], fill ? 99 : whole->phase[s]);
    }
    assert_int_equal(filled, expected);
    FloodDestroy(&F);
    Ok(SnaVoxelsDestroy(&v));
  }
}

// Random images of odd sizes at, below and above the percolation threshold (0.3116 of large ones), two phases of three
// in the set.
static void test_random_images(void **state)
{
  static const PetscInt  size[][3]  = {{5, 7, 12}, {6, 4, 5}, {3, 9, 4}, {1, 6, 7}, {7, 1, 5}, {2, 2, 4}, {1, 1, 4}};
  static const double    fraction[] = {0.15, 0.3, 0.35, 0.7};
  static const PetscBool two[256]   = {PETSC_FALSE, PETSC_TRUE, PETSC_FALSE, PETSC_TRUE};

  (void)state;
  for (size_t s = 0; s < sizeof(size) / sizeof(size[0]); s++) {
    for (size_t f = s % 2; f < sizeof(fraction) / sizeof(fraction[0]); f += s ? 2 : 1) {
      SnaVoxels v = Blank(size[s][0], size[s][1], size[s][2]);

      for (PetscInt i = 0; i < size[s][0] * size[s][1] * size[s][2]; i++) {
        const double u = SnaRandomUniform(s, f, (uint64_t)i);

        v->phase[i] = u < 0.5 * fraction[f] ? 1 : u < fraction[f] ? 3 : 2;
      }
      Compare(v, two);
      Ok(SnaVoxelsDestroy(&v));
    }
  }
}

// Walks that wind in all ways: each goes on for a fixed number of steps from where it stands, in a cell of 6 x 5 x 7.
static void test_random_walks(void **state)
{
  (void)state;
  for (uint64_t walk = 0; walk < 8; walk++) {
    SnaVoxels v    = Blank(6, 5, 7);
    PetscInt  x[3] = {0, 0, 0};

    for (uint64_t step = 0; step < 20 + 3 * walk; step++) {
      const int d = (int)(6 * SnaRandomUniform(11, walk, step / 3)), a = d / 2;

      x[a]                        = (x[a] + (d % 2 ? 1 : v->n[a] - 1)) % v->n[a];
      *Voxel(v, x[0], x[1], x[2]) = 1;
    }
    Compare(v, solid);
    Ok(SnaVoxelsDestroy(&v));
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Known answers
// ---------------------------------------------------------------------------------------------------------------------
// Of the set in `whole`, which is destroyed. axes: bit a for axis a.
static void Expect(
  SnaVoxels whole, const PetscBool member[256], PetscBool mirror, PetscInt count, unsigned axes, PetscInt64 inert)
{
  SnaVoxels           v = Distributed(whole);
  SnaVoxelsComponents c;

  Ok(SnaVoxelsConnect(v, member, mirror, PETSC_FALSE, &c));
  assert_int_equal(c.count, count);
  for (int a = 0; a < 3; a++) assert_int_equal(c.percolates[a], axes >> a & 1);
  assert_int_equal(c.inert, inert);
  assert_int_equal(c.hinges, 0);
  Ok(SnaVoxelsDestroy(&v));
  Ok(SnaVoxelsDestroy(&whole));
}

static unsigned TurnedAxes(unsigned axes, int turns)
{
  return (axes << turns | axes >> (3 - turns)) & 7;
}

static void test_shapes(void **state)
{
  (void)state;
  Expect(Blank(4, 5, 6), solid, PETSC_FALSE, 0, 0, 0);
  Expect(Blank(4, 5, 6), pore, PETSC_FALSE, 1, 7, 0);
  Expect(Blank(1, 1, 4), pore, PETSC_FALSE, 1, 7, 0);
  Expect(Blank(4, 5, 6), pore, PETSC_TRUE, 1, 7, 0);
  for (PetscInt axis = 0; axis < 3; axis++) {
    const unsigned across = 7 & ~(1u << axis);

    Expect(Shape((SnaVoxelsShape){.kind = "channel", .n = {8, 8, 8}, .radius = 0.5, .axis = axis}), pore, PETSC_FALSE,
      1, across, 0);
    Expect(Shape((SnaVoxelsShape){.kind = "channel", .n = {8, 8, 8}, .radius = 0.5, .axis = axis}), solid, PETSC_FALSE,
      1, across, 0);
    Expect(Shape((SnaVoxelsShape){.kind = "channel", .n = {8, 8, 8}, .radius = 0.5, .axis = axis}), solid, PETSC_TRUE,
      2, across, 0);
    Expect(Shape((SnaVoxelsShape){.kind = "tube", .n = {8, 8, 8}, .radius = 0.4, .axis = axis}), pore, PETSC_FALSE, 1,
      1u << axis, 0);
    Expect(Shape((SnaVoxelsShape){.kind = "tube", .n = {8, 8, 8}, .radius = 0.4, .axis = axis}), solid, PETSC_FALSE, 1,
      7, 0);
    Expect(Shape((SnaVoxelsShape){.kind = "checkerboard", .n = {8, 8, 8}, .axis = axis}), solid, PETSC_FALSE, 2,
      1u << axis, 0);
  }
  Expect(Shape((SnaVoxelsShape){.kind = "frame", .n = {8, 8, 8}, .radius = 0.25}), solid, PETSC_FALSE, 1, 7, 0);
  Expect(Shape((SnaVoxelsShape){.kind = "frame", .n = {8, 8, 8}, .radius = 0.25}), pore, PETSC_FALSE, 1, 7, 0);
  // 4*(1 + 3*4) + 12 = 8 odd coordinates +-1, +-3 with a sum of squares below (16*0.25)^2 = 16: 8 of (1,1,1), 24 of
  // (1,1,3).
  Expect(Shape((SnaVoxelsShape){.kind = "spheres", .n = {8, 8, 8}, .radius = 0.25}), solid, PETSC_FALSE, 1, 0, 32);
  Expect(Shape((SnaVoxelsShape){.kind = "spheres", .n = {8, 8, 8}, .array = "bcc", .radius = 0.25}), solid, PETSC_FALSE,
    2, 0, 64);
  Expect(Shape((SnaVoxelsShape){.kind = "spheres", .n = {8, 8, 8}, .array = "fcc", .radius = 0.25}), solid, PETSC_FALSE,
    4, 0, 128);
  Expect(Shape((SnaVoxelsShape){.kind = "spheres", .n = {8, 8, 8}, .array = "bcc", .radius = 0.25}), solid, PETSC_TRUE,
    9, 0, 64);
  Expect(Shape((SnaVoxelsShape){.kind = "spheres", .n = {8, 8, 8}, .radius = 0.25}), pore, PETSC_FALSE, 1, 7, 0);
  Expect(Shape((SnaVoxelsShape){.kind = "spheres", .n = {8, 8, 8}, .radius = 0.5}), solid, PETSC_FALSE, 1, 7, 0);
  Expect(Shape((SnaVoxelsShape){.kind = "gyroid", .n = {16, 16, 16}, .fraction = 0.4}), solid, PETSC_FALSE, 1, 7, 0);
  Expect(Shape((SnaVoxelsShape){.kind = "gyroid", .n = {16, 16, 16}, .fraction = 0.4, .sheet = PETSC_TRUE}), pore,
    PETSC_FALSE, 2, 7, 0);
}

// In a cell of 6 x 6 x 5, turned onto every axis.
static void test_winding(void **state)
{
  (void)state;
  for (int turns = 0; turns < 3; turns++) {
    SnaVoxels v = Blank(6, 6, 5);

    // A staircase: once round along x and along y.
    for (PetscInt i = 0; i < 6; i++) Box(v, i, i, i, i, 2, 2);
    for (PetscInt i = 0; i < 6; i++) *Voxel(v, (i + 1) % 6, i, 2) = 1;
    Expect(Turned(v, turns), solid, PETSC_FALSE, 1, TurnedAxes(3, turns), 0);

    // Touches both faces of x, at other places: a bar from the low face, a step up, a bar to the high face.
    v = Blank(6, 6, 5);
    Box(v, 0, 3, 1, 1, 2, 2);
    Box(v, 3, 3, 1, 4, 2, 2);
    Box(v, 3, 5, 4, 4, 2, 2);
    Expect(Turned(v, turns), solid, PETSC_FALSE, 1, 0, 9);
    v = Blank(6, 6, 5);
    Box(v, 0, 3, 1, 1, 2, 2);
    Box(v, 3, 3, 1, 4, 2, 2);
    Box(v, 3, 5, 4, 4, 2, 2);
    Expect(Turned(v, turns), solid, PETSC_TRUE, 1, TurnedAxes(1, turns), 0);

    // A clasp about the face of x, closed on one side of it only: joined across the face, and not round.
    v = Blank(6, 6, 5);
    Box(v, 0, 2, 1, 1, 2, 2);
    Box(v, 0, 2, 4, 4, 2, 2);
    Box(v, 2, 2, 1, 4, 2, 2);
    Box(v, 5, 5, 1, 1, 2, 2);
    Box(v, 5, 5, 4, 4, 2, 2);
    Expect(Turned(v, turns), solid, PETSC_FALSE, 1, 0, 10);
    // The same ring closed on both sides.
    v = Blank(6, 6, 5);
    Box(v, 0, 1, 1, 1, 2, 2);
    Box(v, 0, 1, 4, 4, 2, 2);
    Box(v, 1, 1, 1, 4, 2, 2);
    Box(v, 5, 5, 1, 4, 2, 2);
    Expect(Turned(v, turns), solid, PETSC_FALSE, 1, 0, 10);

    // A staircase with steps of two: twice round along x and once along y.
    v = Blank(6, 6, 5);
    for (PetscInt t = 0; t < 12; t++) *Voxel(v, t % 6, t / 2, 2) = *Voxel(v, t % 6, (t + 1) / 2 % 6, 2) = 1;
    Expect(Turned(v, turns), solid, PETSC_FALSE, 1, TurnedAxes(3, turns), 0);

    // A cross of two bars percolates along both axes, a third bar apart along its own.
    v = Blank(6, 6, 5);
    Box(v, 0, 5, 2, 2, 2, 2);
    Box(v, 2, 2, 0, 5, 2, 2);
    Box(v, 0, 5, 2, 2, 4, 4);
    *Voxel(v, 5, 5, 0) = 1;
    Expect(Turned(v, turns), solid, PETSC_FALSE, 3, TurnedAxes(3, turns), 1);
  }
}

// One voxel and its seven neighbours across the corner of the cell.
static void test_across_the_corner(void **state)
{
  SnaVoxels v = Blank(4, 4, 4);

  (void)state;
  for (int c = 0; c < 8; c++) *Voxel(v, c & 1 ? 3 : 0, c & 2 ? 3 : 0, c & 4 ? 3 : 0) = 1;
  Expect(v, solid, PETSC_FALSE, 1, 0, 8);
  v = Blank(4, 4, 4);
  for (int c = 0; c < 8; c++) *Voxel(v, c & 1 ? 3 : 0, c & 2 ? 3 : 0, c & 4 ? 3 : 0) = 1;
  Expect(v, solid, PETSC_TRUE, 8, 0, 8);
}

static PetscInt64 HingesOf(SnaVoxels whole, PetscBool mirror)
{
  SnaVoxels           v = Distributed(whole);
  SnaVoxelsComponents c;

  Ok(SnaVoxelsConnect(v, solid, mirror, PETSC_TRUE, &c));
  Ok(SnaVoxelsDestroy(&v));
  Ok(SnaVoxelsDestroy(&whole));
  return c.hinges;
}

static SnaVoxels Chess(PetscInt nx, PetscInt ny, PetscInt nz, int dimensions)
{
  SnaVoxels v = Blank(nx, ny, nz);

  for (PetscInt k = 0; k < nz; k++) {
    for (PetscInt j = 0; j < ny; j++) {
      for (PetscInt i = 0; i < nx; i++) *Voxel(v, i, j, k) = (i + j + (dimensions == 3 ? k : 0)) % 2 == 0;
    }
  }
  return v;
}

// Squares in a plane, extruded: an edge along the axis at every corner of a square. In space: every edge.
static void test_hinges(void **state)
{
  SnaVoxels v;

  (void)state;
  for (int turns = 0; turns < 3; turns++) {
    assert_int_equal(HingesOf(Turned(Chess(4, 6, 5, 2), turns), PETSC_FALSE), 4 * 6 * 5);
    assert_int_equal(HingesOf(Turned(Chess(4, 6, 5, 2), turns), PETSC_TRUE), 3 * 5 * 5);
    assert_int_equal(
      HingesOf(Shape((SnaVoxelsShape){.kind = "checkerboard", .n = {8, 8, 8}, .axis = turns}), PETSC_FALSE), 4 * 8);
    v                  = Blank(5, 5, 5);
    *Voxel(v, 0, 0, 4) = *Voxel(v, 4, 4, 4) = 1; // across the edge of the cell
    assert_int_equal(HingesOf(Turned(v, turns), PETSC_FALSE), 1);
    v                  = Blank(5, 5, 5);
    *Voxel(v, 1, 2, 3) = *Voxel(v, 2, 1, 3) = *Voxel(v, 1, 1, 3) = 1; // a face leads round
    assert_int_equal(HingesOf(Turned(v, turns), PETSC_FALSE), 0);
  }
  assert_int_equal(HingesOf(Chess(4, 6, 4, 3), PETSC_FALSE), 3 * 4 * 6 * 4);
  for (int c = 0; c < 4; c++) { // the four space diagonals, across the corner of the cell
    v                                          = Blank(4, 4, 4);
    *Voxel(v, 0, c & 1 ? 3 : 0, c & 2 ? 3 : 0) = *Voxel(v, 3, c & 1 ? 0 : 3, c & 2 ? 0 : 3) = 1;
    assert_int_equal(HingesOf(v, PETSC_FALSE), 1);
    v                                          = Blank(4, 4, 4);
    *Voxel(v, 0, c & 1 ? 3 : 0, c & 2 ? 3 : 0) = *Voxel(v, 3, c & 1 ? 0 : 3, c & 2 ? 0 : 3) = 1;
    assert_int_equal(HingesOf(v, PETSC_TRUE), 0);
  }
  v                  = Blank(5, 5, 5);
  *Voxel(v, 1, 1, 1) = *Voxel(v, 2, 2, 2) = *Voxel(v, 2, 1, 1) = 1; // an edge: its ends are not counted again
  assert_int_equal(HingesOf(v, PETSC_FALSE), 1);
}

// Closed pores are filled, then nothing is inert and filling again changes nothing.
static void test_fill(void **state)
{
  SnaVoxels whole = Shape((SnaVoxelsShape){
              .kind = "spheres", .n = {16, 16, 16}, .array = "fcc", .radius = 0.3, .inverse = PETSC_TRUE}),
            v;
  SnaVoxelsComponents c;
  PetscInt64          filled, count[256];

  (void)state;
  v = Distributed(whole);
  Ok(SnaVoxelsCount(v, count));
  Ok(SnaVoxelsFill(v, pore, PETSC_FALSE, -1, 1, &filled));
  assert_int_equal(filled, count[0]);
  Ok(SnaVoxelsConnect(v, solid, PETSC_FALSE, PETSC_FALSE, &c));
  assert_int_equal(c.voxels, 16 * 16 * 16);
  Ok(SnaVoxelsFill(v, pore, PETSC_FALSE, -1, 1, &filled));
  assert_int_equal(filled, 0);
  Ok(SnaVoxelsDestroy(&v));
  Ok(SnaVoxelsDestroy(&whole));
  // A tube along y conducts along y and nowhere else.
  whole = Shape((SnaVoxelsShape){.kind = "tube", .n = {8, 8, 8}, .radius = 0.3, .axis = 1});
  v     = Distributed(whole);
  Ok(SnaVoxelsCount(v, count));
  Ok(SnaVoxelsFill(v, pore, PETSC_FALSE, 1, 7, &filled));
  assert_int_equal(filled, 0);
  Ok(SnaVoxelsFill(v, pore, PETSC_FALSE, -1, 7, &filled));
  assert_int_equal(filled, 0);
  Ok(SnaVoxelsFill(v, pore, PETSC_FALSE, 0, 7, &filled));
  assert_int_equal(filled, count[0]);
  Ok(SnaVoxelsCount(v, count));
  assert_int_equal(count[7], filled);
  Ok(SnaVoxelsDestroy(&v));
  Ok(SnaVoxelsDestroy(&whole));
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_random_images),
    cmocka_unit_test(test_random_walks),
    cmocka_unit_test(test_shapes),
    cmocka_unit_test(test_winding),
    cmocka_unit_test(test_across_the_corner),
    cmocka_unit_test(test_hinges),
    cmocka_unit_test(test_fill),
  };
  int failures;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failures = cmocka_run_group_tests(tests, NULL, NULL);
  PetscCall(PetscFinalize());
  return failures;
}
