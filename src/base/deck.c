// deck.c - the life of a deck: file -> nodes -> PETSc's options database, errors, the effective text.
//
// Rank 0 reads the file once; its bytes go to all ranks, which parse the same text, so all hold the same nodes without
// a format for sending them. The nodes then go into PETSc's options database by the names that PETSc's own YAML reader
// would give them, the command line last. Getters (options.c) read the nodes, not the database: PETSc folds case, drops
// quotes and cannot tell where a value came from.
#include "deck_impl.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

// ---- Small tools ----

PetscErrorCode SnaGrow(void *array, size_t size, PetscInt n, PetscInt *capacity)
{
  void    *old, *grown;
  PetscInt more = 2 * *capacity + 16;

  PetscFunctionBeginUser;
  if (n < *capacity) PetscFunctionReturn(0);
  memcpy(&old, array, sizeof(old));
  PetscCall(PetscMalloc((size_t)more * size, &grown));
  if (n) memcpy(grown, old, (size_t)n * size);
  PetscCall(PetscFree(old));
  memcpy(array, &grown, sizeof(grown));
  *capacity = more;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTextAppend(SnaText *text, const char format[], ...)
{
  va_list args;
  int     n;

  PetscFunctionBeginUser;
  va_start(args, format);
  n = vsnprintf(NULL, 0, format, args);
  va_end(args);
  PetscCheck(n >= 0, PETSC_COMM_SELF, PETSC_ERR_LIB, "vsnprintf failed");
  if (text->length + (size_t)n + 1 > text->capacity) {
    const size_t capacity = 2 * text->capacity + (size_t)n + 64;
    char        *grown;

    PetscCall(PetscMalloc1(capacity, &grown));
    if (text->length) memcpy(grown, text->s, text->length);
    PetscCall(PetscFree(text->s));
    text->s        = grown;
    text->capacity = capacity;
  }
  va_start(args, format);
  vsnprintf(text->s + text->length, (size_t)n + 1, format, args);
  va_end(args);
  text->length += (size_t)n;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTextAppendYaml(SnaText *text, const char value[])
{
  static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+*^()-= ";
  const size_t      n      = strlen(value);

  PetscFunctionBeginUser;
  if (n && strspn(value, safe) == n && !strchr("*-= ", value[0]) && value[n - 1] != ' ') {
    PetscCall(SnaTextAppend(text, "%s", value));
    PetscFunctionReturn(0);
  }
  PetscCall(SnaTextAppend(text, "\""));
  for (const char *s = value; *s; s++) {
    if (*s == '"' || *s == '\\')
      PetscCall(SnaTextAppend(text, "\\%c", *s));
    else if (*s == '\n')
      PetscCall(SnaTextAppend(text, "\\n"));
    else if ((unsigned char)*s < 32 || *s == 127)
      PetscCall(SnaTextAppend(text, "\\x%02x", (unsigned)(unsigned char)*s));
    else
      PetscCall(SnaTextAppend(text, "%c", *s));
  }
  PetscCall(SnaTextAppend(text, "\""));
  PetscFunctionReturn(0);
}

// ---- Nodes ----

PetscErrorCode SnaDeckAddNode(
  SnaDeck deck, SnaDeckNodeKind kind, int parent, const char key[], const char path[], int line, int *index)
{
  SnaDeckNode *node;

  PetscFunctionBeginUser;
  *index = -1;
  if (kind != SNA_NODE_GROUP) deck->nleaf++;
  if (deck->nleaf > SNA_MAX_LEAVES || deck->nnode > 4 * SNA_MAX_LEAVES) PetscFunctionReturn(0);
  PetscCall(SnaGrow(&deck->node, sizeof(*deck->node), deck->nnode, &deck->node_capacity));
  node = &deck->node[deck->nnode];
  PetscCall(PetscMemzero(node, sizeof(*node)));
  node->kind   = kind;
  node->parent = parent;
  node->line   = line;
  PetscCall(PetscStrallocpy(key, &node->key));
  PetscCall(PetscStrallocpy(path, &node->path));
  *index = (int)deck->nnode++;
  PetscFunctionReturn(0);
}

SnaDeckNode *SnaDeckFindNode(SnaDeck deck, const char key[])
{
  for (PetscInt i = 0; i < deck->nnode; i++) {
    if (deck->node[i].kind != SNA_NODE_GROUP && !strcmp(deck->node[i].key, key)) return &deck->node[i];
  }
  return NULL;
}

SnaDeckNode *SnaDeckFindGroup(SnaDeck deck, const char key[])
{
  for (PetscInt i = 0; i < deck->nnode; i++) {
    if (deck->node[i].kind == SNA_NODE_GROUP && !strcmp(deck->node[i].key, key)) return &deck->node[i];
  }
  return NULL;
}

PetscErrorCode SnaDeckKey(const char pattern[], const char name[], char key[SNA_MAX_KEY])
{
  const char *star = strchr(pattern, '*');

  PetscFunctionBeginUser;
  PetscCheck(
    !star == !name, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG, "the key %s %s a name", pattern, star ? "needs" : "takes no");
  if (star)
    snprintf(key, SNA_MAX_KEY, "%.*s%s%s", (int)(star - pattern), pattern, name, star + 1);
  else
    snprintf(key, SNA_MAX_KEY, "%s", pattern);
  PetscFunctionReturn(0);
}

// The innermost group, list or listed name of the file that an absent key would stand in; NULL at the top.
static const SnaDeckNode *Enclosing(SnaDeck deck, const char key[])
{
  const SnaDeckNode *best    = NULL;
  size_t             longest = 0;

  for (PetscInt i = 0; i < deck->nnode; i++) {
    const SnaDeckNode *group  = &deck->node[i];
    const size_t       length = strlen(group->key);

    if (!group->line || length <= longest || strncmp(group->key, key, length) || key[length] != '_') continue;
    best    = group;
    longest = length;
  }
  return best;
}

PetscErrorCode SnaDeckKeyPath(SnaDeck deck, const char pattern[], const char key[], size_t size, char path[])
{
  const SnaDeckNode *node = SnaDeckFindNode(deck, key), *group;
  const char        *name = NULL;
  size_t             n    = 0, inside;

  PetscFunctionBeginUser;
  if (!node) node = SnaDeckFindGroup(deck, key);
  if (node && node->line) {
    snprintf(path, size, "%s", node->path);
    PetscFunctionReturn(0);
  }
  group  = Enclosing(deck, key);
  inside = group ? strlen(group->key) + 1 : 0;
  if (pattern) SnaKeyMatches(pattern, key, &name, &n);
  if (n && inside <= (size_t)(name - key)) { // the listed name and what follows it are levels of their own
    const char  *tail = name + n, *list = key;
    const size_t level = (size_t)(name - key);

    if (inside == level) list = group->path;
    snprintf(path, size, "%.*s: %.*s%s%s", inside == level ? (int)strlen(list) : (int)level - 1, list, (int)n, name,
      *tail ? ": " : "", *tail ? tail + 1 : "");
  } else if (group)
    snprintf(path, size, "%s: %s", group->path, key + inside);
  else
    snprintf(path, size, "%s", key);
  PetscFunctionReturn(0);
}

// ---- Errors ----

static PetscErrorCode AddError(SnaDeck deck, int line, const char text[])
{
  SnaDeckMessage *error;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < deck->nerror; i++) {
    if (deck->error[i].line == line && !strcmp(deck->error[i].text, text))
      PetscFunctionReturn(0); // a key that is read twice
  }
  PetscCall(SnaGrow(&deck->error, sizeof(*deck->error), deck->nerror, &deck->error_capacity));
  error       = &deck->error[deck->nerror++];
  error->line = line;
  PetscCall(PetscStrallocpy(text, &error->text));
  // one error is one line, whatever the deck's text had in it
  for (char *s = error->text; *s; s++) {
    if ((unsigned char)*s < 32 || *s == 127) *s = ' ';
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaDeckErrorAt(SnaDeck deck, int line, const char format[], ...)
{
  char    text[SNA_MAX_MESSAGE];
  va_list args;

  PetscFunctionBeginUser;
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  PetscCall(AddError(deck, line, text));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaDeckErrorNode(SnaDeck deck, const SnaDeckNode *node, const char format[], ...)
{
  char    text[SNA_MAX_MESSAGE];
  va_list args;

  PetscFunctionBeginUser;
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  if (node->commandline)
    PetscCall(SnaDeckErrorAt(deck, SNA_LINE_COMMANDLINE, "-%s: %s", node->key, text));
  else
    PetscCall(AddError(deck, node->line, text));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaDeckError(SnaDeck deck, const char key[], const char name[], const char format[], ...)
{
  char               text[SNA_MAX_MESSAGE], flat[SNA_MAX_KEY];
  const SnaDeckNode *node = NULL;
  int                line = SNA_LINE_NONE;
  va_list            args;

  PetscFunctionBeginUser;
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  if (key) {
    PetscCall(SnaDeckKey(key, name, flat));
    node = SnaDeckFindNode(deck, flat);
    if (!node) node = SnaDeckFindGroup(deck, flat);
    // the key is absent: the place where it should stand says more than none
    if (!node && Enclosing(deck, flat)) line = Enclosing(deck, flat)->line;
  }
  if (node)
    PetscCall(SnaDeckErrorNode(deck, node, "%s", text));
  else
    PetscCall(AddError(deck, line, text));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaDeckGetErrorCount(SnaDeck deck, PetscInt *n)
{
  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Allreduce(&deck->nerror, n, 1, MPIU_INT, MPI_MAX, deck->comm));
  PetscFunctionReturn(0);
}

// By line; what concerns the deck as a whole first, the command line last; otherwise in the order of discovery.
static PetscBool ErrorComesBefore(const SnaDeckMessage *a, const SnaDeckMessage *b)
{
  const unsigned la = (unsigned)a->line, lb = (unsigned)b->line; // -1 becomes the largest

  return la < lb ? PETSC_TRUE : PETSC_FALSE;
}

// Takes the errors of the other ranks into rank 0's list; equal ones count once.
static PetscErrorCode GatherErrors(SnaDeck deck)
{
  PetscMPIInt rank, size, mine, *count = NULL, *offset = NULL;
  SnaText     packed = {0};
  char       *all    = NULL;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(deck->comm, &rank));
  PetscCallMPI(MPI_Comm_size(deck->comm, &size));
  PetscCall(SnaTextAppend(&packed, "%s", ""));
  for (PetscInt i = 0; rank && i < deck->nerror; i++)
    PetscCall(SnaTextAppend(&packed, "%d %s\n", deck->error[i].line, deck->error[i].text));
  mine = (PetscMPIInt)packed.length;
  if (!rank) PetscCall(PetscMalloc2(size, &count, size + 1, &offset));
  PetscCallMPI(MPI_Gather(&mine, 1, MPI_INT, count, 1, MPI_INT, 0, deck->comm));
  if (!rank) {
    offset[0] = 0;
    for (PetscMPIInt r = 0; r < size; r++) offset[r + 1] = offset[r] + count[r];
    PetscCall(PetscMalloc1((size_t)offset[size] + 1, &all));
  }
  PetscCallMPI(MPI_Gatherv(packed.s, mine, MPI_CHAR, all, count, offset, MPI_CHAR, 0, deck->comm));
  if (!rank) {
    all[offset[size]] = 0;
    for (char *s = all, *end; *s; s = end + 1) {
      int line = 0, skip = 0;

      end  = strchr(s, '\n');
      *end = 0;
      if (sscanf(s, "%d%n", &line, &skip) == 1) PetscCall(AddError(deck, line, s + skip + 1));
    }
    PetscCall(PetscFree(all));
    PetscCall(PetscFree2(count, offset));
  }
  PetscCall(PetscFree(packed.s));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaDeckReport(SnaDeck deck)
{
  PetscMPIInt    rank;
  const PetscInt most = 100;

  PetscFunctionBeginUser;
  PetscCall(GatherErrors(deck));
  PetscCallMPI(MPI_Comm_rank(deck->comm, &rank));
  if (rank) PetscFunctionReturn(0);
  for (PetscInt i = 1; i < deck->nerror; i++) { // insertion keeps equals in order
    const SnaDeckMessage error = deck->error[i];
    PetscInt             k     = i;

    for (; k > 0 && ErrorComesBefore(&error, &deck->error[k - 1]); k--) deck->error[k] = deck->error[k - 1];
    deck->error[k] = error;
  }
  for (PetscInt i = 0; i < deck->nerror && i < most; i++) {
    const char *path = deck->path ? deck->path : "sna_solver";
    const int   line = deck->error[i].line;

    if (line == SNA_LINE_COMMANDLINE)
      PetscCall(PetscFPrintf(PETSC_COMM_SELF, PETSC_STDERR, "command line: %s\n", deck->error[i].text));
    else if (line == SNA_LINE_NONE)
      PetscCall(PetscFPrintf(PETSC_COMM_SELF, PETSC_STDERR, "%s: %s\n", path, deck->error[i].text));
    else
      PetscCall(PetscFPrintf(PETSC_COMM_SELF, PETSC_STDERR, "%s:%d: %s\n", path, line, deck->error[i].text));
  }
  if (deck->nerror > most) {
    PetscCall(PetscFPrintf(PETSC_COMM_SELF, PETSC_STDERR, "%s: and %" PetscInt_FMT " more errors\n",
      deck->path ? deck->path : "sna_solver", deck->nerror - most));
  }
  PetscFunctionReturn(0);
}

// ---- Life ----

// Rank 0 only. On failure *text is NULL and `problem` says why.
static PetscErrorCode ReadFile(const char path[], char **text, size_t *length, char problem[SNA_MAX_MESSAGE])
{
  struct stat info;
  FILE       *file = NULL;
  char       *bytes;

  PetscFunctionBeginUser;
  *text   = NULL;
  *length = 0;
  if (!stat(path, &info) && S_ISDIR(info.st_mode)) {
    snprintf(problem, SNA_MAX_MESSAGE, "is a directory, not a deck");
    PetscFunctionReturn(0);
  }
  file = fopen(path, "rb");
  if (!file) {
    const int e = errno;

    snprintf(problem, SNA_MAX_MESSAGE, e == ENOENT ? "there is no such file" : "cannot be read: %s", strerror(e));
    PetscFunctionReturn(0);
  }
  PetscCall(PetscMalloc1(SNA_MAX_DECK_BYTES + 2, &bytes));
  *length = fread(bytes, 1, SNA_MAX_DECK_BYTES + 1, file);
  if (ferror(file))
    snprintf(problem, SNA_MAX_MESSAGE, "cannot be read: %s", strerror(errno));
  else if (*length > SNA_MAX_DECK_BYTES)
    snprintf(problem, SNA_MAX_MESSAGE, "is too large for a deck: more than %d KiB", SNA_MAX_DECK_BYTES / 1024);
  else
    *text = bytes;
  fclose(file);
  if (*text)
    bytes[*length] = 0;
  else
    PetscCall(PetscFree(bytes));
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadOnAllRanks(SnaDeck deck, size_t *length)
{
  char        problem[SNA_MAX_MESSAGE] = "";
  PetscMPIInt rank;
  int         bytes = -1;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(deck->comm, &rank));
  if (!rank) {
    PetscCall(ReadFile(deck->path, &deck->text, length, problem));
    if (deck->text) bytes = (int)*length;
  }
  PetscCallMPI(MPI_Bcast(&bytes, 1, MPI_INT, 0, deck->comm));
  if (bytes < 0) {
    PetscCallMPI(MPI_Bcast(problem, sizeof(problem), MPI_CHAR, 0, deck->comm));
    PetscCall(SnaDeckErrorAt(deck, SNA_LINE_NONE, "%s", problem));
    deck->incomplete = PETSC_TRUE;
    PetscFunctionReturn(0);
  }
  *length = (size_t)bytes;
  if (rank) PetscCall(PetscMalloc1(*length + 1, &deck->text));
  PetscCallMPI(MPI_Bcast(deck->text, bytes + 1, MPI_CHAR, 0, deck->comm));
  PetscFunctionReturn(0);
}

// Words "-key=value" and "-flag" over the deck's nodes.
static PetscErrorCode TakeCommandLine(SnaDeck deck, int argc, char **argv)
{
  PetscFunctionBeginUser;
  for (int i = 1; i < argc; i++) {
    const char  *equals = strchr(argv[i], '=');
    const size_t n      = equals ? (size_t)(equals - argv[i]) - 1 : strlen(argv[i]) - 1;
    char         key[SNA_MAX_KEY], lower[SNA_MAX_KEY] = "";
    PetscBool    upper = PETSC_FALSE;
    SnaDeckNode *node;

    PetscCheck(argv[i][0] == '-' && n > 0 && n < sizeof(key), PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG,
      "`%s` is not a word of SnaCommandLineSplit()", argv[i]);
    memcpy(key, argv[i] + 1, n);
    key[n] = 0;
    for (size_t k = 0; k < n; k++) {
      lower[k] = (char)tolower((unsigned char)key[k]);
      if (lower[k] != key[k]) upper = PETSC_TRUE;
    }
    if (upper) { // PETSc would take it for the lower-case key
      PetscCall(SnaDeckErrorAt(deck, SNA_LINE_COMMANDLINE, "-%s: keys are lower case: -%s", key, lower));
      continue;
    }
    node = SnaDeckFindNode(deck, key);
    if (!node) {
      int index;

      PetscCall(SnaDeckAddNode(deck, SNA_NODE_VALUE, -1, key, key, 0, &index));
      if (index < 0) continue;
      node = &deck->node[index];
    }
    PetscCall(PetscFree(node->value));
    if (equals) PetscCall(PetscStrallocpy(equals + 1, &node->value));
    node->commandline = PETSC_TRUE;
  }
  PetscFunctionReturn(0);
}

// Into PETSc's database (put), or out of it again.
static PetscErrorCode ShareWithPetsc(SnaDeck deck, PetscBool put)
{
  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < deck->nnode; i++) {
    const SnaDeckNode *node = &deck->node[i];
    char               option[SNA_MAX_KEY + 1];
    PetscBool          valid;

    if (node->kind == SNA_NODE_GROUP || SnaIsPetscGlobal(node->key)) continue;
    // these would make PETSc itself print, whatever their value
    if (!strcmp(node->key, "help") || !strcmp(node->key, "h") || !strcmp(node->key, "version")) continue;
    snprintf(option, sizeof(option), "-%s", node->key);
    PetscCall(PetscOptionsValidKey(option, &valid)); // not so for words that are numbers in C, such as `inf`
    if (!valid) continue;
    if (put)
      PetscCall(PetscOptionsSetValue(NULL, option, node->value));
    else
      PetscCall(PetscOptionsClearValue(NULL, option));
  }
  PetscFunctionReturn(0);
}

// What follows once the text is there: lint, command line, PETSc's database.
static PetscErrorCode TakeText(SnaDeck d, size_t length, int argc, char **argv)
{
  PetscFunctionBeginUser;
  if (d->text) PetscCall(SnaDeckLint(d, d->text, length));
  PetscCall(TakeCommandLine(d, argc, argv));
  if (d->nleaf > SNA_MAX_LEAVES) {
    d->incomplete = PETSC_TRUE;
    PetscCall(SnaDeckErrorAt(d, SNA_LINE_NONE,
      "%" PetscInt_FMT " keys are too many: PETSc's options database leaves room for %d", d->nleaf, SNA_MAX_LEAVES));
  }
  PetscCall(ShareWithPetsc(d, PETSC_TRUE));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaDeckCreate(MPI_Comm comm, const char path[], int argc, char **argv, SnaDeck *deck)
{
  size_t length = 0;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(deck));
  (*deck)->comm = comm;
  if (path) {
    PetscCall(PetscStrallocpy(path, &(*deck)->path));
    PetscCall(ReadOnAllRanks(*deck, &length));
  }
  PetscCall(TakeText(*deck, length, argc, argv));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaDeckCreateFromText(
  MPI_Comm comm, const char name[], const char text[], int argc, char **argv, SnaDeck *deck)
{
  PetscFunctionBeginUser;
  PetscCall(PetscNew(deck));
  (*deck)->comm = comm;
  PetscCall(PetscStrallocpy(name, &(*deck)->path));
  PetscCall(PetscStrallocpy(text, &(*deck)->text));
  PetscCall(TakeText(*deck, strlen(text), argc, argv));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaDeckDestroy(SnaDeck *deck)
{
  SnaDeck d = *deck;

  PetscFunctionBeginUser;
  if (!d) PetscFunctionReturn(0);
  PetscCall(ShareWithPetsc(d, PETSC_FALSE));
  for (PetscInt i = 0; i < d->nnode; i++) {
    PetscCall(PetscFree(d->node[i].key));
    PetscCall(PetscFree(d->node[i].path));
    PetscCall(PetscFree(d->node[i].value));
  }
  for (PetscInt i = 0; i < d->nreading; i++) {
    PetscCall(PetscFree(d->reading[i].key));
    PetscCall(PetscFree(d->reading[i].text));
  }
  for (PetscInt i = 0; i < d->nerror; i++) PetscCall(PetscFree(d->error[i].text));
  for (PetscInt i = 0; i < d->nprefix; i++) PetscCall(PetscFree(d->prefix[i]));
  for (PetscInt i = 0; i < d->nkept; i++) PetscCall(PetscFree(d->kept[i]));
  for (PetscInt i = 0; i < d->nconstant; i++) PetscCall(PetscFree(d->constant[i]));
  PetscCall(PetscFree(d->node));
  PetscCall(PetscFree(d->reading));
  PetscCall(PetscFree(d->error));
  PetscCall(PetscFree(d->table));
  PetscCall(PetscFree(d->prefix));
  PetscCall(PetscFree(d->kept));
  PetscCall(PetscFree(d->constant));
  PetscCall(PetscFree(d->value));
  PetscCall(PetscFree(d->path));
  PetscCall(PetscFree(d->text));
  PetscCall(PetscFree(d->effective));
  PetscCall(PetscFree(*deck));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaDeckAddOptions(SnaDeck deck, const char title[], const SnaOption table[])
{
  PetscFunctionBeginUser;
  PetscCall(SnaGrow(&deck->table, sizeof(*deck->table), deck->ntable, &deck->table_capacity));
  deck->table[deck->ntable].title    = title;
  deck->table[deck->ntable++].option = table;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaDeckAddPetscPrefix(SnaDeck deck, const char prefix[])
{
  PetscFunctionBeginUser;
  PetscCall(SnaGrow(&deck->prefix, sizeof(*deck->prefix), deck->nprefix, &deck->prefix_capacity));
  PetscCall(PetscStrallocpy(prefix, &deck->prefix[deck->nprefix]));
  deck->nprefix++;
  PetscFunctionReturn(0);
}

// ---- Text ----

PetscErrorCode SnaDeckGetText(SnaDeck deck, const char **path, const char **text)
{
  PetscFunctionBeginUser;
  *path = deck->path ? deck->path : "";
  *text = deck->text ? deck->text : "";
  PetscFunctionReturn(0);
}

PetscErrorCode SnaDeckRecord(SnaDeck deck, const char key[], const char yaml[], PetscBool is_default)
{
  SnaReading *reading = NULL;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; !reading && i < deck->nreading; i++) {
    if (!strcmp(deck->reading[i].key, key)) reading = &deck->reading[i];
  }
  if (!reading) {
    PetscCall(SnaGrow(&deck->reading, sizeof(*deck->reading), deck->nreading, &deck->reading_capacity));
    reading       = &deck->reading[deck->nreading++];
    reading->text = NULL;
    PetscCall(PetscStrallocpy(key, &reading->key));
  }
  PetscCall(PetscFree(reading->text));
  PetscCall(PetscStrallocpy(yaml, &reading->text));
  reading->is_default = is_default;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaDeckGetEffective(SnaDeck deck, const char **text)
{
  SnaText     out  = {0};
  const char *last = "";

  PetscFunctionBeginUser;
  PetscCall(SnaTextAppend(&out, "%s", ""));
  for (PetscInt k = 0; k < deck->nreading; k++) { // the keys are unique: each round takes the next in order
    const SnaReading *next = NULL;

    for (PetscInt i = 0; i < deck->nreading; i++) {
      const SnaReading *r = &deck->reading[i];

      if (strcmp(r->key, last) > 0 && (!next || strcmp(r->key, next->key) < 0)) next = r;
    }
    PetscCall(SnaTextAppend(&out, "%s: %s%s\n", next->key, next->text, next->is_default ? "  # default" : ""));
    last = next->key;
  }
  PetscCall(PetscFree(deck->effective));
  deck->effective = out.s;
  *text           = deck->effective;
  PetscFunctionReturn(0);
}
