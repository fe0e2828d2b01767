// khronos_deck.c - KHRONOS's part of the deck: where the data come from, their split and scaling, the class of functions, its training.
//
// What a key alone, or keys together, can have wrong is found here; columns in khronos_names.c, rows in khronos_data.c, sizes in khronos_class.c. All is
// collected as deck errors with lines. The names of inputs and targets and the box of the inputs stand when KhronosReadDeck() returns, since slices and
// inversions read their keys next; for that the rows are read here.
#include "khronos.h"
#include <string.h>

#define ANY 1e300

static const SnaOption data_options[] = {{"data_file", SNA_OPT_STRING, "", 0, 0, "table.csv or FILE.h5[:/dataset]",
                                           "Table to learn from: a line of column names, then rows; or HDF5."},
  {"data_function", SNA_OPT_CHOICE, "", 0, 0,
    "borehole|sobol_g|otl_circuit|wing_weight|piston|ishigami|friedman1|thermal_history",
    "Or a built-in function, whose truth is known, or synthetic thermal histories."},
  {"data_dimension", SNA_OPT_INT, "0", 0, SNA_MAX_DIM, "0..32",
    "Inputs of sobol_g (0: 20) and friedman1 (0: 10); the others have their own."},
  {"data_samples", SNA_OPT_INT, "0", 0, 2147483647, ">= 0", "Rows of a function; 0: 10000, thermal_history 96."},
  {"data_design", SNA_OPT_CHOICE, "lhs", 0, 0, "lhs|sobol|random",
    "Points of a function: Latin hypercube, Sobol' sequence, independent."},
  {"data_noise", SNA_OPT_REAL, "0", 0, 1e6, ">= 0",
    "Standard deviation of the noise added to a function, as a share of that of its values."},
  {"data_seed", SNA_OPT_INT, "0", 0, 2147483647, ">= 0", "Seed of design, noise and split."},
  {"data_inputs", SNA_OPT_STRINGS, "", 0, 0, "[a, b]",
    "Columns that are inputs; absent: all that are neither targets nor ignored nor the split column."},
  {"data_targets", SNA_OPT_STRINGS, "", 0, 0, "[y]", "Columns to predict; needed with a file."},
  {"data_ignore", SNA_OPT_STRINGS, "", 0, 0, "[id]", "Columns that are left out."},
  {"data_missing", SNA_OPT_CHOICE, "error", 0, 0, "error|drop", "Rows with missing entries: refuse, or leave out."},
  {"data_split", SNA_OPT_CHOICE, "random", 0, 0, "random|column|folds",
    "Training, validation and test rows: by the seed, by a column, or each row in the test once."},
  {"data_split_column", SNA_OPT_STRING, "", 0, 0, "part",
    "Its words are train, validation and test, or its numbers 0, 1 and 2."},
  {"data_folds", SNA_OPT_INT, "5", 2, 1000, "2..1000", "Folds of split: folds."},
  {"data_validation", SNA_OPT_REAL, "0", 0, 0.9, "0..0.9", "Share of the rows for early stopping."},
  {"data_test", SNA_OPT_REAL, "0.3", 0, 0.9, "0..0.9", "Share of the rows for the test, never seen in training."},
  {"data_scale", SNA_OPT_CHOICE, "linear", 0, 0, "linear|log|standard",
    "How inputs come to [0,1]: from their range, that of their logarithm, or mean -+ 3 standard deviations."},
  {"data_target_scale", SNA_OPT_CHOICE, "auto", 0, 0, "auto|none|standard|deviation|log",
    "auto: deviation (y over its standard deviation, which keeps products products) unless the mean is more than ten "
    "of "
    "them, else standard (which takes the mean away); log: standard of ln y."},
  {"data_signals", SNA_OPT_STRING, "", 0, 0, "/signals",
    "Data set of the HDF5 file, samples x time: inputs are its principal components c1, c2, ...; targets are in "
    "/table."},
  {NULL, SNA_OPT_INT, NULL, 0, 0, NULL, NULL}};

static const SnaOption input_options[] = {
  {"input", SNA_OPT_NAMES, "", 0, 0, "list of names", "Inputs that are treated differently from the others."},
  {"input_*_column", SNA_OPT_STRING, "", 0, 0, "\"Kw\"",
    "The column; absent: the one of the item's name, capitals or not."},
  {"input_*_domain", SNA_OPT_REALS, "", -ANY, ANY, "[lo, hi]",
    "Its range; absent: that of the training rows, or the function's own."},
  {"input_*_scale", SNA_OPT_CHOICE, "", 0, 0, "linear|log|standard", "As data_scale, for this input."},
  {"input_*_degree", SNA_OPT_INT, "", 1, 5, "1..5", "As khronos_degree."},
  {"input_*_cells", SNA_OPT_INT, "", 1, 100000, "1..100000", "As khronos_cells."},
  {NULL, SNA_OPT_INT, NULL, 0, 0, NULL, NULL}};

static const SnaOption signal_options[] = {
  {"signal_length", SNA_OPT_INT, "256", 16, 1048576, "16..2^20", "Times per signal of thermal_history."},
  {"signal_wavelet", SNA_OPT_CHOICE, "daubechies", 0, 0, "none|haar|daubechies|bspline",
    "Wavelet transform before the principal components."},
  {"signal_order", SNA_OPT_INT, "0", 0, 309, "as in GSL",
    "Its member: daubechies 4, 6, .. 20, bspline 103, 105, .. 309; 0: the first."},
  {"signal_keep", SNA_OPT_INT, "0", 0, 1048576, ">= 0", "Coefficients that are kept, coarse to fine; 0: at most 64."},
  {"signal_components", SNA_OPT_INT, "0", 0, SNA_MAX_DIM, "0..32",
    "Principal components, the inputs; 0: 6, or what variance asks for."},
  {"signal_variance", SNA_OPT_REAL, "0", 0, 1, "0..1",
    "Instead of components: as many as hold this share of the variance."},
  {NULL, SNA_OPT_INT, NULL, 0, 0, NULL, NULL}};

static const SnaOption class_options[] = {
  {"khronos_class", SNA_OPT_CHOICE, "cp", 0, 0, "cp|additive|quadratic|tucker|tensor_train",
    "Sum of products over all inputs; of functions of one input; of one and two; core times functions; matrix "
    "product."},
  {"khronos_rank", SNA_OPT_INT, "6", 1, 4096, "1..4096",
    "Products per interacting subset; tucker, tensor_train: functions per direction, inner rank."},
  {"khronos_interaction", SNA_OPT_INT, "0", 0, SNA_MAX_DIM, "0..32",
    "cp: products over all subsets of up to so many inputs; 0: over all inputs."},
  {"khronos_degree", SNA_OPT_INT, "2", 1, 5, "1..5", "Degree of the splines."},
  {"khronos_cells", SNA_OPT_INT, "3", 1, 100000, "1..100000", "Cells per direction; cells + degree functions."},
  {"khronos_activation", SNA_OPT_CHOICE, "identity", 0, 0, "identity|tanh|exp|softplus|sigmoid",
    "What acts on each product (cp, additive, quadratic)."},
  {"khronos_weights", SNA_OPT_CHOICE, "unit", 0, 0, "unit|learned",
    "learned: targets share the products and weigh them; unit: each has its own (cp, additive, quadratic)."},
  {"khronos_task", SNA_OPT_CHOICE, "auto", 0, 0, "auto|regression|classification",
    "auto: classification where the one target is a column of words."},
  {NULL, SNA_OPT_INT, NULL, 0, 0, NULL, NULL}};

static const SnaOption train_options[] = {
  {"train_method", SNA_OPT_CHOICE, "auto", 0, 0, "auto|hybrid|adam|lm|als|lbfgs",
    "hybrid: Adam, Levenberg-Marquardt on a subset, on all rows; auto: hybrid up to 1,000 parameters, else Adam and "
    "ALS."},
  {"train_seed", SNA_OPT_INT, "1", 0, 2147483647, ">= 0", "Seed of the start and of the order of the rows."},
  {"train_restarts", SNA_OPT_INT, "1", 1, 1000, "1..1000",
    "Starts from other seeds; the best is kept, by the validation rows where there are any."},
  {"train_spread", SNA_OPT_REAL, "0", 0, 100, ">= 0",
    "Coefficients start at 1 + spread * normal; 0: 0.3, or 0.1 from 15 inputs on."},
  {"train_ridge", SNA_OPT_REAL, "0", 0, 1e6, ">= 0", "Weight of the penalty on the coefficients' squares."},
  {"train_adam_rows", SNA_OPT_INT, "0", 0, 2147483647, ">= 0", "adam: rows used; 0: chosen."},
  {"train_adam_visits", SNA_OPT_INT, "0", 0, 2147483647, ">= 0", "adam: rows visited in all; 0: chosen."},
  {"train_batch", SNA_OPT_INT, "0", 0, 65536, ">= 0", "adam: rows per step; 0: chosen."},
  {"train_rate", SNA_OPT_REAL, "0", 0, 10, ">= 0", "adam: first learning rate; 0: chosen."},
  {"train_lm_rows", SNA_OPT_INT, "0", 0, 2147483647, ">= 0", "lm: rows of the subset; 0: chosen."},
  {"train_lm_max_it", SNA_OPT_INT, "0", 0, 100000, ">= 0", "lm: iterations on the subset; 0: chosen."},
  {"train_full_max_it", SNA_OPT_INT, "0", 0, 100000, ">= 0", "lm: iterations on all rows; 0: chosen."},
  {"train_rtol", SNA_OPT_REAL, "1e-2", 0, 1, "0..1", "A phase ends when the loss falls by less than this fraction."},
  {"train_als_sweeps", SNA_OPT_INT, "20", 1, 100000, ">= 1", "als: sweeps at most."},
  {"train_lbfgs_max_it", SNA_OPT_INT, "400", 1, 1000000, ">= 1", "lbfgs: iterations at most."},
  {"train_patience", SNA_OPT_INT, "10", 1, 100000, ">= 1", "Steps without a better validation loss until the end."},
  {"train_target", SNA_OPT_REAL, "0", 0, 1, "0..1", "Stop when 1 - R^2 of the training rows is below; 0: never."},
  {NULL, SNA_OPT_INT, NULL, 0, 0, NULL, NULL}};

static const SnaOption export_options[] = {
  {"export_c", SNA_OPT_BOOL, "false", 0, 0, NULL, "Write the model as <case>_model.c: one function, no dependencies."},
  {"export_json", SNA_OPT_BOOL, "false", 0, 0, NULL, "Write the model as <case>_model.json."},
  {NULL, SNA_OPT_INT, NULL, 0, 0, NULL, NULL}};

int SnaModelGetTables_Khronos(int max, const char *title[], const SnaOption *table[])
{
  const char *const      titles[] = {"KHRONOS: data", "KHRONOS: single inputs", "KHRONOS: signals",
         "KHRONOS: the class of functions", "KHRONOS: training", "KHRONOS: export"};
  const SnaOption *const tables[] = {
    data_options, input_options, signal_options, class_options, train_options, export_options};
  int n = 0;

  for (; n < 6 && n < max; n++) {
    title[n] = titles[n];
    table[n] = tables[n];
  }
  return n;
}

// Keys that mean nothing beside others; `why` ends the sentence "`key` ...". Such keys are not read either: what is read stands, with its default, in the
// effective deck, which would then contradict itself.
static PetscErrorCode Refuse(SnaDeck deck, PetscInt n, const char *const keys[], const char why[])
{
  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < n; i++) {
    PetscBool given;
    PetscCall(SnaDeckHas(deck, keys[i], NULL, &given));
    if (given) PetscCall(SnaDeckError(deck, keys[i], NULL, "`%s` %s", strchr(keys[i], '_') + 1, why));
  }
  PetscFunctionReturn(0);
}
#define REFUSE(deck, why, ...)                                                                                         \
  Refuse(deck, (PetscInt)PETSC_STATIC_ARRAY_LENGTH(((const char *const[]){__VA_ARGS__})),                              \
    (const char *const[]){__VA_ARGS__}, why)

static PetscErrorCode GetText(SnaDeck deck, const char key[], const char **text)
{
  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetString(deck, key, NULL, text));
  if (*text && !**text) *text = NULL;
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadSource(SnaDeck deck, Khronos *k)
{
  KhronosDeck *D = &k->deck;

  PetscFunctionBeginUser;
  PetscCall(GetText(deck, "data_file", &D->file));
  PetscCall(GetText(deck, "data_function", &D->function));
  PetscCall(SnaDeckGetInt(deck, "data_seed", NULL, &D->seed));
  D->missing = "error";
  if (!D->file == !D->function) {
    PetscCall(
      D->file
        ? SnaDeckError(deck, "data_function", NULL, "data come from one place: either file (`%s`) or function", D->file)
        : SnaDeckError(deck, "data_file", NULL,
            "there is nothing to learn from: give `data: file`, a table, or `data: function`, a built-in one"));
  } else if (D->file) {
    PetscCall(SnaDeckGetString(deck, "data_missing", NULL, &D->missing));
    PetscCall(GetText(deck, "data_signals", &D->signals));
    PetscCall(REFUSE(deck, "belongs to a built-in function, and the data come from a file: leave it out",
      "data_dimension", "data_samples", "data_design", "data_noise", "signal_length"));
  } else {
    k->thermal = (PetscBool)!strcmp(D->function, "thermal_history");
    PetscCall(SnaDeckGetInt(deck, "data_samples", NULL, &D->samples));
    if (!D->samples) D->samples = k->thermal ? 96 : 10000;
    PetscCall(REFUSE(deck, "belongs to a file, and the data come from a built-in function: leave it out", "data_inputs",
      "data_ignore", "data_missing", "data_signals", "data_split_column"));
    if (k->thermal)
      PetscCall(
        REFUSE(deck, "is fixed for thermal_history: leave it out", "data_dimension", "data_design", "data_noise"));
    else {
      PetscCall(SnaDeckGetInt(deck, "data_dimension", NULL, &D->dimension));
      PetscCall(SnaDeckGetString(deck, "data_design", NULL, &D->design));
      PetscCall(SnaDeckGetReal(deck, "data_noise", NULL, &D->noise));
      PetscCall(REFUSE(deck, "is fixed for a built-in function, whose one target is y: leave it out", "data_targets"));
    }
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadSplit(SnaDeck deck, Khronos *k)
{
  KhronosDeck *D = &k->deck;
  PetscBool    column, folds;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetString(deck, "data_split", NULL, &D->split));
  PetscCall(PetscStrcmp(D->split, "column", &column));
  PetscCall(PetscStrcmp(D->split, "folds", &folds));
  if (!column) PetscCall(SnaDeckGetReal(deck, "data_validation", NULL, &D->validation));
  if (column) {
    PetscCall(
      REFUSE(deck, "has no place beside `split: column`, where the column says which rows these are: leave it out",
        "data_validation", "data_test"));
    if (D->file) PetscCall(GetText(deck, "data_split_column", &D->split_column));
    if (D->function)
      PetscCall(SnaDeckError(deck, "data_split", NULL, "a built-in function has no column for the split"));
    else if (!D->split_column)
      PetscCall(SnaDeckError(deck, "data_split", NULL, "`split: column` needs `split_column`, the column's name"));
  } else if (D->file)
    PetscCall(REFUSE(deck, "has no effect without `split: column`", "data_split_column"));
  if (folds) {
    PetscCall(SnaDeckGetInt(deck, "data_folds", NULL, &D->folds));
    PetscCall(REFUSE(
      deck, "has no place beside `split: folds`, where every row is in the test once: leave it out", "data_test"));
    k->folds = D->folds;
  } else
    PetscCall(REFUSE(deck, "has no effect without `split: folds`", "data_folds"));
  if (!folds && !column) {
    PetscCall(SnaDeckGetReal(deck, "data_test", NULL, &D->test));
    if (D->validation + D->test >= 1)
      PetscCall(SnaDeckError(deck, "data_validation", NULL,
        "validation %g and test %g leave no rows for training: their sum must be below 1", D->validation, D->test));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadSignalStages(SnaDeck deck, Khronos *k)
{
  KhronosDeck *D = &k->deck;
  PetscBool    none;

  PetscFunctionBeginUser;
  if (!k->thermal && !D->signals) {
    PetscCall(REFUSE(deck, "belongs to signals, which come from `data: signals` or `function: thermal_history`",
      "signal_wavelet", "signal_order", "signal_keep", "signal_components", "signal_variance"));
    if (!D->file) PetscCall(REFUSE(deck, "belongs to thermal_history: leave it out", "signal_length"));
    PetscFunctionReturn(0);
  }
  if (k->thermal)
    PetscCall(SnaDeckGetInt(deck, "signal_length", NULL, &D->length));
  else
    PetscCall(REFUSE(deck, "has no place beside signals, whose principal components are the inputs: leave it out",
      "data_inputs", "data_ignore"));
  PetscCall(SnaDeckGetString(deck, "signal_wavelet", NULL, &D->wavelet));
  PetscCall(PetscStrcmp(D->wavelet, "none", &none));
  if (none)
    PetscCall(REFUSE(deck, "belongs to a wavelet, and there is none: leave it out", "signal_order", "signal_keep"));
  else {
    PetscCall(SnaDeckGetInt(deck, "signal_order", NULL, &D->wavelet_order));
    PetscCall(SnaDeckGetInt(deck, "signal_keep", NULL, &D->wavelet_keep));
    if (!D->wavelet_order) D->wavelet_order = D->wavelet[0] == 'h' ? 2 : D->wavelet[0] == 'd' ? 4 : 103;
  }
  PetscCall(SnaDeckGetInt(deck, "signal_components", NULL, &D->components));
  PetscCall(SnaDeckGetReal(deck, "signal_variance", NULL, &D->variance));
  if (D->components && D->variance > 0)
    PetscCall(SnaDeckError(deck, "signal_variance", NULL,
      "the number of components follows from the variance, and %" PetscInt_FMT " are asked for: give one of the two",
      D->components));
  if (!D->components && D->variance == 0) D->components = 6;
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadClass(SnaDeck deck, Khronos *k)
{
  static const char *const activations[] = {"identity", "tanh", "exp", "softplus", "sigmoid"};
  KhronosDeck             *D             = &k->deck;
  const char              *word;
  PetscBool                cp;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetString(deck, "khronos_class", NULL, &D->class));
  PetscCall(SnaDeckGetInt(deck, "khronos_rank", NULL, &D->rank));
  PetscCall(SnaDeckGetString(deck, "khronos_task", NULL, &D->task));
  if (D->function && D->task[0] == 'c')
    PetscCall(SnaDeckError(deck, "khronos_task", NULL, "`%s` has no classes: regression", D->function));
  if (D->class[0] == 't') {
    PetscCall(REFUSE(deck, "belongs to classes with products (cp, additive, quadratic): leave it out",
      "khronos_interaction", "khronos_activation", "khronos_weights"));
    PetscFunctionReturn(0);
  }
  PetscCall(PetscStrcmp(D->class, "cp", &cp));
  if (cp)
    PetscCall(SnaDeckGetInt(deck, "khronos_interaction", NULL, &D->interaction));
  else
    PetscCall(REFUSE(
      deck, "belongs to class cp; the others say already which inputs interact: leave it out", "khronos_interaction"));
  PetscCall(SnaDeckGetString(deck, "khronos_activation", NULL, &word));
  for (int a = 0; a < 5; a++)
    if (!strcmp(word, activations[a])) D->activation = (SnaActivation)a;
  PetscCall(SnaDeckGetString(deck, "khronos_weights", NULL, &word));
  PetscCall(PetscStrcmp(word, "learned", &D->learned));
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadTraining(SnaDeck deck, Khronos *k)
{
  static const char *const methods[] = {"auto", "hybrid", "adam", "lm", "als", "lbfgs"};
  SnaFitOptions           *o         = &k->fit;
  const char              *word;
  PetscInt                 seed;
  PetscBool                column;

  PetscFunctionBeginUser;
  PetscCall(SnaFitSetDefaults(o));
  PetscCall(SnaDeckGetString(deck, "train_method", NULL, &word));
  for (int m = 0; m < 6; m++)
    if (!strcmp(word, methods[m])) o->method = (SnaFitMethod)m;
  PetscCall(SnaDeckGetInt(deck, "train_seed", NULL, &seed));
  o->seed = (uint64_t)seed;
  PetscCall(SnaDeckGetInt(deck, "train_restarts", NULL, &o->restarts));
  PetscCall(SnaDeckGetReal(deck, "train_spread", NULL, &o->spread));
  PetscCall(SnaDeckGetReal(deck, "train_ridge", NULL, &o->ridge));
  PetscCall(SnaDeckGetInt(deck, "train_adam_rows", NULL, &o->adam_rows));
  PetscCall(SnaDeckGetInt(deck, "train_adam_visits", NULL, &o->adam_visits));
  PetscCall(SnaDeckGetInt(deck, "train_batch", NULL, &o->batch));
  PetscCall(SnaDeckGetReal(deck, "train_rate", NULL, &o->rate));
  PetscCall(SnaDeckGetInt(deck, "train_lm_rows", NULL, &o->lm_rows));
  PetscCall(SnaDeckGetInt(deck, "train_lm_max_it", NULL, &o->lm_max_it));
  PetscCall(SnaDeckGetInt(deck, "train_full_max_it", NULL, &o->full_max_it));
  PetscCall(SnaDeckGetReal(deck, "train_rtol", NULL, &o->rtol));
  PetscCall(SnaDeckGetInt(deck, "train_als_sweeps", NULL, &o->als_sweeps));
  PetscCall(SnaDeckGetInt(deck, "train_lbfgs_max_it", NULL, &o->lbfgs_max_it));
  PetscCall(SnaDeckGetReal(deck, "train_target", NULL, &o->target));
  PetscCall(PetscStrcmp(k->deck.split, "column", &column));
  if (column || k->deck.validation > 0)
    PetscCall(SnaDeckGetInt(deck, "train_patience", NULL, &o->patience));
  else
    PetscCall(REFUSE(
      deck, "needs validation rows, and there are none: set `data: validation`, or leave it out", "train_patience"));
  if (o->method == SNA_FIT_ALS && k->deck.activation != SNA_IDENTITY)
    PetscCall(SnaDeckError(deck, "train_method", NULL,
      "als solves linear problems, which an activation prevents: take another method, or activation: identity"));
  PetscFunctionReturn(0);
}

// A question to a finished model needs neither the data nor their checks. The restart file of a training that was stopped may go on training.
static PetscErrorCode IsQuery(SnaDeck deck, PetscBool *query)
{
  static const char *const keys[] = {"sample", "invert", "predict"};
  const char              *restart, *question;
  PetscBool                stopped;

  PetscFunctionBeginUser;
  *query = PETSC_FALSE;
  PetscCall(SnaDeckGetString(deck, "restart", NULL, &restart));
  if (!restart || !*restart) PetscFunctionReturn(0);
  PetscCall(PetscStrendswith(restart, ".restart.h5", &stopped));
  for (size_t i = 0; i < PETSC_STATIC_ARRAY_LENGTH(keys); i++) {
    PetscCall(SnaDeckGetString(deck, keys[i], NULL, &question));
    if (question && *question && !stopped) *query = PETSC_TRUE;
  }
  PetscFunctionReturn(0);
}

PetscErrorCode KhronosReadDeck(SnaModel model, SnaDeck deck)
{
  Khronos    *k = (Khronos *)model->data;
  const char *dir, *name;
  PetscBool   known, signals;

  PetscFunctionBeginUser;
  PetscCall(ReadSource(deck, k));
  PetscCall(ReadSplit(deck, k));
  PetscCall(SnaDeckGetString(deck, "data_scale", NULL, &k->deck.scale));
  PetscCall(SnaDeckGetString(deck, "data_target_scale", NULL, &k->deck.target_scale));
  PetscCall(ReadSignalStages(deck, k));
  PetscCall(ReadClass(deck, k));
  PetscCall(ReadTraining(deck, k));
  PetscCall(SnaDeckGetBool(deck, "export_c", NULL, &k->deck.export_c));
  PetscCall(SnaDeckGetBool(deck, "export_json", NULL, &k->deck.export_json));
  PetscCall(SnaDeckGetString(deck, "output_dir", NULL, &dir));
  PetscCall(SnaDeckGetString(deck, "case", NULL, &name));
  PetscCall(PetscSNPrintf(k->stem, sizeof(k->stem), "%s/%s/%s", dir, name ? name : "", name ? name : ""));
  PetscCall(IsQuery(deck, &k->query));
  signals = (PetscBool)(k->thermal || k->deck.signals);
  for (PetscInt d = 0; d < SNA_MAX_DIM;
       d++) { // no bounds for slices and inversions to complain about until they are known
    model->info.lo[d] = -ANY;
    model->info.hi[d] = ANY;
  }
  PetscCall(KhronosChooseColumns(model, deck, &known));
  if (!signals || k->query) PetscCall(KhronosReadItems(model, deck));
  if (known && !k->query) PetscCall(KhronosReadData(model, deck, &known));
  PetscCall(KhronosSetInfo(model));
  if (k->nclass > 0 && k->fit.method == SNA_FIT_ALS)
    PetscCall(SnaDeckError(deck, "train_method", NULL,
      "als minimises squares, and classes are learned by their likelihood: take another method"));
  if (known) PetscCall(KhronosCheckSize(model, deck));
  PetscFunctionReturn(0);
}
