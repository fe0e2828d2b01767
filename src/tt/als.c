// als.c - SnaTtAls: life cycle, the schedule from a tolerance to a rounded train, stopping and the error estimate (doc/theory.md).
//
// What is decided here, and by what:
//   levels      directions with more than 24 cells are solved first on a quarter, then on three eighths of them (not below 16, 24; the quarter not above 48);
//               more than 24 modes on half of them (not below 24), then on all: a share of the modes says less about the rest than a share of the cells
//   ranks       tolerance falls to rtol/2 in steps of at most STEP; each cut may grow to 1.35 times what the decay of its singular values predicts
//   polish      until the change of the half sweeps, summed as a geometric series, is below rtol/4
//   rounding    to what the other parts of the error leave of rtol, at least half of it
#include "als_state.h"
#include "tt_impl.h"

static const PetscInt trial_cap[] = {6, 8, 12, 16};
#define NTRIAL    ((PetscInt)(sizeof(trial_cap) / sizeof(trial_cap[0])))
#define TRIAL_TOL 1e-2
#define FIRST_TOL 3e-3
#define STEP      10.0 // the tolerance falls by at most this factor in one growth half sweep,
#define FOLLOW    3e-3 // and not below this share of the change of the last
#define TRUST     0.03 // of the last change: singular values below are noise
#define MARGIN    1.35 // rank allowed at a cut over the rank expected there
// What truncation of modes may change, in units of the tolerance: modes cost little, and splines turn them into residual.
#define MODE_TOL   0.05
#define ITERATIONS 10   // of PCG per local problem: it need not be solved,
#define REDUCTION  1e-2 // nor further than this
#define SATURATED  5.0  // a cap left out so many tolerances: the ranks are too small
#define GROWTH_MAX 16
#define SLOW       0.65 // polish that contracts by less, twice in a row, has too small ranks
#define REGROW_MAX 3
#define TIGHT      0.46 // of the target: more than this beyond the ranks, and they are grown again
#define COARSE     24   // directions of at most so many cells keep them on every level,
#define MIDDLE     40   // of at most so many from the growth level on
// Of the residual norm: its minimum over the nearest function; measured 1.5 to 2.9 for advection-diffusion.
#define PRICE      2.5
#define SAFETY     0.97 // of the target that is spent
#define POLISHED   0.25 // of the target, what the iteration may still change
#define POLISH_MIN 2
#define POLISH_MAX 30

// ---------------------------------------------------------------------------------------------------------------------
// Life cycle
// ---------------------------------------------------------------------------------------------------------------------
PetscErrorCode SnaTtAlsCreate(MPI_Comm comm, PetscInt nd, const PetscInt cells[], SnaTtLevelFunction level, void *ctx,
  const SnaTtAlsOptions *options, SnaTtAls *als)
{
  SnaTtAls          a;
  const SnaTtLevel *finest;
  char              prefix[64];

  PetscFunctionBeginUser;
  PetscCheck(
    nd >= 1 && nd <= SNA_MAX_DIM, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "%" PetscInt_FMT " directions", nd);
  PetscCheck(options->rtol > 0, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "rtol %g", options->rtol);
  PetscCall(PetscNew(&a));
  a->comm = comm;
  PetscCallMPI(MPI_Comm_rank(comm, &a->rank));
  PetscCallMPI(MPI_Comm_size(comm, &a->size));
  a->nd = nd;
  PetscCall(PetscArraycpy(a->cells, cells, nd));
  a->make_level = level;
  a->level_ctx  = ctx;
  a->options    = *options;
  if (level) PetscCall(level(ctx, cells, &finest)); // none: the options alone are looked at
  for (PetscInt d = 0; d < nd && level; d++) {
    SnaBasisInfo info;

    PetscCall(SnaBasisGetInfo(finest->bases[d], &info));
    a->modal[d] = (PetscBool)(info.degree == 0);
  }
  PetscCall(PetscSNPrintf(prefix, sizeof(prefix), "%stt_", options->prefix));
  PetscCall(SnaTtLocalSolverCreate(comm, prefix, &a->local));
  PetscCall(SnaKronStorageCreate(&a->storage));
  *als = a;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtAlsDestroy(SnaTtAls *als)
{
  SnaTtAls a = *als;

  PetscFunctionBeginUser;
  if (!a) PetscFunctionReturn(0);
  PetscCall(SnaTtAlsRelease(a));
  PetscCall(SnaKronStorageDestroy(&a->storage));
  PetscCall(SnaTtLocalSolverDestroy(&a->local));
  PetscCall(SnaTtDestroy(&a->tt));
  PetscCall(SnaTtOperatorDestroy(&a->op));
  PetscCall(SnaTtSpaceDestroy(&a->space));
  PetscCall(PetscFree(*als));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtAlsGetState(SnaTtAls als, SnaTtAlsState *state)
{
  PetscFunctionBeginUser;
  *state = als->state;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtAlsGetTt(SnaTtAls als, SnaTt *tt, const SnaTtLevel **level)
{
  PetscFunctionBeginUser;
  *tt    = als->tt;
  *level = als->level;
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Levels
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode SetLevel(SnaTtAls als, const PetscInt cells[], const PetscInt dir[])
{
  PetscFunctionBeginUser;
  PetscCall(SnaTtAlsRelease(als));
  PetscCall(SnaTtOperatorDestroy(&als->op));
  PetscCall(SnaTtSpaceDestroy(&als->space));
  PetscCall(als->make_level(als->level_ctx, cells, &als->level));
  PetscCall(SnaTtSpaceCreate(als->nd, als->level->bases, &als->space));
  PetscCall(SnaTtOperatorCreate(als->level->lsq, dir, &als->op));
  PetscCall(PetscArraycpy(als->state.cells, cells, als->nd));
  PetscFunctionReturn(0);
}

static void CellsOfStage(SnaTtAls als, PetscInt stage, PetscInt cells[])
{
  for (PetscInt d = 0; d < als->nd; d++) {
    const PetscInt C = als->cells[d];

    cells[d] = C;
    if (als->modal[d]) {
      if (stage == SNA_TT_TRIAL) cells[d] = PetscMin(C, PetscMax(COARSE, C / 2));
      continue;
    }
    if (C > COARSE && stage == SNA_TT_TRIAL) cells[d] = PetscMin(48, PetscMax(16, C / 4));
    if (C > MIDDLE && stage == SNA_TT_GROWTH) cells[d] = PetscMax(COARSE, 3 * C / 8);
  }
}

// Carries the train to the splines of the next stage.
static PetscErrorCode ChangeLevel(SnaTtAls als, PetscInt stage)
{
  PetscInt   cells[SNA_MAX_DIM];
  PetscBool  same = PETSC_TRUE;
  SnaTtSpace coarse;
  SnaTt      fine;

  PetscFunctionBeginUser;
  CellsOfStage(als, stage, cells);
  for (PetscInt d = 0; d < als->nd; d++) same = (PetscBool)(same && cells[d] == als->state.cells[d]);
  if (same) PetscFunctionReturn(0);
  PetscCall(SnaTtSpaceCreate(als->nd, als->level->bases, &coarse));
  PetscCall(SetLevel(als, cells, als->tt->dir));
  PetscCall(SnaTtProlong(coarse, als->space, als->tt, als->state.centre, &fine));
  PetscCall(SnaTtDestroy(&als->tt));
  als->tt = fine;
  PetscCall(SnaTtSpaceDestroy(&coarse));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtAlsSetState(SnaTtAls als, const SnaTtAlsState *state, SnaTt tt)
{
  PetscFunctionBeginUser;
  als->state = *state;
  PetscCall(SetLevel(als, state->cells, tt->dir));
  PetscCall(SnaTtDestroy(&als->tt));
  PetscCall(SnaTtDuplicate(tt, &als->tt));
  PetscFunctionReturn(0);
}

// Galerkin: root of the energy that the half sweep gained, relative to the whole (a truncation may lose some: then 0; unfinished local solves of the
// random start may leave F > 0: then 1).
static double Residual(SnaTtAls als, double before)
{
  const SnaLsq lsq = als->level->lsq;
  const double F   = als->state.objective;

  if (!lsq->galerkin) return PetscSqrtReal(PetscMax(0, F) / lsq->c0);
  return F < before ? PetscSqrtReal(PetscMin(1, (before - F) / PetscAbsReal(F))) : 0;
}

static double Norm(SnaTtAls als)
{
  SnaTt          tt = als->tt;
  const PetscInt c = als->state.centre, n = tt->r[c] * tt->r[c + 1] * tt->m[c];
  double         sum = 0;

  for (PetscInt i = 0; i < n; i++) sum += tt->core[c][i] * tt->core[c][i];
  return PetscSqrtReal(sum);
}

// ---------------------------------------------------------------------------------------------------------------------
// Trial and growth
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode Start(SnaTtAls als)
{
  const PetscInt *dir = als->options.order;
  PetscInt        cells[SNA_MAX_DIM];

  PetscFunctionBeginUser;
  CellsOfStage(als, SNA_TT_TRIAL, cells);
  PetscCall(SetLevel(als, cells, dir));
  PetscCall(SnaTtCreateRandom(als->space, dir, 4, 3, als->options.seed, &als->tt));
  als->state.centre = 0;
  als->state.norm   = 1;
  PetscCall(SnaTtAlsExpandModes(als));
  PetscFunctionReturn(0);
}

// Bytes of the largest two-site problem with `rank` at all its cuts, and of all environments.
static double MemoryOf(SnaTtOperator op, SnaLsq lsq, PetscInt rank)
{
  double       environments = 0, largest = 0;
  const double r = (double)rank;

  for (PetscInt k = 0; k < op->nd; k++) {
    environments += (double)op->A.nstate[k] * r * r;
    if (k + 1 < op->nd) {
      // Modes of a train are few against its splines: a third is already much.
      const double m1   = PetscMax(1, PetscMin(r * r, (double)lsq->dir[op->dir[k]].n) / 3);
      const double m2   = PetscMax(1, PetscMin(r * r, (double)lsq->dir[op->dir[k + 1]].n) / 3);
      const double left = k == 0 ? 1 : r, right = k + 2 == op->nd ? 1 : r;

      largest = PetscMax(
        largest, left * right * m1 * m2 * (double)(op->A.nstate[k] + op->A.nstate[k + 1] + op->A.nstate[k + 2] + 12));
    }
  }
  return 8 * (2 * environments + largest);
}

PetscErrorCode SnaTtAlsGetMemory(SnaLsq lsq, const PetscInt dir[], PetscInt rank, double *bytes)
{
  SnaTtOperator op;

  PetscFunctionBeginUser;
  PetscCall(SnaTtOperatorCreate(lsq, dir, &op));
  *bytes = MemoryOf(op, lsq, rank);
  PetscCall(SnaTtOperatorDestroy(&op));
  PetscFunctionReturn(0);
}

typedef enum { FREE, BY_RANK, BY_MEMORY } CapLimit;

// The cap within what the options and the memory allow.
static PetscInt LimitCap(SnaTtAls als, PetscInt cap, CapLimit *limit)
{
  *limit = FREE;
  if (als->options.max_rank > 0 && cap > als->options.max_rank) {
    cap    = als->options.max_rank;
    *limit = BY_RANK;
  }
  while (als->options.memory > 0 && cap > 1 && MemoryOf(als->op, als->level->lsq, cap) > als->options.memory) {
    cap    = PetscMax(1, cap * 9 / 10);
    *limit = BY_MEMORY;
  }
  return cap;
}

// One growth half sweep at tolerance eps (relative). cap < 0: each cut by the decay of its singular values.
static PetscErrorCode Grow(SnaTtAls als, double eps, PetscInt cap)
{
  SnaTtAlsState *s = &als->state;
  SnaTtGrowth    g;
  PetscInt       recorded[SNA_MAX_DIM + 1][2] = {{0}};
  double         discarded[SNA_MAX_DIM + 1]   = {0}, distance;
  CapLimit       limit[SNA_MAX_DIM + 1];
  double         cut_off = 0, trusted;
  SnaTt          old;
  const double   before = s->objective;
  const double   cuts = PetscSqrtReal((double)PetscMax(1, als->nd - 1)), modes = PetscSqrtReal((double)als->nd);

  PetscFunctionBeginUser;
  g.bond_tol   = eps * s->norm / cuts;
  g.mode_tol   = PetscMax(MODE_TOL * eps, 3e-8) * s->norm / modes;
  g.modes      = (PetscBool)(s->stage != SNA_TT_TRIAL);
  g.iterations = ITERATIONS;
  g.rtol       = REDUCTION;
  // Singular values far below the error of the train as it stands are noise of unfinished local solves; the last change tells the error.
  trusted        = PetscMax(eps, TRUST * PetscMin(1, s->change));
  g.reference[0] = 10 * trusted * s->norm / cuts;
  g.reference[1] = trusted * s->norm / cuts;
  for (PetscInt k = 1; k < als->nd; k++) {
    if (s->stage == SNA_TT_POLISH)
      g.cap[k] = 27 * als->tt->r[k] / 20 + 2;
    else if (cap > 0)
      g.cap[k] = cap;
    else {
      const double per_decade = PetscMax(1, s->decay[k][1] - s->decay[k][0]);
      double       expected   = s->decay[k][1] + per_decade * PetscLog10Real(PetscMax(1, s->trusted[1] / eps));

      if (s->saturation > SATURATED) expected = PetscMax(expected, (double)s->wanted[k]);
      g.cap[k] = PetscMin((PetscInt)(MARGIN * expected) + 3, 3 * als->tt->r[k] + 4);
    }
    g.cap[k] = LimitCap(als, g.cap[k], &limit[k]);
  }
  PetscCall(SnaTtDuplicate(als->tt, &old));
  PetscCall(SnaTtAlsGrow(als, &g, recorded, discarded));
  PetscCall(SnaTtDistance(als->space, als->tt, old, &distance));
  PetscCall(SnaTtDestroy(&old));
  s->saturation   = 0;
  s->rank_limited = s->memory_limited = PETSC_FALSE; // the last growth half sweep tells
  for (PetscInt k = 1; k < als->nd; k++) {
    s->wanted[k] = recorded[k][1];
    if (recorded[k][1] <= g.cap[k]) continue;
    if (limit[k] != FREE) cut_off += PetscSqr(discarded[k]);
    if (limit[k] == BY_RANK) s->rank_limited = PETSC_TRUE;
    if (limit[k] == BY_MEMORY) s->memory_limited = PETSC_TRUE;
    if (limit[k] == FREE) s->saturation = PetscMax(s->saturation, discarded[k] / g.bond_tol);
  }
  s->trusted[0] = 10 * trusted;
  s->trusted[1] = trusted;
  for (PetscInt k = 1; k < als->nd; k++)
    for (int i = 0; i < 2; i++) s->decay[k][i] = (double)PetscMin(recorded[k][i], als->tt->r[k]);
  s->tolerance = eps;
  s->norm      = Norm(als);
  s->change    = s->norm > 0 ? distance / s->norm : 0;
  s->cut_off   = s->norm > 0 ? PetscSqrtReal(cut_off) / s->norm : 0;
  s->residual  = Residual(als, before);
  PetscFunctionReturn(0);
}

// The tolerance of the next growth half sweep: it follows the change of the last one down to rtol/2, and stays where caps decided instead of the tolerance.
static double NextTolerance(const SnaTtAls als)
{
  const SnaTtAlsState *s    = &als->state;
  const double         last = 0.5 * als->options.rtol;
  double               next;

  if (s->sweep == 0) return PetscMax(last, FIRST_TOL);
  if (s->saturation > SATURATED) return s->tolerance;
  next = PetscMax(s->tolerance / STEP, FOLLOW * s->change);
  return next < 3 * last ? last : PetscMin(next, s->tolerance);
}

// ---------------------------------------------------------------------------------------------------------------------
// Polish and the end
// ---------------------------------------------------------------------------------------------------------------------
// What the half sweeps to come would still change: the changes as a geometric series, its ratio the mean of the last two.
static double Remaining(const SnaTtAlsState *s)
{
  const double rho = PetscMin(0.9, PetscMax(0.5, PetscSqrtReal(s->contraction * s->contraction_before)));

  return s->change * rho / (1 - rho);
}

// Spline part: half the cells leave error[d], a quarter quarter[d]; one more halving of the width divides by the rate seen, at most 2^(degree+1) (repeated break
// points stay on coarser cells, so they do not change the rate). Modal bases: three quarters and half of the functions; the power of their number that is seen
// holds for functions with finitely many derivatives and is too slow for analytic ones. The residual norm does not take the nearest function: where derivatives
// enter, PRICE times its distance.
static PetscErrorCode EstimateSplines(SnaTtAls als)
{
  SnaTtAlsState *s = &als->state;
  PetscInt       halved[SNA_MAX_DIM];
  double         error[SNA_MAX_DIM], quarter[SNA_MAX_DIM], sum = 0;

  PetscFunctionBeginUser;
  PetscCall(SnaTtSplineError(als->space, als->tt, s->centre, halved, error, quarter));
  for (PetscInt d = 0; d < als->nd; d++) {
    const PetscBool spline = (PetscBool)(als->space->info[d].degree > 0);
    const double    order  = (double)(als->space->info[d].degree + 1);
    double          rate = order, price = 1, e;

    s->cells_needed[d] = als->cells[d];
    if (halved[d] == 0 || error[d] <= 0) continue;
    if (quarter[d] >= 0 && !spline)
      rate = PetscMax(1, PetscLogReal(PetscMax(quarter[d], error[d]) / error[d]) /
                           PetscLogReal((double)halved[d] / (double)(als->cells[d] / 2)));
    if (quarter[d] >= 0 && spline)
      rate = PetscMax(1, 0.5 * (order + PetscMin(order + 1, PetscLog2Real(PetscMax(quarter[d], error[d]) / error[d]))));
    for (PetscInt a = 0; a < als->level->lsq->dir[d].nop; a++)
      if (als->level->lsq->dir[d].derivative[a] > 0) price = PRICE;
    e = price * error[d] * PetscPowReal((double)halved[d] / (double)als->cells[d], rate) /
        PetscMax(s->norm, PETSC_SMALL * PETSC_SMALL);
    sum += e * e;
    if (e > 0.5 * als->options.rtol)
      s->cells_needed[d] =
        (PetscInt)PetscCeilReal((double)als->cells[d] * PetscPowReal(e / (0.5 * als->options.rtol), 1 / rate));
  }
  s->error_spline = PetscSqrtReal(sum);
  PetscFunctionReturn(0);
}

// Directions whose rounded modes nearly fill the splines that growth had.
static void NoteCappedModes(SnaTtAls als)
{
  PetscInt cells[SNA_MAX_DIM];

  CellsOfStage(als, SNA_TT_GROWTH, cells);
  for (PetscInt k = 0; k < als->nd; k++) {
    const PetscInt d     = als->tt->dir[k];
    const PetscInt modes = PetscMin(als->tt->m[k], als->tt->r[k] * als->tt->r[k + 1]);
    const PetscInt n     = als->tt->n[k] - als->cells[d] + cells[d];

    if (cells[d] < als->cells[d] && 5 * modes >= 4 * n) als->state.capped_modes |= 1 << d;
  }
}

// Least singular value at the cut right of the centre k.
static PetscErrorCode LeastSingularValue(SnaTt tt, PetscInt k, double *sigma)
{
  const PetscInt r = tt->r[k], q = tt->r[k + 1], m = tt->m[k];
  PetscBLASInt   bq = (PetscBLASInt)q, lwork = (PetscBLASInt)(34 * q), info;
  double        *G, *w, *work;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc3((size_t)q * (size_t)q, &G, q, &w, lwork, &work));
  for (PetscInt j = 0; j < m; j++) {
    const double *A = tt->core[k] + (size_t)(r * q) * (size_t)j;

    PetscCall(SnaTtGemm_Private("T", "N", q, q, r, A, r, A, r, j > 0 ? 1 : 0, G, q));
  }
  PetscCallBLAS("LAPACKsyev", LAPACKsyev_("N", "U", &bq, G, &bq, w, work, &lwork, &info));
  PetscCheck(info == 0, PETSC_COMM_SELF, PETSC_ERR_LIB, "LAPACK syev: %d", (int)info);
  *sigma = PetscSqrtReal(PetscMax(0, w[0]));
  PetscCall(PetscFree3(G, w, work));
  PetscFunctionReturn(0);
}

// What lies beyond the ranks of the train, relative: at every cut the singular values go on falling as growth saw them (decay: ranks per factor 10), and not above
// what growth cut off.
static PetscErrorCode EstimateRanks(SnaTtAls als)
{
  SnaTtAlsState *s = &als->state;
  const double   truncated =
    s->tolerance * s->norm * PetscMax(1, s->saturation) / PetscSqrtReal((double)PetscMax(1, als->nd - 1));
  double sum2 = 0, sigma = 0;
  SnaTt  tt;

  PetscFunctionBeginUser;
  PetscCall(SnaTtDuplicate(als->tt, &tt));
  for (PetscInt k = s->centre; k > 0; k--) PetscCall(SnaTtMoveCentre(tt, k, PETSC_FALSE));
  for (PetscInt k = 1; k < tt->nd; k++) {
    const double ratio = PetscPowReal(10, -1 / PetscMax(1, s->decay[k][1] - s->decay[k][0]));

    PetscCall(LeastSingularValue(tt, k - 1, &sigma));
    sum2 += PetscMin(PetscSqr(sigma * ratio) / (1 - ratio * ratio), truncated * truncated);
    PetscCall(SnaTtMoveCentre(tt, k - 1, PETSC_TRUE));
  }
  PetscCall(SnaTtDestroy(&tt));
  s->error_ranks = s->norm > 0 ? PRICE * PetscSqrtReal(sum2) / s->norm : 0;
  PetscFunctionReturn(0);
}

// Rounds and estimates, or asks for larger ranks (*regrow).
static PetscErrorCode Finish(SnaTtAls als, PetscBool *regrow)
{
  SnaTtAlsState *s    = &als->state;
  const double   rtol = SAFETY * als->options.rtol;
  double         others2, left, error;

  PetscFunctionBeginUser;
  *regrow = PETSC_FALSE;
  PetscCall(EstimateSplines(als));
  s->error_algebraic = Remaining(s);
  PetscCall(EstimateRanks(als));
  // Least squares at ranks that barely hold the solution is far from the best function of these ranks, and converges slowly.
  s->tight = (PetscBool)(s->error_ranks > TIGHT * als->options.rtol);
  if (s->tight && s->regrown < REGROW_MAX && !s->rank_limited && !s->memory_limited) {
    *regrow = PETSC_TRUE;
    PetscFunctionReturn(0);
  }
  others2 = PetscSqr(s->error_spline) + PetscSqr(s->error_algebraic) + PetscSqr(s->error_ranks) + PetscSqr(s->cut_off);
  left    = PetscSqrtReal(PetscMax(0.25 * rtol * rtol, rtol * rtol - others2));
  PetscCall(SnaTtAlsRelease(als));
  if (als->options.parameters > 0) {
    PetscBool fits;

    PetscCall(SnaTtRoundToBudget(als->space, als->tt, als->options.parameters, &error, &fits));
    PetscCheck(fits, als->comm, PETSC_ERR_ARG_OUTOFRANGE, "%" PetscInt_FMT " parameters are fewer than rank 1 has",
      als->options.parameters);
  } else
    PetscCall(SnaTtRound(als->space, als->tt, left * s->norm, &error));
  NoteCappedModes(als);
  s->error_rounding = s->norm > 0 ? error / s->norm : 0;
  s->estimate       = PetscSqrtReal(others2 + PetscSqr(s->error_rounding));
  s->stage          = SNA_TT_DONE;
  s->work           = 1;
  PetscFunctionReturn(0);
}

static PetscErrorCode PolishStep(SnaTtAls als)
{
  SnaTtAlsState *s = &als->state;
  SnaTt          old;
  double         distance;
  const double   before = s->change, objective = s->objective;

  PetscFunctionBeginUser;
  PetscCall(SnaTtDuplicate(als->tt, &old));
  PetscCall(SnaTtAlsPolish(als, ITERATIONS, REDUCTION));
  s->norm     = Norm(als);
  s->residual = Residual(als, objective);
  PetscCall(SnaTtDistance(als->space, als->tt, old, &distance));
  PetscCall(SnaTtDestroy(&old));
  s->change             = s->norm > 0 ? distance / s->norm : 0;
  s->contraction_before = s->contraction > 0 ? s->contraction : 1;
  s->contraction        = s->sweep > 0 && before > 0 ? s->change / before : 1;
  s->slow               = s->contraction > SLOW && Remaining(s) > POLISHED * als->options.rtol ? s->slow + 1 : 0;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtAlsStep(SnaTtAls als, PetscBool *done)
{
  SnaTtAlsState *s = &als->state;

  PetscFunctionBeginUser;
  if (s->stage == SNA_TT_TRIAL) {
    if (s->total == 0) PetscCall(Start(als));
    if (!als->ready) PetscCall(SnaTtAlsPrepare(als, PETSC_FALSE));
    PetscCall(Grow(als, TRIAL_TOL, trial_cap[PetscMin(s->sweep, NTRIAL - 1)]));
    s->sweep++;
    s->work = 0.05 * (double)s->sweep / (double)NTRIAL;
    if (s->sweep == NTRIAL && !s->failed) {
      PetscCall(SnaTtTruncateModes(als->space, als->tt, s->centre, 0.1 * TRIAL_TOL * s->norm));
      PetscCall(ChangeLevel(als, SNA_TT_GROWTH));
      PetscCall(SnaTtAlsRelease(als));
      s->stage = SNA_TT_GROWTH;
      s->sweep = 0;
    }
  } else if (s->stage == SNA_TT_GROWTH) {
    const double eps = NextTolerance(als);

    if (!als->ready) PetscCall(SnaTtAlsPrepare(als, PETSC_TRUE));
    PetscCall(Grow(als, eps, s->sweep == 0 ? 24 : -1));
    s->sweep++;
    s->work = PetscMin(0.5, 0.05 + 0.12 * (double)s->sweep);
    if (!s->failed &&
        ((eps <= 0.5 * als->options.rtol * (1 + 1e-12) && s->saturation <= SATURATED) || s->sweep >= GROWTH_MAX)) {
      PetscCall(SnaTtTruncateModes(als->space, als->tt, s->centre, MODE_TOL * s->tolerance * s->norm));
      PetscCall(ChangeLevel(als, SNA_TT_POLISH));
      PetscCall(SnaTtAlsRelease(als));
      s->stage = SNA_TT_POLISH;
      s->sweep = 0;
    }
  } else if (s->stage == SNA_TT_POLISH) {
    if (s->slow >= 2 && s->regrown < REGROW_MAX) {
      PetscCall(SnaTtAlsRelease(als));
      PetscCall(SnaTtAlsPrepare(als, PETSC_TRUE));
      PetscCall(Grow(als, 0.5 * s->tolerance, -1));
      PetscCall(SnaTtTruncateModes(als->space, als->tt, s->centre, MODE_TOL * s->tolerance * s->norm));
      PetscCall(SnaTtAlsRelease(als));
      s->slow        = 0;
      s->contraction = s->contraction_before = 1;
      s->regrown++;
    } else {
      PetscBool regrow;

      if (!als->ready) PetscCall(SnaTtAlsPrepare(als, PETSC_FALSE));
      PetscCall(PolishStep(als));
      if (!s->failed && ((s->sweep + 1 >= POLISH_MIN && Remaining(s) <= POLISHED * als->options.rtol) ||
                          s->sweep + 1 >= POLISH_MAX)) {
        PetscCall(Finish(als, &regrow));
        if (regrow) s->slow = 2;
      }
    }
    s->sweep++;
    if (s->stage != SNA_TT_DONE) s->work = PetscMin(0.95, 0.5 + 0.07 * (double)s->sweep);
  }
  s->total++;
  for (PetscInt k = 0; k < als->nd; k++) {
    s->rank[k + 1] = als->tt->r[k + 1];
    s->mode[k]     = als->tt->m[k];
  }
  s->rank[0] = 1;
  *done      = (PetscBool)(s->stage == SNA_TT_DONE || s->failed);
  PetscFunctionReturn(0);
}
