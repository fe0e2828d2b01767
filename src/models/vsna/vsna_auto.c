// vsna_auto.c - rank: auto. The ladder of ranks grows until an indicator of the relative L2 error of u meets the target.
//
// After the rung of rank R, with u' the iterate at the end of the rung before (0 before the first), w = u - u', and everything from 1-D integrals:
//
//   least squares   indicator = (||w|| / ||L w||) * ||L u + g||_held-out / ||u + lift||
//                   the residual at points that the sweeps never see, and what an L2 error is to a residual, as the last correction shows it
//   Galerkin        indicator = (||w|| / a(w,w)^(1/2)) * (g q/(1-q))^(1/2) / ||u + lift||,   g = F(u') - F(u), q = g / (the gain before it)
//                   the energy that is still to be gained if rungs go on gaining by the same ratio; not known before the third rung, blind to what the
//                   bases cannot do
//
// The held-out points are the p - 1 Gauss points of each cell of splines of degree p. There the error of a cubic spline's second derivative,
// h^2 B_2(x/h) D^4 u / 2 to leading order, vanishes: the residual that no rank can remove is large (h^2) elsewhere though it belongs to a small error
// (h^4). Global bases have one point more than the sweeps. Both are estimates, not bounds: doc/theory.md has them beside the true error.
// The ladder ends unmet where higher ranks no longer lower the residual: what is left then is the bases' and not the rank's.
#include "vsna.h"

#define MAX_RUNGS       64
#define FELL_TOO_LITTLE 0.95 // of the residual two rungs before
#define LARGEST_RATIO   0.9  // of gains of energy
#define ROUND_OFF       1e-6 // ||w|| / ||u|| below which ||w|| / ||L w|| is the rung's before

typedef struct { // the end of a rung; the indicator is negative while it is not known
  double rank, total, indicator, objective;
  double residual, stability; // ||L u + g|| held out (Galerkin: the root of the energy left), ||w|| / ||L w||
} Rung;
#define RUNG_NUMBERS 6

struct VsnaAuto_ {
  SnaLsq   heldout, mass; // || L u + g ||^2 by other quadrature points, || u + lift ||^2
  PetscInt nrung;
  Rung     rung[MAX_RUNGS];
  PetscInt rank; // of the iterate at the end of the last rung
  double  *C[SNA_MAX_DIM];
};

static PetscErrorCode FreeFactors(Vsna *v)
{
  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < v->nd; d++) PetscCall(PetscFree(v->automatic->C[d]));
  PetscFunctionReturn(0);
}

PetscErrorCode VsnaAutoDestroy(Vsna *v)
{
  PetscFunctionBeginUser;
  if (!v->automatic) PetscFunctionReturn(0);
  PetscCall(FreeFactors(v));
  PetscCall(SnaLsqDestroy(&v->automatic->heldout));
  PetscCall(SnaLsqDestroy(&v->automatic->mass));
  PetscCall(PetscFree(v->automatic));
  PetscFunctionReturn(0);
}

// || u + lift ||^2 as a functional: the operator 1, the lift as its right-hand side.
static PetscErrorCode CreateMass(const Vsna *v, const VsnaLevel *level, SnaLsq *mass)
{
  const PetscInt   n                   = v->lift.n;
  const double    *weight[SNA_MAX_DIM] = {NULL};
  const SnaLsqTerm one                 = {.coefficient = 1};
  SnaLsqTerm      *lift;

  PetscFunctionBeginUser;
  PetscCall(PetscCalloc1(PetscMax(1, n), &lift));
  for (PetscInt j = 0; j < n; j++) {
    lift[j].coefficient = v->lift.term[j].coefficient;
    for (PetscInt d = 0; d < v->nd; d++) {
      double *values;
      PetscCall(PetscMalloc1(level->tab[d].nq, &values));
      PetscCall(VsnaFactorValues(v, level, v->lift.term[j].factor[d], d, 0, values));
      lift[j].value[d] = values;
    }
  }
  PetscCall(SnaLsqCreate(v->nd, level->tt.bases, level->tab, weight, 1, &one, n, lift, mass));
  for (PetscInt j = 0; j < n; j++)
    for (PetscInt d = 0; d < v->nd; d++) PetscCall(PetscFree(lift[j].value[d]));
  PetscCall(PetscFree(lift));
  PetscFunctionReturn(0);
}

static PetscErrorCode SetUp(SnaModel model, struct VsnaAuto_ *a)
{
  Vsna            *v     = (Vsna *)model->data;
  const VsnaLevel *level = v->level[0];
  PetscInt         per_cell[SNA_MAX_DIM];

  PetscFunctionBeginUser;
  if (a->mass) PetscFunctionReturn(0);
  for (PetscInt d = 0; d < v->nd; d++) {
    const SnaBasisSpec *spec = &v->dir[d].spec;
    PetscBool           spline;
    PetscCall(PetscStrcmp(spec->family, "bspline", &spline));
    per_cell[d] = spline ? PetscMax(1, spec->degree - 1) : level->tab[d].per_cell + 1;
  }
  PetscCall(VsnaCreateFunctional(model, level, per_cell, &a->heldout));
  PetscCall(CreateMass(v, level, &a->mass));
  PetscFunctionReturn(0);
}

// The columns of u and, with the other sign, those of the rung before.
static PetscErrorCode Difference(
  const SnaLsq lsq, PetscInt R, double *const C[], PetscInt R0, double *const C0[], double *w[])
{
  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < lsq->nd; d++) {
    const PetscInt n = lsq->dir[d].n;
    PetscCall(PetscMalloc1((size_t)n * (size_t)(R + R0), &w[d]));
    for (PetscInt i = 0; i < n; i++) {
      PetscCall(PetscArraycpy(w[d] + i * (R + R0), C[d] + i * R, R));
      for (PetscInt r = 0; r < R0; r++) w[d][i * (R + R0) + R + r] = (d == 0 ? -1 : 1) * C0[d][i * R0 + r];
    }
  }
  PetscFunctionReturn(0);
}

static double Root(double square)
{
  return PetscSqrtReal(PetscMax(0, square));
}

// Energy that rungs of the same ratio still gain; negative: not known.
static double EnergyLeft(const struct VsnaAuto_ *a, double objective)
{
  const PetscInt n = a->nrung; // rungs before the one that ends now
  double         gain, before, ratio;

  if (n < 2) return -1;
  gain   = PetscMax(0, a->rung[n - 1].objective - objective);
  before = a->rung[n - 2].objective - a->rung[n - 1].objective;
  ratio  = before > 0 ? PetscMin(gain / before, LARGEST_RATIO) : LARGEST_RATIO;
  return gain * ratio / (1 - ratio);
}

static PetscErrorCode EndRung(const struct VsnaAuto_ *a, const SnaAlsState *state, double *const C[], Rung *rung)
{
  const PetscInt R = state->rank;
  double        *w[SNA_MAX_DIM], ww, Lw, uu, fu, rr, unused;

  PetscFunctionBeginUser;
  PetscCall(Difference(a->mass, R, C, a->rank, a->C, w));
  PetscCall(SnaLsqEvaluate(a->mass, R + a->rank, (const double *const *)w, &ww, &unused));
  PetscCall(SnaLsqEvaluate(a->heldout, R + a->rank, (const double *const *)w, &Lw, &unused));
  for (PetscInt d = 0; d < a->mass->nd; d++) PetscCall(PetscFree(w[d]));
  PetscCall(SnaLsqEvaluate(a->mass, R, (const double *const *)C, &uu, &fu));
  uu += 2 * fu + a->mass->c0;
  if (a->heldout->galerkin) {
    rr = EnergyLeft(a, state->objective);
  } else {
    PetscCall(SnaLsqEvaluate(a->heldout, R, (const double *const *)C, &rr, &fu));
    rr = PetscMax(0, rr + 2 * fu + a->heldout->c0);
  }
  *rung = (Rung){.rank = (double)R, .total = (double)state->total, .indicator = -1, .objective = state->objective};
  if (ww > PetscSqr(ROUND_OFF) * uu && Lw > 0)
    rung->stability = Root(ww / Lw);
  else if (a->nrung > 0)
    rung->stability = a->rung[a->nrung - 1].stability;
  rung->residual = rr < 0 ? -1 : Root(rr);
  if (rr >= 0 && uu > 0 && rung->stability > 0) rung->indicator = rung->stability * rung->residual / Root(uu);
  PetscFunctionReturn(0);
}

// Two rungs without gain.
static PetscBool Stagnates(const struct VsnaAuto_ *a)
{
  const PetscInt n = a->nrung;

  return (PetscBool)(n >= 3 && a->rung[n - 1].indicator >= 0 && a->rung[n - 3].indicator >= 0 &&
                     a->rung[n - 1].residual > FELL_TOO_LITTLE * a->rung[n - 3].residual);
}

PetscErrorCode VsnaAutoRung(
  SnaModel model, SnaAls als, size_t size, char line[], PetscBool *done, SnaSolveStatus *status)
{
  Vsna             *v = (Vsna *)model->data;
  struct VsnaAuto_ *a;
  const Rung       *last;
  SnaAlsState       s;
  PetscBool         ended, met;
  char              text[128] = "  error not known yet";

  PetscFunctionBeginUser;
  if (!v->automatic) PetscCall(PetscNew(&v->automatic));
  a = v->automatic;
  PetscCall(SnaAlsRungDone(als, &ended));
  PetscCall(SnaAlsGetState(als, &s));
  if (!ended || s.failed) PetscFunctionReturn(0);
  if (a->nrung == 0 || a->rung[a->nrung - 1].total < (double)s.total) { // a restart may stand at the end of a rung
    double *C[SNA_MAX_DIM];
    PetscCheck(a->nrung < MAX_RUNGS, PETSC_COMM_SELF, PETSC_ERR_PLIB, "more rungs than a ladder has");
    PetscCall(SetUp(model, a));
    PetscCall(SnaAlsGetFactors(als, C));
    PetscCall(EndRung(a, &s, C, &a->rung[a->nrung]));
    a->nrung++;
    PetscCall(FreeFactors(v));
    PetscCall(PetscArraycpy(a->C, C, v->nd));
    a->rank = s.rank;
  }
  last = &a->rung[a->nrung - 1];
  if (last->indicator >= 0) PetscCall(PetscSNPrintf(text, sizeof(text), "  error about %.2e", last->indicator));
  PetscCall(PetscStrlcat(line, text, size));
  PetscCall(VsnaAutoMet(v, s.rank, &met));
  if (met) {
    *done = PETSC_TRUE;
  } else if (Stagnates(a)) {
    PetscCall(PetscFPrintf(v->workers, PETSC_STDERR,
      "vsna: the residual stays where it was two rungs before, at rank %" PetscInt_FMT
      ": the error of about %.2e, above rtol = %.3e, is that of the bases "
      "and not of the rank; use more cells (or modes, or a higher degree), or a larger rtol\n",
      (PetscInt)a->rung[a->nrung - 3].rank, last->indicator, v->auto_rtol));
    *done = PETSC_TRUE;
  } else if (s.phase == 2) {
    PetscCall(PetscFPrintf(v->workers, PETSC_STDERR,
      "vsna: the ladder ended at rank %" PetscInt_FMT
      ",%s; rtol = %.3e is not met: raise vsna: max_rank, or als: sweeps\n",
      s.rank, text + 1, v->auto_rtol));
    *done = PETSC_TRUE;
  }
  if (*done && !met) *status = SNA_SOLVE_NOTCONVERGED;
  if (*done) PetscCall(SnaAlsFinish(als));
  PetscFunctionReturn(0);
}

// Seconds up to the end of the rung before the last.
static double LadderSeconds(const VsnaReplica *r)
{
  enum { RANK = 1 };
  double seconds = 0;

  for (PetscInt i = 0; i < r->nhistory; i++)
    if (r->history[i].column[RANK] < r->history[r->nhistory - 1].column[RANK])
      seconds = r->history[i].column[VSNA_HISTORY_COLUMNS - 1];
  return seconds;
}

PetscErrorCode VsnaAutoResults(SnaModel model, SnaResults results)
{
  Vsna              *v = (Vsna *)model->data;
  const VsnaReplica *r = &v->replica[v->current];
  struct VsnaAuto_  *a;
  PetscMPIInt        me;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(model->comm, &me));
  if (!v->automatic) PetscCall(PetscNew(&v->automatic));
  a = v->automatic;
  // ranks without a share of the work write the file too
  PetscCallMPI(MPI_Bcast(&a->nrung, 1, MPIU_INT, 0, model->comm));
  PetscCallMPI(MPI_Bcast(a->rung, (PetscMPIInt)(a->nrung * RUNG_NUMBERS), MPI_DOUBLE, 0, model->comm));
  PetscCallMPI(MPI_Bcast(&a->rank, 1, MPIU_INT, 0, model->comm));
  if (a->nrung) PetscCall(SnaResultsAdd(results, "indicator", a->rung[a->nrung - 1].indicator));
  PetscCall(SnaResultsAdd(results, "seconds_ladder", LadderSeconds(r)));
  PetscCall(SnaResultsAdd(results, "share_last_rung", r->seconds > 0 ? 1 - LadderSeconds(r) / r->seconds : 1));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Files: /state/auto/rung (one row per rung: rank, sweeps so far, indicator, objective, residual, stability) and /state/auto/factor0, 1, .. (n_d x rank: the iterate then)
// ---------------------------------------------------------------------------------------------------------------------
PetscErrorCode VsnaAutoWrite(const Vsna *v, SnaFile file)
{
  const struct VsnaAuto_ *a = v->automatic;

  PetscFunctionBeginUser;
  if (!a || a->nrung == 0) PetscFunctionReturn(0);
  {
    const PetscInt dims[2] = {a->nrung, RUNG_NUMBERS};
    PetscCall(SnaFileWriteArray(file, "/state/auto/rung", 2, dims, &a->rung[0].rank));
  }
  for (PetscInt d = 0; d < v->nd; d++) {
    const PetscInt dims[2] = {v->level[0]->tt.lsq->dir[d].n, a->rank};
    char           name[256];
    PetscCall(PetscSNPrintf(name, sizeof(name), "/state/auto/factor%" PetscInt_FMT, d));
    PetscCall(SnaFileWriteArray(file, name, 2, dims, a->C[d]));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode VsnaAutoRead(SnaModel model, SnaFile file)
{
  Vsna             *v = (Vsna *)model->data;
  struct VsnaAuto_ *a;
  PetscInt          dims[4] = {0};
  PetscBool         has;
  int               ndim;

  PetscFunctionBeginUser;
  if (!v->automatic) PetscCall(PetscNew(&v->automatic));
  a = v->automatic;
  PetscCall(SnaFileHas(file, "/state/auto/rung", &has));
  if (!has) PetscFunctionReturn(0);
  PetscCall(SnaFileReadArraySize(file, "/state/auto/rung", &ndim, dims));
  if (ndim != 2 || dims[0] < 1 || dims[0] > MAX_RUNGS || dims[1] != RUNG_NUMBERS) {
    PetscCall(SnaFileSetError(file, "/state/auto/rung: not a table of rungs"));
    PetscFunctionReturn(0);
  }
  a->nrung = dims[0];
  PetscCall(SnaFileReadArray(file, "/state/auto/rung", dims[0] * dims[1], &a->rung[0].rank));
  a->rank = PetscMax(0, PetscMin(2048, (PetscInt)a->rung[a->nrung - 1].rank));
  PetscCall(FreeFactors(v));
  for (PetscInt d = 0; d < v->nd; d++) {
    const PetscInt n = v->level[0]->tt.lsq->dir[d].n * a->rank;
    char           name[256];
    PetscCall(PetscSNPrintf(name, sizeof(name), "/state/auto/factor%" PetscInt_FMT, d));
    PetscCall(PetscCalloc1(n, &a->C[d]));
    PetscCall(SnaFileReadArray(file, name, n, a->C[d]));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode VsnaAutoMet(const Vsna *v, PetscInt rank, PetscBool *met)
{
  const struct VsnaAuto_ *a    = v->automatic;
  const Rung             *last = a && a->nrung ? &a->rung[a->nrung - 1] : NULL;

  PetscFunctionBeginUser;
  *met = (PetscBool)(last && last->rank == (double)rank && last->indicator >= 0 && last->indicator <= v->auto_rtol);
  PetscFunctionReturn(0);
}
