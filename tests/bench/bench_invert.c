// Inversions per second of a sum of products (rank R, degree p, C cells per direction, functions 1 + 0.3 N(0,1) as a fit begins), one target at the middle of
// its range: processor time from the task to the distinct solutions in memory, the best of many runs (wall time in brackets), and the share that the model's values and gradients take.
//   OPENBLAS_NUM_THREADS=1 bench_invert
#include "app/app_impl.h"
#include "models/model_impl.h"
#include <math.h>
#include <petsctime.h>
#include <sna/learn.h>
#include <time.h>

#define MAX_ND 20

static PetscLogDouble in_model;

static PetscErrorCode Sample(
  SnaModel model, PetscInt k, PetscInt n, const double *const x[], double u[], double *const grad[])
{
  PetscLogDouble t0, t1;

  PetscFunctionBeginUser;
  (void)k;
  PetscCall(PetscTime(&t0));
  PetscCall(SnaSeparableEvaluate((SnaSeparable)model->data, n, x, &u, grad));
  PetscCall(PetscTime(&t1));
  in_model += t1 - t0;
  PetscFunctionReturn(0);
}

static PetscErrorCode CreateFunction(PetscInt nd, PetscInt rank, PetscInt degree, PetscInt cells, SnaSeparable *s)
{
  SnaSeparableOptions o = {.kind = SNA_SEPARABLE_PRODUCTS, .nd = nd, .nout = 1};
  char                message[SNA_MAX_MESSAGE];
  PetscBool           ok;

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < nd; d++) {
    o.degree[d] = degree;
    o.cells[d]  = cells;
  }
  PetscCall(SnaInteractionCreate(nd, nd, rank, PETSC_TRUE, &o.interaction, &ok));
  PetscCall(SnaSeparableCreate(&o, s, message));
  PetscCheck(*s, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%s", message);
  PetscCall(SnaSeparableInitialize(*s, 1, 0.3, 1));
  PetscCall(SnaInteractionDestroy(&o.interaction));
  PetscFunctionReturn(0);
}

static PetscErrorCode Measure(SnaDeck deck, PetscInt nd, PetscInt rank, PetscInt degree, PetscInt cells)
{
  static const char *const names[MAX_ND] = {
    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t"};
  const PetscInt   starts[] = {64, 1000, 100000};
  struct SnaModel_ model    = {
       .comm = PETSC_COMM_SELF, .ops = {.sample = Sample}, .info = {.nd = nd, .nunknown = 1, .nfield = 1, .field = {"u"}}};
  SnaInversion      task  = {.ntarget = 1, .rtol = 1e-6};
  SnaInversionTally tally = {.low = {INFINITY}, .high = {-INFINITY}};
  SnaSeparable      function;

  PetscFunctionBeginUser;
  PetscCall(CreateFunction(nd, rank, degree, cells, &function));
  model.data = function;
  for (PetscInt d = 0; d < nd; d++) {
    model.info.name[d] = names[d];
    model.info.hi[d] = task.hi[d] = 1;
  }
  PetscCall(SnaModelReadCoordinates_Private(&model, deck));
  PetscCall(SnaInversionProbe(PETSC_COMM_SELF, &model, &task, &tally));
  task.target[0][0] = task.target[0][1] = 0.5 * (tally.low[0] + tally.high[0]);
  for (size_t k = 0; k < PETSC_STATIC_ARRAY_LENGTH(starts); k++) {
    double best = INFINITY, wall = INFINITY, share = 0, evaluations = 0, total = 0;

    task.starts = starts[k];
    for (int repeat = 0; repeat < (starts[k] > 10000 ? 5 : 200); repeat++) {
      SnaEnsemble e;
      char        message[SNA_MAX_MESSAGE];
      clock_t     start = clock();
      double      seconds;

      in_model = 0;
      PetscCall(SnaEnsembleCreate(PETSC_COMM_SELF, &model, &task, &e, message));
      PetscCheck(!message[0], PETSC_COMM_SELF, PETSC_ERR_PLIB, "%s", message);
      seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
      wall    = PetscMin(wall, e.seconds);
      if (seconds < best) {
        best        = seconds;
        share       = in_model / e.seconds;
        evaluations = (double)e.tally.evaluations / (double)e.tally.solved;
        total       = e.total;
      }
      PetscCall(SnaEnsembleDestroy(&e));
    }
    PetscCall(PetscPrintf(PETSC_COMM_SELF,
      "%2" PetscInt_FMT "-D rank %2" PetscInt_FMT " degree %" PetscInt_FMT " cells %2" PetscInt_FMT "  %7" PetscInt_FMT
      " starts  %7.0f solutions  %9.4f ms (%9.4f)  %9.0f /s  %5.2f evaluations each  %4.1f %% in the model\n",
      nd, rank, degree, cells, starts[k], total, 1e3 * best, 1e3 * wall, total / best, evaluations, 100 * share));
  }
  PetscCall(SnaCoordinatesDestroy(&model.coordinates));
  PetscCall(SnaSeparableDestroy(&function));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  char             program[] = "bench", *words[] = {program, NULL};
  const char      *title[SNA_MAX_TABLES];
  const SnaOption *table[SNA_MAX_TABLES];
  const int        ntable = SnaAppGetTables(title, table);
  SnaDeck          deck;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(SnaDeckCreateFromText(PETSC_COMM_SELF, "bench", "---\ncase: bench\n", 1, words, &deck));
  for (int i = 0; i < ntable; i++) PetscCall(SnaDeckAddOptions(deck, title[i], table[i]));
  PetscCall(Measure(deck, 8, 6, 2, 3));
  PetscCall(Measure(deck, 8, 3, 2, 8));
  PetscCall(Measure(deck, 20, 6, 3, 10));
  PetscCall(SnaDeckDestroy(&deck));
  PetscCall(PetscFinalize());
  return 0;
}
