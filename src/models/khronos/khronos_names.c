// khronos_names.c - which columns are inputs and targets, what the deck says of single inputs, and the names that files and results get.
//
// Columns are found by their exact name, else without regard to capitals. A question to a finished model takes all names from the result file, so that
// the table that it was learned from need not be there.
#include "khronos.h"
#include <string.h>
#include <strings.h>

#define MAX_LIST 1024 // columns in a list of the deck

typedef enum { USE_NONE, USE_INPUT, USE_TARGET, USE_IGNORED, USE_SPLIT } Use;
static const char *const use_words[] = {"", "an input", "a target", "ignored", "the split column"};

typedef struct { // the file's columns
  const char *file;
  PetscInt    n;
  char      **name;
  Use        *use;
} Columns;

typedef struct { // the deck's lists
  PetscInt    ntarget, ninput, nignore;
  const char *target[SNA_MAX_UNKNOWNS], *input[MAX_LIST], *ignore[MAX_LIST];
} Lists;

static PetscInt FindName(PetscInt n, const char *const names[], const char word[])
{
  for (PetscInt i = 0; i < n; i++)
    if (!strcmp(names[i], word)) return i;
  for (PetscInt i = 0; i < n; i++)
    if (!strcasecmp(names[i], word)) return i;
  return -1;
}

// "a, b, c, ... (12 in all)"
static void ListNames(PetscInt n, const char *const names[], size_t size, char text[])
{
  size_t at = 0;

  text[0] = 0;
  for (PetscInt i = 0; i < n; i++) {
    const int length = snprintf(text + at, size - at, "%s%s", i ? ", " : "", names[i]);
    if (length < 0 || at + (size_t)length + 40 > size) {
      snprintf(text + at, size - at, ", ... (%" PetscInt_FMT " in all)", n);
      return;
    }
    at += (size_t)length;
  }
}

static PetscErrorCode NoSuchName(SnaDeck deck, const char key[], const char item[], const char word[], const char of[],
  PetscInt n, const char *const names[])
{
  const char *near = SnaNearestName(word, (int)n, names);
  char        list[400];

  PetscFunctionBeginUser;
  ListNames(n, names, sizeof(list), list);
  if (near)
    PetscCall(SnaDeckError(deck, key, item, "`%.80s` is no %s; did you mean `%s`?", word, of, near));
  else
    PetscCall(SnaDeckError(deck, key, item, "`%.80s` is no %s, which are %s", word, of, list));
  PetscFunctionReturn(0);
}

// Column `word` gets a use; -1 after an error.
static PetscErrorCode UseColumn(SnaDeck deck, const char key[], const char word[], Use use, Columns *c, PetscInt *found)
{
  char of[PETSC_MAX_PATH_LEN];

  PetscFunctionBeginUser;
  *found = FindName(c->n, (const char *const *)c->name, word);
  if (*found < 0) {
    PetscCall(PetscSNPrintf(of, sizeof(of), "column of %.200s", c->file));
    PetscCall(NoSuchName(deck, key, NULL, word, of, c->n, (const char *const *)c->name));
  } else if (c->use[*found] == use) {
    PetscCall(SnaDeckError(deck, key, NULL, "`%.80s` is named twice", word));
    *found = -1;
  } else if (c->use[*found] != USE_NONE) {
    PetscCall(SnaDeckError(deck, key, NULL, "`%.80s` is %s already and cannot be %s as well", word,
      use_words[c->use[*found]], use_words[use]));
    *found = -1;
  } else
    c->use[*found] = use;
  PetscFunctionReturn(0);
}

static PetscErrorCode ChooseTargets(SnaDeck deck, Khronos *k, const Lists *list, Columns *c, PetscBool *known)
{
  char     all[400];
  PetscInt found;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < list->ntarget; i++) {
    PetscCall(UseColumn(deck, "data_targets", list->target[i], USE_TARGET, c, &found));
    if (found < 0)
      *known = PETSC_FALSE;
    else
      PetscCall(PetscStrallocpy(c->name[found], &k->target[k->ntarget++]));
  }
  if (list->ntarget == 0) {
    ListNames(c->n, (const char *const *)c->name, sizeof(all), all);
    PetscCall(SnaDeckError(deck, "data_targets", NULL,
      "which column is to be predicted? Name it in `data: targets: [...]`; the columns are %s", all));
    *known = PETSC_FALSE;
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode ChooseInputs(SnaModel model, SnaDeck deck, const Lists *list, Columns *c, PetscBool *known)
{
  Khronos    *k   = (Khronos *)model->data;
  const char *key = list->ninput ? "data_inputs" : "data_file";
  PetscInt    found, count = 0, chosen[MAX_LIST];

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < list->nignore; i++) {
    PetscCall(UseColumn(deck, "data_ignore", list->ignore[i], USE_IGNORED, c, &found));
    if (found < 0) *known = PETSC_FALSE;
  }
  if (k->deck.signals) PetscFunctionReturn(0);
  for (PetscInt i = 0; i < list->ninput; i++) {
    PetscCall(UseColumn(deck, key, list->input[i], USE_INPUT, c, &found));
    if (found < 0)
      *known = PETSC_FALSE;
    else
      chosen[count++] = found;
  }
  for (PetscInt i = 0; i < c->n && !list->ninput; i++) {
    if (c->use[i] != USE_NONE) continue;
    c->use[i] = USE_INPUT;
    if (count < MAX_LIST) chosen[count] = i;
    count++;
  }
  if (count > SNA_MAX_DIM) {
    PetscCall(SnaDeckError(deck, key, NULL,
      "%" PetscInt_FMT " columns would be inputs, and %d is the limit: choose some in `data: inputs: [...]`, or store "
      "them as a data set of HDF5 and name it in `data: signals`, whose principal components are then the inputs",
      count, SNA_MAX_DIM));
    *known = PETSC_FALSE;
  } else if (count == 0 && *known) {
    PetscCall(SnaDeckError(deck, key, NULL, "no column is left to be an input"));
    *known = PETSC_FALSE;
  }
  for (PetscInt i = 0; i < count && i < SNA_MAX_DIM; i++)
    PetscCall(PetscStrallocpy(c->name[chosen[i]], &k->input[model->info.nd++]));
  PetscFunctionReturn(0);
}

static PetscErrorCode ChooseFromFile(SnaModel model, SnaDeck deck, const Lists *list, PetscBool *known)
{
  Khronos *k = (Khronos *)model->data;
  Columns  c = {k->deck.file, 0, NULL, NULL};
  char     message[SNA_MAX_MESSAGE];
  PetscInt found;

  PetscFunctionBeginUser;
  PetscCall(SnaTableReadNames(model->comm, c.file, &c.n, &c.name, message));
  if (message[0]) {
    PetscCall(SnaDeckError(deck, "data_file", NULL, "%s", message));
    *known = PETSC_FALSE;
    PetscFunctionReturn(0);
  }
  PetscCall(PetscCalloc1(c.n, &c.use));
  if (c.n == 1 && !k->deck.signals) {
    PetscCall(SnaDeckError(deck, "data_file", NULL,
      "%s: only one column was found, `%.80s`: columns are separated by commas, semicolons or tabs", c.file,
      c.name[0]));
    *known = PETSC_FALSE;
  } else {
    PetscCall(ChooseTargets(deck, k, list, &c, known));
    if (k->deck.split_column) {
      PetscCall(UseColumn(deck, "data_split_column", k->deck.split_column, USE_SPLIT, &c, &found));
      if (found < 0)
        *known = PETSC_FALSE;
      else
        PetscCall(PetscStrallocpy(c.name[found], &k->split_name));
    }
    PetscCall(ChooseInputs(model, deck, list, &c, known));
  }
  for (PetscInt i = 0; i < c.n; i++) PetscCall(PetscFree(c.name[i]));
  PetscCall(PetscFree(c.name));
  PetscCall(PetscFree(c.use));
  PetscFunctionReturn(0);
}

static PetscErrorCode ChooseFunction(SnaModel model, SnaDeck deck, PetscBool *known)
{
  Khronos  *k = (Khronos *)model->data;
  char      message[SNA_MAX_MESSAGE];
  PetscBool given;

  PetscFunctionBeginUser;
  PetscCall(SnaTestFunctionGet(k->deck.function, k->deck.dimension, &k->function, message));
  if (message[0]) {
    PetscCall(SnaDeckHas(deck, "data_dimension", NULL, &given));
    PetscCall(SnaDeckError(deck, given ? "data_dimension" : "data_function", NULL, "%s", message));
    *known = PETSC_FALSE;
    PetscFunctionReturn(0);
  }
  model->info.nd = k->function.nd;
  for (PetscInt d = 0; d < k->function.nd; d++) PetscCall(PetscStrallocpy(k->function.input[d], &k->input[d]));
  PetscCall(PetscStrallocpy("y", &k->target[0]));
  k->ntarget = 1;
  PetscFunctionReturn(0);
}

static PetscErrorCode ChooseProperties(SnaDeck deck, Khronos *k, const Lists *list, PetscBool *known)
{
  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < list->ntarget; i++) {
    const PetscInt p = FindName(SNA_NPROPERTIES, SnaPropertyNames, list->target[i]);
    if (p < 0)
      PetscCall(NoSuchName(
        deck, "data_targets", NULL, list->target[i], "property of thermal_history", SNA_NPROPERTIES, SnaPropertyNames));
    else if (FindName(k->ntarget, (const char *const *)k->target, SnaPropertyNames[p]) >= 0)
      PetscCall(SnaDeckError(deck, "data_targets", NULL, "`%s` is named twice", list->target[i]));
    else {
      PetscCall(PetscStrallocpy(SnaPropertyNames[p], &k->target[k->ntarget++]));
      continue;
    }
    *known = PETSC_FALSE;
  }
  for (PetscInt p = 0; p < SNA_NPROPERTIES && !list->ntarget; p++)
    PetscCall(PetscStrallocpy(SnaPropertyNames[p], &k->target[k->ntarget++]));
  PetscFunctionReturn(0);
}

PetscErrorCode KhronosChooseColumns(SnaModel model, SnaDeck deck, PetscBool *known)
{
  Khronos        *k        = (Khronos *)model->data;
  const PetscBool function = (PetscBool)(k->deck.function && !k->thermal);
  Lists           list;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(&list, sizeof(list)));
  *known = PETSC_TRUE;
  if (!function) PetscCall(SnaDeckGetStrings(deck, "data_targets", NULL, SNA_MAX_UNKNOWNS, &list.ntarget, list.target));
  if (k->deck.file && !k->deck.signals) {
    PetscCall(SnaDeckGetStrings(deck, "data_inputs", NULL, MAX_LIST, &list.ninput, list.input));
    PetscCall(SnaDeckGetStrings(deck, "data_ignore", NULL, MAX_LIST, &list.nignore, list.ignore));
  }
  if (!k->deck.file == !k->deck.function)
    *known = PETSC_FALSE;
  else if (function)
    PetscCall(ChooseFunction(model, deck, known));
  else if (k->query)
    PetscCall(KhronosReadNames(model, deck, known));
  else if (k->thermal)
    PetscCall(ChooseProperties(deck, k, &list, known));
  else
    PetscCall(ChooseFromFile(model, deck, &list, known));
  if (k->query && function && *known) PetscCall(KhronosReadNames(model, deck, known));
  PetscFunctionReturn(0);
}

// What `input` says of single inputs, once their names stand.
PetscErrorCode KhronosReadItems(SnaModel model, SnaDeck deck)
{
  Khronos     *k = (Khronos *)model->data;
  KhronosDeck *D = &k->deck;
  const char  *items[SNA_MAX_DIM];
  PetscInt     n, degree, cells;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetInt(deck, "khronos_degree", NULL, &degree));
  PetscCall(SnaDeckGetInt(deck, "khronos_cells", NULL, &cells));
  for (PetscInt d = 0; d < model->info.nd; d++) {
    D->input_scale[d] = D->scale;
    D->degree[d]      = degree;
    D->cells[d]       = cells;
  }
  PetscCall(SnaDeckGetNames(deck, "input", NULL, SNA_MAX_DIM, &n, items));
  for (PetscInt i = 0; i < n; i++) {
    const char *column, *scale;
    double      domain[2];
    PetscInt    d, two;
    PetscBool   given;

    PetscCall(SnaDeckGetString(deck, "input_*_column", items[i], &column));
    if (!column || !*column) column = items[i];
    d = FindName(model->info.nd, (const char *const *)k->input, column);
    PetscCall(SnaDeckGetReals(deck, "input_*_domain", items[i], 2, &two, domain));
    PetscCall(SnaDeckGetString(deck, "input_*_scale", items[i], &scale));
    if (d < 0) {
      PetscCall(
        NoSuchName(deck, "input_*_column", items[i], column, "input", model->info.nd, (const char *const *)k->input));
      continue;
    }
    if (D->item[d]) {
      PetscCall(SnaDeckError(
        deck, "input_*_column", items[i], "`%s` and `%s` are the same input `%s`", D->item[d], items[i], k->input[d]));
      continue;
    }
    D->item[d]   = items[i];
    D->column[d] = k->input[d];
    if (scale && *scale) D->input_scale[d] = scale;
    PetscCall(SnaDeckHas(deck, "input_*_degree", items[i], &given));
    if (given) PetscCall(SnaDeckGetInt(deck, "input_*_degree", items[i], &D->degree[d]));
    PetscCall(SnaDeckHas(deck, "input_*_cells", items[i], &given));
    if (given) PetscCall(SnaDeckGetInt(deck, "input_*_cells", items[i], &D->cells[d]));
    if (two == 1) PetscCall(SnaDeckError(deck, "input_*_domain", items[i], "the domain needs two numbers, [lo, hi]"));
    if (two == 2 && !(domain[0] < domain[1]))
      PetscCall(SnaDeckError(deck, "input_*_domain", items[i],
        "the domain [%g, %g] is empty or reversed: the lower end comes first", domain[0], domain[1]));
    else if (two == 2) {
      D->has_domain[d] = PETSC_TRUE;
      D->domain[d][0]  = domain[0];
      D->domain[d][1]  = domain[1];
    }
  }
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Names of fields; names in files
// ---------------------------------------------------------------------------------------------------------------------
// Anything but letters, digits, `.`, `-` and `_` would break lines of results and paths of HDF5.
static PetscErrorCode AddField(SnaModel model, PetscInt at, const char prefix[], const char name[])
{
  Khronos     *k      = (Khronos *)model->data;
  const size_t length = strlen(name) + strlen(prefix) + SNA_MAX_FIELDS + 2;

  PetscFunctionBeginUser;
  PetscCall(PetscFree(k->field[at]));
  PetscCall(PetscMalloc1(length, &k->field[at]));
  PetscCall(PetscSNPrintf(k->field[at], length, "%s%s", prefix, *name ? name : "_"));
  for (char *c = k->field[at]; *c; c++)
    if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || strchr(".-_", *c)))
      *c = '_';
  for (PetscInt i = 0; i < at; i++) {
    if (strcmp(k->field[i], k->field[at])) continue;
    PetscCall(PetscStrlcat(k->field[at], "_", length));
    i = -1;
  }
  model->info.field[at] = k->field[at];
  PetscFunctionReturn(0);
}

PetscErrorCode KhronosSetInfo(SnaModel model)
{
  Khronos      *k    = (Khronos *)model->data;
  SnaModelInfo *info = &model->info;

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < info->nd; d++) info->name[d] = k->input[d];
  info->nunknown = PetscMax(1, k->nclass ? k->nclass : k->ntarget);
  info->nfield   = info->nunknown;
  if (k->thermal || k->deck.signals) info->expansion = k->deck.length;
  for (PetscInt o = 0; o < info->nunknown; o++)
    PetscCall(AddField(model, o, k->nclass ? "p_" : "", k->nclass ? k->label[o] : k->ntarget ? k->target[o] : "y"));
  if (k->deck.function && !k->thermal && !k->deck.file) {
    PetscCall(AddField(model, 1, "", "reference"));
    PetscCall(AddField(model, 2, "", "error"));
    info->nfield = 3;
  }
  k->nout  = k->nclass || k->deck.learned ? info->nunknown : 1;
  k->npart = info->nunknown / k->nout;
  PetscFunctionReturn(0);
}

static PetscErrorCode WriteList(SnaFile file, const char name[], PetscInt n, char *const names[])
{
  size_t length = 1;
  char  *text, *at;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < n; i++) length += strlen(names[i]) + 1;
  PetscCall(PetscMalloc1(length, &text));
  text[0] = 0;
  at      = text;
  for (PetscInt i = 0; i < n; i++) at += snprintf(at, length - (size_t)(at - text), "%s\n", names[i]);
  PetscCall(SnaFileWriteText(file, name, text));
  PetscCall(PetscFree(text));
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadList(SnaFile file, const char name[], PetscInt max, PetscInt *n, char *names[])
{
  char *text = NULL;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < max; i++) PetscCall(PetscFree(names[i]));
  *n = 0;
  PetscCall(SnaFileReadText(file, name, &text));
  for (char *at = text, *end; at && (end = strchr(at, '\n')); at = end + 1) {
    *end = 0;
    if (*n == max) {
      PetscCall(SnaFileSetError(file, "%s holds more than %" PetscInt_FMT " names", name, max));
      break;
    }
    PetscCall(PetscStrallocpy(at, &names[(*n)++]));
  }
  PetscCall(PetscFree(text));
  PetscFunctionReturn(0);
}

PetscErrorCode KhronosWriteNames(SnaModel model, SnaFile file)
{
  Khronos       *k       = (Khronos *)model->data;
  const PetscInt dims[2] = {model->info.nd, 2};
  double         box[SNA_MAX_DIM][2];

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < model->info.nd; d++) {
    box[d][0] = model->info.lo[d];
    box[d][1] = model->info.hi[d];
  }
  PetscCall(WriteList(file, "/model/inputs", model->info.nd, k->input));
  PetscCall(WriteList(file, "/model/targets", k->ntarget, k->target));
  PetscCall(WriteList(file, "/model/labels", k->nclass, k->label));
  PetscCall(SnaFileWriteArray(file, "/model/box", 2, dims, &box[0][0]));
  PetscCall(SnaFileWriteInts(file, "/model/signal_length", 1, &model->info.expansion));
  PetscFunctionReturn(0);
}

PetscErrorCode KhronosReadNames(SnaModel model, SnaDeck deck, PetscBool *known)
{
  Khronos    *k = (Khronos *)model->data;
  const char *path, *error;
  char        message[SNA_MAX_MESSAGE];
  SnaFile     file;
  double      box[SNA_MAX_DIM][2] = {{0}};
  PetscBool   has;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetString(deck, "restart", NULL, &path));
  PetscCall(SnaFileOpen(model->comm, path, &file));
  PetscCall(SnaFileHas(file, "/model/inputs", &has));
  if (!has) PetscCall(SnaFileSetError(file, "holds no trained model (/model/inputs is not there)"));
  PetscCall(ReadList(file, "/model/inputs", SNA_MAX_DIM, &model->info.nd, k->input));
  PetscCall(ReadList(file, "/model/targets", SNA_MAX_UNKNOWNS, &k->ntarget, k->target));
  PetscCall(ReadList(file, "/model/labels", KHRONOS_MAX_CLASSES, &k->nclass, k->label));
  PetscCall(SnaFileReadArray(file, "/model/box", 2 * model->info.nd, &box[0][0]));
  PetscCall(SnaFileReadInts(file, "/model/signal_length", 1, &k->deck.length));
  PetscCall(SnaFileGetError(file, &error));
  for (PetscInt d = 0; d < model->info.nd && !error; d++)
    if (!(box[d][0] < box[d][1]))
      PetscCall(SnaFileSetError(file, "/model/box: [%g, %g] is no range of `%s`", box[d][0], box[d][1], k->input[d]));
  PetscCall(SnaFileClose(&file, message));
  k->deck.classification = (PetscBool)(k->nclass > 0);
  for (PetscInt d = 0; d < model->info.nd; d++) {
    model->info.lo[d] = box[d][0];
    model->info.hi[d] = box[d][1];
  }
  if (message[0]) {
    PetscCall(SnaDeckError(deck, "restart", NULL, "%s", message));
    *known = PETSC_FALSE;
  }
  PetscFunctionReturn(0);
}
