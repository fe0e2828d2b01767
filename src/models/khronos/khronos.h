// Private to src/models/khronos: the struct of the model, and which file does what.
//
//   khronos_deck.c    keys of the deck: data, inputs, targets, class, training          khronos_data.c    rows: read or generated, scaled, split, dealt
//   khronos_signal.c  the stages signal -> wavelet -> principal components              khronos_solve.c   training, folds, restart; results
//   khronos_file.c    result and restart files                                          khronos_sample.c  values, derivatives, distance to the data, expansion
//   khronos_view.c    what is told before: sizes, interactions; shares of variance after  khronos_export.c  C source and JSON
#ifndef SNA_KHRONOS_H
#define SNA_KHRONOS_H

#include "../model_impl.h"
#include <sna/data.h>
#include <sna/learn.h>

#define KHRONOS_MAX_CLASSES 64

typedef struct { // what the deck says
  const char *file, *function, *design, *split, *split_column, *missing, *scale, *target_scale, *signals;
  PetscInt    dimension, samples, folds;
  PetscInt    seed;
  double      noise, validation, test;
  // inputs in order: column of the file, scaling, splines
  const char *column[SNA_MAX_DIM], *input_scale[SNA_MAX_DIM];
  PetscBool   has_domain[SNA_MAX_DIM];
  double      domain[SNA_MAX_DIM][2];
  PetscInt    degree[SNA_MAX_DIM], cells[SNA_MAX_DIM];
  // the class
  const char *class; // additive|quadratic|cp|tucker|tensor_train
  PetscInt      rank, interaction;
  SnaActivation activation;
  PetscBool     learned, classification;
  // stages of signals
  const char *wavelet;
  PetscInt    wavelet_order, wavelet_keep, length, components;
  double      variance;
  // after training
  PetscBool export_c, export_json;
} KhronosDeck;

// Everything that a trained model needs to be evaluated: one fold's, or the final one.
typedef struct {
  PetscInt     npart; // functions: one per target, or one for all (shared products, classes)
  SnaSeparable part[SNA_MAX_UNKNOWNS];
  SnaScale     x[SNA_MAX_DIM], y[SNA_MAX_UNKNOWNS];
  SnaWavelet   wavelet; // signals only
  SnaPca       pca;
  double       mean[SNA_MAX_DIM], *covariance, *factor,
    radius; // of the inputs of the training rows; lower Cholesky factor; radius: holds 95 % of them
} KhronosModel;

typedef struct {
  KhronosDeck     deck;
  SnaFitOptions   fit;
  PetscInt        ntarget, nclass; // nclass 0: regression; else unknowns are the probabilities of the classes
  char           *input[SNA_MAX_DIM], *target[SNA_MAX_UNKNOWNS], *label[KHRONOS_MAX_CLASSES];
  SnaTestFunction function; // where the data come from one
  SnaRows
    all; // this rank's rows as read or made, raw values (signals: x are the principal components once they are known)
  double      *signal; // all.n x length
  SnaRows      part[SNA_NPARTS];
  KhronosModel model;
  SnaFit       running;      // during solve: what a restart file holds
  PetscInt     fold, output; // where it stands
  double       train_seconds;
} Khronos;

PetscErrorCode KhronosReadDeck(SnaModel model,
  SnaDeck deck); // setfromoptions: the names of inputs and targets must be known after it (reads the table's names)
PetscErrorCode KhronosReadData(
  SnaModel model, SnaDeck deck); // setup: rows on all ranks, errors of the data with the deck's line
// Parts of a fold (fold -1: the whole data by the deck's split), stages and scales fitted to its training rows, rows scaled: t and targets as SnaSamples want.
PetscErrorCode KhronosPrepare(
  SnaModel model, PetscInt fold, KhronosModel *m, SnaRows scaled[SNA_NPARTS], char message[SNA_MAX_MESSAGE]);
PetscErrorCode KhronosModelDestroy(KhronosModel *m);
PetscErrorCode SnaModelView_Khronos(SnaModel model);
PetscErrorCode SnaModelSolve_Khronos(SnaModel model, SnaResults results, SnaSolveStatus *status);
PetscErrorCode SnaModelFinish_Khronos(SnaModel model, SnaResults results);
PetscErrorCode SnaModelWrite_Khronos(SnaModel model, SnaFile file);
PetscErrorCode SnaModelRead_Khronos(SnaModel model, SnaFile file, PetscBool *ok, char message[SNA_MAX_MESSAGE]);
PetscErrorCode SnaModelSample_Khronos(
  SnaModel model, PetscInt k, PetscInt n, const double *const x[], double u[], double *const grad[]);
PetscErrorCode KhronosExport(
  SnaModel model, SnaFile file); // result file -> <case>_model.c, <case>_model.json beside it

#endif
