// vsna_solve_tt.c - format tensor_train: one replica from a tolerance (SnaTtAls); what it decided and warned of, its estimate, its restart state.
//
// rtol is relative to ||u||, u = lift + field, and the solver's tolerance to ||field||. Their ratio is known well enough after the solver's trial stage, whose train
// is good to a per cent; from there on the solver aims at RATIO_MARGIN rtol ||u||/||field||. The ratio is part of the state.
#include "vsna.h"
#include <stddef.h>
#include <unistd.h>

#define RATIO_MARGIN 0.97 // for the error of the trial
#define MAX_RTOL     0.1  // for fields that are small beside the lift
#define BAD_ORDER    0.5  // work of the best order over that of ours, below which it is told
#define MEMORY_SHARE 0.75 // of the machine's memory, shared by its ranks, into which ranks of the train may grow

static const char *const stage_names[] = {"trial", "growth", "polish", "done"};

// ---------------------------------------------------------------------------------------------------------------------
// Set-up
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode MemoryPerRank(MPI_Comm comm, double *bytes)
{
  MPI_Comm    node;
  PetscMPIInt ranks;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node));
  PetscCallMPI(MPI_Comm_size(node, &ranks));
  PetscCallMPI(MPI_Comm_free(&node));
  *bytes = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / (double)ranks;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, bytes, 1, MPI_DOUBLE, MPI_MIN, comm));
  PetscFunctionReturn(0);
}

static PetscErrorCode CheckSetUp_TT(SnaModel model, SnaDeck deck)
{
  Vsna            *v        = (Vsna *)model->data;
  SnaTtAlsOptions *o        = &v->tt_options;
  PetscInt         smallest = 0;
  double           bytes, machine;

  PetscFunctionBeginUser;
  PetscCall(MemoryPerRank(model->comm, &machine));
  o->memory = MEMORY_SHARE * machine;
  if (o->max_rank > 0) {
    PetscCall(SnaTtAlsGetMemory(v->level[0]->tt.lsq, o->order, o->max_rank, &bytes));
    if (bytes > o->memory)
      PetscCall(SnaDeckError(deck, "vsna_tt_max_rank", NULL,
        "ranks up to %" PetscInt_FMT " need about %.3g GB per rank of MPI; %.3g GB are there (%g of the machine's "
        "memory, shared by its ranks)",
        o->max_rank, bytes / 1e9, o->memory / 1e9, MEMORY_SHARE));
  }
  for (PetscInt d = 0; d < v->nd; d++) smallest += v->level[0]->tt.lsq->dir[d].n;
  if (o->parameters > 0 && o->parameters < smallest)
    PetscCall(SnaDeckError(deck, "vsna_parameters", NULL,
      "a product of one function per direction has %" PetscInt_FMT " numbers already", smallest));
  PetscFunctionReturn(0);
}

static PetscErrorCode View_TT(SnaModel model)
{
  Vsna                  *v = (Vsna *)model->data;
  const SnaTtAlsOptions *o = &v->tt_options;
  char                  *order, target[64] = "";

  PetscFunctionBeginUser;
  PetscCall(VsnaJoinNames(&model->info, v->nd, o->order, &order));
  if (o->parameters > 0)
    PetscCall(PetscSNPrintf(target, sizeof(target), ", rounded to %" PetscInt_FMT " parameters", o->parameters));
  PetscCall(
    PetscPrintf(model->comm, "  tensor train: relative L2 error of %s below %g%s\n", v->unknown, o->rtol, target));
  PetscCall(PetscPrintf(model->comm, "  order %s %s\n", order,
    v->order_given ? "(the deck's)" : "(directions that the equation couples stand together)"));
  if (o->max_rank > 0)
    PetscCall(PetscPrintf(
      model->comm, "  ranks up to %" PetscInt_FMT " and %.3g GB per rank of MPI\n", o->max_rank, o->memory / 1e9));
  else
    PetscCall(PetscPrintf(model->comm, "  ranks as needed, up to %.3g GB per rank of MPI\n", o->memory / 1e9));
  PetscCall(PetscFree(order));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Solving
// ---------------------------------------------------------------------------------------------------------------------
// Values that are not finite on a level that the deck's own set-up did not see end the run: Step finds level_error and takes the handler off again.
static PetscErrorCode Level(void *ctx, const PetscInt cells[], const SnaTtLevel **level)
{
  SnaModel         model = (SnaModel)ctx;
  const VsnaLevel *made;

  PetscFunctionBeginUser;
  PetscCall(VsnaGetLevel(model, NULL, cells, &made));
  if (!made) {
    PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
    PetscFunctionReturn(PETSC_ERR_USER_INPUT);
  }
  *level = &made->tt;
  PetscFunctionReturn(0);
}

static PetscErrorCode CreateSolver(SnaModel model, PetscInt k)
{
  Vsna           *v       = (Vsna *)model->data;
  SnaTtAlsOptions options = v->tt_options;
  const double    ratio   = v->replica[k].ratio;

  PetscFunctionBeginUser;
  options.seed += (uint64_t)k;
  if (ratio > 0) options.rtol = PetscMin(options.rtol * ratio, PetscMax(options.rtol, MAX_RTOL));
  PetscCall(SnaTtAlsCreate(v->workers, v->nd, v->level[0]->tt.cells, Level, model, &options, &v->tt_als));
  PetscFunctionReturn(0);
}

static PetscErrorCode Create_TT(SnaModel model, PetscInt k)
{
  Vsna        *v = (Vsna *)model->data;
  VsnaReplica *r = &v->replica[k];

  PetscFunctionBeginUser;
  PetscCall(CreateSolver(model, k));
  if (r->valid) {
    SnaTt tt;
    PetscCall(SnaFieldGetTT(r->field, &tt));
    PetscCall(SnaTtAlsSetState(v->tt_als, &r->state.tt, tt));
  }
  PetscFunctionReturn(0);
}

// After the trial the solver goes on with the tolerance that rtol means for the field.
static PetscErrorCode SetRatio(SnaModel model, VsnaReplica *r)
{
  Vsna             *v = (Vsna *)model->data;
  const SnaTtLevel *level;
  const VsnaLevel  *own;
  SnaTt             tt, copy;
  double            u, field;

  PetscFunctionBeginUser;
  PetscCall(SnaTtAlsGetTt(v->tt_als, &tt, &level));
  PetscCall(VsnaGetLevel(model, NULL, level->cells, &own));
  PetscCall(VsnaSolutionNorms(v, own, tt, &u, &field));
  r->ratio = field > 0 && u > 0 ? RATIO_MARGIN * u / field : 1;
  PetscCall(SnaTtDuplicate(tt, &copy));
  PetscCall(SnaTtAlsDestroy(&v->tt_als));
  PetscCall(CreateSolver(model, v->current));
  PetscCall(SnaTtAlsSetState(v->tt_als, &r->state.tt, copy));
  PetscCall(SnaTtDestroy(&copy));
  PetscFunctionReturn(0);
}

// A run that a level ended before there was a train has the zero function.
static PetscErrorCode GiveUp(SnaModel model, VsnaReplica *r)
{
  Vsna    *v = (Vsna *)model->data;
  PetscInt n[SNA_MAX_DIM], one[SNA_MAX_DIM + 1], dir[SNA_MAX_DIM];
  SnaTt    zero;

  PetscFunctionBeginUser;
  PetscCall(PetscPopErrorHandler());
  PetscCall(PetscFPrintf(v->workers, PETSC_STDERR, "vsna: on the cells of a coarser level, %s\n", v->level_error));
  v->level_error[0] = 0;
  PetscCall(SnaTtAlsDestroy(&v->tt_als));
  if (!r->field) {
    for (PetscInt d = 0; d < v->nd; d++) {
      n[d]   = v->level[0]->tt.lsq->dir[d].n;
      dir[d] = d;
    }
    for (PetscInt k = 0; k <= v->nd; k++) one[k] = 1;
    PetscCall(SnaTtCreate(v->nd, dir, n, one, one, NULL, &zero));
    PetscCall(SnaFieldCreateTT(v->nd, v->level[0]->tt.bases, zero, &r->field));
    PetscCall(SnaTtDestroy(&zero));
    r->level              = v->level[0];
    r->state.tt.objective = PETSC_MAX_REAL;
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode Step_TT(SnaModel model, VsnaReplica *r, VsnaHistoryRow *row, SnaIteration *it, size_t size,
  char line[], PetscBool *done, SnaSolveStatus *status)
{
  Vsna          *v       = (Vsna *)model->data;
  SnaTtAlsState *s       = &r->state.tt;
  const PetscInt before  = s->stage;
  PetscInt       largest = 1;
  char          *ranks;

  PetscFunctionBeginUser;
  *done = PETSC_TRUE;
  if (r->ratio == 0 && v->lift.n > 0 && (before == SNA_TT_GROWTH || before == SNA_TT_POLISH))
    PetscCall(SetRatio(model, r));
  if (before != SNA_TT_DONE) {
    PetscErrorCode ierr = SnaTtAlsStep(v->tt_als, done);
    if (v->level_error[0]) {
      PetscCall(GiveUp(model, r));
      *status = SNA_SOLVE_NOTCONVERGED;
      *done   = PETSC_TRUE;
    } else {
      PetscCall(ierr);
      PetscCall(SnaTtAlsGetState(v->tt_als, s));
    }
  }
  if (s->failed) {
    *status = SNA_SOLVE_NOTCONVERGED;
    PetscCall(PetscFPrintf(v->workers, PETSC_STDERR,
      "vsna: the local system of direction %s could not be solved in half sweep %" PetscInt_FMT
      "; look at the options of the local solver (vsna: tt: ksp_*)\n",
      model->info.name[s->failed - 1], s->total));
  } else if (!*done && s->total >= v->tt_max_sweeps) {
    *status = SNA_SOLVE_NOTCONVERGED;
    *done   = PETSC_TRUE;
    PetscCall(PetscFPrintf(v->workers, PETSC_STDERR,
      "vsna: %" PetscInt_FMT " half sweeps ended in stage %s; raise tt: max_sweeps\n", s->total,
      stage_names[s->stage]));
  }
  for (PetscInt k = 0; k <= v->nd; k++) largest = PetscMax(largest, s->rank[k]);
  *row = (VsnaHistoryRow){{(double)s->total, (double)largest, (double)before, s->residual, s->change, s->tolerance}};
  it->step  = s->total;
  it->work  = s->work;
  it->done  = s->total;
  it->total = 0;
  PetscCall(VsnaJoinInts(v->nd + 1, s->rank, &ranks));
  PetscCall(PetscSNPrintf(line, size, "%-6s  tol %.1e  ranks %s  res %.3e  change %.1e", stage_names[before],
    s->tolerance, ranks, s->residual, s->change));
  PetscCall(PetscFree(ranks));
  PetscFunctionReturn(0);
}

static PetscErrorCode GetField_TT(SnaModel model, VsnaReplica *r)
{
  Vsna             *v = (Vsna *)model->data;
  const SnaTtLevel *level;
  SnaTt             tt;

  PetscFunctionBeginUser;
  PetscCall(SnaTtAlsGetTt(v->tt_als, &tt, &level));
  PetscCall(VsnaGetLevel(model, NULL, level->cells, &r->level));
  PetscCall(SnaFieldDestroy(&r->field));
  PetscCall(SnaFieldCreateTT(v->nd, r->level->tt.bases, tt, &r->field));
  r->valid = PETSC_TRUE;
  PetscFunctionReturn(0);
}

static PetscErrorCode Destroy_TT(Vsna *v)
{
  PetscFunctionBeginUser;
  PetscCall(SnaTtAlsDestroy(&v->tt_als));
  PetscFunctionReturn(0);
}

static double Objective_TT(const VsnaReplica *r)
{
  return r->state.tt.objective;
}

// ---------------------------------------------------------------------------------------------------------------------
// Results
// ---------------------------------------------------------------------------------------------------------------------
// "x, y" of the directions with a bit.
static PetscErrorCode NamesOfBits(const SnaModelInfo *info, PetscInt bits, char **text)
{
  PetscInt n = 0, dir[SNA_MAX_DIM];

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < info->nd; d++)
    if (bits & (1 << d)) dir[n++] = d;
  PetscCall(VsnaJoinNames(info, n, dir, text));
  PetscFunctionReturn(0);
}

static PetscErrorCode Warn(SnaModel model, const VsnaReplica *r, double estimate, double share)
{
  const Vsna            *v = (const Vsna *)model->data;
  const SnaTtAlsOptions *o = &v->tt_options;
  const SnaTtAlsState   *s = &r->state.tt;
  char                  *names, cells[512] = "";

  PetscFunctionBeginUser;
  if (s->capped_modes) {
    PetscCall(NamesOfBits(&model->info, s->capped_modes, &names));
    PetscCall(PetscFPrintf(model->comm, PETSC_STDERR,
      "vsna: the modes of %s fill the splines of the coarse level, some may be missing; use more cells there\n",
      names));
    PetscCall(PetscFree(names));
  }
  if (s->rank_limited)
    PetscCall(PetscFPrintf(model->comm, PETSC_STDERR,
      "vsna: the ranks were held at tt: max_rank = %" PetscInt_FMT "; the estimate does not know what is missing\n",
      o->max_rank));
  if (s->memory_limited)
    PetscCall(PetscFPrintf(model->comm, PETSC_STDERR,
      "vsna: the ranks were held by the memory of the machine, %.3g GB per rank of MPI; the estimate does not know "
      "what is missing\n",
      o->memory / 1e9));
  if (s->tight && !s->rank_limited && !s->memory_limited)
    PetscCall(PetscFPrintf(model->comm, PETSC_STDERR,
      "vsna: the ranks have little margin over what the tolerance keeps, and growing them again did not help: the "
      "estimate may be too small; check with a smaller rtol, or another order\n"));
  for (PetscInt d = 0; d < v->nd; d++) {
    char one[96];
    if (s->cells_needed[d] <= v->dir[d].spec.resolution) continue;
    PetscCall(PetscSNPrintf(
      one, sizeof(one), "%s%s: %" PetscInt_FMT, cells[0] ? ", " : "", model->info.name[d], s->cells_needed[d]));
    PetscCall(PetscStrlcat(cells, one, sizeof(cells)));
  }
  if (estimate > o->rtol && cells[0])
    PetscCall(PetscFPrintf(model->comm, PETSC_STDERR,
      "vsna: the splines leave an error of about %.1e, rtol is %.1e; cells needed: %s\n", s->error_spline * share,
      o->rtol, cells));
  PetscFunctionReturn(0);
}

// The solution knows its ranks in every order: a bad order is told with a better one.
static PetscErrorCode AdviseOrder(SnaModel model, const VsnaReplica *r, SnaTt tt, double norm)
{
  Vsna      *v = (Vsna *)model->data;
  SnaTtSpace space;
  PetscInt   dir[SNA_MAX_DIM];
  double     work[2];
  PetscBool  known;
  char      *order;

  PetscFunctionBeginUser;
  PetscCall(SnaTtSpaceCreate(v->nd, r->level->tt.bases, &space));
  PetscCall(SnaTtOrderFromSolution(space, r->level->tt.lsq, tt, v->tt_options.rtol * norm, dir, work, &known));
  PetscCall(SnaTtSpaceDestroy(&space));
  if (!known || work[1] > BAD_ORDER * work[0]) PetscFunctionReturn(0);
  PetscCall(VsnaJoinNames(&model->info, v->nd, dir, &order));
  PetscCall(PetscPrintf(model->comm,
    "note: by the ranks of this solution the order %s takes about %.2g of the work; try -vsna_order %s\n", order,
    work[1] / work[0], order));
  PetscCall(PetscFree(order));
  PetscFunctionReturn(0);
}

static PetscErrorCode Results_TT(SnaModel model, const VsnaReplica *r, SnaResults results, SnaSolveStatus *status)
{
  Vsna                *v = (Vsna *)model->data;
  const SnaTtAlsState *s = &r->state.tt;
  PetscInt             parameters, largest = 1;
  double               u, field, share, judged, estimate, conversion;
  SnaTt                tt;
  char                *order, *ranks, *modes;

  PetscFunctionBeginUser;
  PetscCall(SnaFieldGetTT(r->field, &tt));
  PetscCall(SnaFieldGetParameterCount(v->field, &parameters));
  PetscCall(VsnaSolutionNorms(v, r->level, tt, &u, &field));
  share      = u > 0 ? field / u : 1; // errors relative to the field -> to u
  conversion = v->convert_error * share;
  estimate   = PetscSqrtReal(PetscSqr(s->estimate * share) + PetscSqr(conversion));
  // A number of parameters or a rank of the CP that the deck asked for is not held against the target.
  judged =
    share * (v->tt_options.parameters > 0
                ? PetscSqrtReal(PetscSqr(s->error_algebraic) + PetscSqr(s->error_spline) + PetscSqr(s->error_ranks))
                : s->estimate);
  PetscCall(VsnaJoinNames(&model->info, v->nd, tt->dir, &order));
  PetscCall(VsnaJoinInts(v->nd + 1, tt->r, &ranks));
  PetscCall(VsnaJoinInts(v->nd, tt->m, &modes));
  for (PetscInt k = 0; k <= v->nd; k++) largest = PetscMax(largest, tt->r[k]);
  if (*status != SNA_SOLVE_STOPPED) {
    PetscCall(PetscPrintf(model->comm, "order %s  ranks %s  modes %s\n", order, ranks, modes));
    if (s->stage == SNA_TT_DONE) {
      PetscCall(PetscPrintf(model->comm,
        "estimate of the relative L2 error of %s: %.2e (iteration %.1e, rounding %.1e, splines %.1e, ranks %.1e",
        v->unknown, estimate, s->error_algebraic * share, s->error_rounding * share, s->error_spline * share,
        PetscSqrtReal(PetscSqr(s->error_ranks) + PetscSqr(s->cut_off)) * share));
      if (v->converted) PetscCall(PetscPrintf(model->comm, ", conversion %.1e", conversion));
      PetscCall(PetscPrintf(model->comm, "); target %.1e\n", v->tt_options.rtol));
    }
    PetscCall(Warn(model, r, judged, share));
    if (s->stage == SNA_TT_DONE) PetscCall(AdviseOrder(model, r, tt, field));
    if (s->stage == SNA_TT_DONE && judged > v->tt_options.rtol * (1 + 1e-6)) {
      PetscCall(PetscFPrintf(
        model->comm, PETSC_STDERR, "vsna: the estimate %.2e is above rtol = %.1e\n", judged, v->tt_options.rtol));
      *status = SNA_SOLVE_NOTCONVERGED;
    }
    if (s->rank_limited || s->memory_limited) *status = SNA_SOLVE_NOTCONVERGED;
  }
  PetscCall(SnaResultsAdd(results, "residual", s->residual));
  PetscCall(SnaResultsAdd(results, "objective", s->objective));
  PetscCall(SnaResultsAdd(results, "rank", (double)(v->converted ? v->convert_rank : largest)));
  PetscCall(VsnaAddTrainResults(model, tt, results));
  PetscCall(SnaResultsAdd(results, "parameters", (double)parameters));
  if (s->stage == SNA_TT_DONE) {
    PetscCall(SnaResultsAdd(results, "error_estimate", estimate));
    PetscCall(SnaResultsAdd(results, "error_algebraic", s->error_algebraic * share));
    PetscCall(SnaResultsAdd(results, "error_rounding", s->error_rounding * share));
    PetscCall(SnaResultsAdd(results, "error_spline", s->error_spline * share));
    PetscCall(
      SnaResultsAdd(results, "error_ranks", PetscSqrtReal(PetscSqr(s->error_ranks) + PetscSqr(s->cut_off)) * share));
    if (v->converted) PetscCall(SnaResultsAdd(results, "error_conversion", conversion));
  }
  PetscCall(SnaResultsAdd(results, "sweeps", (double)s->total));
  PetscCall(PetscFree(order));
  PetscCall(PetscFree(ranks));
  PetscCall(PetscFree(modes));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Files: every number of SnaTtAlsState as a dataset of /state (one that is forgotten here shows in tests/ranks/tt_restart.py)
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  const char *name;
  size_t      offset;
  PetscInt    each, more; // count = each*nd + more
} StateEntry;
static const StateEntry int_entries[] = {
  {"stage", offsetof(SnaTtAlsState, stage), 0, 1},
  {"sweep", offsetof(SnaTtAlsState, sweep), 0, 1},
  {"total", offsetof(SnaTtAlsState, total), 0, 1},
  {"centre", offsetof(SnaTtAlsState, centre), 0, 1},
  {"cells", offsetof(SnaTtAlsState, cells), 1, 0},
  {"rank", offsetof(SnaTtAlsState, rank), 1, 1},
  {"mode", offsetof(SnaTtAlsState, mode), 1, 0},
  {"cells_needed", offsetof(SnaTtAlsState, cells_needed), 1, 0},
  {"capped_modes", offsetof(SnaTtAlsState, capped_modes), 0, 1},
  {"wanted", offsetof(SnaTtAlsState, wanted), 1, 1},
  {"slow", offsetof(SnaTtAlsState, slow), 0, 1},
  {"regrown", offsetof(SnaTtAlsState, regrown), 0, 1},
  {"failed", offsetof(SnaTtAlsState, failed), 0, 1},
};
static const StateEntry real_entries[] = {
  {"tolerance", offsetof(SnaTtAlsState, tolerance), 0, 1},
  {"objective", offsetof(SnaTtAlsState, objective), 0, 1},
  {"residual", offsetof(SnaTtAlsState, residual), 0, 1},
  {"change", offsetof(SnaTtAlsState, change), 0, 1},
  {"contraction", offsetof(SnaTtAlsState, contraction), 0, 1},
  {"contraction_before", offsetof(SnaTtAlsState, contraction_before), 0, 1},
  {"decay", offsetof(SnaTtAlsState, decay), 2, 2},
  {"trusted", offsetof(SnaTtAlsState, trusted), 0, 2},
  {"saturation", offsetof(SnaTtAlsState, saturation), 0, 1},
  {"norm", offsetof(SnaTtAlsState, norm), 0, 1},
  {"cut_off", offsetof(SnaTtAlsState, cut_off), 0, 1},
  {"error_ranks", offsetof(SnaTtAlsState, error_ranks), 0, 1},
  {"error_algebraic", offsetof(SnaTtAlsState, error_algebraic), 0, 1},
  {"error_rounding", offsetof(SnaTtAlsState, error_rounding), 0, 1},
  {"error_spline", offsetof(SnaTtAlsState, error_spline), 0, 1},
  {"estimate", offsetof(SnaTtAlsState, estimate), 0, 1},
  {"work", offsetof(SnaTtAlsState, work), 0, 1},
};

static PetscErrorCode Write_TT(Vsna *v, const VsnaReplica *r, SnaFile file)
{
  const char    *base      = (const char *)&r->state.tt;
  const PetscInt limited[] = {r->state.tt.rank_limited, r->state.tt.memory_limited, r->state.tt.tight};

  PetscFunctionBeginUser;
  for (size_t e = 0; e < PETSC_STATIC_ARRAY_LENGTH(int_entries); e++) {
    const StateEntry *entry = &int_entries[e];
    char              name[64];
    PetscCall(PetscSNPrintf(name, sizeof(name), "/state/%s", entry->name));
    PetscCall(SnaFileWriteInts(
      file, name, entry->each * v->nd + entry->more, (const PetscInt *)(const void *)(base + entry->offset)));
  }
  for (size_t e = 0; e < PETSC_STATIC_ARRAY_LENGTH(real_entries); e++) {
    const StateEntry *entry = &real_entries[e];
    const PetscInt    n     = entry->each * v->nd + entry->more;
    char              name[64];
    PetscCall(PetscSNPrintf(name, sizeof(name), "/state/%s", entry->name));
    PetscCall(SnaFileWriteArray(file, name, 1, &n, (const double *)(const void *)(base + entry->offset)));
  }
  PetscCall(SnaFileWriteInts(file, "/state/limited", 3, limited));
  PetscCall(SnaFileWriteAttributeReal(file, "/state", "ratio", r->ratio));
  PetscFunctionReturn(0);
}

static PetscErrorCode Read_TT(
  SnaModel model, SnaFile file, VsnaReplica *r, const VsnaLevel **level, char message[SNA_MAX_MESSAGE])
{
  Vsna          *v          = (Vsna *)model->data;
  SnaTtAlsState *s          = &r->state.tt;
  char          *base       = (char *)s;
  PetscInt       limited[3] = {0, 0, 0};
  const char    *error;
  PetscBool      sane;

  PetscFunctionBeginUser;
  *level = NULL;
  PetscCall(PetscArrayzero(s, 1));
  for (size_t e = 0; e < PETSC_STATIC_ARRAY_LENGTH(int_entries); e++) {
    const StateEntry *entry = &int_entries[e];
    char              name[64];
    PetscCall(PetscSNPrintf(name, sizeof(name), "/state/%s", entry->name));
    PetscCall(
      SnaFileReadInts(file, name, entry->each * v->nd + entry->more, (PetscInt *)(void *)(base + entry->offset)));
  }
  for (size_t e = 0; e < PETSC_STATIC_ARRAY_LENGTH(real_entries); e++) {
    const StateEntry *entry = &real_entries[e];
    char              name[64];
    PetscCall(PetscSNPrintf(name, sizeof(name), "/state/%s", entry->name));
    PetscCall(
      SnaFileReadArray(file, name, entry->each * v->nd + entry->more, (double *)(void *)(base + entry->offset)));
  }
  PetscCall(SnaFileReadInts(file, "/state/limited", 3, limited));
  PetscCall(SnaFileReadAttributeReal(file, "/state", "ratio", &r->ratio));
  PetscCall(SnaFileGetError(file, &error));
  if (error) {
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE, "%s", error));
    PetscFunctionReturn(0);
  }
  s->rank_limited   = (PetscBool)(limited[0] != 0);
  s->memory_limited = (PetscBool)(limited[1] != 0);
  s->tight          = (PetscBool)(limited[2] != 0);
  sane = (PetscBool)(s->stage >= SNA_TT_TRIAL && s->stage <= SNA_TT_DONE && (s->centre == 0 || s->centre == v->nd - 1));
  for (PetscInt d = 0; d < v->nd; d++)
    sane = (PetscBool)(sane && s->cells[d] >= 1 && s->cells[d] <= v->dir[d].spec.resolution);
  if (sane)
    PetscCall(VsnaGetLevel(model, NULL, s->cells, level));
  else
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE, "the file's state is not one of this program"));
  if (sane && !*level) PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE, "%s", v->level_error));
  PetscFunctionReturn(0);
}

static PetscErrorCode CheckRead_TT(SnaModel model, const VsnaReplica *r, PetscBool *ok, char message[SNA_MAX_MESSAGE])
{
  const Vsna          *v = (const Vsna *)model->data;
  const SnaTtAlsState *s = &r->state.tt;
  SnaTt                tt;
  char                *theirs, *ours;

  PetscFunctionBeginUser;
  PetscCall(SnaFieldGetTT(r->field, &tt));
  *ok = PETSC_TRUE;
  for (PetscInt k = 0; k < v->nd; k++)
    *ok = (PetscBool)(*ok && tt->r[k + 1] == s->rank[k + 1] && tt->m[k] == s->mode[k]);
  if (!*ok) PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE, "the file's field and its state have different ranks"));
  for (PetscInt k = 0; k < v->nd && *ok && v->order_given; k++) {
    if (tt->dir[k] == v->tt_options.order[k]) continue;
    PetscCall(VsnaJoinNames(&model->info, v->nd, tt->dir, &theirs));
    PetscCall(VsnaJoinNames(&model->info, v->nd, v->tt_options.order, &ours));
    PetscCall(
      PetscSNPrintf(message, SNA_MAX_MESSAGE, "the file's train has the order %s, the deck asks for %s", theirs, ours));
    PetscCall(PetscFree(theirs));
    PetscCall(PetscFree(ours));
    *ok = PETSC_FALSE;
  }
  PetscFunctionReturn(0);
}

const VsnaFormat VsnaFormatTT = {
  .name           = "tensor_train",
  .what           = "tt",
  .history_column = {"sweep", "rank", "stage", "residual", "change", "tolerance", "seconds"},
  .view           = View_TT,
  .checksetup     = CheckSetUp_TT,
  .create         = Create_TT,
  .step           = Step_TT,
  .getfield       = GetField_TT,
  .destroy        = Destroy_TT,
  .objective      = Objective_TT,
  .results        = Results_TT,
  .write          = Write_TT,
  .read           = Read_TT,
  .checkread      = CheckRead_TT,
};
