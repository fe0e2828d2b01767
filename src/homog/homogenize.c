// homogenize.c - one image in, tensors out: the solves that pre-flight leaves, on the octant where it stands for the cell.
//
// Closed pores are filled with solid first: nothing flows in them. Does not know decks or files.
#include "homogenize_impl.h"
#include <math.h>

#define TIGHTEST 1e-12 // tolerance that the solvers reach

static const char *const variant_name[SNA_NPHYSICS][2] = {
  {"elasticity", ""}, {"conductivity", ""}, {"permeability, walls", "permeability, no walls"}};

// What this file knows about the solve at hand.
static void Describe(Homog *h, const Solve *solve)
{
  h->last.physics = solve->physics;
  h->last.what    = variant_name[solve->physics][solve->variant];
  h->last.load    = solve->load;
  h->last.rtol    = h->spec->rtol[solve->physics];
  h->last.comm    = h->comm;
  h->last.solve   = h->next;
  h->last.solves  = h->nsolve;
}

static PetscErrorCode Forward(void *ctx, const SnaHomogIteration *it, PetscBool *stop)
{
  Homog       *h     = (Homog *)ctx;
  const Solve *solve = &h->solve[h->next];
  const double share = it->residual > 0 ? log(it->residual) / log(it->rtol) : 1;

  PetscFunctionBeginUser;
  h->largest = PetscMax(h->largest, PetscMin(1, share));
  Describe(h, solve);
  h->last.it       = it->it;
  h->last.residual = it->residual;
  h->last.rtol     = it->rtol;
  h->last.work     = (h->work_done + h->largest * solve->work) / h->work;
  if (h->monitor) PetscCall(h->monitor(h->ctx, &h->last, stop));
  PetscFunctionReturn(0);
}

// Have loads i and j of one physics a term in common that is not zero by symmetry?
static PetscBool Coupled(const Homog *h, SnaPhysics physics, PetscInt i, PetscInt j)
{
  if (i == j || physics == SNA_PERMEABILITY) return PETSC_FALSE;
  return (PetscBool)(!h->octant || (physics == SNA_ELASTICITY && i < 3 && j < 3));
}

static PetscBool Later(const Homog *h, SnaPhysics physics, PetscInt load)
{
  for (PetscInt s = h->next + 1; s < h->nsolve; s++)
    if (h->solve[s].physics == physics && h->solve[s].load == load) return PETSC_TRUE;
  return PETSC_FALSE;
}

// Terms with loads whose solution is not at hand, now or later, come from this load's average alone, whose error is linear in the residual.
static double Tolerance(const Homog *h, const Solve *solve, const PetscBool kept[6])
{
  const double     rtol  = h->spec->rtol[solve->physics];
  const SnaTensor *t     = &h->result->tensor[solve->physics];
  PetscBool        alone = PETSC_FALSE;

  for (PetscInt i = 0; i < SnaHomogLoads(solve->physics); i++)
    if (Coupled(h, solve->physics, i, solve->load) && !t->zero[i] && !kept[i] && !Later(h, solve->physics, i))
      alone = PETSC_TRUE;
  return alone ? PetscMin(rtol, PetscMax(pow(rtol, 1.75), TIGHTEST)) : rtol;
}

// The terms that this load has in common with earlier ones: the better of the two values is this one.
static PetscErrorCode TakeCoupling(Homog *h, SnaCell cell, const Solve *solve, PetscBool kept[6])
{
  SnaTensor     *t     = &h->result->tensor[solve->physics];
  const PetscInt j     = solve->load;
  PetscBool      later = PETSC_FALSE;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < SnaHomogLoads(solve->physics); i++) {
    if (!Coupled(h, solve->physics, i, j)) continue;
    later = (PetscBool)(later || Later(h, solve->physics, i));
    if (!t->done[0][i]) continue;
    if (kept[i]) PetscCall(SnaCellCross(cell, i, &t->outcome[0][j].mean[i]));
    t->outcome[0][i].mean[j] = t->outcome[0][j].mean[i];
  }
  if (!later || h->task->lean) PetscFunctionReturn(0);
  PetscCall(SnaCellKeep(cell, j));
  kept[j] = PETSC_TRUE;
  PetscFunctionReturn(0);
}

// All solves that are left, in the order of the plan: one cell serves the loads of one physics and variant.
static PetscErrorCode SolveAll(Homog *h, SnaVoxels image, SnaVoxels filled)
{
  SnaHomogSpec spec = *h->spec; // with the tolerance of the load at hand
  SnaCell      cell = NULL;
  PetscBool    stop = PETSC_FALSE, kept[6];

  PetscFunctionBeginUser;
  for (h->next = 0; h->next < h->nsolve && !stop; h->next++) {
    const Solve *solve = &h->solve[h->next], *before = h->next ? solve - 1 : NULL;
    SnaVoxels    on      = solve->physics == SNA_PERMEABILITY ? filled : image;
    SnaTensor   *t       = &h->result->tensor[solve->physics];
    double       load[6] = {0};
    SnaCellLoad  outcome;

    if (!before || before->physics != solve->physics || before->variant != solve->variant) {
      PetscCall(SnaCellDestroy(&cell));
      PetscCall(SnaCellCreate(on, h->octant, solve->physics, solve->variant, &spec, &cell));
      PetscCall(PetscMemzero(kept, sizeof(kept)));
    }
    load[solve->load]         = 1;
    h->largest                = 0;
    spec.rtol[solve->physics] = Tolerance(h, solve, kept);
    PetscCall(SnaCellSolve(cell, load, Forward, h, &outcome));
    if (outcome.stopped) {
      t->stopped = PETSC_TRUE;
      break;
    }
    if (!outcome.converged)
      SnaHomogNote(h->result, "%s, load %" PetscInt_FMT ": %s after %" PetscInt_FMT " iterations at residual %.2g",
        variant_name[solve->physics][solve->variant], solve->load + 1,
        outcome.breakdown ? "breaks down" : "not converged", outcome.iterations, outcome.residual);
    t->done[solve->variant][solve->load]    = PETSC_TRUE;
    t->outcome[solve->variant][solve->load] = outcome;
    PetscCall(TakeCoupling(h, cell, solve, kept));
    h->work_done += solve->work;
    SnaHomogAssemble(h, solve->physics);
    if (h->task->loaded) {
      Describe(h, solve);
      h->last.it       = outcome.iterations;
      h->last.residual = outcome.residual;
      h->last.work     = h->work_done / h->work;
      PetscCall(h->task->loaded(h->ctx, cell, on, &h->last, h->result, &stop));
      t->stopped = (PetscBool)(stop && h->next + 1 < h->nsolve);
    }
  }
  PetscCall(SnaCellDestroy(&cell));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// The whole
// ---------------------------------------------------------------------------------------------------------------------
// The images that cells are made of, on at most as many ranks as the octant has planes: *part (NULL on ranks without work; it may be the whole cell itself),
// and *filled without closed pores, which may be the same.
static PetscErrorCode MakeImages(Homog *h, SnaVoxels *part, SnaVoxels *filled)
{
  SnaVoxels      whole = h->voxels, open = NULL;
  PetscMPIInt    size, rank;
  const PetscInt planes = h->voxels->n[2] / (h->octant ? 2 : 1);

  PetscFunctionBeginUser;
  *part = *filled = NULL;
  h->comm         = h->voxels->comm;
  PetscCallMPI(MPI_Comm_size(h->voxels->comm, &size));
  PetscCallMPI(MPI_Comm_rank(h->voxels->comm, &rank));
  if ((PetscInt)size > planes) {
    PetscCallMPI(MPI_Comm_split(h->voxels->comm, (PetscInt)rank < planes ? 0 : MPI_UNDEFINED, rank, &h->comm));
    PetscCall(SnaVoxelsRedistribute(h->voxels, h->comm, &whole));
    if (h->comm == MPI_COMM_NULL) PetscFunctionReturn(0);
  }
  if (h->fill) {
    PetscBool  member[256];
    uint8_t    solid = 0;
    PetscInt64 count;
    SnaHomogMembers(h->spec, SNA_PERMEABILITY, member);
    for (PetscInt p = 0; p < h->spec->nphase; p++)
      if (!h->spec->phase[p].fluid) solid = h->spec->phase[p].value;
    PetscCall(SnaVoxelsDuplicate(whole, &open));
    PetscCall(SnaVoxelsFill(open, member, PETSC_FALSE, -1, solid, &count));
  }
  *part   = whole;
  *filled = open ? open : whole;
  if (h->octant) {
    PetscCall(SnaVoxelsToOctant(whole, part));
    *filled = *part;
    if (open) PetscCall(SnaVoxelsToOctant(open, filled));
    if (whole != h->voxels) PetscCall(SnaVoxelsDestroy(&whole));
    PetscCall(SnaVoxelsDestroy(&open));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaHomogenize(SnaVoxels voxels, const SnaHomogSpec *spec, const SnaHomogTask *task,
  const SnaHomogResult *resume, SnaHomogMonitor monitor, void *ctx, SnaHomogResult *result)
{
  Homog     h = {.voxels = voxels, .spec = spec, .task = task, .monitor = monitor, .ctx = ctx, .result = result};
  SnaVoxels part, filled;

  PetscFunctionBeginUser;
  if (resume && resume != result)
    *result = *resume;
  else if (!resume)
    PetscCall(PetscMemzero(result, sizeof(*result)));
  result->nnote = 0;
  PetscCall(SnaHomogPreflight(&h));
  for (int p = 0; p < SNA_NPHYSICS; p++)
    if (task->physics[p]) SnaHomogAssemble(&h, (SnaPhysics)p);
  if (h.nsolve == 0) PetscFunctionReturn(0);
  PetscCall(MakeImages(&h, &part, &filled));
  if (part) PetscCall(SolveAll(&h, part, filled));
  if (filled != part) PetscCall(SnaVoxelsDestroy(&filled));
  if (part != voxels) PetscCall(SnaVoxelsDestroy(&part));
  if (h.comm != voxels->comm) {
    PetscCall(SnaWaitForAll(voxels->comm));
    PetscCallMPI(MPI_Bcast(result, (PetscMPIInt)sizeof(*result), MPI_BYTE, 0, voxels->comm));
    if (h.comm != MPI_COMM_NULL) PetscCallMPI(MPI_Comm_free(&h.comm));
  }
  PetscFunctionReturn(0);
}
