// homogenize.c - model: homogenize. Life cycle, what is told before the solve, and the solve of one cell.
//
//   stage 0   the image of the deck             stage 1   the same with every voxel cut in 8 (refine: 2)          stage 2   fields of states that no load gave
//
// The numerics are SnaHomogenize(); here its calls become progress lines, pictures, checkpoints and stops.
#include "homogenize.h"
#include <petsctime.h>
#include <string.h>

#define REPORT_SECONDS 0.5 // between progress lines within a load

PetscErrorCode HomogenizeWait(MPI_Comm comm)
{
  MPI_Request request;
  int         arrived = 0;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Ibarrier(comm, &request));
  while (!arrived) {
    PetscCallMPI(MPI_Test(&request, &arrived, MPI_STATUS_IGNORE));
    if (!arrived) PetscCall(PetscSleep(1e-3));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode HomogenizeDue(MPI_Comm group, double seconds, double *last, PetscBool *due)
{
  PetscLogDouble now;
  int            yes;

  PetscFunctionBeginUser;
  PetscCall(PetscTime(&now));
  yes = now - *last >= seconds;
  PetscCallMPI(MPI_Bcast(&yes, 1, MPI_INT, 0, group));
  if (yes) *last = now;
  *due = (PetscBool)(yes != 0);
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Set-up and view
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode SnaModelSetFromOptions_Homogenize(SnaModel model, SnaDeck deck)
{
  PetscFunctionBeginUser;
  PetscCall(HomogenizeReadDeck(model, deck));
  PetscCall(HomogenizeBatchReadDeck(model, deck));
  PetscFunctionReturn(0);
}

static PetscErrorCode SnaModelSetUp_Homogenize(SnaModel model, SnaDeck deck)
{
  Homogenize *v = (Homogenize *)model->data;
  PetscInt    errors;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetErrorCount(deck, &errors));
  if (errors > 0) PetscFunctionReturn(0);
  if (v->batch)
    PetscCall(HomogenizeBatchSetUp(model, deck));
  else
    PetscCall(HomogenizeSetUpImage(model, deck));
  PetscFunctionReturn(0);
}

PetscErrorCode HomogenizeViewTask(SnaModel model)
{
  Homogenize *v = (Homogenize *)model->data;

  PetscFunctionBeginUser;
  for (PetscInt p = 0; p < v->spec.nphase; p++) {
    const SnaPhase *phase     = &v->spec.phase[p];
    char            text[256] = "", one[96];
    if (phase->C[0][0] > 0) {
      const double c11 = phase->C[0][0], c12 = phase->C[0][1], young = (c11 - c12) * (c11 + 2 * c12) / (c11 + c12);
      if (phase->isotropic)
        PetscCall(PetscSNPrintf(one, sizeof(one), "  E %.6g, nu %.6g", young, c12 / (c11 + c12)));
      else
        PetscCall(PetscSNPrintf(one, sizeof(one), "  anisotropic, C11 %.6g", c11));
      PetscCall(PetscStrlcat(text, one, sizeof(text)));
    }
    if (phase->k[0][0] > 0) {
      PetscCall(PetscSNPrintf(one, sizeof(one), "  conductivity %.6g", phase->k[0][0]));
      PetscCall(PetscStrlcat(text, one, sizeof(text)));
      if (phase->k[1][1] != phase->k[0][0] || phase->k[2][2] != phase->k[0][0]) {
        PetscCall(PetscSNPrintf(one, sizeof(one), ", %.6g, %.6g", phase->k[1][1], phase->k[2][2]));
        PetscCall(PetscStrlcat(text, one, sizeof(text)));
      }
    }
    if (v->task.physics[SNA_PERMEABILITY] || !text[0])
      PetscCall(PetscStrlcat(text, phase->fluid ? "  fluid" : "  solid", sizeof(text)));
    PetscCall(PetscPrintf(model->comm, "  phase %-10s value %3d", phase->name, (int)phase->value));
    if (!v->batch)
      PetscCall(PetscPrintf(model->comm, "  %.6g of the volume",
        (double)v->count[phase->value] / ((double)v->n[0] * (double)v->n[1] * (double)v->n[2])));
    PetscCall(PetscPrintf(model->comm, "%s\n", text));
  }
  for (int p = 0; p < SNA_NPHYSICS; p++) {
    static const char *const unit[] = {
      "the unit of the moduli", "the unit of the conductivities", "the unit of length squared"};
    char loads[64] = "";
    if (!v->task.physics[p]) continue;
    for (int l = 0; l < 6; l++) {
      if (!v->task.load[p][l]) continue;
      PetscCall(PetscStrlcat(loads, " ", sizeof(loads)));
      if (p == SNA_ELASTICITY)
        PetscCall(PetscStrlcat(loads, HomogenizeIndex[l], sizeof(loads)));
      else
        PetscCall(PetscStrlcat(loads, l == 0 ? "1" : l == 1 ? "2" : "3", sizeof(loads)));
    }
    PetscCall(PetscPrintf(
      model->comm, "  %s in %s, loads%s, to %.2g\n", HomogenizePhysicsName[p], unit[p], loads, v->spec.rtol[p]));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode SnaModelView_Homogenize(SnaModel model)
{
  Homogenize *v = (Homogenize *)model->data;
  PetscMPIInt size, workers = 0;

  PetscFunctionBeginUser;
  if (v->batch) {
    PetscCall(HomogenizeBatchView(model));
    PetscFunctionReturn(0);
  }
  PetscCallMPI(MPI_Comm_size(model->comm, &size));
  if (v->group != MPI_COMM_NULL) PetscCallMPI(MPI_Comm_size(v->group, &workers)); // rank 0 prints and is in it
  PetscCall(PetscPrintf(model->comm,
    "homogenize: %s, %" PetscInt_FMT " x %" PetscInt_FMT " x %" PetscInt_FMT " voxels of %.6g x %.6g x %.6g\n",
    v->from_file ? v->path : v->shape.kind, v->n[0], v->n[1], v->n[2], v->h[0], v->h[1], v->h[2]));
  PetscCall(HomogenizeViewTask(model));
  if (v->mirrors[0] && v->mirrors[1] && v->mirrors[2])
    PetscCall(PetscPrintf(model->comm, "  mirror-symmetric about x, y and z%s: solved on %s\n",
      v->cubic ? ", and cubic" : "", v->use_octant ? "one octant" : "the whole cell"));
  else
    PetscCall(PetscPrintf(model->comm, "  without three mirrors: solved on the whole cell\n"));
  PetscCall(PetscPrintf(model->comm, "  memory about %.3g GB on %d rank%s of %d, %.3g GB available\n",
    v->memory * (double)workers / 1e9, workers, workers > 1 ? "s" : "", size, v->available * (double)workers / 1e9));
  if (v->task.lean)
    PetscCall(PetscPrintf(
      model->comm, "  note: too little memory to keep solutions: terms between two loads take more iterations\n"));
  if (workers < size)
    PetscCall(
      PetscPrintf(model->comm, "  note: %d of %d ranks wait: the grid has %d planes\n", size - workers, size, workers));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Solve
// ---------------------------------------------------------------------------------------------------------------------
static const char *LoadName(const Homogenize *v, const SnaHomogIteration *it)
{
  if (v->stage == 2 && it->physics == SNA_ELASTICITY && v->macroscopic) return "macroscopic";
  return it->physics == SNA_ELASTICITY ? HomogenizeIndex[it->load] : it->load == 0 ? "1" : it->load == 1 ? "2" : "3";
}

static PetscErrorCode Tell(SnaModel model, const SnaHomogIteration *it, PetscBool loaded, PetscBool *stop)
{
  Homogenize  *v = (Homogenize *)model->data;
  char         line[256];
  SnaIteration out = {.group = v->group,
    .replicas                = 1,
    .step                    = ++v->step,
    .line                    = line,
    .what                    = it->what,
    .picture                 = (PetscBool)(loaded && v->stage == 0)};

  PetscFunctionBeginUser;
  if (!model->monitor) PetscFunctionReturn(0);
  out.done  = it->solve + 1;
  out.total = it->solves;
  out.work  = (v->work + v->stage_work * it->work) / v->total_work;
  out.final = (PetscBool)(loaded && out.work > 1 - 1e-12);
  PetscCall(PetscSNPrintf(line, sizeof(line), "%sload %s  it %" PetscInt_FMT "  res %.2e",
    v->stage == 1   ? "refined  "
    : v->stage == 2 ? "fields  "
                    : "",
    LoadName(v, it), it->it, it->residual));
  PetscCall(model->monitor(model->monitor_ctx, model, &out, stop));
  PetscFunctionReturn(0);
}

static PetscErrorCode Monitor(void *ctx, const SnaHomogIteration *it, PetscBool *stop)
{
  SnaModel          model = (SnaModel)ctx;
  Homogenize       *v     = (Homogenize *)model->data;
  SnaHomogIteration field = *it; // the solve of a field is one by itself
  PetscBool         due;

  PetscFunctionBeginUser;
  if (it->residual <= it->rtol) PetscFunctionReturn(0); // the end of the load is told by itself
  PetscCall(HomogenizeDue(v->group, REPORT_SECONDS, &v->last_report, &due));
  if (!due) PetscFunctionReturn(0);
  if (v->stage == 2) {
    field.comm   = v->group;
    field.solve  = 0;
    field.solves = 1;
    field.work   = 0;
  }
  PetscCall(Tell(model, &field, PETSC_FALSE, stop));
  PetscFunctionReturn(0);
}

static PetscErrorCode Loaded(
  void *ctx, SnaCell cell, SnaVoxels image, const SnaHomogIteration *it, const SnaHomogResult *result, PetscBool *stop)
{
  SnaModel                model  = (SnaModel)ctx;
  Homogenize             *v      = (Homogenize *)model->data;
  const HomogenizeFields *fields = &v->fields[it->physics];

  PetscFunctionBeginUser;
  v->result[v->stage] = *result;
  v->cell             = cell;
  v->image            = image;
  v->physics          = it->physics;
  PetscCall(PetscSNPrintf(v->caption, sizeof(v->caption), "%s, load %s", it->what, LoadName(v, it)));
  // Of the two variants of the permeability the first, with walls, is the one whose field is kept.
  if (v->stage == 0 && fields->any && !fields->taken && it->load == fields->load)
    PetscCall(HomogenizeTakeFields(v, cell, image, it->physics));
  PetscCall(PetscTime(&v->last_report));
  PetscCall(Tell(model, it, PETSC_TRUE, stop));
  v->cell  = NULL;
  v->image = NULL;
  PetscFunctionReturn(0);
}

static PetscErrorCode RunStage(SnaModel model, SnaVoxels voxels, SnaSolveStatus *status)
{
  Homogenize     *v      = (Homogenize *)model->data;
  SnaHomogResult *result = &v->result[v->stage];

  PetscFunctionBeginUser;
  v->task.loaded = Loaded;
  PetscCall(SnaHomogenize(voxels, &v->spec, &v->task, result, Monitor, model, result));
  for (int p = 0; p < SNA_NPHYSICS; p++) {
    if (!v->task.physics[p]) continue;
    if (result->tensor[p].stopped) *status = SNA_SOLVE_STOPPED;
    if (!result->tensor[p].converged) *status = PetscMax(*status, SNA_SOLVE_NOTCONVERGED);
  }
  v->work += v->stage_work;
  PetscFunctionReturn(0);
}

// The stages on the ranks of the group.
static PetscErrorCode SolveOnGroup(SnaModel model, SnaSolveStatus *status)
{
  Homogenize *v = (Homogenize *)model->data;
  SnaVoxels   fine;
  PetscBool   stopped = PETSC_FALSE, converged = PETSC_TRUE;

  PetscFunctionBeginUser;
  v->stage      = 0;
  v->stage_work = 1;
  PetscCall(RunStage(model, v->voxels, status));
  if (v->refine == 2 && *status != SNA_SOLVE_STOPPED) {
    v->stage      = 1;
    v->stage_work = 8;
    PetscCall(SnaVoxelsRefine(v->voxels, 2, &fine));
    PetscCall(RunStage(model, fine, status));
    PetscCall(SnaVoxelsDestroy(&fine));
  }
  if (*status == SNA_SOLVE_STOPPED) PetscFunctionReturn(0);
  v->stage      = 2;
  v->stage_work = v->total_work - v->work;
  PetscCall(HomogenizeSolveFields(model, Monitor, &stopped, &converged));
  if (!converged) *status = SNA_SOLVE_NOTCONVERGED;
  if (stopped) *status = SNA_SOLVE_STOPPED;
  PetscFunctionReturn(0);
}

static PetscErrorCode SnaModelSolve_Homogenize(SnaModel model, SnaResults results, SnaSolveStatus *status)
{
  Homogenize *v = (Homogenize *)model->data;
  int         state;

  PetscFunctionBeginUser;
  *status = SNA_SOLVE_CONVERGED;
  if (v->batch) {
    PetscCall(HomogenizeBatchSolve(model, results, status));
    PetscFunctionReturn(0);
  }
  PetscCall(PetscTime(&v->last_report));
  v->work       = 0;
  v->total_work = (v->refine == 2 ? 9 : 1) + (v->fields[SNA_ELASTICITY].any && v->macroscopic ? 0.3 : 0);
  if (v->voxels) PetscCall(SolveOnGroup(model, status));
  PetscCall(HomogenizeWait(model->comm));
  state = (int)*status;
  PetscCallMPI(MPI_Bcast(&state, 1, MPI_INT, 0, model->comm));
  PetscCallMPI(MPI_Bcast(v->result, (PetscMPIInt)sizeof(v->result), MPI_BYTE, 0, model->comm));
  *status     = (SnaSolveStatus)state;
  v->finished = (PetscBool)(*status != SNA_SOLVE_STOPPED);
  if (v->finished) PetscCall(HomogenizeAddResults(model, results));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Files
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode SnaModelWrite_Homogenize(SnaModel model, SnaFile file)
{
  Homogenize *v = (Homogenize *)model->data;

  PetscFunctionBeginUser;
  if (v->batch)
    PetscCall(HomogenizeBatchWrite(model, file));
  else {
    PetscCall(HomogenizeWriteState(model, file));
    if (v->finished) PetscCall(HomogenizeWriteFields(model, file));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode SnaModelRead_Homogenize(
  SnaModel model, SnaFile file, PetscBool *ok, char message[SNA_MAX_MESSAGE])
{
  Homogenize *v = (Homogenize *)model->data;

  PetscFunctionBeginUser;
  if (v->batch)
    PetscCall(HomogenizeBatchReadState(model, file, ok, message));
  else
    PetscCall(HomogenizeReadState(model, file, ok, message));
  PetscFunctionReturn(0);
}

static PetscErrorCode SnaModelGrids_Homogenize(SnaModel model, PetscInt *n, const SnaModelGrid **grid)
{
  Homogenize *v = (Homogenize *)model->data;

  PetscFunctionBeginUser;
  *n    = v->ngrid;
  *grid = v->grid;
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Life cycle
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode SnaModelDestroy_Homogenize(SnaModel model)
{
  Homogenize *v = (Homogenize *)model->data;

  PetscFunctionBeginUser;
  PetscCall(SnaVoxelsDestroy(&v->voxels));
  for (int p = 0; p < SNA_NPHYSICS; p++)
    for (int f = 0; f < HOMOGENIZE_MAX_FIELDS; f++) PetscCall(PetscFree(v->fields[p].data[f]));
  PetscCall(HomogenizeBatchDestroy(v));
  if (v->group != MPI_COMM_NULL) PetscCallMPI(MPI_Comm_free(&v->group));
  PetscCall(PetscFree(model->data));
  PetscFunctionReturn(0);
}

int SnaModelGetTables_Homogenize(int max, const char *title[], const SnaOption *table[])
{
  return HomogenizeGetTables(max, title, table);
}

PetscErrorCode SnaModelCreate_Homogenize(SnaModel model)
{
  Homogenize *v;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&v));
  v->group    = MPI_COMM_NULL;
  model->data = v;
  model->ops  = (SnaModelOps){.setfromoptions = SnaModelSetFromOptions_Homogenize,
     .setup                                   = SnaModelSetUp_Homogenize,
     .view                                    = SnaModelView_Homogenize,
     .solve                                   = SnaModelSolve_Homogenize,
     .write                                   = SnaModelWrite_Homogenize,
     .read                                    = SnaModelRead_Homogenize,
     .grids                                   = SnaModelGrids_Homogenize,
     .picture                                 = HomogenizePicture,
     .destroy                                 = SnaModelDestroy_Homogenize};
  PetscFunctionReturn(0);
}
