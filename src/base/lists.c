// lists.c - getters of sequences and of listed names, and the deck's constants (`param:`).
//
// A list is text "a,b" (PETSc's form) or "[a, b]", split at the commas outside parentheses. One wrong entry spoils the
// list: the default is returned. Constants are formulas of the constants above them, so their order counts.
#include "deck_impl.h"
#include <ctype.h>
#include <string.h>

PetscErrorCode SnaListSplit(const char text[], PetscInt *n, char ***entry)
{
  char    *copy, *body, *start;
  size_t   length;
  int      depth    = 0;
  PetscInt capacity = 0;

  PetscFunctionBeginUser;
  *n     = 0;
  *entry = NULL;
  PetscCall(PetscStrallocpy(text, &copy));
  body   = copy + strspn(copy, " \t\n");
  length = strlen(body);
  while (length && isspace((unsigned char)body[length - 1])) body[--length] = 0;
  if (length > 1 && body[0] == '[' && body[length - 1] == ']') {
    body[length - 1] = 0;
    body++;
    body += strspn(body, " \t\n");
  }
  for (char *s = start = body; *body; s++) {
    char        trimmed[SNA_MAX_MESSAGE];
    const char *word;
    const char  c = *s;

    if (c == '(') depth++;
    if (c == ')') depth--;
    if (c && (c != ',' || depth > 0)) continue;
    *s   = 0;
    word = SnaTrim(start, sizeof(trimmed), trimmed);
    PetscCall(SnaGrow(entry, sizeof(**entry), *n, &capacity));
    PetscCall(PetscStrallocpy(word, &(*entry)[*n]));
    (*n)++;
    start = s + 1;
    if (!c) break;
  }
  PetscCall(PetscFree(copy));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaListFree(PetscInt n, char ***entry)
{
  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < n; i++) PetscCall(PetscFree((*entry)[i]));
  PetscCall(PetscFree(*entry));
  PetscFunctionReturn(0);
}

static PetscErrorCode RecordList(SnaDeck deck, const SnaLookup *look, PetscInt n, char **entry)
{
  SnaText yaml = {0};

  PetscFunctionBeginUser;
  PetscCall(SnaTextAppend(&yaml, "["));
  for (PetscInt i = 0; i < n; i++) {
    if (i) PetscCall(SnaTextAppend(&yaml, ", "));
    PetscCall(SnaTextAppendYaml(&yaml, entry[i]));
  }
  PetscCall(SnaTextAppend(&yaml, "]"));
  // PETSc's lists cannot hold commas in an entry, a scalar can
  for (PetscInt i = 0; i < n; i++) {
    if (!strchr(entry[i], ',')) continue;
    yaml.length = 0;
    PetscCall(SnaTextAppend(&yaml, "\""));
    for (PetscInt k = 0; k < n; k++) PetscCall(SnaTextAppend(&yaml, "%s%s", k ? ", " : "", entry[k]));
    PetscCall(SnaTextAppend(&yaml, "\""));
    break;
  }
  PetscCall(SnaDeckRecord(deck, look->key, yaml.s, look->node ? PETSC_FALSE : PETSC_TRUE));
  PetscCall(PetscFree(yaml.s));
  PetscFunctionReturn(0);
}

// The entries of the key or, where it is absent or too long, of its default.
static PetscErrorCode GetEntries(SnaDeck deck, const char key[], const char name[], SnaOptionType type, PetscInt max,
  SnaLookup *look, PetscInt *n, char ***entry)
{
  PetscFunctionBeginUser;
  PetscCall(SnaLookupKey(deck, key, name, 1u << type, look));
  *n     = 0;
  *entry = NULL;
  if (look->node) {
    PetscCall(SnaListSplit(look->node->value, n, entry));
    if (*n <= max) PetscFunctionReturn(0);
    PetscCall(
      SnaLookupError(deck, look, "has %" PetscInt_FMT " entries, %" PetscInt_FMT " at most are allowed", *n, max));
    PetscCall(SnaListFree(*n, entry));
    look->node = NULL;
  }
  *n = 0;
  if (look->option->fallback && look->option->fallback[0]) PetscCall(SnaListSplit(look->option->fallback, n, entry));
  PetscCheck(
    *n <= max, PETSC_COMM_SELF, PETSC_ERR_ARG_SIZ, "the default of %s has more entries than the caller holds", key);
  PetscFunctionReturn(0);
}

// Keeps the strings of a list alive as long as the deck.
static PetscErrorCode KeepEntry(SnaDeck deck, const char text[], const char **kept)
{
  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < deck->nkept; i++) {
    if (!strcmp(deck->kept[i], text)) {
      *kept = deck->kept[i];
      PetscFunctionReturn(0);
    }
  }
  PetscCall(SnaGrow(&deck->kept, sizeof(*deck->kept), deck->nkept, &deck->kept_capacity));
  PetscCall(PetscStrallocpy(text, &deck->kept[deck->nkept]));
  *kept = deck->kept[deck->nkept++];
  PetscFunctionReturn(0);
}

// Reads the entries into whichever of the arrays is not NULL. A wrong entry spoils the list: *bad.
static PetscErrorCode ReadEntries(SnaDeck deck, const SnaLookup *look, PetscInt n, char **entry, PetscInt ints[],
  double reals[], const char *words[], PetscBool *bad)
{
  PetscFunctionBeginUser;
  *bad = PETSC_FALSE;
  for (PetscInt i = 0; i < n; i++) {
    PetscBool ok = PETSC_TRUE;

    if (ints && look->node)
      PetscCall(SnaLookupInt(deck, look, entry[i], &ints[i], &ok));
    else if (reals && look->node)
      PetscCall(SnaLookupReal(deck, look, entry[i], &reals[i], &ok));
    else if (ints) {
      long long number;

      PetscCheck(SnaParseInt(entry[i], &number), PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG,
        "the default of %s is not a list of integers", look->option->key);
      ints[i] = (PetscInt)number;
    } else if (reals) {
      char message[SNA_MAX_MESSAGE];

      PetscCall(SnaParseReal(deck, entry[i], &reals[i], message));
      PetscCheck(
        !message[0], PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG, "the default of %s: %s", look->option->key, message);
    } else {
      ok = entry[i][0] ? PETSC_TRUE : PETSC_FALSE;
      if (!ok && look->node) PetscCall(SnaLookupError(deck, look, "has an empty entry"));
      PetscCall(KeepEntry(deck, entry[i], &words[i]));
    }
    if (!ok) *bad = PETSC_TRUE;
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode GetList(SnaDeck deck, const char key[], const char name[], SnaOptionType type, PetscInt max,
  PetscInt *n, PetscInt ints[], double reals[], const char *words[])
{
  SnaLookup look;
  char    **entry;
  PetscBool bad;

  PetscFunctionBeginUser;
  PetscCall(GetEntries(deck, key, name, type, max, &look, n, &entry));
  PetscCall(ReadEntries(deck, &look, *n, entry, ints, reals, words, &bad));
  if (bad) {
    PetscCall(SnaListFree(*n, &entry));
    *n        = 0;
    look.node = NULL;
    if (look.option->fallback && look.option->fallback[0]) {
      PetscCall(SnaListSplit(look.option->fallback, n, &entry));
      PetscCall(ReadEntries(deck, &look, *n, entry, ints, reals, words, &bad));
    }
  }
  if (look.node || *n) PetscCall(RecordList(deck, &look, *n, entry));
  PetscCall(SnaListFree(*n, &entry));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaDeckGetInts(
  SnaDeck deck, const char key[], const char name[], PetscInt max, PetscInt *n, PetscInt values[])
{
  PetscFunctionBeginUser;
  PetscCall(GetList(deck, key, name, SNA_OPT_INTS, max, n, values, NULL, NULL));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaDeckGetReals(
  SnaDeck deck, const char key[], const char name[], PetscInt max, PetscInt *n, double values[])
{
  PetscFunctionBeginUser;
  PetscCall(GetList(deck, key, name, SNA_OPT_REALS, max, n, NULL, values, NULL));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaDeckGetStrings(
  SnaDeck deck, const char key[], const char name[], PetscInt max, PetscInt *n, const char *values[])
{
  PetscFunctionBeginUser;
  PetscCall(GetList(deck, key, name, SNA_OPT_STRINGS, max, n, NULL, NULL, values));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaDeckGetNames(
  SnaDeck deck, const char key[], const char name[], PetscInt max, PetscInt *n, const char *names[])
{
  SnaLookup look;
  char    **entry;
  PetscInt  count;

  PetscFunctionBeginUser;
  PetscCall(GetEntries(deck, key, name, SNA_OPT_NAMES, max, &look, &count, &entry));
  *n = 0;
  for (PetscInt i = 0; i < count; i++) { // the lint has checked the deck's names, nobody those of the command line
    PetscBool ok = SnaIsName(entry[i], strlen(entry[i]));

    if (!ok)
      PetscCall(SnaLookupError(deck, &look,
        "has `%.60s`, which is not a name: names are a small letter, then small letters and digits, %d at most",
        entry[i], SNA_MAX_NAME));
    for (PetscInt k = 0; ok && k < *n; k++) {
      if (strcmp(names[k], entry[i])) continue;
      PetscCall(SnaLookupError(deck, &look, "has the name `%s` twice", entry[i]));
      ok = PETSC_FALSE;
    }
    if (ok) PetscCall(KeepEntry(deck, entry[i], &names[(*n)++]));
  }
  if (look.node && count == 0 && !look.option->fallback)
    PetscCall(SnaLookupError(deck, &look, "is empty; it needs at least one name"));
  if (look.node || *n) PetscCall(RecordList(deck, &look, count, entry));
  PetscCall(SnaListFree(count, &entry));
  PetscFunctionReturn(0);
}

// ---- Constants ----

PetscErrorCode SnaDeckGetConstants(SnaDeck deck, SnaSymbols *symbols)
{
  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(symbols, sizeof(*symbols)));
  symbols->nconst   = (int)deck->nconstant;
  symbols->constant = (const char *const *)deck->constant;
  symbols->value    = deck->value;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaDeckSetUpConstants(SnaDeck deck)
{
  static const SnaOption item = {.key = "param_*", .type = SNA_OPT_REAL, .fallback = NULL};
  const char            *names[SNA_MAX_LEAVES];
  PetscInt               n, capacity;

  PetscFunctionBeginUser;
  PetscCheck(!deck->nconstant, PETSC_COMM_SELF, PETSC_ERR_ORDER, "the constants are set up already");
  PetscCall(SnaDeckGetNames(deck, "param", NULL, SNA_MAX_LEAVES, &n, names));
  for (PetscInt i = 0; i < n; i++) {
    SnaLookup  look = {.option = &item};
    char       message[SNA_MAX_MESSAGE];
    double     value = 0;
    SnaSymbols symbols;
    SnaExpr    expr;

    PetscCall(SnaDeckKey("param_*", names[i], look.key));
    look.node = SnaDeckFindNode(deck, look.key);
    if (look.node) look.node->read = PETSC_TRUE;
    if (!look.node || look.node->kind != SNA_NODE_VALUE || !look.node->value) {
      PetscCall(SnaDeckError(deck, look.node ? "param_*" : "param", look.node ? names[i] : NULL,
        "the constant `%s` has no value: write `- %s: 0.15`", names[i], names[i]));
      continue;
    }
    // a constant that no formula could name again, because the name is taken: found by using it as one
    symbols = (SnaSymbols){.nconst = 1, .constant = &names[i], .value = &value};
    PetscCall(SnaExprCreate(names[i], &symbols, &expr, message));
    if (!expr || !strcmp(names[i], "pi") || !strcmp(names[i], "d")) {
      PetscCall(SnaDeckErrorNode(
        deck, look.node, "the constant `%s` has a name that formulas use for something else", names[i]));
      PetscCall(SnaExprDestroy(&expr));
      continue;
    }
    PetscCall(SnaExprDestroy(&expr));
    PetscCall(SnaParseReal(deck, look.node->value, &value, message));
    if (message[0]) {
      PetscCall(SnaLookupError(deck, &look, "is not a number or a formula of the constants above it: %.300s", message));
      value = 0; // known by name, so that the formulas after it are judged on their own
    }
    capacity = deck->constant_capacity;
    PetscCall(SnaGrow(&deck->constant, sizeof(*deck->constant), deck->nconstant, &deck->constant_capacity));
    PetscCall(SnaGrow(&deck->value, sizeof(*deck->value), deck->nconstant, &capacity));
    PetscCall(PetscStrallocpy(names[i], &deck->constant[deck->nconstant]));
    deck->value[deck->nconstant++] = value;
    PetscCall(SnaLookupRecord(deck, &look, look.node->value));
  }
  PetscFunctionReturn(0);
}
