// unused.c - keys that nothing has read: misspelt, misplaced, of another model, or unknown to PETSc. Each is an error
// with its cure.
//
// PETSc ignores what it does not know; a run of hours with `rnak: 64` is worse than an error. Keys under a prefix of
// SnaDeckAddPetscPrefix() belong to PETSc objects, and PETSc itself says whether it used them.
#include "deck_impl.h"
#include <string.h>

typedef struct { // every declared key, with the listed names of this deck in the place of '*'
  char   **key;
  PetscInt n, capacity;
} KnownKeys;

static PetscErrorCode AddKnown(KnownKeys *known, const char key[])
{
  PetscFunctionBeginUser;
  PetscCall(SnaGrow(&known->key, sizeof(*known->key), known->n, &known->capacity));
  PetscCall(PetscStrallocpy(key, &known->key[known->n]));
  known->n++;
  PetscFunctionReturn(0);
}

// The names listed under the key before the '*' of a pattern.
static PetscErrorCode ListedNames(
  SnaDeck deck, const char pattern[], PetscInt *n, char ***names, const SnaDeckNode **list)
{
  const char *star = strchr(pattern, '*');
  char        key[SNA_MAX_KEY];

  PetscFunctionBeginUser;
  *n     = 0;
  *names = NULL;
  snprintf(key, sizeof(key), "%.*s", (int)(star - pattern - 1), pattern);
  *list = SnaDeckFindNode(deck, key);
  if (*list && (*list)->value) PetscCall(SnaListSplit((*list)->value, n, names));
  PetscFunctionReturn(0);
}

static PetscErrorCode CollectKnown(SnaDeck deck, KnownKeys *known)
{
  PetscFunctionBeginUser;
  for (PetscInt t = 0; t < deck->ntable; t++) {
    for (const SnaOption *o = deck->table[t].option; o->key; o++) {
      if (strchr(o->key, '*')) {
        PetscInt           n;
        char             **names, key[SNA_MAX_KEY];
        const SnaDeckNode *list;

        PetscCall(ListedNames(deck, o->key, &n, &names, &list));
        for (PetscInt i = 0; i < n; i++) {
          PetscCall(SnaDeckKey(o->key, names[i], key));
          PetscCall(AddKnown(known, key));
        }
        PetscCall(SnaListFree(n, &names));
      } else
        PetscCall(AddKnown(known, o->key));
    }
  }
  PetscFunctionReturn(0);
}

// The known key whose part after `head` (a group's key with its '_') is nearest to the same part of `key`.
static PetscErrorCode NearestBelow(const KnownKeys *known, const char head[], const char key[], const char **nearest)
{
  const size_t n    = strlen(head);
  const char **tail = NULL, *found;
  PetscInt     m    = 0;

  PetscFunctionBeginUser;
  *nearest = NULL;
  PetscCall(PetscMalloc1(known->n + 1, &tail));
  for (PetscInt i = 0; i < known->n; i++) {
    if (!strncmp(known->key[i], head, n) && known->key[i][n]) tail[m++] = known->key[i] + n;
  }
  found = SnaNearestName(key + n, (int)m, tail);
  if (found) *nearest = found - n;
  PetscCall(PetscFree(tail));
  PetscFunctionReturn(0);
}

static PetscErrorCode ReportUnknown(SnaDeck deck, const KnownKeys *known, const SnaDeckNode *node)
{
  const SnaDeckNode *group                 = node->parent >= 0 ? &deck->node[node->parent] : NULL;
  const char        *nearest               = NULL;
  char               head[SNA_MAX_KEY + 1] = "", path[2 * SNA_MAX_KEY], hint[2 * SNA_MAX_KEY + 64] = "";

  PetscFunctionBeginUser;
  if (group && !node->commandline) {
    snprintf(head, sizeof(head), "%s_", group->key);
    PetscCall(NearestBelow(known, head, node->key, &nearest));
    if (nearest) snprintf(hint, sizeof(hint), "; did you mean `%s`?", nearest + strlen(head));
  }
  // the right word in the wrong place: `rank` for `vsna: rank`
  for (PetscInt i = 0; !nearest && i < known->n; i++) {
    const char  *word = node->key + strlen(head);
    const size_t n = strlen(known->key[i]), m = strlen(word);

    if (n > m + 1 && known->key[i][n - m - 1] == '_' && !strcmp(known->key[i] + n - m, word)) nearest = known->key[i];
  }
  if (!nearest) PetscCall(NearestBelow(known, "", node->key, &nearest));
  if (nearest && !hint[0]) {
    PetscCall(SnaDeckKeyPath(deck, NULL, nearest, sizeof(path), path));
    snprintf(
      hint, sizeof(hint), "; did you mean `%s%s`?", node->commandline ? "-" : "", node->commandline ? nearest : path);
  }
  if (node->commandline)
    PetscCall(SnaDeckErrorNode(deck, node, "unknown key%s", hint));
  else
    PetscCall(SnaDeckErrorNode(deck, node, "unknown key `%s`%s", node->path, hint));
  PetscFunctionReturn(0);
}

// "`vsna: rank` <text>" in the deck; on the command line the key stands in front already.
static PetscErrorCode Complain(SnaDeck deck, const SnaDeckNode *node, const char format[], ...)
  PETSC_ATTRIBUTE_FORMAT(3, 4);
static PetscErrorCode Complain(SnaDeck deck, const SnaDeckNode *node, const char format[], ...)
{
  char    text[SNA_MAX_MESSAGE];
  va_list args;

  PetscFunctionBeginUser;
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  if (node->commandline)
    PetscCall(SnaDeckErrorNode(deck, node, "%s", text));
  else
    PetscCall(SnaDeckErrorNode(deck, node, "`%s` %s", node->path, text));
  PetscFunctionReturn(0);
}

// A declared key that nobody asked for.
static PetscErrorCode ReportUnread(SnaDeck deck, const SnaDeckNode *node, const char title[], const char pattern[])
{
  const char        *name;
  size_t             length;
  PetscInt           n;
  char             **names;
  const SnaDeckNode *list;
  PetscBool          listed = PETSC_FALSE;

  PetscFunctionBeginUser;
  SnaKeyMatches(pattern, node->key, &name, &length);
  if (length) {
    char listpath[2 * SNA_MAX_KEY], listkey[SNA_MAX_KEY];

    PetscCall(ListedNames(deck, pattern, &n, &names, &list));
    for (PetscInt i = 0; i < n; i++) {
      if (strlen(names[i]) == length && !strncmp(names[i], name, length)) listed = PETSC_TRUE;
    }
    PetscCall(SnaListFree(n, &names));
    if (!listed) {
      snprintf(listkey, sizeof(listkey), "%.*s", (int)(name - node->key - 1), node->key);
      PetscCall(SnaDeckKeyPath(deck, NULL, listkey, sizeof(listpath), listpath));
      PetscCall(Complain(deck, node, "has no effect: `%.*s` is not among the names of `%s` (%.200s)", (int)length, name,
        listpath, list && list->value && list->value[0] ? list->value : "it has none"));
      PetscFunctionReturn(0);
    }
  }
  if (!strcmp(node->key, "help") || !strcmp(node->key, "version"))
    PetscCall(Complain(deck, node, "belongs on the command line: -%s", node->key));
  else
    PetscCall(Complain(deck, node, "has no effect here, nothing in this run reads it (%s): remove it", title));
  PetscFunctionReturn(0);
}

// use[i]: what any rank made of node i, as bits: 1 a getter read it, 2 PETSc asked for it.
static PetscErrorCode CollectUse(SnaDeck deck, int use[])
{
  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < deck->nnode; i++) {
    PetscBool used;

    PetscCall(PetscOptionsUsed(NULL, deck->node[i].key, &used));
    use[i] = (deck->node[i].read ? 1 : 0) | (used ? 2 : 0);
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, use, (PetscMPIInt)deck->nnode, MPI_INT, MPI_BOR, deck->comm));
  PetscFunctionReturn(0);
}

static PetscErrorCode RecordPetsc(SnaDeck deck, const SnaDeckNode *node)
{
  SnaText yaml = {0};

  PetscFunctionBeginUser;
  if (node->value)
    PetscCall(SnaTextAppendYaml(&yaml, node->value));
  else
    PetscCall(SnaTextAppend(&yaml, "true"));
  PetscCall(SnaDeckRecord(deck, node->key, yaml.s, PETSC_FALSE));
  PetscCall(PetscFree(yaml.s));
  PetscFunctionReturn(0);
}

static PetscErrorCode Judge(
  SnaDeck deck, const KnownKeys *known, const SnaDeckNode *node, PetscBool used, PetscBool others)
{
  const size_t length = strlen(node->key);
  PetscBool    group  = PETSC_FALSE;

  PetscFunctionBeginUser;
  for (PetscInt t = 0; t < deck->ntable; t++) {
    for (const SnaOption *o = deck->table[t].option; o->key; o++) {
      const char *name;
      size_t      n;

      if (!SnaKeyMatches(o->key, node->key, &name, &n)) continue;
      // after an error set-up may have stopped before it came to this key
      if (!others) PetscCall(ReportUnread(deck, node, deck->table[t].title, o->key));
      PetscFunctionReturn(0);
    }
  }
  if (used) {
    PetscCall(RecordPetsc(deck, node));
    PetscFunctionReturn(0);
  }
  for (PetscInt i = 0; i < deck->nprefix; i++) {
    if (strncmp(node->key, deck->prefix[i], strlen(deck->prefix[i]))) continue;
    if (!others)
      PetscCall(Complain(deck, node,
        "is not used by PETSc (-%s): check the spelling, and whether the chosen type has this option", node->key));
    PetscFunctionReturn(0);
  }
  for (PetscInt i = 0; i < known->n && !group; i++) {
    if (!strncmp(known->key[i], node->key, length) && known->key[i][length] == '_') group = PETSC_TRUE;
  }
  for (PetscInt i = 0; i < deck->nprefix && !group; i++) {
    if (!strncmp(deck->prefix[i], node->key, length) && deck->prefix[i][length] == '_') group = PETSC_TRUE;
  }
  if (group && node->kind == SNA_NODE_VALUE && !node->value)
    PetscFunctionReturn(0); // all lines of the group are commented out
  if (group && node->kind == SNA_NODE_NAMES)
    PetscCall(Complain(deck, node, "is not a list: write its keys without the dash"));
  else if (group)
    PetscCall(Complain(deck, node, "has keys of its own and takes no value"));
  else if (SnaIsPetscGlobal(node->key))
    PetscCall(Complain(deck, node, "is an option of PETSc itself: give it on the command line, -%s", node->key));
  else
    PetscCall(ReportUnknown(deck, known, node));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaDeckCheckUnused(SnaDeck deck)
{
  KnownKeys known = {0};
  PetscInt  nerror;
  int      *use;

  PetscFunctionBeginUser;
  if (deck->incomplete) PetscFunctionReturn(0);
  PetscCall(SnaDeckGetErrorCount(deck, &nerror));
  PetscCall(CollectKnown(deck, &known));
  PetscCall(PetscMalloc1(deck->nnode + 1, &use));
  PetscCall(CollectUse(deck, use));
  for (PetscInt i = 0; i < deck->nnode; i++) {
    const SnaDeckNode *node   = &deck->node[i];
    PetscBool          inside = PETSC_FALSE;

    if (node->kind == SNA_NODE_GROUP || (use[i] & 1)) continue;
    for (int p = node->parent; p >= 0; p = deck->node[p].parent)
      inside = inside || deck->node[p].reported ? PETSC_TRUE : PETSC_FALSE;
    if (!inside)
      PetscCall(Judge(deck, &known, node, use[i] ? PETSC_TRUE : PETSC_FALSE, nerror > 0 ? PETSC_TRUE : PETSC_FALSE));
  }
  for (PetscInt i = 0; i < known.n; i++) PetscCall(PetscFree(known.key[i]));
  PetscCall(PetscFree(known.key));
  PetscCall(PetscFree(use));
  PetscFunctionReturn(0);
}
