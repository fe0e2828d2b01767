// generate.c - open, bicontinuous voxel cells whose faces are all the same, from random numbers.
//
// On the octant, x in (0,1)^3 at voxel centres, x = 0 faces of the cell, x = 1 its mid-planes:
//
//   field  g(x) = sum_klm a_klm cos(pi k x) cos(pi l y) cos(pi m z),  k, l, m <= 4: even and periodic, so mirrors come for free
//   face   b(x) = (0.22 - q)/0.25, q = difference of the two larger ones of x, y, z: an X on every face, extruded inwards from the nearest one
//   blend  solid where (1-w) b + w (g - t) > 0,  w = smoothstep((d - h/2)/0.2), d = min(x, y, z), h = 1/n: the first layer of voxels is the X
//
// For w > 0 that is s = g + (1-w)/w b > t, so the volume fraction follows from t by counting down the sorted values of s, exactly. Cells with cubic symmetry are
// made of orbits of voxels under the permutations of the axes: 6, 3 or 1 voxels; where orbits of 6 do not give the count, one of 3 near the
// threshold does, within one voxel. Islands and closed pores change phase, hinges (solid that touches solid along an edge or at a corner only) get the voxel
// between them, and all these are held while t is found again.
//
// a_klm of the bicontinuous family: normal numbers times exp(-((|k|-k0)/w)^2/2) (a ring in the spectrum, as of spinodal decomposition), plus
// tau (cos pi x + cos pi y + cos pi z). Of the other families: a triply periodic minimal surface in the first cosines (von Schnering and Nesper, Z. Phys. B 83,
// 1991), plus tau times such a random field.
//
// Does not: smooth, or thicken ligaments; what fails a check is rejected (generate_checks.c).
#include "generate_impl.h"
#include <math.h>
#include <string.h>

#define MODES  5  // cosines 0..4 per axis
#define PASSES 12 // of filling, mending and counting again; three are enough as a rule

const char        SnaGeneratorFamilies[]     = "bicontinuous|schwarz_p|iwp|frd|neovius";
const char *const SnaVerdicts[SNA_NVERDICTS] = {
  "accepted", "volume fraction", "islands", "solid not connected", "pores not connected", "hinges", "thin ligaments"};
static const char *const family_names[] = {"bicontinuous", "schwarz_p", "iwp", "frd", "neovius"};
typedef enum { BICONTINUOUS, SCHWARZ_P, IWP, FRD, NEOVIUS, NFAMILIES } Family;

// Products of cosines of a family's surface: coefficient and wave numbers, all permutations of which occur once.
static const struct {
  Family family;
  double coefficient;
  int    k, l, m;
} surface_terms[] = {{SCHWARZ_P, 1, 1, 0, 0}, {IWP, 2, 1, 1, 0}, {IWP, -1, 2, 0, 0}, {FRD, 4, 1, 1, 1},
  {FRD, -1, 2, 2, 0}, {NEOVIUS, 3, 1, 0, 0}, {NEOVIUS, 4, 1, 1, 1}};

typedef double Series[MODES][MODES][MODES]; // [k][l][m] along x, y, z

// ---------------------------------------------------------------------------------------------------------------------
// Coefficients
// ---------------------------------------------------------------------------------------------------------------------
static Family FamilyOf(const char name[])
{
  for (int f = 0; f < NFAMILIES; f++) {
    PetscBool same = PETSC_FALSE;
    (void)PetscStrcmp(name, family_names[f], &same);
    if (same) return (Family)f;
  }
  return NFAMILIES;
}

static void AddSurface(Family family, double factor, Series a)
{
  for (size_t t = 0; t < sizeof(surface_terms) / sizeof(surface_terms[0]); t++) {
    const int k[3]                     = {surface_terms[t].k, surface_terms[t].l, surface_terms[t].m};
    PetscBool set[MODES][MODES][MODES] = {{{PETSC_FALSE}}};
    if (surface_terms[t].family != family) continue;
    for (int p = 0; p < 6; p++) {
      const int x = p / 2, y = (x + 1 + p % 2) % 3, z = 3 - x - y;
      if (set[k[x]][k[y]][k[z]]) continue;
      set[k[x]][k[y]][k[z]] = PETSC_TRUE;
      a[k[x]][k[y]][k[z]] += factor * surface_terms[t].coefficient;
    }
  }
}

// Mean 0 and variance 1 over the voxel centres, where the cosines are orthogonal (n > 4).
static void Standardise(Series a)
{
  double variance = 0;

  a[0][0][0] = 0;
  for (int k = 0; k < MODES; k++)
    for (int l = 0; l < MODES; l++)
      for (int m = 0; m < MODES; m++)
        variance += a[k][l][m] * a[k][l][m] * (k ? 0.5 : 1) * (l ? 0.5 : 1) * (m ? 0.5 : 1);
  for (int k = 0; k < MODES; k++)
    for (int l = 0; l < MODES; l++)
      for (int m = 0; m < MODES; m++) a[k][l][m] /= sqrt(variance);
}

static void Symmetrise(Series a)
{
  for (int k = 0; k < MODES; k++) {
    for (int l = 0; l <= k; l++) {
      for (int m = 0; m <= l; m++) {
        const double mean = (a[k][l][m] + a[k][m][l] + a[l][k][m] + a[l][m][k] + a[m][k][l] + a[m][l][k]) / 6;
        a[k][l][m] = a[k][m][l] = a[l][k][m] = a[l][m][k] = a[m][k][l] = a[m][l][k] = mean;
      }
    }
  }
}

// Numbers 0.. of the stream `cell`: 0 is the target of the volume fraction; attempt i has 256 of its own from 256 (i+1) on.
static void DrawSeries(const SnaGenerator *g, uint64_t cell, uint64_t attempt, Series a, SnaGenerated *generated)
{
  const Family   family = FamilyOf(g->family);
  const uint64_t first  = 256 * (attempt + 1);
  const double   u0     = SnaRandomUniform(g->seed, cell, 0);
  double         u[4], sign;

  for (uint64_t i = 0; i < 4; i++) u[i] = SnaRandomUniform(g->seed, cell, first + i);
  sign              = u[2] < 0.5 ? -1 : 1;
  generated->target = g->fraction[0] + (g->fraction[1] - g->fraction[0]) * u0;
  generated->k0     = 1.2 + 1.8 * u[0];
  generated->w      = 0.5 + 0.7 * u[1];
  generated->tau    = sign * 0.5 * u[3];
  for (int k = 0; k < MODES; k++) {
    for (int l = 0; l < MODES; l++) {
      for (int m = 0; m < MODES; m++) {
        const uint64_t index = first + 8 + (uint64_t)((k * MODES + l) * MODES + m);
        const double   off   = (sqrt(k * k + l * l + m * m) - generated->k0) / generated->w;
        a[k][l][m]           = SnaRandomNormal(g->seed, cell, index) * exp(-off * off / 2);
      }
    }
  }
  if (!g->orthotropic) Symmetrise(a);
  Standardise(a);
  if (family == BICONTINUOUS)
    AddSurface(SCHWARZ_P, generated->tau, a);
  else {
    Series surface = {{{0}}};
    AddSurface(family, sign, surface);
    Standardise(surface);
    for (int k = 0; k < MODES; k++)
      for (int l = 0; l < MODES; l++)
        for (int m = 0; m < MODES; m++) a[k][l][m] = surface[k][l][m] + fabs(generated->tau) * a[k][l][m];
  }
}

// s[n^3]: the field, one axis after the other: 5^3 n + 5^2 n^2 + 5 n^3 products.
static PetscErrorCode EvaluateSeries(PetscInt n, Series a, double s[])
{
  double(*cosine)[MODES];

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(n, &cosine));
  for (PetscInt i = 0; i < n; i++)
    for (int k = 0; k < MODES; k++) cosine[i][k] = cos(PETSC_PI * k * ((double)i + 0.5) / (double)n);
  for (PetscInt kz = 0; kz < n; kz++) {
    double plane[MODES][MODES] = {{0}}; // [k][l]
    for (int k = 0; k < MODES; k++)
      for (int l = 0; l < MODES; l++)
        for (int m = 0; m < MODES; m++) plane[k][l] += a[k][l][m] * cosine[kz][m];
    for (PetscInt j = 0; j < n; j++) {
      double *row = s + ((size_t)kz * (size_t)n + (size_t)j) * (size_t)n;
      double  c[MODES];
      for (int k = 0; k < MODES; k++) {
        c[k] = 0;
        for (int l = 0; l < MODES; l++) c[k] += plane[k][l] * cosine[j][l];
      }
      for (PetscInt i = 0; i < n; i++) {
        double sum = 0;
        for (int k = 0; k < MODES; k++) sum += c[k] * cosine[i][k];
        row[i] = sum;
      }
    }
  }
  PetscCall(PetscFree(cosine));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Orbits: voxels that are solid or pore together
// ---------------------------------------------------------------------------------------------------------------------
typedef enum { FREE, PORE, SOLID } State;

typedef struct {
  double  s;
  int16_t at[3]; // a voxel of it, x <= y <= z in cubic cells
  int8_t  weight;
  int8_t  state; // held: first layers, filled islands and pores, mended hinges
} Orbit;

typedef struct {
  int32_t          n, norbit;
  PetscBool        cubic;
  Orbit           *orbit;  // descending in s
  int32_t         *number; // of the orbit whose voxel `at` this is, else -1
  uint8_t         *octant;
  SnaOctantScratch scratch;
} Cell;

static PetscBool OnFace(int32_t n, int32_t v)
{
  return (PetscBool)(v % n == 0 || v / n % n == 0 || v / (n * n) == 0);
}

// b on the voxel with sorted indices i <= j <= k; its sign on the first layer is the X of the faces.
static double FaceField(int32_t n, int32_t j, int32_t k)
{
  return (0.22 - (double)(k - j) / (double)n) / 0.25;
}

// Descending in s, to single precision; equal ones stay in their order. Radix sort, three digits of 11 bits.
static PetscErrorCode SortOrbits(int32_t n, Orbit orbit[])
{
  Orbit *other, *from = orbit, *to;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(n, &other));
  to = other;
  for (int digit = 0; digit < 33; digit += 11) {
    int32_t count[2049] = {0};
    for (int pass = 0; pass < 2; pass++) {
      for (int32_t o = 0; o < n; o++) {
        const float f = (float)-from[o].s;
        uint32_t    key;
        memcpy(&key, &f, sizeof(key));
        key = (key >> 31 ? ~key : key | 0x80000000u) >> digit & 2047; // the bits of a float in the order of its values
        if (pass)
          to[count[key]++] = from[o];
        else
          count[key + 1]++;
      }
      for (int i = 0; i < 2048 && !pass; i++) count[i + 1] += count[i];
    }
    from = to;
    to   = from == other ? orbit : other;
  }
  PetscCall(PetscArraycpy(orbit, other, n)); // three digits: they end there
  PetscCall(PetscFree(other));
  PetscFunctionReturn(0);
}

static int32_t Voxel(const Cell *c, int32_t x, int32_t y, int32_t z)
{
  return (z * c->n + y) * c->n + x;
}

// From the field in s[n^3] to blended, sorted orbits.
static PetscErrorCode MakeOrbits(const double s[], Cell *c)
{
  const int32_t n = c->n, last = n - 1;

  PetscFunctionBeginUser;
  c->norbit = 0;
  for (int32_t z = 0; z < n; z++) {
    for (int32_t y = 0; y <= (c->cubic ? z : last); y++) {
      for (int32_t x = 0; x <= (c->cubic ? y : last); x++) {
        const int32_t i = PetscMin(x, PetscMin(y, z)), k = PetscMax(x, PetscMax(y, z)), j = x + y + z - i - k;
        const double  blend = PetscMin(1, (double)i / (double)n / 0.2), w = blend * blend * (3 - 2 * blend);
        Orbit        *o = &c->orbit[c->norbit++];

        *o        = (Orbit){.at = {(int16_t)x, (int16_t)y, (int16_t)z}};
        o->weight = (int8_t)(!c->cubic || i == k ? 1 : i == j || j == k ? 3 : 6);
        if (i == 0)
          o->state = FaceField(n, j, k) > 0 ? SOLID : PORE;
        else
          o->s = s[Voxel(c, x, y, z)] + (1 - w) / w * FaceField(n, j, k);
      }
    }
  }
  PetscCall(SortOrbits(c->norbit, c->orbit));
  for (int32_t v = 0; v < n * n * n; v++) c->number[v] = -1;
  for (int32_t o = 0; o < c->norbit; o++) {
    const int16_t *at                        = c->orbit[o].at;
    c->number[Voxel(c, at[0], at[1], at[2])] = o;
  }
  PetscFunctionReturn(0);
}

// The orbit of any voxel.
static Orbit *OrbitOf(Cell *c, const int32_t at[3])
{
  const int32_t low = PetscMin(at[0], PetscMin(at[1], at[2])), high = PetscMax(at[0], PetscMax(at[1], at[2]));

  if (!c->cubic) return &c->orbit[c->number[Voxel(c, at[0], at[1], at[2])]];
  return &c->orbit[c->number[Voxel(c, low, at[0] + at[1] + at[2] - low - high, high)]];
}

static void Paint(Cell *c, const Orbit *o, uint8_t phase)
{
  const int32_t x = o->at[0], y = o->at[1], z = o->at[2];

  c->octant[Voxel(c, x, y, z)] = phase;
  if (!c->cubic) return;
  c->octant[Voxel(c, y, z, x)] = c->octant[Voxel(c, z, x, y)] = phase;
  c->octant[Voxel(c, y, x, z)] = c->octant[Voxel(c, x, z, y)] = c->octant[Voxel(c, z, y, x)] = phase;
}

// Solid: the orbits held there and the free ones of largest s, `wanted` voxels in all; within one voxel for cubic cells. FALSE: cannot be.
static PetscBool Threshold(Cell *c, int32_t wanted, int32_t *solid)
{
  int32_t o, left = wanted, extra = -1;

  for (o = 0; o < c->norbit; o++) left -= c->orbit[o].state == SOLID ? c->orbit[o].weight : 0;
  if (left < 0) return PETSC_FALSE;
  for (o = 0; o < c->norbit && left > 0; o++) {
    if (c->orbit[o].state != FREE) continue;
    if (c->orbit[o].weight > left + 1) break;
    left -= c->orbit[o].weight;
  }
  if (left > 1) { // 2, 3 or 4 voxels are missing: the next orbit of 3
    for (extra = o; extra < c->norbit && (c->orbit[extra].state != FREE || c->orbit[extra].weight != 3);) extra++;
    if (extra == c->norbit) return PETSC_FALSE;
    left -= 3;
  }
  for (int32_t i = 0; i < c->norbit; i++) {
    const Orbit *q = &c->orbit[i];
    Paint(c, q, (uint8_t)(q->state == SOLID || (q->state == FREE && (i < o || i == extra))));
  }
  *solid = wanted - left;
  return PETSC_TRUE;
}

// ---------------------------------------------------------------------------------------------------------------------
// Filling, checks
// ---------------------------------------------------------------------------------------------------------------------
// Every labelled voxel outside the largest component is held in the other phase. FALSE: it lies on a face, which is the same for all cells.
static PetscBool HoldOthers(Cell *c, int32_t largest, State other)
{
  for (int32_t v = 0; v < c->n * c->n * c->n; v++) {
    const int32_t label = c->scratch.label[v];
    if (label < 0 || label == largest) continue;
    if (OnFace(c->n, v)) return PETSC_FALSE;
    if (c->number[v] >= 0) c->orbit[c->number[v]].state = (int8_t)other;
  }
  return PETSC_TRUE;
}

// Of the voxels between each pair of a hinge, the one nearest to being solid is held solid. FALSE: there is a hinge that this cannot mend.
static PetscBool MendHinges(Cell *c, PetscInt count)
{
  const int32_t n = c->n;

  for (PetscInt h = 0; h < count; h++) {
    Orbit    *best   = NULL;
    PetscBool mended = PETSC_FALSE;
    int32_t   corner[2][3];

    for (int e = 0; e < 2; e++) {
      const int32_t v = c->scratch.pair[h][e];
      corner[e][0]    = v % n;
      corner[e][1]    = v / n % n;
      corner[e][2]    = v / (n * n);
    }
    for (int choice = 1; choice < 7 && !mended; choice++) {
      const int32_t at[3] = {corner[choice & 1][0], corner[choice >> 1 & 1][1], corner[choice >> 2][2]};
      Orbit        *o     = OrbitOf(c, at);
      if (c->octant[Voxel(c, at[0], at[1], at[2])]) continue; // across an edge some of the choices are the pair itself
      if (o->state == SOLID) mended = PETSC_TRUE; // for an image of this pair, or in the other block with this edge
      if (o->state == FREE && (!best || o < best)) best = o;
    }
    if (mended) continue;
    if (!best) return PETSC_FALSE;
    best->state = SOLID;
  }
  return PETSC_TRUE;
}

// The threshold that gives the target once islands and closed pores are filled and hinges mended.
static SnaVerdict FillAndCount(Cell *c, SnaGenerated *generated)
{
  const int32_t n = c->n, size = n * n * n, wanted = (int32_t)lround(generated->target * size);
  int32_t       solid  = 0;
  PetscInt      hinges = 0;

  for (int pass = 0; pass < PASSES; pass++) {
    PetscInt64 changed = 0;
    if (!Threshold(c, wanted, &solid)) return SNA_REJECT_FRACTION;
    generated->fraction = (double)solid / size;
    for (int phase = 1; phase >= 0; phase--) {
      SnaOctantComponents parts;
      SnaOctantLabel(n, c->octant, (uint8_t)phase, &c->scratch, &parts);
      if (!parts.reaches || parts.elsewhere > size / 50 ||
          (parts.elsewhere && !HoldOthers(c, parts.largest, phase ? PORE : SOLID)))
        return phase ? SNA_REJECT_SOLID : SNA_REJECT_PORE;
      changed += parts.elsewhere;
    }
    hinges = SnaOctantHinges(n, c->octant, c->scratch.pair);
    if (!changed && !hinges) return SNA_ACCEPTED;
    generated->filled += changed;
    if (generated->filled > size / 50) return SNA_REJECT_ISLANDS;
    if (!MendHinges(c, hinges)) return SNA_REJECT_HINGE;
  }
  return hinges ? SNA_REJECT_HINGE : SNA_REJECT_ISLANDS;
}

// Opening may take roughness away. Where it takes a ligament, breaks through a wall or cuts a piece off, topology changes.
static PetscErrorCode CheckLigaments(Cell *c, PetscInt m, SnaGenerated *generated, PetscBool *ok)
{
  SnaOctantComponents parts;
  uint8_t            *opened;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1((size_t)c->n * (size_t)c->n * (size_t)c->n, &opened));
  PetscCall(SnaOctantOpen(c->n, c->octant, m, opened));
  SnaOctantLabel(c->n, opened, 1, &c->scratch, &parts);
  generated->euler = SnaOctantEuler(c->n, c->octant);
  *ok              = (PetscBool)(parts.count == 1 && parts.reaches && SnaOctantEuler(c->n, opened) == generated->euler);
  PetscCall(PetscFree(opened));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaGeneratorCheck(const SnaGenerator *g, const char **field, char message[SNA_MAX_MESSAGE])
{
  const PetscInt n     = g->n;
  PetscInt64     solid = 0, pore = 0;

  PetscFunctionBeginUser;
  message[0] = 0;
  *field     = "family";
  if (FamilyOf(g->family) == NFAMILIES) {
    PetscCall(
      PetscSNPrintf(message, SNA_MAX_MESSAGE, "no family `%s`; choose one of %s", g->family, SnaGeneratorFamilies));
  } else if (n < 8 || n > 512) {
    *field = "n";
    PetscCall(PetscSNPrintf(
      message, SNA_MAX_MESSAGE, "%" PetscInt_FMT " voxels per edge of the octant; 8 to 512 are possible", n));
  } else if (g->min_ligament < 1 || g->min_ligament > n / 4) {
    *field = "min_ligament";
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
      "a ligament of %" PetscInt_FMT " voxels; 1 to %" PetscInt_FMT " (a quarter of the octant) are possible",
      g->min_ligament, n / 4));
  }
  if (message[0]) PetscFunctionReturn(0);
  *field = "fraction";
  for (int32_t v = 0; v < n * n * n; v++) {
    const int32_t m = (int32_t)n, x = v % m, y = v / m % m, z = v / (m * m);
    const int32_t k = PetscMax(x, PetscMax(y, z));
    if (!OnFace(m, v)) continue;
    if (FaceField(m, x + y + z - k, k) > 0)
      solid++;
    else
      pore++;
  }
  if (!(g->fraction[0] <= g->fraction[1]) || !(g->fraction[0] * (double)(n * n * n) > (double)solid) ||
      !(g->fraction[1] * (double)(n * n * n) < (double)(n * n * n - pore))) {
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
      "volume fractions [%g, %g]; the lower comes first, and with the faces of %" PetscInt_FMT
      "^3 voxels they lie between %.3f and %.3f",
      g->fraction[0], g->fraction[1], n, (double)solid / (double)(n * n * n), 1 - (double)pore / (double)(n * n * n)));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaGenerate(
  const SnaGenerator *g, uint64_t cell, uint64_t attempt, uint8_t octant[], SnaGenerated *generated)
{
  const size_t size = (size_t)g->n * (size_t)g->n * (size_t)g->n;
  Series       a;
  double      *s;
  Cell         c = {.n = (int32_t)g->n, .cubic = (PetscBool)!g->orthotropic, .octant = octant};

  PetscFunctionBeginUser;
  *generated = (SnaGenerated){.verdict = SNA_ACCEPTED};
  DrawSeries(g, cell, attempt, a, generated);
  PetscCall(PetscMalloc3(size, &s, size, &c.orbit, size, &c.number));
  PetscCall(SnaOctantScratchCreate(g->n, &c.scratch));
  PetscCall(EvaluateSeries(g->n, a, s));
  PetscCall(MakeOrbits(s, &c));
  generated->verdict = FillAndCount(&c, generated);
  if (!generated->verdict && g->min_ligament > 1) {
    PetscBool ok = PETSC_FALSE;
    PetscCall(CheckLigaments(&c, g->min_ligament, generated, &ok));
    if (!ok) generated->verdict = SNA_REJECT_LIGAMENT;
  }
  PetscCall(SnaOctantScratchDestroy(&c.scratch));
  PetscCall(PetscFree3(s, c.orbit, c.number));
  PetscFunctionReturn(0);
}
