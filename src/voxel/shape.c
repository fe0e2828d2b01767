// shape.c - images of shapes given by formulas.
//
// Voxel (i, j, k) has its centre at ((i + 1/2)/nx, (j + 1/2)/ny, (k + 1/2)/nz) of the cell. Phase 1 is the shape, phase
// 0 the rest; `inverse` swaps them. n is the number of voxels along the axis in question, r the radius, f the fraction;
// the middle w of n voxels begin at (n - w)/2, rounded down.
//
//   homogeneous   everywhere
//   laminate      i in the middle n r voxels of its axis                  channel    not so: walls, the opening n r voxels wide
//   prism         both transverse indices in the middle n r voxels        duct       not so: walls around a square opening
//   checkerboard  both transverse indices in the middle n/2, or neither: squares of half the cell, extruded along the axis
//   frame         at least two of i < nx r, j < ny r, k < nz r: bars along the edges of the cell
//   spheres       distance to the nearest centre < r; sc: (1/2, 1/2, 1/2); bcc: and (0, 0, 0); fcc: (0, 0, 0), (0, 1/2, 1/2), ...
//   cylinders     distance to the axis through the middle < r             tube       not so: a round opening
//   gyroid        the N f smallest of sin x cos y + sin y cos z + sin z cos x, x = 2 pi (i + 1/2)/nx ...; sheet: of its magnitude
//   schwarz_p     the same of cos x + cos y + cos z
//   random        the N f smallest of N uniform random numbers, number (k ny + j) nx + i for voxel (i, j, k)
//
// N f is rounded; of equal values the one with the lower index comes first. Distances are physical (edges n h of the
// cell, nearest periodic image), with r in shortest edges of the cell: of all three for spheres, of the transverse two
// for cylinders and tube. So spheres are round whatever n and h are, while the planes of the other shapes and the
// surfaces of gyroid and schwarz_p are stretched with the cell.
#include <sna/voxel.h>
#include <math.h>
#include <string.h>

#define VALUE_BITS    52 // of a random number: all
#define DIGIT_BITS    13
#define RANDOM_STREAM 0

typedef enum {
  HOMOGENEOUS,
  LAMINATE,
  FRAME,
  SPHERES,
  CYLINDERS,
  PRISM,
  CHECKERBOARD,
  GYROID,
  SCHWARZ_P,
  CHANNEL,
  DUCT,
  TUBE,
  RANDOM,
  NKINDS
} Kind;

const char SnaVoxelsShapeKinds[] = "homogeneous|laminate|frame|spheres|cylinders|prism|checkerboard|gyroid|schwarz_p|"
                                   "channel|duct|tube|random"; // as Kind

typedef struct {
  Kind      kind;
  PetscInt  n[3];
  int       a, b, c; // the axis, and the two across it
  PetscBool sheet;
  uint64_t  seed;
  uint8_t  *band[3];      // [n] is an index in the layer, the bar, the opening of its axis
  double   *square[3][2]; // [n] squared distance from 0 and from the middle of the axis
  double    radius2;      // squared; distances are in halves of a voxel of the shortest edge: whole numbers in cubes
  double   *sine[3], *cosine[3]; // [n]
  PetscInt  ncentre;
  const uint8_t (*centre)[3]; // per axis 0, or 1: the middle
} Shape;

static const uint8_t centre_sc[1][3]  = {{1, 1, 1}};
static const uint8_t centre_bcc[2][3] = {{1, 1, 1}, {0, 0, 0}};
static const uint8_t centre_fcc[4][3] = {{0, 0, 0}, {0, 1, 1}, {1, 0, 1}, {1, 1, 0}};

static Kind FindKind(const char name[])
{
  const size_t length = strlen(name);
  int          kind   = 0;

  for (const char *at = SnaVoxelsShapeKinds; *at; kind++) {
    const size_t n = strcspn(at, "|");

    if (n == length && strncmp(at, name, n) == 0) return (Kind)kind;
    at += at[n] ? n + 1 : n;
  }
  return NKINDS;
}

static PetscErrorCode ShapeDestroy(Shape *s)
{
  PetscFunctionBeginUser;
  for (int d = 0; d < 3; d++) {
    PetscCall(PetscFree(s->band[d]));
    PetscCall(PetscFree2(s->square[d][0], s->square[d][1]));
    PetscCall(PetscFree2(s->sine[d], s->cosine[d]));
  }
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Tables along the axes
// ---------------------------------------------------------------------------------------------------------------------
// The indices begin .. begin+width-1 of axis d.
static PetscErrorCode SetBand(Shape *s, int d, PetscInt begin, PetscInt width)
{
  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1((size_t)s->n[d], &s->band[d]));
  for (PetscInt i = 0; i < s->n[d]; i++) s->band[d][i] = i >= begin && i < begin + width;
  PetscFunctionReturn(0);
}

// The band of axis d whose width is given in edges of the cell; `most`: its largest number of voxels.
static PetscErrorCode SetWidth(
  Shape *s, const SnaVoxelsShape *spec, int d, PetscInt most, PetscBool low, char message[SNA_MAX_MESSAGE])
{
  const PetscInt n     = s->n[d];
  const double   width = spec->radius * (double)n, nearest = round(width);

  PetscFunctionBeginUser;
  if (fabs(width - nearest) <= 1e-6 * (double)n && nearest >= 1 && nearest <= (double)most) {
    const PetscInt w = (PetscInt)nearest;

    PetscCall(SetBand(s, d, low ? 0 : (n - w) / 2, w));
  } else if (most < 1)
    PetscCall(PetscSNPrintf(
      message, SNA_MAX_MESSAGE, "%s: 1 voxel along %c has no room for an opening and a wall", spec->kind, "xyz"[d]));
  else {
    const double below     = PetscMin(PetscMax(floor(width), 1), (double)most);
    const double above     = PetscMin(PetscMax(floor(width) + 1, 1), (double)most);
    char         other[64] = "";

    if (above > below) PetscCall(PetscSNPrintf(other, sizeof(other), " or %.0f/%" PetscInt_FMT, above, n));
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
      "%s: radius %g is %g of the %" PetscInt_FMT " voxels along %c: take %.0f/%" PetscInt_FMT "%s", spec->kind,
      spec->radius, width, n, "xyz"[d], below, n, other));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode SetHalf(Shape *s, int d, char message[SNA_MAX_MESSAGE])
{
  const PetscInt n = s->n[d];

  PetscFunctionBeginUser;
  if (n % 2) {
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
      "checkerboard: %" PetscInt_FMT " voxels along %c have no half: take %" PetscInt_FMT " or %" PetscInt_FMT, n,
      "xyz"[d], PetscMax(n - 1, 2), n + 1));
  } else
    PetscCall(SetBand(s, d, n / 4, n / 2));
  PetscFunctionReturn(0);
}

static PetscErrorCode SetDistances(
  Shape *s, const SnaVoxelsShape *spec, const double h[3], char message[SNA_MAX_MESSAGE])
{
  int    shortest = s->b;
  double r;

  PetscFunctionBeginUser;
  if (!(spec->radius > 0 && spec->radius <= 1)) {
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE, "%s: radius %g is not in (0, 1]; it is in edges of the cell",
      spec->kind, spec->radius));
    PetscFunctionReturn(0);
  }
  for (int d = 0; d < 3; d++) {
    if (d == s->a && s->kind != SPHERES) continue;
    if ((double)s->n[d] * h[d] < (double)s->n[shortest] * h[shortest]) shortest = d;
  }
  r          = 2 * (double)s->n[shortest] * spec->radius;
  s->radius2 = r * r;
  // A radius such as sqrt(2)/4, at which voxel centres lie on the surface, is meant exactly.
  if (fabs(s->radius2 - round(s->radius2)) <= 1e-9 * s->radius2) s->radius2 = round(s->radius2);
  for (int d = 0; d < 3; d++) {
    const PetscInt n    = s->n[d];
    const double   unit = h[d] / h[shortest];

    PetscCall(PetscMalloc2((size_t)n, &s->square[d][0], (size_t)n, &s->square[d][1]));
    for (PetscInt i = 0; i < n; i++) {
      const double corner = unit * (double)PetscMin(2 * i + 1, 2 * n - 2 * i - 1),
                   middle = unit * (double)(2 * i + 1 - n);

      s->square[d][0][i] = corner * corner;
      s->square[d][1][i] = middle * middle;
    }
    if (s->kind == TUBE && d != s->a && r > unit * (double)(n - 1)) {
      PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE, "tube: radius %g leaves no wall along %c: at most %.6g",
        spec->radius, "xyz"[d], unit * (double)(n - 1) / (2 * (double)s->n[shortest])));
      PetscFunctionReturn(0);
    }
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode SetWaves(Shape *s)
{
  PetscFunctionBeginUser;
  for (int d = 0; d < 3; d++) {
    PetscCall(PetscMalloc2((size_t)s->n[d], &s->sine[d], (size_t)s->n[d], &s->cosine[d]));
    for (PetscInt i = 0; i < s->n[d]; i++) {
      const double x = 2 * PETSC_PI * ((double)i + 0.5) / (double)s->n[d];

      s->sine[d][i]   = sin(x);
      s->cosine[d][i] = cos(x);
    }
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode CheckFraction(const SnaVoxelsShape *spec, char message[SNA_MAX_MESSAGE])
{
  PetscFunctionBeginUser;
  if (!(spec->fraction >= 0 && spec->fraction <= 1)) {
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE, "%s: fraction %g is not in [0, 1]", spec->kind, spec->fraction));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode FindCentres(Shape *s, const char array[], char message[SNA_MAX_MESSAGE])
{
  PetscFunctionBeginUser;
  if (!array || strcmp(array, "sc") == 0) {
    s->centre  = centre_sc;
    s->ncentre = 1;
  } else if (strcmp(array, "bcc") == 0) {
    s->centre  = centre_bcc;
    s->ncentre = 2;
  } else if (strcmp(array, "fcc") == 0) {
    s->centre  = centre_fcc;
    s->ncentre = 4;
  } else
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE, "spheres: no array `%s`: take sc, bcc or fcc", array));
  PetscFunctionReturn(0);
}

// *s needs ShapeDestroy() even when there is a message.
static PetscErrorCode SetUp(Shape *s, const SnaVoxelsShape *spec, const double h[3], char message[SNA_MAX_MESSAGE])
{
  PetscFunctionBeginUser;
  *s = (Shape){
    .kind  = FindKind(spec->kind),
    .n     = {spec->n[0], spec->n[1], spec->n[2]},
    .a     = (int)spec->axis,
    .b     = (int)(spec->axis + 1) % 3,
    .c     = (int)(spec->axis + 2) % 3,
    .sheet = spec->sheet,
    .seed  = (uint64_t)spec->seed,
  };
  switch (s->kind) {
  case HOMOGENEOUS:
    break;
  case LAMINATE:
    PetscCall(SetWidth(s, spec, s->a, s->n[s->a], PETSC_FALSE, message));
    break;
  case CHANNEL:
    PetscCall(SetWidth(s, spec, s->a, s->n[s->a] - 1, PETSC_FALSE, message));
    break;
  case PRISM:
  case DUCT:
    for (int d = 0; d < 3 && !message[0]; d++) {
      if (d != s->a) PetscCall(SetWidth(s, spec, d, s->n[d] - (s->kind == DUCT), PETSC_FALSE, message));
    }
    break;
  case CHECKERBOARD:
    for (int d = 0; d < 3 && !message[0]; d++) {
      if (d != s->a) PetscCall(SetHalf(s, d, message));
    }
    break;
  case FRAME:
    for (int d = 0; d < 3 && !message[0]; d++) PetscCall(SetWidth(s, spec, d, s->n[d], PETSC_TRUE, message));
    break;
  case SPHERES:
    PetscCall(FindCentres(s, spec->array, message));
    if (!message[0]) PetscCall(SetDistances(s, spec, h, message));
    break;
  case CYLINDERS:
  case TUBE:
    PetscCall(SetDistances(s, spec, h, message));
    break;
  case GYROID:
  case SCHWARZ_P:
    PetscCall(CheckFraction(spec, message));
    PetscCall(SetWaves(s));
    break;
  case RANDOM:
    PetscCall(CheckFraction(spec, message));
    break;
  case NKINDS:
    PetscCall(
      PetscSNPrintf(message, SNA_MAX_MESSAGE, "no shape `%s`: take one of %s", spec->kind, SnaVoxelsShapeKinds));
  }
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Shapes that a voxel is in or not
// ---------------------------------------------------------------------------------------------------------------------
static PetscBool Inside(const Shape *s, const PetscInt x[3])
{
  const int a = s->a, b = s->b, c = s->c;

  switch (s->kind) {
  case LAMINATE:
    return (PetscBool)s->band[a][x[a]];
  case CHANNEL:
    return (PetscBool)!s->band[a][x[a]];
  case PRISM:
    return (PetscBool)(s->band[b][x[b]] && s->band[c][x[c]]);
  case DUCT:
    return (PetscBool) !(s->band[b][x[b]] && s->band[c][x[c]]);
  case CHECKERBOARD:
    return (PetscBool)(s->band[b][x[b]] == s->band[c][x[c]]);
  case FRAME:
    return (PetscBool)(s->band[0][x[0]] + s->band[1][x[1]] + s->band[2][x[2]] >= 2);
  case SPHERES:
    for (PetscInt i = 0; i < s->ncentre; i++) {
      double square = 0;

      for (int d = 0; d < 3; d++) square += s->square[d][s->centre[i][d]][x[d]];
      if (square < s->radius2) return PETSC_TRUE;
    }
    return PETSC_FALSE;
  case CYLINDERS:
    return (PetscBool)(s->square[b][1][x[b]] + s->square[c][1][x[c]] < s->radius2);
  case TUBE:
    return (PetscBool) !(s->square[b][1][x[b]] + s->square[c][1][x[c]] < s->radius2);
  default:
    return PETSC_TRUE;
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Shapes by volume fraction
// ---------------------------------------------------------------------------------------------------------------------
// What is compared: 52 bits. Waves are rounded to 2^-40, so that values which only differ by rounding are equal, with
// every compiler.
static uint64_t Value(const Shape *s, const PetscInt x[3])
{
  double g;

  if (s->kind == RANDOM) {
    const uint64_t index = ((uint64_t)x[2] * (uint64_t)s->n[1] + (uint64_t)x[1]) * (uint64_t)s->n[0] + (uint64_t)x[0];

    return (uint64_t)(SnaRandomUniform(s->seed, RANDOM_STREAM, index) * 0x1p52);
  }
  if (s->kind == GYROID)
    g = s->sine[0][x[0]] * s->cosine[1][x[1]] + s->sine[1][x[1]] * s->cosine[2][x[2]] +
        s->sine[2][x[2]] * s->cosine[0][x[0]];
  else
    g = s->cosine[0][x[0]] + s->cosine[1][x[1]] + s->cosine[2][x[2]];
  return (uint64_t)floor(((s->sheet ? fabs(g) : g) + 4) * 0x1p40 + 0.5);
}

// Phase `in` for the `want` smallest values. Their largest is found digit by digit, each from a count of the values
// that begin with the digits before.
static PetscErrorCode FillSmallest(const Shape *s, SnaVoxels v, PetscInt64 want, uint8_t in)
{
  enum { BINS = 1 << DIGIT_BITS };
  PetscInt64 *here, *all, below = 0, ties = 0, before = 0;
  uint64_t    limit = 0;
  PetscInt    x[3];
  uint8_t    *phase = v->phase;

  PetscFunctionBeginUser;
  if (want == 0) PetscFunctionReturn(0);
  PetscCall(PetscMalloc2(BINS, &here, BINS, &all));
  for (int shift = VALUE_BITS - DIGIT_BITS; shift >= 0; shift -= DIGIT_BITS) {
    uint64_t digit = 0;

    PetscCall(PetscArrayzero(here, BINS));
    for (x[2] = v->z0; x[2] < v->z0 + v->nz; x[2]++) {
      for (x[1] = 0; x[1] < v->n[1]; x[1]++) {
        for (x[0] = 0; x[0] < v->n[0]; x[0]++) {
          const uint64_t value = Value(s, x) >> shift;

          if (value >> DIGIT_BITS == limit) here[value % BINS]++;
        }
      }
    }
    PetscCallMPI(MPI_Allreduce(here, all, BINS, MPIU_INT64, MPI_SUM, v->comm));
    while (below + all[digit] < want) below += all[digit++];
    limit = limit << DIGIT_BITS | digit;
    ties  = here[digit];
  }
  PetscCall(PetscFree2(here, all));
  PetscCallMPI(MPI_Exscan(&ties, &before, 1, MPIU_INT64, MPI_SUM, v->comm));
  if (v->z0 == 0) before = 0; // which the scan leaves undefined
  for (x[2] = v->z0; x[2] < v->z0 + v->nz; x[2]++) {
    for (x[1] = 0; x[1] < v->n[1]; x[1]++) {
      for (x[0] = 0; x[0] < v->n[0]; x[0]++, phase++) {
        const uint64_t value = Value(s, x);

        if (value < limit || (value == limit && before++ < want - below)) *phase = in;
      }
    }
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaVoxelsMake(
  MPI_Comm comm, const SnaVoxelsShape *spec, const double h[3], SnaVoxels *voxels, char message[SNA_MAX_MESSAGE])
{
  const uint8_t in = spec->inverse ? 0 : 1, out = spec->inverse ? 1 : 0;
  Shape         s;
  SnaVoxels     v;

  PetscFunctionBeginUser;
  PetscCheck(spec->axis >= 0 && spec->axis <= 2, comm, PETSC_ERR_ARG_OUTOFRANGE, "No axis %" PetscInt_FMT, spec->axis);
  message[0] = 0;
  *voxels    = NULL;
  PetscCall(SetUp(&s, spec, h, message));
  if (!message[0]) {
    PetscCall(SnaVoxelsCreate(comm, spec->n, h, &v));
    if (s.kind == GYROID || s.kind == SCHWARZ_P || s.kind == RANDOM) {
      const double n = (double)v->n[0] * (double)v->n[1] * (double)v->n[2];

      memset(v->phase, out, (size_t)v->n[0] * (size_t)v->n[1] * (size_t)v->nz);
      PetscCall(FillSmallest(&s, v, (PetscInt64)round(spec->fraction * n), in));
    } else {
      PetscInt x[3];
      uint8_t *phase = v->phase;

      for (x[2] = v->z0; x[2] < v->z0 + v->nz; x[2]++) {
        for (x[1] = 0; x[1] < v->n[1]; x[1]++) {
          for (x[0] = 0; x[0] < v->n[0]; x[0]++) *phase++ = Inside(&s, x) ? in : out;
        }
      }
    }
    *voxels = v;
  }
  PetscCall(ShapeDestroy(&s));
  PetscFunctionReturn(0);
}
