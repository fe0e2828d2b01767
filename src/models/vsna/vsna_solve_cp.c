// vsna_solve_cp.c - format cp: one replica by alternating least squares along a ladder of ranks (SnaAls); its restart state.
#include "vsna.h"

static PetscInt TargetRank(const Vsna *v)
{
  return v->als_options.rung[v->als_options.nrung - 1];
}

static PetscErrorCode View_CP(SnaModel model)
{
  Vsna          *v = (Vsna *)model->data;
  const PetscInt R = TargetRank(v);
  PetscMPIInt    size;
  PetscInt       unknowns = 0;
  double         factors, band, total;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(model->comm, &size));
  for (PetscInt d = 0; d < v->nd; d++) {
    SnaBasisInfo b;
    PetscCall(SnaBasisGetInfo(v->level[0]->tt.bases[d], &b));
    unknowns += b.n * R;
  }
  PetscCall(
    SnaAlsGetMemory(v->level[0]->tt.lsq, R, PetscMin(2, (PetscMPIInt)(size / v->ngroup)), &factors, &band, &total));
  PetscCall(PetscPrintf(model->comm,
    "  rank %s%" PetscInt_FMT ": %" PetscInt_FMT " parameters; about %.1f MB per rank (largest local band %.1f MB)\n",
    v->rank_auto ? "auto, up to " : "", R, unknowns, total / 1048576.0, band / 1048576.0));
  PetscFunctionReturn(0);
}

static PetscErrorCode CheckSetUp_CP(SnaModel model, SnaDeck deck)
{
  Vsna        *v     = (Vsna *)model->data;
  PetscInt     npair = 0;
  const double R     = (double)TargetRank(v);

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < v->nd; d++) {
    PetscInt count;
    PetscCall(SnaLsqGetCounts(v->level[0]->tt.lsq, d, NULL, &count, NULL));
    npair = PetscMax(npair, count);
  }
  if ((double)npair * R * R > 2e9)
    PetscCall(SnaDeckError(deck, "vsna_rank", NULL,
      "%" PetscInt_FMT " pairs of 1-D operators at this rank are more than a message can hold; lower the rank", npair));
  if (v->rank_auto && v->restarts > 1)
    PetscCall(SnaDeckError(deck, "vsna_restarts", NULL,
      "rank: auto ends every restart at a rank of its own, where their objectives do not compare; use restarts: 1"));
  PetscFunctionReturn(0);
}

static PetscErrorCode Create_CP(SnaModel model, PetscInt k)
{
  Vsna         *v       = (Vsna *)model->data;
  VsnaReplica  *r       = &v->replica[k];
  SnaAlsOptions options = v->als_options;

  PetscFunctionBeginUser;
  options.seed += (uint64_t)k;
  if (r->valid && v->rank_auto && r->state.cp.phase == 2) {
    PetscBool met;
    PetscCall(VsnaAutoMet(v, r->state.cp.rank, &met));
    while (met && options.rung[options.nrung - 1] > r->state.cp.rank) options.nrung--; // the ladder ended here
  }
  PetscCall(SnaAlsCreate(v->workers, v->level[0]->tt.lsq, &options, &v->als));
  if (r->valid) {
    PetscBool ok;
    PetscInt  rank;
    double   *C[SNA_MAX_DIM];
    PetscCall(SnaFieldGetCP(r->field, &rank, C));
    PetscCall(SnaAlsSetState(v->als, &r->state.cp, (const double *const *)C, &ok));
    PetscCheck(ok, v->workers, PETSC_ERR_ARG_WRONG, "restart state does not fit the ladder"); // refused by Read before
    for (PetscInt d = 0; d < v->nd; d++) PetscCall(PetscFree(C[d]));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode Step_CP(SnaModel model, VsnaReplica *r, VsnaHistoryRow *row, SnaIteration *it, size_t size,
  char line[], PetscBool *done, SnaSolveStatus *status)
{
  Vsna                *v = (Vsna *)model->data;
  const SnaAlsOptions *o = &v->als_options;
  SnaAlsState         *s = &r->state.cp;

  PetscFunctionBeginUser;
  PetscCall(SnaAlsStep(v->als, done));
  PetscCall(SnaAlsGetState(v->als, s));
  if (s->failed) {
    *status = SNA_SOLVE_NOTCONVERGED;
    if (s->failed < 0)
      PetscCall(PetscFPrintf(v->workers, PETSC_STDERR,
        "vsna: sweep %" PetscInt_FMT
        " raised the objective and was undone: the local systems are not solved accurately; look at the options of "
        "the local solver (vsna: ksp_*, pc_*, tikhonov)\n",
        s->total));
    else
      PetscCall(PetscFPrintf(v->workers, PETSC_STDERR,
        "vsna: the local system of direction %s could not be solved in sweep %" PetscInt_FMT
        "; look at the options of the local solver (vsna: ksp_*, pc_*)\n",
        model->info.name[s->failed - 1], s->total));
  } else if (!*done && s->total >= v->max_sweeps) {
    PetscCall(PetscFPrintf(v->workers, PETSC_STDERR,
      "vsna: %" PetscInt_FMT " sweeps ended before the ladder did; raise als: max_sweeps\n", s->total));
    *status = SNA_SOLVE_NOTCONVERGED;
    *done   = PETSC_TRUE;
  }
  *row      = (VsnaHistoryRow){{(double)s->total, (double)s->rank, (double)s->phase, s->residual, s->drop, s->step}};
  it->step  = s->total;
  it->work  = s->work;
  it->done  = s->total;
  it->total = PetscMin(v->max_sweeps, (o->nrung - 1) * (o->enrich + o->sweeps) + o->final_sweeps);
  PetscCall(PetscSNPrintf(line, size, "rank %" PetscInt_FMT "%s  res %.3e  drop %.2e", s->rank,
    s->phase == 0 ? " new" : "", s->residual, s->drop));
  if (v->rank_auto) {
    PetscCall(VsnaAutoRung(model, v->als, size, line, done, status));
    PetscCall(SnaAlsGetState(v->als, s));
    it->work  = *done ? 1 : 0; // how far the ladder will go is not known
    it->total = 0;
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode GetField_CP(SnaModel model, VsnaReplica *r)
{
  Vsna   *v = (Vsna *)model->data;
  double *C[SNA_MAX_DIM];

  PetscFunctionBeginUser;
  PetscCall(SnaAlsGetState(v->als, &r->state.cp));
  PetscCall(SnaAlsGetFactors(v->als, C));
  PetscCall(SnaFieldDestroy(&r->field));
  r->level = v->level[0];
  PetscCall(SnaFieldCreateCP(v->nd, r->level->tt.bases, r->state.cp.rank, (const double *const *)C, &r->field));
  for (PetscInt d = 0; d < v->nd; d++) PetscCall(PetscFree(C[d]));
  r->valid = PETSC_TRUE;
  PetscFunctionReturn(0);
}

static PetscErrorCode Destroy_CP(Vsna *v)
{
  PetscFunctionBeginUser;
  PetscCall(SnaAlsDestroy(&v->als));
  PetscFunctionReturn(0);
}

static double Objective_CP(const VsnaReplica *r)
{
  return r->state.cp.objective;
}

static PetscErrorCode Results_CP(SnaModel model, const VsnaReplica *r, SnaResults results, SnaSolveStatus *status)
{
  Vsna              *v = (Vsna *)model->data;
  const SnaAlsState *s = &r->state.cp;
  PetscInt           parameters;
  SnaTt              tt;

  PetscFunctionBeginUser;
  (void)status;
  PetscCall(SnaFieldGetParameterCount(v->field, &parameters));
  PetscCall(SnaResultsAdd(results, "residual", s->residual));
  PetscCall(SnaResultsAdd(results, "objective", s->objective));
  PetscCall(SnaResultsAdd(results, "rank", (double)s->rank));
  if (v->rank_auto) PetscCall(VsnaAutoResults(model, results));
  if (v->converted) {
    PetscCall(SnaFieldGetTT(v->converted, &tt));
    PetscCall(VsnaAddTrainResults(model, tt, results));
  }
  PetscCall(SnaResultsAdd(results, "parameters", (double)parameters));
  PetscCall(SnaResultsAdd(results, "sweeps", (double)s->total));
  PetscCall(SnaResultsAdd(results, "shifts", (double)s->shifts));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Files: the numbers of SnaAlsState as attributes of /state; `work` and `rung` follow from the others.
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  const char *name;
  double      value;
} StateNumber;
#define NSTATE 9

static void StateToNumbers(const SnaAlsState *s, StateNumber n[NSTATE])
{
  const StateNumber list[NSTATE] = {{"rank", (double)s->rank}, {"phase", (double)s->phase}, {"sweep", (double)s->sweep},
    {"total", (double)s->total}, {"objective", s->objective}, {"residual", s->residual}, {"drop", s->drop},
    {"step", s->step}, {"shifts", (double)s->shifts}};
  for (PetscInt i = 0; i < NSTATE; i++) n[i] = list[i];
}

static void StateFromNumbers(const StateNumber n[NSTATE], SnaAlsState *s)
{
  s->rank      = (PetscInt)n[0].value;
  s->phase     = (PetscInt)n[1].value;
  s->sweep     = (PetscInt)n[2].value;
  s->total     = (PetscInt)n[3].value;
  s->objective = n[4].value;
  s->residual  = n[5].value;
  s->drop      = n[6].value;
  s->step      = n[7].value;
  s->shifts    = (PetscInt)n[8].value;
}

static PetscErrorCode Write_CP(Vsna *v, const VsnaReplica *r, SnaFile file)
{
  StateNumber numbers[NSTATE];

  PetscFunctionBeginUser;
  StateToNumbers(&r->state.cp, numbers);
  for (PetscInt i = 0; i < NSTATE; i++)
    PetscCall(SnaFileWriteAttributeReal(file, "/state", numbers[i].name, numbers[i].value));
  if (v->rank_auto) PetscCall(VsnaAutoWrite(v, file));
  PetscFunctionReturn(0);
}

static PetscErrorCode Read_CP(
  SnaModel model, SnaFile file, VsnaReplica *r, const VsnaLevel **level, char message[SNA_MAX_MESSAGE])
{
  Vsna       *v     = (Vsna *)model->data;
  SnaAlsState blank = {0};
  StateNumber numbers[NSTATE];
  const char *error;

  PetscFunctionBeginUser;
  *level = NULL;
  StateToNumbers(&blank, numbers);
  for (PetscInt i = 0; i < NSTATE; i++)
    PetscCall(SnaFileReadAttributeReal(file, "/state", numbers[i].name, &numbers[i].value));
  if (v->rank_auto) PetscCall(VsnaAutoRead(model, file));
  PetscCall(SnaFileGetError(file, &error));
  if (error) {
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE, "%s", error));
    PetscFunctionReturn(0);
  }
  r->state.cp = blank;
  StateFromNumbers(numbers, &r->state.cp);
  for (PetscInt i = 0; i < v->als_options.nrung; i++)
    if (v->als_options.rung[i] == r->state.cp.rank) *level = v->level[0];
  if (!*level)
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
      "the file stands at rank %" PetscInt_FMT ", which is not on the ladder up to rank %" PetscInt_FMT
      "; name it with -vsna_ladder %" PetscInt_FMT ",...",
      r->state.cp.rank, TargetRank(v), r->state.cp.rank));
  PetscFunctionReturn(0);
}

static PetscErrorCode CheckRead_CP(SnaModel model, const VsnaReplica *r, PetscBool *ok, char message[SNA_MAX_MESSAGE])
{
  PetscFunctionBeginUser;
  PetscCall(VsnaCheckRank(r->field, model->info.nd, r->state.cp.rank, ok, message));
  PetscFunctionReturn(0);
}

const VsnaFormat VsnaFormatCP = {
  .name           = "cp",
  .what           = "als",
  .history_column = {"sweep", "rank", "phase", "residual", "drop", "step", "seconds"},
  .view           = View_CP,
  .checksetup     = CheckSetUp_CP,
  .create         = Create_CP,
  .step           = Step_CP,
  .getfield       = GetField_CP,
  .destroy        = Destroy_CP,
  .objective      = Objective_CP,
  .results        = Results_CP,
  .write          = Write_CP,
  .read           = Read_CP,
  .checkread      = CheckRead_CP,
};
