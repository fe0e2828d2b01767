// Private to src/models/khronos: the struct of the model, and which file does what.
//
//   khronos.c         life cycle, the truth behind built-in functions          khronos_data.c    rows split, scaled, dealt
//   khronos_deck.c    keys of the deck and what they may not say               khronos_signal.c  the stages signal -> wavelet -> principal components
//   khronos_names.c   inputs and targets: columns of the file, names           khronos_solve.c   training, folds, restart; results
//   khronos_table.c   rows from a file or a function                           khronos_sample.c  values, derivatives, distance to the data, expansion
//   khronos_class.c   the separable function that is asked for, its size       khronos_export.c  C source and JSON
//   khronos_file.c    result and restart files                                 khronos_view.c    what is told before: sizes, interactions
//
// Columns of words (classes) are numbers from 0 in the sorted list of the words.
#ifndef SNA_KHRONOS_H
#define SNA_KHRONOS_H

#include "../model_impl.h"
#include <sna/data.h>
#include <sna/learn.h>

#define KHRONOS_MAX_CLASSES SNA_MAX_UNKNOWNS

typedef struct { // what the deck says
  const char *file, *function, *design, *split, *split_column, *missing, *scale, *target_scale, *signals;
  PetscInt    dimension, samples, folds;
  PetscInt    seed;
  double      noise, validation, test;
  // inputs in order: column of the file, scaling, splines
  const char *column[SNA_MAX_DIM], *input_scale[SNA_MAX_DIM];
  const char *item[SNA_MAX_DIM]; // its name in the deck's list `input`, NULL: not in it
  PetscBool   has_domain[SNA_MAX_DIM];
  double      domain[SNA_MAX_DIM][2];
  PetscInt    degree[SNA_MAX_DIM], cells[SNA_MAX_DIM];
  // the class
  const char *class;  // additive|quadratic|cp|tucker|tensor_train
  const char   *task; // auto|regression|classification
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
  PetscInt     npart; // functions: one per target, or one for all (shared products, classes); as Khronos.npart
  SnaSeparable part[SNA_MAX_UNKNOWNS];
  SnaScale     x[SNA_MAX_DIM], y[SNA_MAX_UNKNOWNS]; // y of classes: the identity
  SnaWavelet   wavelet;                             // signals only, and NULL there too where the deck says none
  SnaPca       pca;
  // Of the scaled inputs t of the training rows: mean, covariance (nd x nd), lower Cholesky factor L (covariance and a touch of the identity = L L^T,
  // row-major), and the Mahalanobis distance |L^-1 (t - mean)| that holds 95 % of them
  double mean[SNA_MAX_DIM], *covariance, *factor, radius;
} KhronosModel;

typedef struct {
  KhronosDeck     deck;
  SnaFitOptions   fit;
  PetscInt        ntarget, nclass; // nclass 0: regression; else unknowns are the probabilities of the classes
  char           *input[SNA_MAX_DIM], *target[SNA_MAX_UNKNOWNS], *label[KHRONOS_MAX_CLASSES];
  SnaTestFunction function; // where the data come from one
  SnaRows
               all; // this rank's rows as read or made, raw values (signals: x are the principal components of the last KhronosPrepare)
  double      *signal; // all.n x length
  SnaRows      part[SNA_NPARTS];
  KhronosModel model;
  SnaFit       running;      // during solve: what a restart file holds
  PetscInt     fold, output; // where it stands
  double       train_seconds;

  // Set by KhronosReadDeck. Names for files and results are info.field[o]: the target's name (p_<label> of a class) with anything but letters, digits,
  // `.`, `-` and `_` replaced by `_`; info.name[d] is input[d]. Scaling, classes and the box info.lo, info.hi are those of the training rows of fold -1, or
  // the domain where one is known.
  PetscBool
    query; // -restart with a question: names and box come from that file, no rows are read; KhronosPrepare cannot be called
  PetscBool  thermal;     // signals from the generator
  PetscInt   folds;       // 0: no folds
  char      *split_name;  // column of the split, NULL: none
  PetscInt   npart, nout; // separable functions to be trained, outputs of each
  char      *field[SNA_MAX_FIELDS];
  PetscInt64 count[SNA_NPARTS]; // rows of all ranks in the parts of fold -1
  PetscInt64 fewest;            // training rows of the fold with the fewest
  PetscInt64 dropped;           // rows with missing entries
  SnaPart   *given;             // all.n: parts from the split column
  double *
    coefficient; // all.n x width: what the principal components are of, the wavelet coefficients or the signals themselves
  PetscInt width;

  char stem[PETSC_MAX_PATH_LEN]; // <output_dir>/<case>/<case>: the exported models stand there (set by KhronosReadDeck)
  struct KhronosRun_ *run; // khronos_run.h: history, figures, work space; KhronosRunDestroy before rows and model go
} Khronos;

PetscErrorCode KhronosReadDeck(SnaModel model, SnaDeck deck); // setfromoptions: keys, names, rows, all errors of them
// The steps of it. known, true before: false where the data could not be used, with errors of the deck, the same on all ranks.
// Inputs, targets and split column: from the file's line of names, the function, or (query) the result file
PetscErrorCode KhronosChooseColumns(SnaModel model, SnaDeck deck, PetscBool *known);
// What the deck's list `input` says of the inputs, whose names stand
PetscErrorCode KhronosReadItems(SnaModel model, SnaDeck deck);
// k->all, k->given, k->coefficient, k->count, the box; components of signals get their names here
PetscErrorCode KhronosReadData(SnaModel model, SnaDeck deck, PetscBool *known);
PetscErrorCode KhronosReadTable(SnaModel model, SnaDeck deck, PetscBool *known);
PetscErrorCode KhronosMakeRows(SnaModel model, SnaDeck deck, PetscBool *known); // of a function
PetscErrorCode KhronosMakeHistories(SnaModel model);                            // thermal_history: k->signal, targets
// nrows signals of the file on this rank, `total` on all; PetscFree them
PetscErrorCode KhronosReadSignals(
  SnaModel model, SnaDeck deck, PetscInt nrows, PetscInt64 total, double **signal, PetscBool *known);
PetscErrorCode KhronosTransformSignals(SnaModel model, SnaDeck deck, PetscBool *known); // k->signal -> k->coefficient
// Fills info from names and classes; npart, nout
PetscErrorCode KhronosSetInfo(SnaModel model);
// Whether there can be such a model, and whether the rows can determine it
PetscErrorCode KhronosCheckSize(SnaModel model, SnaDeck deck);

// The class with nout outputs; SnaInteractionDestroy its interaction. *ok false: too many products.
PetscErrorCode KhronosGetOptions(SnaModel model, SnaSeparableOptions *o, PetscBool *ok);
// Parameters with `rank` products (ranks) and at most `cells` cells per direction; per[d] of direction d (NULL: not asked).
double KhronosCountParameters(const SnaSeparableOptions *o, PetscInt rank, PetscInt cells, double per[]);

// Parts of this rank's rows in a fold (fold -1: the whole data by the deck's split; with folds all are training or validation rows).
PetscErrorCode KhronosSplit(SnaModel model, PetscInt fold, SnaPart part[]);
// Parts of a fold, stages and scales fitted to its training rows, rows scaled: t and targets as SnaSamples want. Fills all of m but its parts (`part` NULL, npart
// set). SnaRowsDestroy each of scaled[]. Collective.
PetscErrorCode KhronosPrepare(
  SnaModel model, PetscInt fold, KhronosModel *m, SnaRows scaled[SNA_NPARTS], char message[SNA_MAX_MESSAGE]);
PetscErrorCode KhronosModelDestroy(KhronosModel *m); // its separable functions too; zeros afterwards

// Wavelet and principal components of the training rows; the scores of all rows become k->all.x. The first call settles how many there are.
PetscErrorCode KhronosFitSignals(SnaModel model, const SnaPart part[], KhronosModel *m, char message[SNA_MAX_MESSAGE]);

// /model/inputs, targets, labels (texts, one name per line), box (nd x 2), signal_length (0: none): what a query reads before everything else. SnaModelWrite_Khronos calls it.
PetscErrorCode KhronosWriteNames(SnaModel model, SnaFile file);
PetscErrorCode KhronosReadNames(
  SnaModel model, SnaDeck deck, PetscBool *known); // of the file of -restart; errors go to the deck

PetscErrorCode SnaModelView_Khronos(SnaModel model);
PetscErrorCode SnaModelSolve_Khronos(SnaModel model, SnaResults results, SnaSolveStatus *status);
PetscErrorCode SnaModelFinish_Khronos(SnaModel model, SnaResults results);
PetscErrorCode SnaModelWrite_Khronos(SnaModel model, SnaFile file);
PetscErrorCode SnaModelRead_Khronos(SnaModel model, SnaFile file, PetscBool *ok, char message[SNA_MAX_MESSAGE]);
PetscErrorCode SnaModelSample_Khronos(
  SnaModel model, PetscInt k, PetscInt n, const double *const x[], double u[], double *const grad[]);
PetscErrorCode SnaModelDistance_Khronos(SnaModel model, PetscInt n, const double *const x[], double distance[]);
PetscErrorCode SnaModelDraw_Khronos(SnaModel model, uint64_t seed, PetscInt first, PetscInt n, double *const x[]);
PetscErrorCode SnaModelExpand_Khronos(
  SnaModel model, PetscInt n, const double *const x[], PetscInt width, double out[]);
PetscErrorCode KhronosRunDestroy(Khronos *k); // `running` too
PetscErrorCode KhronosExport(
  SnaModel model, SnaFile file); // result file -> <case>_model.c, <case>_model.json beside it

#endif
