// microstructure_files.c - the data set in the result and restart files, the table of all cells, result lines.
//
//   /cells/octant      [cell][z][y][x] uint8, compressed per cell; 1 is solid
//   /cells/properties  [cell][23], attribute `columns`: what doc/homogenisation.md calls the 23 properties
//   /cells/extra       [cell][21]     /cells/origin  [cell][15]     each with `columns`
//   /cells/state       0 not made yet (restart files), 1 made, 2 no candidate was accepted
#include "microstructure.h"
#include <math.h>
#include <string.h>

const char *const MicroColumnName[MICRO_COLUMNS] = {"C11", "C22", "C33", "C12", "C13", "C23", "C44", "C55", "C66",
  "C14", "C15", "C16", "C24", "C25", "C26", "C34", "C35", "C36", "C45", "C46", "C56", "volume_fraction",
  "permeability", //
  "k11", "k22", "k33", "k11_wall", "k22_wall", "k33_wall", "k11_nowall", "k22_nowall", "k33_nowall", "sigma11",
  "sigma22", "sigma33", "zeros", "triples", "iterations_elasticity", "iterations_conductivity",
  "iterations_permeability", "error_elasticity", "error_conductivity", "error_permeability", "converged", //
  "seed", "cell", "attempt", "k0", "w", "tau", "fraction_target", "filled", "euler", "rejected_fraction",
  "rejected_islands", "rejected_solid", "rejected_pore", "rejected_hinge", "rejected_ligament"};

static const struct {
  const char *name, *note;
  PetscInt    first, end;
} tables[] = {{"/cells/properties",
                "Voigt order 11, 22, 33, 23, 13, 12, engineering shears; C in the unit of label_young; volume fraction "
                "of solid; permeability: mean of k11, k22, k33 in "
                "squares of the cell's edge; nan: not computed. Unless label_full, the octant is solved: then the 12 "
                "coupling terms are zero, and with cubic symmetry "
                "the three of each kind equal, by the symmetry of the cell and not by computation.",
                MICRO_C, MICRO_PROPERTY},
  {"/cells/extra",
    "k: mean of the two wall models; _wall: walls at half a voxel, _nowall: without; sigma: in the unit of "
    "label_conductivity; zeros: "
    "largest coupling term, triples: largest difference of equal triples, over C11; error: estimate of the relative "
    "error that iterating left",
    MICRO_PROPERTY, MICRO_EXTRA},
  {"/cells/origin",
    "where the cell comes from: SnaGenerate(seed, cell, attempt); filled: voxels of islands and closed pores that "
    "changed phase; euler: Euler number of the "
    "solid of the periodic cell; rejected_*: candidates before it, by what they failed",
    MICRO_EXTRA, MICRO_COLUMNS}};
#define NTABLES ((int)(sizeof(tables) / sizeof(tables[0])))

// ---------------------------------------------------------------------------------------------------------------------
// Results
// ---------------------------------------------------------------------------------------------------------------------
// Whether two axes of a face may be exchanged does not matter here: patterns are compared as [higher axis][lower axis].
static void FacePattern(PetscInt n, const uint8_t octant[], int axis, uint8_t pattern[])
{
  const PetscInt step[3] = {1, n, n * n}, a = step[axis == 0 ? 1 : 0], b = step[axis == 2 ? 1 : 2];

  for (PetscInt j = 0; j < n; j++)
    for (PetscInt i = 0; i < n; i++) pattern[j * n + i] = octant[j * b + i * a];
}

// Rank 0: how many different faces the cells have; 1 when any two fit together.
static PetscErrorCode CountFacePatterns(const Micro *m, PetscInt *count)
{
  const PetscInt n    = m->generator.n;
  const size_t   face = (size_t)n * (size_t)n;
  uint8_t       *octant, *pattern, *known = NULL;
  PetscInt       most = 0;

  PetscFunctionBeginUser;
  *count = 0;
  PetscCall(PetscMalloc2(face * (size_t)n, &octant, face, &pattern));
  for (PetscInt c = 0; c < m->cells; c++) {
    if (m->state[c] != MICRO_MADE) continue;
    MicroUnpack(m->bits[c], face * (size_t)n, octant);
    for (int axis = 0; axis < 3; axis++) {
      PetscInt k = 0;
      FacePattern(n, octant, axis, pattern);
      while (k < *count && memcmp(known + (size_t)k * face, pattern, face)) k++;
      if (k < *count) continue;
      if (*count == most) {
        most = 2 * most + 1;
        PetscCall(PetscRealloc((size_t)most * face, &known));
      }
      PetscCall(PetscArraycpy(known + (size_t)(*count)++ * face, pattern, face));
    }
  }
  PetscCall(PetscFree(known));
  PetscCall(PetscFree2(octant, pattern));
  PetscFunctionReturn(0);
}

// Smallest and largest number of a column over the cells that have it. FALSE: none has.
static PetscBool Range(const Micro *m, PetscInt column, double *low, double *high)
{
  *low  = INFINITY;
  *high = -INFINITY;
  for (PetscInt c = 0; c < m->cells; c++) {
    const double v = m->row[(size_t)c * MICRO_COLUMNS + (size_t)column];
    if (m->state[c] != MICRO_MADE || isnan(v)) continue;
    *low  = PetscMin(*low, v);
    *high = PetscMax(*high, v);
  }
  return (PetscBool)(*low <= *high);
}

static PetscErrorCode AddRange(const Micro *m, SnaResults results, PetscInt column)
{
  char   name[64];
  double low, high;

  PetscFunctionBeginUser;
  if (!Range(m, column, &low, &high)) PetscFunctionReturn(0);
  PetscCall(PetscSNPrintf(name, sizeof(name), "%s_min", MicroColumnName[column]));
  PetscCall(SnaResultsAdd(results, name, low));
  PetscCall(PetscSNPrintf(name, sizeof(name), "%s_max", MicroColumnName[column]));
  PetscCall(SnaResultsAdd(results, name, high));
  PetscFunctionReturn(0);
}

static PetscErrorCode AddLargest(const Micro *m, SnaResults results, PetscInt column)
{
  char   name[64];
  double low, high;

  PetscFunctionBeginUser;
  if (!Range(m, column, &low, &high)) PetscFunctionReturn(0);
  PetscCall(PetscSNPrintf(name, sizeof(name), "%s_max", MicroColumnName[column]));
  PetscCall(SnaResultsAdd(results, name, high));
  PetscFunctionReturn(0);
}

PetscErrorCode MicroAddResults(SnaModel model, SnaResults results, SnaSolveStatus *status)
{
  Micro      *m                       = (Micro *)model->data;
  double      rejected[SNA_NVERDICTS] = {0}, candidates = 0, off = 0;
  PetscInt    made = 0, patterns = 0, unconverged = 0, first = -1;
  PetscMPIInt size, rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(model->comm, &size));
  PetscCallMPI(MPI_Comm_rank(model->comm, &rank));
  if (rank == 0) PetscCall(CountFacePatterns(m, &patterns));
  PetscCallMPI(MPI_Bcast(&patterns, 1, MPIU_INT, 0, model->comm));
  for (PetscInt c = 0; c < m->cells; c++) {
    const double *row = m->row + (size_t)c * MICRO_COLUMNS;
    for (int v = 1; v < SNA_NVERDICTS; v++) rejected[v] += row[MICRO_REJECTED + v - 1];
    if (m->state[c] == MICRO_FAILED && first < 0) first = c;
    if (m->state[c] != MICRO_MADE) continue;
    made++;
    off = PetscMax(off, fabs(row[MICRO_FRACTION] - row[MICRO_TARGET]));
    if (row[MICRO_CONVERGED] == 0) unconverged++; // nan: no label
  }
  candidates = made;
  for (int v = 1; v < SNA_NVERDICTS; v++) candidates += rejected[v];
  PetscCall(SnaResultsAdd(results, "cells", (double)made));
  PetscCall(SnaResultsAdd(results, "accepted_share", made / PetscMax(candidates, 1)));
  for (int v = 1; v < SNA_NVERDICTS; v++)
    PetscCall(SnaResultsAdd(results, MicroColumnName[MICRO_REJECTED + v - 1], rejected[v] / PetscMax(candidates, 1)));
  PetscCall(SnaResultsAdd(results, "fraction_error_max", off));
  PetscCall(SnaResultsAdd(results, "face_patterns", (double)patterns));
  PetscCall(AddRange(m, results, MICRO_FRACTION));
  PetscCall(AddRange(m, results, MICRO_C));
  PetscCall(AddRange(m, results, MICRO_C + 6));
  PetscCall(AddRange(m, results, MICRO_SIGMA));
  PetscCall(AddRange(m, results, MICRO_K));
  PetscCall(AddLargest(m, results, MICRO_ZEROS));
  PetscCall(AddLargest(m, results, MICRO_TRIPLES));
  for (int p = 0; p < SNA_NPHYSICS; p++) {
    PetscCall(AddLargest(m, results, MICRO_ITERATIONS + p));
    PetscCall(AddLargest(m, results, MICRO_ERROR + p));
  }
  if (m->labels) PetscCall(SnaResultsAdd(results, "not_converged", (double)unconverged));
  PetscCall(SnaResultsAdd(results, "cells_per_minute", 60 * (double)m->made / PetscMax(m->seconds, 1e-9)));
  PetscCall(SnaResultsAdd(results, "seconds", m->seconds));
  PetscCall(SnaResultsAdd(results, "ranks", (double)size));
  if (first >= 0)
    PetscCall(PetscFPrintf(model->comm, PETSC_STDERR,
      "%" PetscInt_FMT " cells could not be made, the first is cell %" PetscInt_FMT
      ", volume fraction %.3f: none of %" PetscInt_FMT
      " candidates was accepted; raise generator: attempts, lower min_ligament or narrow fraction\n",
      m->cells - made, first, m->row[(size_t)first * MICRO_COLUMNS + MICRO_TARGET], m->attempts));
  if (unconverged > 0)
    PetscCall(PetscFPrintf(model->comm, PETSC_STDERR,
      "%" PetscInt_FMT " cells did not converge in %" PetscInt_FMT " iterations per load; raise label: max_it\n",
      unconverged, m->spec.max_it));
  if (first >= 0 || unconverged > 0) *status = SNA_SOLVE_NOTCONVERGED;
  PetscFunctionReturn(0);
}

// The table of all made cells, one row each.
PetscErrorCode SnaModelFinish_Microstructure(SnaModel model, SnaResults results)
{
  Micro      *m = (Micro *)model->data;
  char        message[SNA_MAX_MESSAGE];
  double     *data;
  PetscInt    rows = 0;
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  (void)results;
  PetscCallMPI(MPI_Comm_rank(model->comm, &rank));
  PetscCall(PetscMalloc1((size_t)m->cells * MICRO_COLUMNS, &data));
  for (PetscInt c = 0; c < m->cells && rank == 0; c++) {
    if (m->state[c] != MICRO_MADE) continue;
    PetscCall(PetscArraycpy(data + (size_t)rows++ * MICRO_COLUMNS, m->row + (size_t)c * MICRO_COLUMNS, MICRO_COLUMNS));
  }
  PetscCall(SnaTableWrite(model->comm, m->table_path, rows, MICRO_COLUMNS, MicroColumnName, data, message));
  PetscCall(PetscFree(data));
  if (message[0])
    PetscCall(PetscFPrintf(model->comm, PETSC_STDERR, "the table is missing: %s\n", message));
  else
    PetscCall(PetscPrintf(model->comm, "table: %s\n", m->table_path));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Files
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode GiveOctant(void *ctx, PetscInt cell, unsigned char image[])
{
  const Micro *m    = (const Micro *)ctx;
  const size_t size = (size_t)m->generator.n * (size_t)m->generator.n * (size_t)m->generator.n;

  PetscFunctionBeginUser;
  if (m->state[cell] == MICRO_MADE)
    MicroUnpack(m->bits[cell], size, image);
  else
    PetscCall(PetscMemzero(image, size));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelWrite_Microstructure(SnaModel model, SnaFile file)
{
  Micro         *m    = (Micro *)model->data;
  const PetscInt n[3] = {m->generator.n, m->generator.n, m->generator.n};
  PetscInt      *state;
  double        *data;
  char           columns[1024];

  PetscFunctionBeginUser;
  PetscCall(SnaFileWriteStack(file, "/cells/octant", m->cells, n, GiveOctant, m));
  PetscCall(SnaFileWriteAttributeText(file, "/cells/octant", "axes", "cell,z,y,x"));
  PetscCall(SnaFileWriteAttributeText(file, "/cells/octant", "note",
    "1 solid, 0 pore. x = y = z = 0 is the corner of the cell, the last planes lie at the mirrors in its middle: "
    "cell = octant and its mirror image along each axis, numpy.pad(octant, (0, n), mode='symmetric')"));
  PetscCall(SnaFileWriteAttributeText(file, "/cells/octant", "family", m->generator.family));
  PetscCall(PetscMalloc2((size_t)m->cells * MICRO_COLUMNS, &data, m->cells, &state));
  for (int t = 0; t < NTABLES; t++) {
    const PetscInt width = tables[t].end - tables[t].first, dims[2] = {m->cells, width};
    columns[0] = 0;
    for (PetscInt i = 0; i < width; i++) {
      PetscCall(PetscStrlcat(columns, i ? "," : "", sizeof(columns)));
      PetscCall(PetscStrlcat(columns, MicroColumnName[tables[t].first + i], sizeof(columns)));
    }
    for (PetscInt c = 0; c < m->cells; c++)
      PetscCall(
        PetscArraycpy(data + (size_t)c * (size_t)width, m->row + (size_t)c * MICRO_COLUMNS + tables[t].first, width));
    PetscCall(SnaFileWriteArray(file, tables[t].name, 2, dims, data));
    PetscCall(SnaFileWriteAttributeText(file, tables[t].name, "columns", columns));
    PetscCall(SnaFileWriteAttributeText(file, tables[t].name, "note", tables[t].note));
  }
  for (PetscInt c = 0; c < m->cells; c++) state[c] = m->state[c];
  PetscCall(SnaFileWriteInts(file, "/cells/state", m->cells, state));
  PetscCall(PetscFree2(data, state));
  PetscFunctionReturn(0);
}

typedef struct {
  uint8_t *octant;
  PetscInt n;
} Taker;

static PetscErrorCode TakePlane(void *ctx, PetscInt z, const void *plane)
{
  const Taker *t    = (const Taker *)ctx;
  const size_t size = (size_t)t->n * (size_t)t->n;

  PetscFunctionBeginUser;
  PetscCall(PetscMemcpy(t->octant + (size_t)z * size, plane, size));
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadOctants(SnaModel model, SnaFile file, PetscInt cells)
{
  Micro       *m    = (Micro *)model->data;
  const size_t size = (size_t)m->generator.n * (size_t)m->generator.n * (size_t)m->generator.n;
  SnaFileImage image;
  Taker        taker = {.n = m->generator.n};
  const char  *error;
  PetscMPIInt  rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(model->comm, &rank));
  PetscCall(SnaFileFindImage(file, "/cells/octant", &image));
  PetscCall(SnaFileGetError(file, &error));
  if (error) PetscFunctionReturn(0);
  if (!image.stack || !image.bytes || image.cells < cells || image.n[0] != taker.n || image.n[1] != taker.n ||
      image.n[2] != taker.n) {
    PetscCall(SnaFileSetError(file, "/cells/octant is no stack of octants of %" PetscInt_FMT "^3 voxels", taker.n));
    PetscFunctionReturn(0);
  }
  PetscCall(PetscMalloc1(size, &taker.octant));
  for (PetscInt c = 0; c < cells && !error; c++) {
    if (m->state[c] != MICRO_MADE) continue;
    PetscCall(SnaFileReadPlanes(file, &image, c, 0, rank ? 0 : taker.n, TakePlane, &taker));
    PetscCall(SnaFileGetError(file, &error));
    if (rank || error) continue;
    PetscCall(PetscMalloc1(m->nbits, &m->bits[c]));
    for (size_t i = 0; i < size; i++) taker.octant[i] = taker.octant[i] != 0;
    MicroPack(taker.octant, size, m->bits[c]);
  }
  PetscCall(PetscFree(taker.octant));
  PetscFunctionReturn(0);
}

// A file may hold fewer or more cells than the deck asks for: cells do not depend on each other.
PetscErrorCode SnaModelRead_Microstructure(SnaModel model, SnaFile file, PetscBool *ok, char message[SNA_MAX_MESSAGE])
{
  Micro      *m       = (Micro *)model->data;
  PetscInt    dims[4] = {0}, cells, *state;
  int         ndim;
  double     *data;
  const char *error;

  PetscFunctionBeginUser;
  *ok = PETSC_FALSE;
  PetscCall(SnaFileReadArraySize(file, "/cells/state", &ndim, dims));
  PetscCall(SnaFileGetError(file, &error));
  if (!error && ndim != 1) {
    PetscCall(SnaFileSetError(file, "/cells/state is no list"));
    PetscCall(SnaFileGetError(file, &error));
  }
  if (error) {
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE, "%s", error));
    PetscFunctionReturn(0);
  }
  cells = PetscMin(dims[0], m->cells);
  PetscCall(PetscCalloc2((size_t)dims[0] * MICRO_COLUMNS, &data, dims[0], &state));
  PetscCall(SnaFileReadInts(file, "/cells/state", dims[0], state));
  for (int t = 0; t < NTABLES; t++) {
    const PetscInt width = tables[t].end - tables[t].first;
    PetscCall(SnaFileReadArray(file, tables[t].name, dims[0] * width, data));
    for (PetscInt c = 0; c < cells; c++)
      PetscCall(
        PetscArraycpy(m->row + (size_t)c * MICRO_COLUMNS + tables[t].first, data + (size_t)c * (size_t)width, width));
  }
  for (PetscInt c = 0; c < cells; c++) m->state[c] = (uint8_t)(state[c] == MICRO_MADE ? MICRO_MADE : MICRO_OPEN);
  PetscCall(PetscFree2(data, state));
  PetscCall(ReadOctants(model, file, cells));
  PetscCall(SnaFileGetError(file, &error));
  if (error)
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE, "%s", error));
  else
    *ok = PETSC_TRUE;
  PetscFunctionReturn(0);
}
