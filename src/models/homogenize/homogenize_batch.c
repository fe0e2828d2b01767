// homogenize_batch.c - many images, one row of numbers each.
//
// The ranks form groups of batch_ranks; the images that are left are dealt to the groups in turn, and each is solved by SnaHomogenize() on its group alone, so
// that a row does not depend on how many groups there are. A group is a replica in the sense of SnaIteration: it writes its own restart file, and a restart
// merges the rows of all files. An image that cannot be read, or holds a value that is no phase, is told and leaves a row of nan.
#include "homogenize.h"
#include <glob.h>
#include <math.h>
#include <petsctime.h>
#include <stdlib.h>
#include <string.h>

#define REPORT_SECONDS 0.5

// Columns before and after the terms of HomogenizeTerms().
enum { CELL, FRACTION, BEFORE };
static const char *const before[BEFORE] = {"cell", "volume_fraction"};
enum { ITERATIONS, CONVERGED, ERROR, SECONDS, AFTER };
static const char *const after[AFTER] = {"iterations", "converged", "error", "seconds"};

PetscErrorCode HomogenizeBatchDestroy(Homogenize *v)
{
  PetscFunctionBeginUser;
  for (PetscInt i = 0; v->match && i < v->nfile; i++) PetscCall(PetscFree(v->match[i]));
  PetscCall(PetscFree(v->match));
  PetscCall(PetscFree(v->index));
  PetscCall(PetscFree3(v->row, v->row_done, v->row_mine));
  PetscCall(HomogenizeBeamDestroy(v));
  PetscFunctionReturn(0);
}

PetscErrorCode HomogenizeBatchReadDeck(SnaModel model, SnaDeck deck)
{
  Homogenize *v = (Homogenize *)model->data;
  const char *dir, *name;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetStrings(deck, "batch_cells", NULL, 64, &v->nword, v->word));
  PetscCall(SnaDeckGetInt(deck, "batch_ranks", NULL, &v->ranks_per_cell));
  PetscCall(HomogenizeBeamReadDeck(deck, v));
  v->batch = (PetscBool)(v->nword > 0 || v->beam.cells > 0);
  if (!v->batch) PetscFunctionReturn(0);
  if (!v->from_file && !v->beam.cells)
    PetscCall(SnaDeckError(deck, "batch_cells", NULL, "a batch takes its images from a file: `voxels: {file: ...}`"));
  if (v->from_file && v->file.cell >= 0)
    PetscCall(SnaDeckError(deck, "voxels_cell", NULL, "batch: cells says which images: leave this out"));
  if (v->refine == 2)
    PetscCall(SnaDeckError(deck, "homogenize_refine", NULL, "a batch does not refine; solve the cell alone"));
  if (v->macroscopic)
    PetscCall(SnaDeckError(
      deck, "homogenize_macroscopic", NULL, "a batch has no macroscopic state; it follows from the rows' stiffness"));
  if (v->fields[0].any || v->fields[1].any || v->fields[2].any)
    PetscCall(SnaDeckError(deck, "homogenize_fields", NULL, "a batch keeps no fields; solve the cell alone"));
  if (v->task.symmetry == SNA_SYMMETRY_OCTANT)
    PetscCall(SnaDeckError(deck, "homogenize_symmetry", NULL, "a batch decides for each cell: auto or none"));
  PetscCall(SnaDeckGetString(deck, "output_dir", NULL, &dir));
  PetscCall(SnaDeckGetString(deck, "case", NULL, &name));
  PetscCall(
    PetscSNPrintf(v->table_path, sizeof(v->table_path), "%s/%s/%s.csv", dir, name ? name : "", name ? name : ""));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Which images
// ---------------------------------------------------------------------------------------------------------------------
// Files that the name matches, sorted; the same list on all ranks. v->match is NULL when the name holds no * or ?.
static PetscErrorCode FindMatches(SnaModel model, SnaDeck deck, Homogenize *v)
{
  glob_t      list;
  PetscMPIInt rank;
  PetscInt    n       = 0;
  const char *pattern = v->file.file, *deck_path, *text, *slash;
  char        beside[PETSC_MAX_PATH_LEN];

  PetscFunctionBeginUser;
  if (!strpbrk(pattern, "*?")) PetscFunctionReturn(0);
  PetscCallMPI(MPI_Comm_rank(model->comm, &rank));
  PetscCall(PetscMemzero(&list, sizeof(list)));
  PetscCall(SnaDeckGetText(deck, &deck_path, &text));
  slash = strrchr(deck_path, '/');
  PetscCall(PetscSNPrintf(beside, sizeof(beside), "%.*s/%s", slash ? (int)(slash - deck_path) : 0, deck_path, pattern));
  if (!rank && (!glob(pattern, 0, NULL, &list) || (slash && pattern[0] != '/' && !glob(beside, 0, NULL, &list))))
    n = (PetscInt)list.gl_pathc;
  PetscCallMPI(MPI_Bcast(&n, 1, MPIU_INT, 0, model->comm));
  v->nfile = n;
  PetscCall(PetscCalloc1(n + 1, &v->match));
  for (PetscInt i = 0; i < n; i++) {
    size_t length = 0;
    int    bytes;
    if (!rank) PetscCall(PetscStrlen(list.gl_pathv[i], &length));
    bytes = (int)length + 1;
    PetscCallMPI(MPI_Bcast(&bytes, 1, MPI_INT, 0, model->comm));
    PetscCall(PetscMalloc1(bytes, &v->match[i]));
    if (!rank) PetscCall(PetscStrcpy(v->match[i], list.gl_pathv[i]));
    PetscCallMPI(MPI_Bcast(v->match[i], bytes, MPI_CHAR, 0, model->comm));
  }
  if (!rank) globfree(&list);
  if (!n) PetscCall(SnaDeckError(deck, "voxels_file", NULL, "no file matches %s, here or beside the deck", pattern));
  PetscFunctionReturn(0);
}

// One word of batch_cells: all, k or a:b. FALSE when it is none of these.
static PetscBool ParseRange(const char word[], PetscInt n, long *first, long *last)
{
  char *end;

  if (!strcmp(word, "all")) {
    *first = 0;
    *last  = (long)n - 1;
    return PETSC_TRUE;
  }
  if (word[0] < '0' || word[0] > '9') return PETSC_FALSE;
  *first = *last = strtol(word, &end, 10);
  if (*end == ':' && end[1] >= '0' && end[1] <= '9') *last = strtol(end + 1, &end, 10);
  return (PetscBool) !*end;
}

static PetscErrorCode ListCells(SnaDeck deck, Homogenize *v, PetscInt available)
{
  PetscBool *wanted;

  PetscFunctionBeginUser;
  PetscCall(PetscCalloc1(available, &wanted));
  for (PetscInt w = 0; w < v->nword; w++) {
    long first, last;
    if (!ParseRange(v->word[w], available, &first, &last))
      PetscCall(SnaDeckError(
        deck, "batch_cells", NULL, "`%s` is neither `all`, nor a number, nor a range such as 10:19", v->word[w]));
    else if (first > last || last >= (long)available)
      PetscCall(SnaDeckError(deck, "batch_cells", NULL,
        "`%s`: there are cells 0 to %" PetscInt_FMT ", and a range rises", v->word[w], available - 1));
    else
      for (long i = first; i <= last; i++) wanted[i] = PETSC_TRUE;
  }
  for (PetscInt i = 0; i < available; i++) v->ncell += wanted[i] ? 1 : 0;
  PetscCall(PetscMalloc1(v->ncell + 1, &v->index));
  v->ncell = 0;
  for (PetscInt i = 0; i < available; i++)
    if (wanted[i]) v->index[v->ncell++] = i;
  PetscCall(PetscFree(wanted));
  PetscFunctionReturn(0);
}

static PetscErrorCode MakeColumns(Homogenize *v)
{
  PetscInt n;

  PetscFunctionBeginUser;
  for (int c = 0; c < BEFORE; c++) PetscCall(PetscStrncpy(v->column[c], before[c], sizeof(v->column[c])));
  PetscCall(HomogenizeTerms(v, NULL, &n, &v->column[BEFORE], NULL));
  for (int c = 0; c < AFTER; c++) PetscCall(PetscStrncpy(v->column[BEFORE + n + c], after[c], sizeof(v->column[0])));
  v->ncolumn = BEFORE + n + AFTER;
  PetscCall(
    PetscCalloc3((size_t)v->ncell * (size_t)v->ncolumn, &v->row, v->ncell, &v->row_done, v->ncell, &v->row_mine));
  PetscFunctionReturn(0);
}

static PetscErrorCode CheckMemory(SnaModel model, SnaDeck deck, Homogenize *v)
{
  PetscBool even = PETSC_TRUE;

  PetscFunctionBeginUser;
  for (int a = 0; a < 3; a++) even = (PetscBool)(even && v->n[a] % 2 == 0);
  even = (PetscBool)(even && v->task.symmetry == SNA_SYMMETRY_AUTO);
  PetscCall(HomogenizeAvailable(model->comm, v->memory_limit, &v->available));
  v->task.lean = PETSC_FALSE;
  v->memory    = SnaHomogMemory(v->n, even, &v->task, (PetscMPIInt)v->ranks_per_cell);
  if (v->memory > v->available) {
    v->task.lean = PETSC_TRUE;
    v->memory    = SnaHomogMemory(v->n, even, &v->task, (PetscMPIInt)v->ranks_per_cell);
  }
  if (v->memory > v->available)
    PetscCall(SnaDeckError(deck, v->beam.cells ? "beam_n" : "batch_cells", NULL,
      "a cell of %" PetscInt_FMT " x %" PetscInt_FMT " x %" PetscInt_FMT
      " voxels needs about %.3g GB per rank, %.3g GB are available: more ranks per "
      "cell (batch: ranks) or a higher `homogenize: memory`",
      v->n[0], v->n[1], v->n[2], v->memory / 1e9, v->available / 1e9));
  PetscFunctionReturn(0);
}

// Where the images are, how large the first is, which of them are wanted: ncell is 0 after an error.
static PetscErrorCode FindImages(SnaModel model, SnaDeck deck, Homogenize *v)
{
  PetscInt  cells;
  PetscBool found;
  char      message[SNA_MAX_MESSAGE] = "";

  PetscFunctionBeginUser;
  PetscCall(FindMatches(model, deck, v));
  if (v->match && !v->nfile) PetscFunctionReturn(0);
  if (!v->match) {
    PetscCall(HomogenizeFindFile(model->comm, deck, v->file.file, v->path, &found));
    v->file.file = v->path;
  } else
    v->file.file = v->match[0];
  PetscCall(SnaVoxelsFileInfo(model->comm, &v->file, v->n, &cells, message));
  if (message[0]) {
    PetscCall(SnaDeckError(deck, "voxels_file", NULL, "%s", message));
    PetscFunctionReturn(0);
  }
  PetscCall(ListCells(deck, v, v->match ? v->nfile : cells));
  PetscFunctionReturn(0);
}

PetscErrorCode HomogenizeBatchSetUp(SnaModel model, SnaDeck deck)
{
  Homogenize *v = (Homogenize *)model->data;
  PetscMPIInt size, rank;

  PetscFunctionBeginUser;
  v->batch_work = 1;
  if (v->beam.cells)
    PetscCall(HomogenizeBeamSetUp(model, deck));
  else
    PetscCall(FindImages(model, deck, v));
  if (!v->ncell) PetscFunctionReturn(0);
  PetscCall(MakeColumns(v));
  PetscCallMPI(MPI_Comm_size(model->comm, &size));
  PetscCallMPI(MPI_Comm_rank(model->comm, &rank));
  v->ranks_per_cell = PetscMin(v->ranks_per_cell, PetscMin((PetscInt)size, v->n[2]));
  v->ngroup         = PetscMax(1, PetscMin((PetscInt)size / v->ranks_per_cell, v->ncell));
  v->my_group       = (PetscInt)rank / v->ranks_per_cell;
  PetscCallMPI(
    MPI_Comm_split(model->comm, v->my_group < v->ngroup ? (int)v->my_group : MPI_UNDEFINED, rank, &v->group));
  model->info.group   = v->group;
  model->info.replica = v->my_group;
  PetscCall(CheckMemory(model, deck, v));
  PetscFunctionReturn(0);
}

PetscErrorCode HomogenizeBatchView(SnaModel model)
{
  Homogenize *v = (Homogenize *)model->data;

  PetscFunctionBeginUser;
  if (v->beam.cells)
    PetscCall(HomogenizeBeamView(model));
  else
    PetscCall(PetscPrintf(model->comm,
      "homogenize: %" PetscInt_FMT " cells of %s, %" PetscInt_FMT " x %" PetscInt_FMT " x %" PetscInt_FMT " voxels%s\n",
      v->ncell, v->match ? "several files" : v->path, v->n[0], v->n[1], v->n[2], v->match ? " the first" : ""));
  PetscCall(HomogenizeViewTask(model));
  PetscCall(PetscPrintf(model->comm,
    "  %" PetscInt_FMT " group%s of %" PetscInt_FMT " rank%s, memory about %.3g GB per rank, %.3g GB available\n",
    v->ngroup, v->ngroup > 1 ? "s" : "", v->ranks_per_cell, v->ranks_per_cell > 1 ? "s" : "", v->memory / 1e9,
    v->available / 1e9));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Solve
// ---------------------------------------------------------------------------------------------------------------------
typedef struct { // what the groups add up to
  double iterations, voxel_iterations, failed, missed, solved;
} Tally;

// The image of row r from its file; message: why there is none.
static PetscErrorCode ReadImage(Homogenize *v, PetscInt r, SnaVoxels *voxels, char message[SNA_MAX_MESSAGE])
{
  SnaVoxelsFile file = v->file;
  PetscInt      n[3], cells;
  double        h[3];

  PetscFunctionBeginUser;
  if (v->match)
    file.file = v->match[v->index[r]];
  else
    file.cell = v->index[r];
  PetscCall(SnaVoxelsFileInfo(v->group, &file, n, &cells, message));
  if (!message[0] && v->match && cells > 1)
    PetscCall(PetscSNPrintf(
      message, SNA_MAX_MESSAGE, "%s holds %" PetscInt_FMT " images; each file of a pattern is one", file.file, cells));
  if (message[0]) PetscFunctionReturn(0);
  if (!v->match && cells == 1) file.cell = -1;
  HomogenizeSetEdges(v, n, h);
  PetscCall(SnaVoxelsRead(v->group, &file, h, voxels, message));
  PetscFunctionReturn(0);
}

// message: why there is no result.
static PetscErrorCode SolveOne(Homogenize *v, PetscInt r, Tally *tally, char message[SNA_MAX_MESSAGE])
{
  SnaVoxels      voxels;
  SnaHomogResult result;
  PetscInt       nterm;
  PetscInt64     count[256];
  double        *row = v->row + (size_t)r * (size_t)v->ncolumn, *last;
  char           name[HOMOGENIZE_MAX_COLUMNS][40];
  PetscLogDouble t0, t1;
  PetscBool      converged  = PETSC_TRUE;
  PetscInt       iterations = 0;
  double         error      = 0;

  PetscFunctionBeginUser;
  PetscCall(PetscTime(&t0));
  for (PetscInt c = 0; c < v->ncolumn; c++) row[c] = NAN;
  row[CELL] = (double)v->index[r];
  if (v->beam.cells)
    PetscCall(HomogenizeBeamCell(v, r, &voxels, message));
  else
    PetscCall(ReadImage(v, r, &voxels, message));
  if (message[0]) PetscFunctionReturn(0);
  PetscCall(SnaVoxelsCount(voxels, count));
  HomogenizeCheckPhases(v, count, message);
  if (!message[0]) {
    PetscCall(SnaHomogenize(voxels, &v->spec, &v->task, NULL, NULL, NULL, &result));
    PetscCall(HomogenizeTerms(v, &result, &nterm, name, row + BEFORE));
    for (int p = 0; p < SNA_NPHYSICS; p++) {
      const SnaTensor *t = &result.tensor[p];
      if (!v->task.physics[p]) continue;
      iterations += t->iterations;
      error     = PetscMax(error, t->error);
      converged = (PetscBool)(converged && t->converged);
      tally->voxel_iterations += t->voxel_iterations;
    }
    PetscCall(PetscTime(&t1));
    last             = row + v->ncolumn - AFTER;
    row[FRACTION]    = result.volume_fraction;
    last[ITERATIONS] = (double)iterations;
    last[CONVERGED]  = converged;
    last[ERROR]      = error;
    last[SECONDS]    = t1 - t0;
    tally->iterations += (double)iterations;
    if (!converged) tally->missed++;
  }
  PetscCall(SnaVoxelsDestroy(&voxels));
  PetscFunctionReturn(0);
}

// This group's share of the rows that are left.
static PetscErrorCode SolveShare(SnaModel model, Tally *tally, PetscBool *stopped)
{
  Homogenize *v     = (Homogenize *)model->data;
  PetscInt    share = 0, left = 0, done = 0;
  char        line[128];
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(v->group, &rank));
  for (PetscInt r = 0; r < v->ncell; r++)
    if (!v->row_done[r]) share += left++ % v->ngroup == v->my_group;
  left = 0;
  for (PetscInt r = 0; r < v->ncell && !*stopped; r++) {
    char         message[SNA_MAX_MESSAGE] = "";
    PetscBool    due, stop = PETSC_FALSE;
    SnaIteration it = {
      .group = v->group, .replica = v->my_group, .replicas = v->ngroup, .what = "cell", .line = line, .total = share};
    if (v->row_done[r] || left++ % v->ngroup != v->my_group) continue;
    PetscCall(SolveOne(v, r, tally, message));
    if (message[0]) {
      PetscCall(PetscFPrintf(v->group, PETSC_STDERR, "cell %" PetscInt_FMT ": %s\n", v->index[r], message));
      tally->failed++;
    }
    tally->solved++;
    v->row_mine[r] = PETSC_TRUE;
    it.done = it.step = ++done;
    it.work           = v->batch_work * (double)done / (double)share;
    it.final          = (PetscBool)(done == share);
    PetscCall(HomogenizeDue(v->group, REPORT_SECONDS, &v->last_report, &due));
    if (!model->monitor || !(due || it.final)) continue;
    PetscCall(PetscSNPrintf(
      line, sizeof(line), "cell %" PetscInt_FMT "%s", v->index[r], v->ngroup > 1 ? " (of this group)" : ""));
    PetscCall(model->monitor(model->monitor_ctx, model, &it, &stop));
    *stopped = (PetscBool)(stop && !it.final);
  }
  for (PetscInt r = 0; r < v->ncell; r++)
    v->row_mine[r] = (PetscBool)(v->row_mine[r] && rank == 0); // one rank of the group hands them over
  PetscFunctionReturn(0);
}

// Every rank gets the rows of all groups; each comes from one rank, and the others add zeros.
static PetscErrorCode Gather(SnaModel model)
{
  Homogenize  *v       = (Homogenize *)model->data;
  const size_t columns = (size_t)v->ncolumn;
  double      *all;
  PetscInt     block = PetscMax(1, 1000000 / v->ncolumn);

  PetscFunctionBeginUser;
  PetscCall(PetscCalloc1((size_t)v->ncell * columns, &all));
  for (PetscInt r = 0; r < v->ncell; r++)
    if (v->row_mine[r]) PetscCall(PetscArraycpy(all + (size_t)r * columns, v->row + (size_t)r * columns, columns));
  for (PetscInt r = 0; r < v->ncell; r += block) {
    const PetscMPIInt count = (PetscMPIInt)(PetscMin(block, v->ncell - r) * v->ncolumn);
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, all + (size_t)r * columns, count, MPI_DOUBLE, MPI_SUM, model->comm));
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, v->row_mine, (PetscMPIInt)v->ncell, MPIU_BOOL, MPI_LOR, model->comm));
  for (PetscInt r = 0; r < v->ncell; r++) {
    if (v->row_done[r] || !v->row_mine[r]) continue;
    PetscCall(PetscArraycpy(v->row + (size_t)r * columns, all + (size_t)r * columns, columns));
    v->row_done[r] = PETSC_TRUE;
  }
  PetscCall(PetscFree(all));
  PetscFunctionReturn(0);
}

PetscErrorCode HomogenizeBatchSolve(SnaModel model, SnaResults results, SnaSolveStatus *status)
{
  Homogenize    *v       = (Homogenize *)model->data;
  Tally          tally   = {0};
  PetscBool      stopped = PETSC_FALSE;
  PetscLogDouble t0, t1;
  PetscMPIInt    rank = 0;
  double         sums[sizeof(Tally) / sizeof(double)];
  int            stop;

  PetscFunctionBeginUser;
  PetscCall(PetscTime(&t0));
  if (v->group != MPI_COMM_NULL) {
    PetscCall(SolveShare(model, &tally, &stopped));
    PetscCallMPI(MPI_Comm_rank(v->group, &rank));
  }
  PetscCall(HomogenizeWait(model->comm));
  PetscCall(PetscTime(&t1));
  PetscCall(Gather(model));
  PetscCall(PetscMemzero(sums, sizeof(sums)));
  if (v->group != MPI_COMM_NULL && rank == 0) PetscCall(PetscMemcpy(sums, &tally, sizeof(tally)));
  PetscCallMPI(
    MPI_Allreduce(MPI_IN_PLACE, sums, (PetscMPIInt)(sizeof(sums) / sizeof(double)), MPI_DOUBLE, MPI_SUM, model->comm));
  PetscCall(PetscMemcpy(&tally, sums, sizeof(tally)));
  stop = stopped;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &stop, 1, MPI_INT, MPI_MAX, model->comm));
  *status = stop ? SNA_SOLVE_STOPPED : tally.failed + tally.missed > 0 ? SNA_SOLVE_NOTCONVERGED : SNA_SOLVE_CONVERGED;
  if (stop) PetscFunctionReturn(0);
  PetscCall(SnaResultsAdd(results, "cells", (double)v->ncell));
  PetscCall(SnaResultsAdd(results, "cells_failed", tally.failed));
  PetscCall(SnaResultsAdd(results, "cells_not_converged", tally.missed));
  PetscCall(SnaResultsAdd(results, "cells_per_second", tally.solved > 0 ? tally.solved / (t1 - t0) : 0));
  PetscCall(SnaResultsAdd(results, "iterations", tally.iterations));
  PetscCall(
    SnaResultsAdd(results, "voxel_iterations_per_second", tally.solved > 0 ? tally.voxel_iterations / (t1 - t0) : 0));
  PetscCall(SnaResultsAdd(results, "seconds", t1 - t0));
  if (v->beam.cells) PetscCall(HomogenizeBeamSolve(model, results, status));
  v->finished = (PetscBool)(*status != SNA_SOLVE_STOPPED);
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Files: /cells, the rows that are done, with the names of the columns as its attribute; and <case>.csv when all are
// ---------------------------------------------------------------------------------------------------------------------
PetscErrorCode HomogenizeBatchWrite(SnaModel model, SnaFile file)
{
  Homogenize  *v       = (Homogenize *)model->data;
  PetscInt     dims[2] = {0, v->ncolumn};
  const size_t columns = (size_t)v->ncolumn;
  double      *rows;
  const char  *names[HOMOGENIZE_MAX_COLUMNS];
  char         text[HOMOGENIZE_MAX_COLUMNS * 41] = "", message[SNA_MAX_MESSAGE];
  PetscMPIInt  rank;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1((size_t)v->ncell * columns, &rows));
  for (PetscInt r = 0; r < v->ncell; r++)
    if (v->row_done[r] || v->row_mine[r])
      PetscCall(PetscArraycpy(rows + (size_t)dims[0]++ * columns, v->row + (size_t)r * columns, columns));
  for (PetscInt c = 0; c < v->ncolumn; c++) {
    names[c] = v->column[c];
    PetscCall(PetscStrlcat(text, c ? "," : "", sizeof(text)));
    PetscCall(PetscStrlcat(text, names[c], sizeof(text)));
  }
  PetscCall(SnaFileWriteArray(file, "/cells", 2, dims, rows));
  PetscCall(SnaFileWriteAttributeText(file, "/cells", "columns", text));
  if (v->finished && v->beam.cells)
    PetscCall(HomogenizeBeamWrite(model, file));
  else if (v->finished) {
    PetscCallMPI(MPI_Comm_rank(model->comm, &rank));
    PetscCall(SnaTableWrite(model->comm, v->table_path, rank ? 0 : dims[0], v->ncolumn, names, rows, message));
    if (message[0])
      PetscCall(PetscFPrintf(model->comm, PETSC_STDERR, "%s\n", message));
    else
      PetscCall(PetscPrintf(model->comm, "table: %s\n", v->table_path));
  }
  PetscCall(PetscFree(rows));
  PetscFunctionReturn(0);
}

PetscErrorCode HomogenizeBatchReadState(SnaModel model, SnaFile file, PetscBool *ok, char message[SNA_MAX_MESSAGE])
{
  Homogenize  *v       = (Homogenize *)model->data;
  PetscInt     dims[4] = {0};
  int          ndim    = 0;
  const size_t columns = (size_t)v->ncolumn;
  double      *rows    = NULL;
  const char  *error;

  PetscFunctionBeginUser;
  PetscCall(SnaFileReadArraySize(file, "/cells", &ndim, dims));
  PetscCall(SnaFileGetError(file, &error));
  if (!error && (ndim != 2 || dims[1] != v->ncolumn))
    PetscCall(SnaFileSetError(file, "/cells is not the table of this deck: it has %" PetscInt_FMT " columns", dims[1]));
  PetscCall(SnaFileGetError(file, &error));
  if (!error) {
    PetscCall(PetscMalloc1((size_t)dims[0] * columns + 1, &rows));
    PetscCall(SnaFileReadArray(file, "/cells", dims[0] * v->ncolumn, rows));
    PetscCall(SnaFileGetError(file, &error));
  }
  for (PetscInt i = 0, r = 0; !error && i < dims[0]; i++) { // both are sorted by cell
    const double *row = rows + (size_t)i * columns;
    while (r < v->ncell && (double)v->index[r] < row[CELL]) r++;
    // a row of nan, or one that did not converge, is tried again
    if (r == v->ncell || (double)v->index[r] != row[CELL] || !(row[v->ncolumn - AFTER + CONVERGED] > 0)) continue;
    PetscCall(PetscArraycpy(v->row + (size_t)r * columns, row, columns));
    v->row_done[r] = PETSC_TRUE;
  }
  PetscCall(PetscFree(rows));
  if (error) PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE, "%s", error));
  *ok = (PetscBool)!error;
  PetscFunctionReturn(0);
}
