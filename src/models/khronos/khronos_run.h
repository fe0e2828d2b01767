// Private to src/models/khronos: where the training stands, what its files tell, and the work space of evaluations.
#ifndef SNA_KHRONOS_RUN_H
#define SNA_KHRONOS_RUN_H

#include "khronos.h"

#define KHRONOS_BLOCK 256 // points that are evaluated together

// Columns of the history: one number each per step of the training.
typedef enum {
  KHRONOS_FOLD, // -1: the model of the whole data
  KHRONOS_PART,
  KHRONOS_RESTART,
  KHRONOS_PHASE, // SnaFitPhase
  KHRONOS_STEP,
  KHRONOS_LOSS,
  KHRONOS_VALIDATION,
  KHRONOS_R2,
  KHRONOS_DAMPING,
  KHRONOS_SECONDS, // of training, up to here
  KHRONOS_NHISTORY
} KhronosHistoryColumn;

// How well a model does on rows, in the targets' physical units.
typedef struct {
  PetscInt64 n;
  double     r2[SNA_MAX_UNKNOWNS],
    mean;                    // of each target, and their mean; classification: of the probabilities, in mean alone
  double accuracy, log_loss; // classification
} KhronosScore;

typedef struct KhronosRun_ *KhronosRun;
struct KhronosRun_ {
  PetscBool finished; // the model is trained (or was read from a result file)
  PetscInt  nhistory, maxhistory;
  double (*history)[KHRONOS_NHISTORY];
  SnaSamples sample[SNA_NPARTS]; // what `running` borrows
  // folds, those done first
  PetscInt      nfold;
  KhronosScore *fold;
  double        fold_seconds;
  // this rank's rows of /test: the number of the row, then target and prediction of each target
  PetscInt ntest, maxtest;
  double  *test;
  // work space for KHRONOS_BLOCK points
  PetscInt nd, nout;
  double  *memory, *t[SNA_MAX_DIM], **y, **dy;
};

PetscErrorCode KhronosRunCreate(Khronos *k); // nothing to do where there is one
// Data, scales, functions without parameters of k->fold. message: of the data (folds; those of the whole data were met in set-up). Collective.
PetscErrorCode KhronosBeginStage(SnaModel model, char message[SNA_MAX_MESSAGE]);
// The fit of function k->output to the training rows. Collective.
PetscErrorCode KhronosCreateFit(SnaModel model, SnaFit *fit);
// Collective.
PetscErrorCode KhronosGetScore(SnaModel model, const SnaRows *rows, KhronosScore *score);
PetscErrorCode KhronosAppendTest(SnaModel model, const SnaRows *rows);
PetscInt       KhronosTestWidth(const Khronos *k);
// Results r2_<what> and their companions; shares of the variance.
PetscErrorCode KhronosAddScore(SnaModel model, SnaResults results, const char what[], const KhronosScore *score);
PetscErrorCode KhronosAddShares(SnaModel model, SnaResults results);

// Values of all unknowns at n <= KHRONOS_BLOCK points whose scaled inputs stand in run->t: outputs of the functions (scaled targets, or logits of the
// classes) in run->y[o], and with `slopes` their derivatives by t_d in run->dy[o*nd + d]. only: the function (part) needed, -1 for all. Not collective.
PetscErrorCode KhronosEvaluateBlock(Khronos *k, PetscInt nd, PetscInt n, PetscInt only, PetscBool slopes);
PetscErrorCode KhronosSetWork(Khronos *k, PetscInt nd); // before the first use of run->t; nothing to do when done
// Logits z[c][i] -> probabilities, in place.
void KhronosSoftmax(PetscInt nclass, PetscInt n, double *const z[]);

#endif
