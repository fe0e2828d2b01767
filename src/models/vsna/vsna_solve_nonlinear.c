// vsna_solve_nonlinear.c - equations with products of the unknown: one replica by damped Gauss-Newton or L-BFGS on all factors at once (SnaNewton), from coarse to fine;
// its restart state.
//
// The weak residual of sum_k term_k(u) - sum_m source_m is tested with the trial bases themselves, L2-orthonormalised: as many tests as trial functions in every direction (more
// would make the truncation error of the field part of the objective: doc/theory.md). In the direction of time the tests are free at the start, where the field is zero.
#include "vsna.h"

#define COARSEST 6   // modes or cells, or the deck's if fewer
#define MEMORY   8e9 // bytes per rank above which the deck is refused

PetscErrorCode VsnaNewtonSetFromOptions(SnaDeck deck, Vsna *v)
{
  SnaNewtonOptions *o = &v->newton_options;
  const char       *method;

  PetscFunctionBeginUser;
  o->prefix = "vsna_";
  PetscCall(SnaDeckGetString(deck, "vsna_newton_method", NULL, &method));
  PetscCall(PetscStrcmp(method, "lmvm", &o->lmvm));
  PetscCall(SnaDeckGetInt(deck, "vsna_newton_stages", NULL, &o->nstage));
  PetscCall(SnaDeckGetInt(deck, "vsna_newton_max_it", NULL, &o->max_it));
  PetscCall(SnaDeckGetReal(deck, "vsna_newton_rtol", NULL, &o->rtol));
  if (o->max_it == 0) o->max_it = o->lmvm ? 3000 : 60;
  PetscCall(SnaDeckAddPetscPrefix(deck, "vsna_tao_"));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Stages
// ---------------------------------------------------------------------------------------------------------------------
// Half of the rank and the resolution (to COARSEST) for each stage before the last.
static PetscErrorCode StageCells(const Vsna *v, PetscInt stage, PetscInt cells[])
{
  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < v->nd; d++) {
    const PetscInt full = v->dir[d].spec.resolution, part = (PetscInt)1 << (v->newton_options.nstage - 1 - stage);
    SnaBasisSpec   spec = v->dir[d].spec;
    char           message[SNA_MAX_MESSAGE];
    PetscBool      ok;
    spec.resolution = PetscMax((full + part - 1) / part, PetscMin(full, COARSEST));
    PetscCall(SnaBasisCheck(&spec, &ok, message));
    cells[d] = ok ? spec.resolution : full;
  }
  PetscFunctionReturn(0);
}

static void SetStages(Vsna *v)
{
  SnaNewtonOptions *o    = &v->newton_options;
  const PetscInt    rank = v->als_options.rung[v->als_options.nrung - 1];

  for (PetscInt s = 0; s < o->nstage; s++) {
    const PetscInt part = (PetscInt)1 << (o->nstage - 1 - s);
    o->rank[s]          = (rank + part - 1) / part;
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// The form on a level
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  VsnaLevel           on; // the level's bases with rules that integrate the products of all terms
  SnaBasis            test[SNA_MAX_DIM];
  double             *weight[SNA_MAX_DIM];
  PetscInt            nterm, nlift;
  SnaMultilinearTerm *term;
  SnaMultilinearLift *lift;
} FormData;

static PetscInt PowerOf(const SnaTerm *t)
{
  return PetscMax(1, t->power);
}
static PetscInt OrderOf(const SnaTerm *t, PetscInt occurrence, PetscInt d)
{
  return t->power > 1 ? t->of[occurrence][d] : t->derivative[d];
}

// The deck's points per cell, or as many as a product of power + 1 basis functions needs, and the level's if they are more.
static PetscErrorCode CreateRules(const Vsna *v, const VsnaLevel *level, FormData *f)
{
  PetscInt power = 1;

  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < v->term.n; k++) power = PetscMax(power, PowerOf(&v->term.term[k]));
  for (PetscInt d = 0; d < v->nd; d++) {
    PetscInt     order = 0, points;
    SnaBasisSpec spec  = v->dir[d].spec;
    SnaBasisInfo info;
    char         message[SNA_MAX_MESSAGE];
    PetscBool    ok   = PETSC_FALSE;
    f->on.tt.cells[d] = level->tt.cells[d];
    f->on.tt.bases[d] = level->tt.bases[d];
    for (PetscInt k = 0; k < v->term.n; k++)
      for (PetscInt i = 0; i < PowerOf(&v->term.term[k]); i++) order = PetscMax(order, OrderOf(&v->term.term[k], i, d));
    PetscCall(SnaBasisGetInfo(level->tt.bases[d], &info));
    points = v->dir[d].quadrature > 0 ? v->dir[d].quadrature
                                      : PetscMax(level->tab[d].per_cell, ((power + 1) * info.points + 1) / 2);
    PetscCall(SnaTabulationCreate(level->tt.bases[d], points, order, &f->on.tab[d]));
    spec.resolution = level->tt.cells[d];
    if (d == v->initial_dim) {
      spec.end[0] = (SnaEnd){SNA_END_FREE, 0};
      PetscCall(SnaBasisCheck(&spec, &ok, message)); // Fourier has no free ends
    }
    if (!ok) spec.end[0] = v->dir[d].spec.end[0];
    PetscCall(SnaBasisCreate(info.name, &spec, &f->test[d]));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode Values(
  const Vsna *v, const FormData *f, SnaExpr factor, PetscInt d, PetscInt order, const double **values)
{
  const PetscInt nq = f->on.tab[d].nq;
  double        *jet;

  PetscFunctionBeginUser;
  *values = NULL;
  if (!factor) PetscFunctionReturn(0);
  PetscCall(PetscMalloc1((size_t)(order + 1) * (size_t)nq, &jet));
  for (PetscInt m = 0; m <= order; m++) PetscCall(VsnaFactorValues(v, &f->on, factor, d, m, jet + m * nq));
  *values = jet;
  PetscFunctionReturn(0);
}

static PetscErrorCode FillForm(const Vsna *v, FormData *f)
{
  PetscFunctionBeginUser;
  PetscCall(PetscCalloc1((size_t)(v->term.n + v->source.n + 1), &f->term));
  PetscCall(PetscCalloc1((size_t)v->lift.n + 1, &f->lift));
  for (PetscInt k = 0; k < v->term.n; k++, f->nterm++) {
    const SnaTerm      *t = &v->term.term[k];
    SnaMultilinearTerm *o = &f->term[f->nterm];
    o->coefficient        = t->coefficient;
    o->power              = PowerOf(t);
    for (PetscInt d = 0; d < v->nd; d++) {
      for (PetscInt i = 0; i < o->power; i++) o->of[i][d] = OrderOf(t, i, d);
      PetscCall(Values(v, f, t->factor[d], d, 0, &o->value[d]));
    }
  }
  for (PetscInt m = 0; m < v->source.n; m++, f->nterm++) {
    f->term[f->nterm].coefficient = -v->source.term[m].coefficient;
    for (PetscInt d = 0; d < v->nd; d++)
      PetscCall(Values(v, f, v->source.term[m].factor[d], d, 0, &f->term[f->nterm].value[d]));
  }
  for (PetscInt l = 0; l < v->lift.n; l++, f->nlift++) {
    f->lift[l].coefficient = v->lift.term[l].coefficient;
    for (PetscInt d = 0; d < v->nd; d++)
      PetscCall(Values(v, f, v->lift.term[l].factor[d], d, f->on.tab[d].order, &f->lift[l].value[d]));
  }
  for (PetscInt d = 0; d < v->nd; d++) PetscCall(Values(v, f, v->dir[d].weight, d, 0, (const double **)&f->weight[d]));
  PetscFunctionReturn(0);
}

static PetscErrorCode FreeForm(const Vsna *v, FormData *f)
{
  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < v->nd; d++) {
    for (PetscInt t = 0; t < f->nterm; t++) PetscCall(PetscFree(*(double **)&f->term[t].value[d]));
    for (PetscInt l = 0; l < f->nlift; l++) PetscCall(PetscFree(*(double **)&f->lift[l].value[d]));
    PetscCall(PetscFree(f->weight[d]));
    PetscCall(SnaTabulationDestroy(&f->on.tab[d]));
    PetscCall(SnaBasisDestroy(&f->test[d]));
  }
  PetscCall(PetscFree(f->term));
  PetscCall(PetscFree(f->lift));
  PetscFunctionReturn(0);
}

static PetscErrorCode CreateForm(const Vsna *v, const VsnaLevel *level, SnaMultilinear *form)
{
  FormData f = {.nterm = 0};

  PetscFunctionBeginUser;
  PetscCall(CreateRules(v, level, &f));
  PetscCall(FillForm(v, &f));
  PetscCall(SnaMultilinearCreate(
    v->nd, level->tt.bases, f.test, f.on.tab, (const double *const *)f.weight, f.nterm, f.term, f.nlift, f.lift, form));
  PetscCall(FreeForm(v, &f));
  PetscFunctionReturn(0);
}

static PetscErrorCode StageLevel(SnaModel model, PetscInt stage, const VsnaLevel **level)
{
  Vsna    *v = (Vsna *)model->data;
  PetscInt cells[SNA_MAX_DIM];

  PetscFunctionBeginUser;
  PetscCall(StageCells(v, stage, cells));
  PetscCall(VsnaGetLevel(model, NULL, cells, level));
  PetscCheck(*level, PETSC_COMM_SELF, PETSC_ERR_USER, "stage %" PetscInt_FMT ": %s", stage, v->level_error);
  PetscFunctionReturn(0);
}

static PetscErrorCode FormOfStage(void *ctx, PetscInt stage, SnaMultilinear *form)
{
  SnaModel         model = (SnaModel)ctx;
  const VsnaLevel *level;

  PetscFunctionBeginUser;
  PetscCall(StageLevel(model, stage, &level));
  PetscCall(CreateForm((Vsna *)model->data, level, form));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// The format
// ---------------------------------------------------------------------------------------------------------------------
// Unknowns and test functions of a stage, and bytes of a rank: J, J^T J and its factor.
static PetscErrorCode StageSize(const Vsna *v, PetscInt stage, double *unknowns, double *tests, double *bytes)
{
  PetscInt cells[SNA_MAX_DIM];

  PetscFunctionBeginUser;
  PetscCall(StageCells(v, stage, cells));
  *unknowns = 0;
  *tests    = 1;
  for (PetscInt d = 0; d < v->nd; d++) {
    SnaBasis     b;
    SnaBasisInfo info;
    PetscCall(SnaBasisCreateLike(v->level[0]->tt.bases[d], cells[d], &b));
    PetscCall(SnaBasisGetInfo(b, &info));
    *unknowns += (double)(info.n * v->newton_options.rank[stage]);
    *tests *= (double)info.n;
    PetscCall(SnaBasisDestroy(&b));
  }
  *bytes = 8 * (*unknowns) * (v->newton_options.lmvm ? 1 : *tests + 3 * *unknowns);
  PetscFunctionReturn(0);
}

static PetscErrorCode View_Nonlinear(SnaModel model)
{
  Vsna *v = (Vsna *)model->data;

  PetscFunctionBeginUser;
  for (PetscInt s = 0; s < v->newton_options.nstage; s++) {
    PetscInt cells[SNA_MAX_DIM];
    double   unknowns, tests, bytes;
    char    *text;
    PetscCall(StageCells(v, s, cells));
    PetscCall(StageSize(v, s, &unknowns, &tests, &bytes));
    PetscCall(VsnaJoinInts(v->nd, cells, &text));
    PetscCall(PetscPrintf(model->comm,
      "  stage %" PetscInt_FMT ": rank %" PetscInt_FMT ", resolution %s: %.0f parameters, about %.0f weak equations; "
      "about %.1f MB per rank\n",
      s + 1, v->newton_options.rank[s], text, unknowns, tests, bytes / 1048576.0));
    PetscCall(PetscFree(text));
  }
  PetscFunctionReturn(0);
}

// Lets PETSc read TAO's options on the first stage, so that a wrong one is a deck error and not a trace later.
static PetscErrorCode ProbeTao(SnaModel model, SnaDeck deck)
{
  Vsna          *v      = (Vsna *)model->data;
  SnaNewton      newton = NULL;
  PetscErrorCode ierr;
  char           word[64] = "lm";
  PetscBool      given, lm, known = PETSC_TRUE;

  PetscFunctionBeginUser;
  PetscCall(PetscOptionsHasName(NULL, NULL, "-vsna_tao_type", &given));
  if (given)
    PetscCall(SnaDeckError(deck, "vsna_tao_type", NULL, "the method is chosen by vsna: newton_method, brgn or lmvm"));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-vsna_tao_brgn_regularization_type", word, sizeof(word), NULL));
  PetscCall(PetscStrcmp(word, "lm", &lm));
  if (!lm)
    PetscCall(SnaDeckError(deck, "vsna_tao_brgn_regularization_type", NULL,
      "`%s` leaves the scaling of the factors of a product open; lm is the one that is available", word));
  PetscCall(KSPInitializePackage());
  PetscCall(PCInitializePackage());
  PetscCall(VsnaCheckType(deck, "-vsna_tao_brgn_subsolver_tao_bnk_ksp_type", KSPList, &known));
  PetscCall(VsnaCheckType(deck, "-vsna_tao_brgn_subsolver_tao_bnk_pc_type", PCList, &known));
  if (given || !lm || !known) PetscFunctionReturn(0);
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  ierr = SnaNewtonCreate(PETSC_COMM_SELF, &v->newton_options, FormOfStage, model, &newton);
  if (!ierr) ierr = SnaNewtonSetUp(newton);
  PetscCall(PetscPopErrorHandler());
  if (ierr) {
    const char *text;
    PetscCall(PetscErrorMessage(ierr, &text, NULL));
    PetscCall(SnaDeckError(deck, NULL, NULL, "vsna: PETSc refuses the options of TAO (tao_*): %s", text));
  }
  PetscCall(SnaNewtonDestroy(&newton));
  PetscFunctionReturn(0);
}

static PetscErrorCode CheckSetUp_Nonlinear(SnaModel model, SnaDeck deck)
{
  Vsna          *v = (Vsna *)model->data;
  SnaMultilinear form;
  PetscInt       rows, one;
  double         unknowns, tests, bytes, *F, largest = 0;

  PetscFunctionBeginUser;
  if (v->rank_auto) {
    PetscCall(SnaDeckError(deck, "vsna_rank", NULL, "rank: auto is for linear problems; give a number"));
    PetscFunctionReturn(0);
  }
  SetStages(v);
  for (PetscInt d = 0; d < v->nd && !v->order_given; d++) v->tt_options.order[d] = d; // of vsna: convert
  PetscCall(StageSize(v, v->newton_options.nstage - 1, &unknowns, &tests, &bytes));
  if (bytes > MEMORY || tests > 1e8) {
    PetscCall(SnaDeckError(deck, "vsna_rank", NULL,
      "%.0f parameters and %.3g weak equations (the product of the directions' functions) need %.1f GB; a nonlinear "
      "problem is meant for few directions: lower rank, cells or modes%s",
      unknowns, tests, bytes / 1e9, v->newton_options.lmvm ? "" : ", or try -vsna_newton_method lmvm"));
    PetscFunctionReturn(0);
  }
  PetscCall(CreateForm(v, v->level[0], &form));
  PetscCall(SnaMultilinearGetSizes(form, &rows, &one));
  PetscCall(PetscMalloc1(rows, &F));
  PetscCall(SnaMultilinearResidual(form, 0, NULL, F));
  for (PetscInt j = 0; j < rows; j++) largest = PetscMax(largest, PetscAbsReal(F[j]));
  PetscCall(PetscFree(F));
  PetscCall(SnaMultilinearDestroy(&form));
  if (largest == 0)
    PetscCall(SnaDeckError(deck, "pde_term", NULL,
      "nothing drives the solution: the source and the operator on the lift are zero, so u is the lift"));
  else
    PetscCall(ProbeTao(model, deck));
  PetscFunctionReturn(0);
}

static PetscErrorCode Create_Nonlinear(SnaModel model, PetscInt k)
{
  Vsna            *v       = (Vsna *)model->data;
  VsnaReplica     *r       = &v->replica[k];
  SnaNewtonOptions options = v->newton_options;

  PetscFunctionBeginUser;
  options.seed = v->als_options.seed + (uint64_t)k;
  PetscCall(SnaNewtonCreate(v->workers, &options, FormOfStage, model, &v->newton));
  if (r->valid) {
    PetscInt rank;
    double  *C[SNA_MAX_DIM];
    PetscCall(SnaFieldGetCP(r->field, &rank, C));
    PetscCall(SnaNewtonSetState(v->newton, &r->state.newton, (const double *const *)C));
    for (PetscInt d = 0; d < v->nd; d++) PetscCall(PetscFree(C[d]));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode Step_Nonlinear(SnaModel model, VsnaReplica *r, VsnaHistoryRow *row, SnaIteration *it, size_t size,
  char line[], PetscBool *done, SnaSolveStatus *status)
{
  Vsna           *v = (Vsna *)model->data;
  SnaNewtonState *s = &r->state.newton;

  PetscFunctionBeginUser;
  PetscCall(SnaNewtonStep(v->newton, done));
  PetscCall(SnaNewtonGetState(v->newton, s));
  if (*done && s->failed) {
    PetscCall(PetscFPrintf(v->workers, PETSC_STDERR,
      "vsna: %" PetscInt_FMT
      " iterations of the last stage ended before the residual came to rest; raise vsna: newton_max_it or loosen "
      "newton_rtol\n",
      s->iteration));
    *status = SNA_SOLVE_NOTCONVERGED;
  }
  *row = (VsnaHistoryRow){{(double)s->total, (double)s->rank, (double)s->stage + 1, s->residual, s->drop, s->damping}};
  it->step  = s->total;
  it->work  = s->work;
  it->done  = s->stage + 1;
  it->total = v->newton_options.nstage;
  PetscCall(PetscSNPrintf(line, size, "rank %" PetscInt_FMT "  it %" PetscInt_FMT "  res %.3e  drop %.2e", s->rank,
    s->iteration, s->residual, s->drop));
  PetscFunctionReturn(0);
}

static PetscErrorCode GetField_Nonlinear(SnaModel model, VsnaReplica *r)
{
  Vsna   *v = (Vsna *)model->data;
  double *C[SNA_MAX_DIM];

  PetscFunctionBeginUser;
  PetscCall(SnaNewtonGetState(v->newton, &r->state.newton));
  PetscCall(SnaNewtonGetFactors(v->newton, C));
  PetscCall(SnaFieldDestroy(&r->field));
  PetscCall(StageLevel(model, r->state.newton.stage, &r->level));
  PetscCall(SnaFieldCreateCP(v->nd, r->level->tt.bases, r->state.newton.rank, (const double *const *)C, &r->field));
  for (PetscInt d = 0; d < v->nd; d++) PetscCall(PetscFree(C[d]));
  r->valid = PETSC_TRUE;
  PetscFunctionReturn(0);
}

static PetscErrorCode Destroy_Nonlinear(Vsna *v)
{
  PetscFunctionBeginUser;
  PetscCall(SnaNewtonDestroy(&v->newton));
  PetscFunctionReturn(0);
}

static double Objective_Nonlinear(const VsnaReplica *r)
{
  return r->state.newton.objective;
}

static PetscErrorCode Results_Nonlinear(
  SnaModel model, const VsnaReplica *r, SnaResults results, SnaSolveStatus *status)
{
  const Vsna           *v = (const Vsna *)model->data;
  const SnaNewtonState *s = &r->state.newton;
  PetscInt              parameters;

  PetscFunctionBeginUser;
  (void)status;
  PetscCall(SnaFieldGetParameterCount(v->field, &parameters));
  PetscCall(SnaResultsAdd(results, "residual", s->residual));
  PetscCall(SnaResultsAdd(results, "objective", s->objective));
  PetscCall(SnaResultsAdd(results, "rank", (double)s->rank));
  if (v->converted) {
    SnaTt tt;
    PetscCall(SnaFieldGetTT(v->converted, &tt));
    PetscCall(VsnaAddTrainResults(model, tt, results));
  }
  PetscCall(SnaResultsAdd(results, "parameters", (double)parameters));
  PetscCall(SnaResultsAdd(results, "iterations", (double)s->total));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Files: the numbers of SnaNewtonState as attributes of /state; `work` follows from the others.
// ---------------------------------------------------------------------------------------------------------------------
#define NSTATE 8
typedef struct {
  const char *name;
  double      value;
} StateNumber;

static void StateToNumbers(const SnaNewtonState *s, StateNumber n[NSTATE])
{
  const StateNumber list[NSTATE] = {{"stage", (double)s->stage}, {"rank", (double)s->rank},
    {"iteration", (double)s->iteration}, {"total", (double)s->total}, {"damping", s->damping},
    {"objective", s->objective}, {"residual", s->residual}, {"drop", s->drop}};
  for (PetscInt i = 0; i < NSTATE; i++) n[i] = list[i];
}

static PetscErrorCode Write_Nonlinear(Vsna *v, const VsnaReplica *r, SnaFile file)
{
  StateNumber numbers[NSTATE];

  PetscFunctionBeginUser;
  (void)v;
  StateToNumbers(&r->state.newton, numbers);
  for (PetscInt i = 0; i < NSTATE; i++)
    PetscCall(SnaFileWriteAttributeReal(file, "/state", numbers[i].name, numbers[i].value));
  PetscFunctionReturn(0);
}

static PetscErrorCode Read_Nonlinear(
  SnaModel model, SnaFile file, VsnaReplica *r, const VsnaLevel **level, char message[SNA_MAX_MESSAGE])
{
  Vsna                   *v     = (Vsna *)model->data;
  const SnaNewtonOptions *o     = &v->newton_options;
  SnaNewtonState          blank = {0}, *s = &r->state.newton;
  StateNumber             n[NSTATE];
  const char             *error;

  PetscFunctionBeginUser;
  *level = NULL;
  StateToNumbers(&blank, n);
  for (PetscInt i = 0; i < NSTATE; i++) PetscCall(SnaFileReadAttributeReal(file, "/state", n[i].name, &n[i].value));
  PetscCall(SnaFileGetError(file, &error));
  if (error) {
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE, "%s", error));
    PetscFunctionReturn(0);
  }
  *s = (SnaNewtonState){.stage = (PetscInt)n[0].value,
    .rank                      = (PetscInt)n[1].value,
    .iteration                 = (PetscInt)n[2].value,
    .total                     = (PetscInt)n[3].value,
    .damping                   = n[4].value,
    .objective                 = n[5].value,
    .residual                  = n[6].value,
    .drop                      = n[7].value};
  if (s->stage >= 0 && s->stage < o->nstage && o->rank[s->stage] == s->rank)
    PetscCall(StageLevel(model, s->stage, level));
  else
    PetscCall(PetscSNPrintf(message, SNA_MAX_MESSAGE,
      "the file stands at stage %" PetscInt_FMT " with rank %" PetscInt_FMT
      ", which the deck's rank and newton_stages do not lead through",
      s->stage + 1, s->rank));
  PetscFunctionReturn(0);
}

static PetscErrorCode CheckRead_Nonlinear(
  SnaModel model, const VsnaReplica *r, PetscBool *ok, char message[SNA_MAX_MESSAGE])
{
  PetscFunctionBeginUser;
  PetscCall(VsnaCheckRank(r->field, model->info.nd, r->state.newton.rank, ok, message));
  PetscFunctionReturn(0);
}

const VsnaFormat VsnaFormatNonlinear = {
  .name           = "cp",
  .what           = "newton",
  .history_column = {"sweep", "rank", "stage", "residual", "drop", "damping", "seconds"},
  .view           = View_Nonlinear,
  .checksetup     = CheckSetUp_Nonlinear,
  .create         = Create_Nonlinear,
  .step           = Step_Nonlinear,
  .getfield       = GetField_Nonlinear,
  .destroy        = Destroy_Nonlinear,
  .objective      = Objective_Nonlinear,
  .results        = Results_Nonlinear,
  .write          = Write_Nonlinear,
  .read           = Read_Nonlinear,
  .checkread      = CheckRead_Nonlinear,
};
