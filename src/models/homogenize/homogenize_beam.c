// homogenize_beam.c - a cantilever of generated cells in a row, from root to tip along x, judged by its cells' stiffness and, on demand, as one grid.
//
//   x_i = (i + 1/2)/cells      phi_i = fraction[0] + (fraction[1] - fraction[0]) x_i      target C11*(x_i, phi_i)
//
// Rows of the batch: r = i candidates + j is candidate j of cell i. When all are solved, the candidate with the C11 that is relatively nearest to the target
// is cell i. Without a target in the deck it is c phi^p with the p that leads from 350 to 50 while phi goes from 0.65 to 0.25, and the c of least squares
// over all rows: c = sum C11 phi^p / sum phi^2p.
//
// src/homog/beam.c has the beam. Its modulus is E1 = 1/S11, its shear modulus C55; local errors and curvatures compare C11 with C11*, so that Poisson's ratio,
// on which the target says nothing, does not enter. The row as one periodic grid under a unit strain 11 shows what taking the cells one by one leaves out:
// its C11 against that of the laminate of the homogenised cells. Bending of the grid itself is not solved.
#include "homogenize.h"
#include <math.h>

#define ATTEMPTS       500 // candidates of the generator before a row is given up
#define REPORT_SECONDS 0.5

const SnaOption HomogenizeBeamOptions[] = {
  {"beam_cells", SNA_OPT_INT, "", 2, 100000, ">= 2", "A row of so many generated cells along x instead of one cell."},
  {"beam_fraction", SNA_OPT_REALS, "0.65, 0.25", 0, 1, "[root, tip], or one number",
    "Volume fraction of solid; linear from root to tip, each cell that at its centre."},
  {"beam_n", SNA_OPT_INT, "32", 8, 512, "8..512", "Voxels per edge of a cell's octant; the cell has twice as many."},
  {"beam_candidates", SNA_OPT_INT, "1", 1, 1000, "1..1000",
    "Cells made and solved per place in the beam; the one nearest to the target is taken."},
  {"beam_seed", SNA_OPT_INT, "1", 0, 2147483647, ">= 0", "Seed of the generator."},
  {"beam_family", SNA_OPT_CHOICE, "bicontinuous", 0, 0, SnaGeneratorFamilies, "As generator_family."},
  {"beam_target", SNA_OPT_STRING, "", 0, 0, "expression in x and phi",
    "Wanted C11 at x (0 root .. 1 tip), where the volume fraction is phi; absent: c phi^2.04 with c by least squares."},
  {"beam_one_grid", SNA_OPT_BOOL, "false", 0, 0, NULL,
    "Solve the whole row as one periodic grid too, under a unit strain along x."},
  {NULL, SNA_OPT_INT, NULL, 0, 0, NULL, NULL}};

enum {
  CELL,
  X,
  FRACTION,
  VOLUME_FRACTION,
  TARGET,
  MODULUS, // the nine terms
  YOUNG = MODULUS + 9,
  SHEAR,
  ERROR,
  CANDIDATE,
  NCOLUMN
};
static const char *const columns[NCOLUMN] = {"cell", "x", "fraction", "volume_fraction", "target", "C11", "C12", "C13",
  "C22", "C23", "C33", "C44", "C55", "C66", "E1", "G", "error", "candidate"};
static const int         nine[9][2]       = {{0, 0}, {0, 1}, {0, 2}, {1, 1}, {1, 2}, {2, 2}, {3, 3}, {4, 4}, {5, 5}};

static double Place(const HomogenizeBeam *b, PetscInt i)
{
  return ((double)i + 0.5) / (double)b->cells;
}

static double Fraction(const HomogenizeBeam *b, PetscInt i)
{
  return b->fraction[0] + (b->fraction[1] - b->fraction[0]) * Place(b, i);
}

static double Exponent(void)
{
  return log(350.0 / 50) / log(0.65 / 0.25);
}

PetscErrorCode HomogenizeBeamDestroy(Homogenize *v)
{
  HomogenizeBeam *b = &v->beam;

  PetscFunctionBeginUser;
  PetscCall(SnaExprDestroy(&b->target));
  PetscCall(PetscFree3(b->wanted, b->chosen, b->table));
  if (b->cells && b->comm != MPI_COMM_NULL) PetscCallMPI(MPI_Comm_free(&b->comm));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Deck
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode ReadGenerator(SnaDeck deck, HomogenizeBeam *b)
{
  SnaGenerator *g = &b->generator;
  PetscInt      n, seed;
  char          key[64], message[SNA_MAX_MESSAGE];
  const char   *field;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetReals(deck, "beam_fraction", NULL, 2, &n, b->fraction));
  if (n == 1) b->fraction[1] = b->fraction[0];
  PetscCall(SnaDeckGetInt(deck, "beam_n", NULL, &g->n));
  PetscCall(SnaDeckGetInt(deck, "beam_candidates", NULL, &b->candidates));
  PetscCall(SnaDeckGetInt(deck, "beam_seed", NULL, &seed));
  PetscCall(SnaDeckGetString(deck, "beam_family", NULL, &g->family));
  g->seed         = (uint64_t)seed;
  g->min_ligament = PetscMax(2, g->n / 10); // the same share of the cell at every resolution
  g->fraction[0]  = PetscMin(b->fraction[0], b->fraction[1]);
  g->fraction[1]  = PetscMax(b->fraction[0], b->fraction[1]);
  PetscCall(SnaGeneratorCheck(g, &field, message));
  PetscCall(PetscSNPrintf(key, sizeof(key), "beam_%s", field));
  if (message[0]) PetscCall(SnaDeckError(deck, key, NULL, "%s", message));
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadTarget(SnaDeck deck, HomogenizeBeam *b)
{
  const char *const var[2] = {"x", "phi"};
  const char       *text;
  char              message[SNA_MAX_MESSAGE];
  SnaSymbols        symbols;

  PetscFunctionBeginUser;
  PetscCall(PetscCalloc3(b->cells, &b->wanted, b->cells, &b->chosen, (size_t)b->cells * NCOLUMN, &b->table));
  PetscCall(SnaDeckGetString(deck, "beam_target", NULL, &text));
  if (!text) PetscFunctionReturn(0);
  PetscCall(SnaDeckGetConstants(deck, &symbols));
  symbols.nvar = 2;
  symbols.var  = var;
  PetscCall(SnaExprCreate(text, &symbols, &b->target, message));
  if (!b->target) PetscCall(SnaDeckError(deck, "beam_target", NULL, "%s", message));
  for (PetscInt i = 0; i < b->cells && b->target; i++) {
    const double        x = Place(b, i), phi = Fraction(b, i);
    const double *const point[2] = {&x, &phi};
    PetscCall(SnaExprEvaluate(b->target, 1, point, &b->wanted[i]));
    if (b->wanted[i] > 0 && isfinite(b->wanted[i])) continue;
    PetscCall(SnaDeckError(deck, "beam_target", NULL, "%g at x = %.4g, phi = %.4g: a modulus is above 0 in every cell",
      b->wanted[i], x, phi));
    break;
  }
  PetscFunctionReturn(0);
}

PetscErrorCode HomogenizeBeamReadDeck(SnaDeck deck, Homogenize *v)
{
  HomogenizeBeam *b = &v->beam;
  PetscBool       given, phase[2] = {PETSC_FALSE, PETSC_FALSE};

  PetscFunctionBeginUser;
  PetscCall(SnaDeckHas(deck, "beam_cells", NULL, &given));
  if (!given) PetscFunctionReturn(0);
  b->comm = MPI_COMM_NULL;
  PetscCall(SnaDeckGetInt(deck, "beam_cells", NULL, &b->cells));
  PetscCall(ReadGenerator(deck, b));
  PetscCall(ReadTarget(deck, b));
  PetscCall(SnaDeckGetBool(deck, "beam_one_grid", NULL, &b->one_grid));
  if (v->from_file || v->shape.kind)
    PetscCall(SnaDeckError(deck, v->from_file ? "voxels_file" : "shape_kind", NULL,
      "a beam makes its own cells: leave the %s out, or the beam", v->from_file ? "image" : "shape"));
  if (v->nword > 0)
    PetscCall(SnaDeckError(deck, "batch_cells", NULL, "the cells of a beam are a batch: leave this out"));
  if (v->nedge == 3 || v->nlength == 3)
    PetscCall(SnaDeckError(
      deck, v->nedge == 3 ? "voxels_edge" : "voxels_length", NULL, "the cells of a beam are cubes: give one number"));
  if (!v->task.physics[SNA_ELASTICITY])
    PetscCall(SnaDeckError(deck, "physics", NULL, "a beam needs the stiffness: add elasticity"));
  for (int l = 0; l < 6; l++) {
    if (!v->task.physics[SNA_ELASTICITY] || v->task.load[SNA_ELASTICITY][l]) continue;
    PetscCall(SnaDeckError(deck, "homogenize_load", NULL, "a beam needs the whole stiffness: solve all six strains"));
    break;
  }
  for (PetscInt p = 0; p < v->spec.nphase; p++)
    if (v->spec.phase[p].value < 2) phase[v->spec.phase[p].value] = PETSC_TRUE;
  if (v->spec.nphase > 0 && !(phase[0] && phase[1]))
    PetscCall(SnaDeckError(
      deck, "phase", NULL, "generated cells hold the values 0 (pores) and 1 (solid), and no phase has %d", phase[0]));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Set-up and view
// ---------------------------------------------------------------------------------------------------------------------
static void RowSize(const HomogenizeBeam *b, PetscInt n[3])
{
  n[1] = n[2] = 2 * b->generator.n;
  n[0]        = b->cells * n[1];
}

// The image of the row is kept for the file; with one_grid it is solved as well.
static PetscErrorCode CheckMemory(SnaModel model, SnaDeck deck, Homogenize *v)
{
  HomogenizeBeam *b = &v->beam;
  PetscInt        n[3];
  PetscMPIInt     size;
  double          available;

  PetscFunctionBeginUser;
  RowSize(b, n);
  PetscCallMPI(MPI_Comm_size(model->comm, &size));
  b->workers = (PetscMPIInt)PetscMin((PetscInt)size, n[2]);
  b->memory  = (double)n[0] * (double)n[1] * (double)((n[2] + b->workers - 1) / b->workers);
  if (b->one_grid) b->memory += SnaCellMemory(n, PETSC_FALSE, SNA_ELASTICITY, b->workers, 0);
  PetscCall(HomogenizeAvailable(model->comm, v->memory_limit, &available));
  available *= (double)size / (double)b->workers;
  if (b->memory > available)
    PetscCall(SnaDeckError(deck, b->one_grid ? "beam_one_grid" : "beam_cells", NULL,
      "the beam as one grid, %" PetscInt_FMT " x %" PetscInt_FMT " x %" PetscInt_FMT
      " voxels, needs about %.3g GB on %d rank%s; %.3g GB are available: more machines, a smaller `n`, fewer cells, or "
      "a higher `homogenize: memory`",
      n[0], n[1], n[2], b->memory * (double)b->workers / 1e9, b->workers, b->workers > 1 ? "s" : "",
      available * (double)b->workers / 1e9));
  PetscFunctionReturn(0);
}

PetscErrorCode HomogenizeBeamSetUp(SnaModel model, SnaDeck deck)
{
  Homogenize     *v = (Homogenize *)model->data;
  HomogenizeBeam *b = &v->beam;
  PetscMPIInt     rank;
  double          h[3];

  PetscFunctionBeginUser;
  for (int a = 0; a < 3; a++) v->n[a] = 2 * b->generator.n;
  HomogenizeSetEdges(v, v->n, h);
  b->edge  = h[0] * (double)v->n[0];
  v->ncell = b->cells * b->candidates;
  PetscCall(PetscMalloc1(v->ncell, &v->index));
  for (PetscInt r = 0; r < v->ncell; r++) v->index[r] = r;
  PetscCall(CheckMemory(model, deck, v));
  PetscCallMPI(MPI_Comm_rank(model->comm, &rank));
  PetscCallMPI(MPI_Comm_split(model->comm, rank < b->workers ? 0 : MPI_UNDEFINED, rank, &b->comm));
  if (b->one_grid) { // octants of two or six loads against the whole grid under one
    const double cells = (double)b->candidates * (v->task.cubic ? 2 : 6);
    v->batch_work      = cells / (cells + 8);
  }
  PetscFunctionReturn(0);
}

PetscErrorCode HomogenizeBeamView(SnaModel model)
{
  const Homogenize     *v = (const Homogenize *)model->data;
  const HomogenizeBeam *b = &v->beam;
  PetscInt              n[3];

  PetscFunctionBeginUser;
  RowSize(b, n);
  PetscCall(PetscPrintf(model->comm,
    "homogenize: a beam of %" PetscInt_FMT " cells of %" PetscInt_FMT "^3 voxels, edge %.6g, %" PetscInt_FMT
    " candidate%s each\n"
    "  family %s, volume fraction %g at the root to %g at the tip, seed %" PRIu64 "\n",
    b->cells, n[1], b->edge, b->candidates, b->candidates > 1 ? "s" : "", b->generator.family, b->fraction[0],
    b->fraction[1], b->generator.seed));
  if (b->one_grid)
    PetscCall(PetscPrintf(model->comm,
      "  as one grid: %" PetscInt_FMT " x %" PetscInt_FMT " x %" PetscInt_FMT
      " voxels, load 11, memory about %.3g GB on %d rank%s\n",
      n[0], n[1], n[2], b->memory * (double)b->workers / 1e9, b->workers, b->workers > 1 ? "s" : ""));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Cells
// ---------------------------------------------------------------------------------------------------------------------
// Candidate j of cell i has the same number whatever the number of candidates.
static PetscErrorCode MakeOctant(
  const HomogenizeBeam *b, PetscInt i, PetscInt j, uint8_t octant[], char message[SNA_MAX_MESSAGE])
{
  SnaGenerator g = b->generator;
  SnaGenerated made;

  PetscFunctionBeginUser;
  message[0]    = 0;
  g.fraction[0] = g.fraction[1] = Fraction(b, i);
  for (uint64_t attempt = 0; attempt < ATTEMPTS; attempt++) {
    PetscCall(SnaGenerate(&g, (uint64_t)(j * b->cells + i), attempt, octant, &made));
    if (made.verdict == SNA_ACCEPTED) PetscFunctionReturn(0);
  }
  PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
    "no cell of volume fraction %.4g in %d attempts (the last one: %s); another `beam: seed`, `family` or `n`",
    g.fraction[0], ATTEMPTS, SnaVerdicts[made.verdict]));
  PetscFunctionReturn(0);
}

// This rank's planes of a cell, number `slot` along x of the image.
static void Unfold(const uint8_t octant[], PetscInt n, PetscInt slot, SnaVoxels into)
{
  for (PetscInt k = into->z0; k < into->z0 + into->nz; k++)
    for (PetscInt j = 0; j < 2 * n; j++) {
      const PetscInt from = PetscMin(k, 2 * n - 1 - k) * n + PetscMin(j, 2 * n - 1 - j);
      const uint8_t *line = octant + (size_t)from * (size_t)n;
      uint8_t       *to =
        into->phase + (size_t)((k - into->z0) * into->n[1] + j) * (size_t)into->n[0] + (size_t)slot * (size_t)(2 * n);
      for (PetscInt i = 0; i < n; i++) to[i] = to[2 * n - 1 - i] = line[i];
    }
}

PetscErrorCode HomogenizeBeamCell(const Homogenize *v, PetscInt r, SnaVoxels *voxels, char message[SNA_MAX_MESSAGE])
{
  const HomogenizeBeam *b = &v->beam;
  const size_t          n = (size_t)b->generator.n;
  uint8_t              *octant;
  double                h[3];

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(n * n * n, &octant));
  PetscCall(MakeOctant(b, r / b->candidates, r % b->candidates, octant, message));
  if (!message[0]) {
    HomogenizeSetEdges(v, v->n, h);
    PetscCall(SnaVoxelsCreate(v->group, v->n, h, voxels));
    Unfold(octant, b->generator.n, 0, *voxels);
  }
  PetscCall(PetscFree(octant));
  PetscFunctionReturn(0);
}

// The image of the chosen cells in a row, v->voxels; each rank makes its share of the octants, all get all of them in turn.
static PetscErrorCode MakeRow(SnaModel model)
{
  Homogenize     *v = (Homogenize *)model->data;
  HomogenizeBeam *b = &v->beam;
  const size_t    n = (size_t)b->generator.n, size = n * n * n;
  PetscInt        row[3];
  PetscMPIInt     ranks, rank;
  uint8_t        *mine, *octant;
  double          h[3];
  char            message[SNA_MAX_MESSAGE];

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(model->comm, &ranks));
  PetscCallMPI(MPI_Comm_rank(model->comm, &rank));
  RowSize(b, row);
  HomogenizeSetEdges(v, v->n, h);
  if (b->comm != MPI_COMM_NULL) PetscCall(SnaVoxelsCreate(b->comm, row, h, &v->voxels));
  PetscCall(PetscMalloc2(size, &mine, size, &octant));
  for (PetscInt first = 0; first < b->cells; first += ranks) {
    const PetscInt own = first + rank;
    if (own < b->cells) {
      PetscCall(MakeOctant(b, own, b->chosen[own], mine, message));
      PetscCheck(!message[0], PETSC_COMM_SELF, PETSC_ERR_PLIB, "a cell that was solved cannot be made again");
    }
    for (PetscMPIInt from = 0; from < ranks && first + from < b->cells; from++) {
      if (from == rank) PetscCall(PetscArraycpy(octant, mine, size));
      PetscCallMPI(MPI_Bcast(octant, (PetscMPIInt)size, MPI_BYTE, from, model->comm));
      if (v->voxels) Unfold(octant, b->generator.n, first + from, v->voxels);
    }
  }
  PetscCall(PetscFree2(mine, octant));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// The beam, from the rows of the batch, which all ranks have
// ---------------------------------------------------------------------------------------------------------------------
static double Get(const Homogenize *v, PetscInt r, const char name[])
{
  for (PetscInt c = 0; c < v->ncolumn; c++) {
    PetscBool same = PETSC_FALSE;
    (void)PetscStrcmp(v->column[c], name, &same);
    if (same) return v->row[(size_t)r * (size_t)v->ncolumn + (size_t)c];
  }
  return NAN;
}

// *young is 0 where the row has no stiffness, or one that does not resist every strain: not made, not converged.
static PetscErrorCode GetStiffness(const Homogenize *v, PetscInt r, double C[6][6], double *young)
{
  const PetscBool given[6] = {PETSC_FALSE};
  double          strain[6], stress[6] = {1};
  PetscBool       ok;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(C, 36 * sizeof(double)));
  for (int e = 0; e < 9; e++) C[nine[e][0]][nine[e][1]] = C[nine[e][1]][nine[e][0]] = Get(v, r, columns[MODULUS + e]);
  PetscCall(SnaTensorMixed((const double(*)[6])C, given, strain, stress, &ok));
  *young = ok ? 1 / strain[0] : 0;
  PetscFunctionReturn(0);
}

static PetscErrorCode FitTarget(Homogenize *v)
{
  HomogenizeBeam *b   = &v->beam;
  double          sum = 0, square = 0, C[6][6], young;

  PetscFunctionBeginUser;
  for (PetscInt r = 0; r < v->ncell; r++) {
    const double law = pow(Fraction(b, r / b->candidates), Exponent());
    PetscCall(GetStiffness(v, r, C, &young));
    if (!(young > 0)) continue;
    sum += C[0][0] * law;
    square += law * law;
  }
  b->factor = square > 0 ? sum / square : 1;
  for (PetscInt i = 0; i < b->cells; i++) b->wanted[i] = b->factor * pow(Fraction(b, i), Exponent());
  PetscFunctionReturn(0);
}

// *missing: cells without any candidate that resists.
static PetscErrorCode Choose(Homogenize *v, PetscInt *missing)
{
  HomogenizeBeam *b = &v->beam;

  PetscFunctionBeginUser;
  *missing = 0;
  for (PetscInt i = 0; i < b->cells; i++) {
    double best = INFINITY, C[6][6], young;
    for (PetscInt j = 0; j < b->candidates; j++) {
      PetscCall(GetStiffness(v, i * b->candidates + j, C, &young));
      const double off = fabs(C[0][0] / b->wanted[i] - 1);
      if (!(young > 0) || !(off < best)) continue;
      best         = off;
      b->chosen[i] = j;
    }
    if (best == INFINITY) ++*missing;
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode FillTable(Homogenize *v, double C[][6][6])
{
  HomogenizeBeam *b = &v->beam;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < b->cells; i++) {
    const PetscInt r = i * b->candidates + b->chosen[i];
    double        *t = b->table + (size_t)i * NCOLUMN;
    PetscCall(GetStiffness(v, r, C[i], &t[YOUNG]));
    for (int e = 0; e < 9; e++) t[MODULUS + e] = C[i][nine[e][0]][nine[e][1]];
    t[CELL]            = (double)i;
    t[X]               = Place(b, i);
    t[FRACTION]        = Fraction(b, i);
    t[VOLUME_FRACTION] = Get(v, r, "volume_fraction");
    t[TARGET]          = b->wanted[i];
    t[SHEAR]           = C[i][4][4];
    t[ERROR]           = C[i][0][0] / b->wanted[i] - 1;
    t[CANDIDATE]       = (double)b->chosen[i];
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode AddRow(PetscInt cells, double C[][6][6], SnaResults results, double *series)
{
  double row[6][6];
  char   name[8];

  PetscFunctionBeginUser;
  SnaBeamRow(cells, (const double(*)[6][6])C, row);
  for (int i = 0; i < 6; i++)
    for (int j = i; j < 6; j++) {
      PetscCall(PetscSNPrintf(name, sizeof(name), "C%d%d", i + 1, j + 1));
      PetscCall(SnaResultsAdd(results, name, row[i][j]));
    }
  *series = row[0][0];
  PetscFunctionReturn(0);
}

static PetscErrorCode AddBeam(const Homogenize *v, SnaResults results)
{
  const HomogenizeBeam *b = &v->beam;
  double               *modulus, *young, *shear, bending, slope, wanted, axial, unused, fraction = 0;
  SnaBeamError          error;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc3(b->cells, &modulus, b->cells, &young, b->cells, &shear));
  for (PetscInt i = 0; i < b->cells; i++) {
    const double *t = b->table + (size_t)i * NCOLUMN;
    modulus[i]      = t[MODULUS];
    young[i]        = t[YOUNG];
    shear[i]        = t[SHEAR];
    fraction += t[VOLUME_FRACTION] / (double)b->cells;
  }
  SnaBeamDeflection(b->cells, b->edge, young, shear, &bending, &slope);
  SnaBeamDeflection(b->cells, b->edge, modulus, shear, &axial, &unused);
  SnaBeamDeflection(b->cells, b->edge, b->wanted, shear, &wanted, &unused);
  SnaBeamCompare(b->cells, modulus, b->wanted, &error);
  PetscCall(PetscFree3(modulus, young, shear));
  PetscCall(SnaResultsAdd(results, "volume_fraction", fraction));
  PetscCall(SnaResultsAdd(results, "beam_tip", bending + slope));
  PetscCall(SnaResultsAdd(results, "beam_tip_bending", bending));
  PetscCall(SnaResultsAdd(results, "beam_tip_C11", axial));
  PetscCall(SnaResultsAdd(results, "beam_tip_target", wanted));
  PetscCall(SnaResultsAdd(results, "beam_tip_error", error.tip));
  PetscCall(SnaResultsAdd(results, "beam_energy_error", error.energy));
  PetscCall(SnaResultsAdd(results, "beam_local_error_max", error.local_max));
  PetscCall(SnaResultsAdd(results, "beam_local_error_rms", error.local_rms));
  PetscCall(SnaResultsAdd(results, "beam_r2", error.r2));
  if (b->target) PetscFunctionReturn(0);
  PetscCall(SnaResultsAdd(results, "beam_target_factor", b->factor));
  PetscCall(SnaResultsAdd(results, "beam_target_exponent", Exponent()));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// As one grid
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode Tell(SnaModel model, PetscInt it, double residual, double share, PetscBool final, PetscBool *stop)
{
  Homogenize  *v = (Homogenize *)model->data;
  char         line[64];
  SnaIteration out = {
    .group = v->beam.comm, .replicas = 1, .what = "one grid", .line = line, .done = 1, .total = 1, .final = final};

  PetscFunctionBeginUser;
  if (!model->monitor) PetscFunctionReturn(0);
  out.step = v->ncell + it + 1;
  out.work = v->batch_work + (1 - v->batch_work) * share;
  PetscCall(PetscSNPrintf(line, sizeof(line), "load 11  it %" PetscInt_FMT "  res %.2e", it, residual));
  PetscCall(model->monitor(model->monitor_ctx, model, &out, stop));
  PetscFunctionReturn(0);
}

static PetscErrorCode Monitor(void *ctx, const SnaHomogIteration *it, PetscBool *stop)
{
  SnaModel    model = (SnaModel)ctx;
  Homogenize *v     = (Homogenize *)model->data;
  PetscBool   due;

  PetscFunctionBeginUser;
  PetscCall(HomogenizeDue(v->beam.comm, REPORT_SECONDS, &v->last_report, &due));
  if (!due) PetscFunctionReturn(0);
  PetscCall(Tell(model, it->it, it->residual, it->residual < 1 ? PetscMin(1, log(it->residual) / log(it->rtol)) : 0,
    PETSC_FALSE, stop));
  PetscFunctionReturn(0);
}

static PetscErrorCode SolveRow(SnaModel model, double series, SnaResults results, SnaSolveStatus *status)
{
  Homogenize  *v       = (Homogenize *)model->data;
  const double load[6] = {1};
  SnaCell      cell;
  SnaCellLoad  outcome = {0};
  PetscInt     n[3];
  PetscBool    stop = PETSC_FALSE;

  PetscFunctionBeginUser;
  if (v->voxels) {
    PetscCall(SnaCellCreate(v->voxels, PETSC_FALSE, SNA_ELASTICITY, 0, &v->spec, &cell));
    PetscCall(SnaCellSolve(cell, load, Monitor, model, &outcome));
    PetscCall(SnaCellDestroy(&cell));
    if (!outcome.stopped) PetscCall(Tell(model, outcome.iterations, outcome.residual, 1, PETSC_TRUE, &stop));
  }
  PetscCall(HomogenizeWait(model->comm));
  PetscCallMPI(MPI_Bcast(&outcome, (PetscMPIInt)sizeof(outcome), MPI_BYTE, 0, model->comm));
  if (outcome.stopped) {
    *status = SNA_SOLVE_STOPPED;
    PetscFunctionReturn(0);
  }
  if (!outcome.converged) *status = SNA_SOLVE_NOTCONVERGED;
  RowSize(&v->beam, n);
  PetscCall(SnaResultsAdd(results, "row_C11", outcome.mean[0]));
  PetscCall(SnaResultsAdd(results, "row_difference", outcome.mean[0] / series - 1));
  PetscCall(SnaResultsAdd(results, "row_error", outcome.error));
  PetscCall(SnaResultsAdd(results, "row_iterations", (double)outcome.iterations));
  PetscCall(SnaResultsAdd(results, "row_seconds", outcome.seconds));
  PetscCall(SnaResultsAdd(results, "row_voxel_iterations_per_second",
    outcome.seconds > 0 ? (double)n[0] * (double)n[1] * (double)n[2] * (double)outcome.iterations / outcome.seconds
                        : 0));
  PetscCall(SnaResultsAdd(results, "row_converged", outcome.converged));
  PetscFunctionReturn(0);
}

PetscErrorCode HomogenizeBeamSolve(SnaModel model, SnaResults results, SnaSolveStatus *status)
{
  Homogenize     *v = (Homogenize *)model->data;
  HomogenizeBeam *b = &v->beam;
  PetscInt        missing;
  double          series;
  double(*C)[6][6];

  PetscFunctionBeginUser;
  if (!b->target) PetscCall(FitTarget(v));
  PetscCall(Choose(v, &missing));
  if (missing > 0) {
    PetscCall(PetscPrintf(
      model->comm, "  note: no beam: %" PetscInt_FMT " of its cells could not be made or do not resist\n", missing));
    *status = SNA_SOLVE_NOTCONVERGED;
    PetscFunctionReturn(0);
  }
  if (!b->target)
    PetscCall(PetscPrintf(model->comm,
      "  target C11 = %.6g phi^%.4g: exponent from 350 at phi = 0.65 to 50 at 0.25, factor by least squares over "
      "%" PetscInt_FMT " cells\n",
      b->factor, Exponent(), v->ncell));
  PetscCall(PetscCalloc1(b->cells, &C));
  PetscCall(FillTable(v, C));
  PetscCall(AddRow(b->cells, C, results, &series));
  PetscCall(PetscFree(C));
  PetscCall(AddBeam(v, results));
  PetscCall(MakeRow(model));
  if (b->one_grid) PetscCall(SolveRow(model, series, results, status));
  b->known = (PetscBool)(*status != SNA_SOLVE_STOPPED);
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Files: /beam, one row per cell, and <case>.csv; the voxels as a grid
// ---------------------------------------------------------------------------------------------------------------------
PetscErrorCode HomogenizeBeamWrite(SnaModel model, SnaFile file)
{
  Homogenize     *v                  = (Homogenize *)model->data;
  HomogenizeBeam *b                  = &v->beam;
  const PetscInt  dims[2]            = {b->cells, NCOLUMN};
  SnaModelGrid   *g                  = &v->grid[0];
  char            text[32 * NCOLUMN] = "", message[SNA_MAX_MESSAGE];
  PetscMPIInt     rank;

  PetscFunctionBeginUser;
  v->ngrid = 0;
  if (!b->known) PetscFunctionReturn(0);
  PetscCallMPI(MPI_Comm_rank(model->comm, &rank));
  for (int c = 0; c < NCOLUMN; c++) {
    PetscCall(PetscStrlcat(text, c ? "," : "", sizeof(text)));
    PetscCall(PetscStrlcat(text, columns[c], sizeof(text)));
  }
  PetscCall(SnaFileWriteArray(file, "/beam", 2, dims, b->table));
  PetscCall(SnaFileWriteAttributeText(file, "/beam", "columns", text));
  *g = (SnaModelGrid){.name = "beam", .nfield = 1, .field = {"phase"}, .dataset = {"/field/phase"}, .ncomp = {1}};
  RowSize(b, g->n);
  for (int a = 0; a < 3; a++) g->hi[a] = b->edge * (a == 0 ? (double)b->cells : 1);
  PetscCall(SnaFileWriteGrid(file, "/field/phase", g->n, v->voxels ? v->voxels->z0 : 0, v->voxels ? v->voxels->nz : 0,
    1, SNA_GRID_BYTE, v->voxels ? v->voxels->phase : NULL));
  v->ngrid = 1;
  PetscCall(SnaTableWrite(model->comm, v->table_path, rank ? 0 : b->cells, NCOLUMN, columns, b->table, message));
  if (message[0])
    PetscCall(PetscFPrintf(model->comm, PETSC_STDERR, "%s\n", message));
  else
    PetscCall(PetscPrintf(model->comm, "table: %s\n", v->table_path));
  PetscFunctionReturn(0);
}
